import type { ControlClient } from '../../control/client.js'

/** The jobs of a data directory: asked of the node that runs on it, else read from its store. */
export interface Jobs extends Pick<ControlClient, 'jobs' | 'jobEvents' | 'workflows' | 'workflowEvents'> {
  /** Undefined: no node runs. */
  node?: ControlClient
  /** Of the market's mint, if they are known. */
  decimals(): Promise<number | undefined>
  close(): Promise<void>
}
