import type { PlannedInput } from '../../config/manifest/plan.js'
import { splitCsv } from '../../kernels/tfjs/dataset.js'
import type { Source } from '../files/port.js'

export interface PreparedInputs {
  /** What goes to the provider. */
  sources: Source[]
  /** What does not: the rows that were held back to check the result, by the name of their input. */
  heldBack: Map<string, Uint8Array>
}

/** Where a manifest's files come from; the composition root reads them from the disk. */
export interface InputReader {
  open(path: string, name: string): Promise<Source>
  ofBytes(name: string, bytes: Uint8Array): Source
}

/** Opens the inputs of a plan; a split input is divided here, so that the held-back part never leaves this machine. */
export async function prepareInputs(planned: PlannedInput[], reader: InputReader): Promise<PreparedInputs> {
  const sources: Source[] = []
  const heldBack = new Map<string, Uint8Array>()
  for (const { name, path, split, shared, keep } of planned) {
    const terms = { ...(shared === true ? { shared } : {}), ...(keep === true ? { keep } : {}) }
    const source = await reader.open(path, name)
    if (split === undefined) {
      sources.push({ ...source, ...terms })
      continue
    }
    const { train, held } = splitCsv(await source.read(0, source.bytes), split)
    sources.push({ ...reader.ofBytes(name, train), ...terms })
    heldBack.set(name, held)
  }
  return { sources, heldBack }
}
