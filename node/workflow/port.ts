import type { PlannedInput } from '../../config/manifest/plan.js'

/** Where results of parts are put together, in a folder per workflow. */
export interface Shelf {
  /**
   * Puts a copy of a file under `name` (relative, `/` between parts), which takes no room where the file system can link;
   * again is the same as once. Answers with its absolute path.
   */
  place(path: string, name: string): Promise<string>
  /** One tar of files, the same bytes for the same files; answers with its absolute path. */
  bundle(files: ReadonlyArray<{ path: string; name: string }>, name: string): Promise<string>
}

/** An input of a job that earlier steps have left. */
export type ResolvedInput = Pick<PlannedInput, 'name' | 'path' | 'shared' | 'keep'>
