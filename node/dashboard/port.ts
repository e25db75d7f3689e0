import type { Readable } from 'node:stream'
import type { JobLine, JobPanel, NodePanel, OfferLine, PricePanel, StoryEvent } from './view.js'

/** What the dashboard asks of the process that it stands in; what a node without that role has is empty. */
export interface DashboardNode {
  panel(): Promise<NodePanel>
  /** The cheapest first, as many as the page shows. */
  offers(signal: AbortSignal): Promise<OfferLine[]>
  /** The newest first. */
  jobs(): Promise<JobLine[]>
  /** Throws JOB_UNKNOWN. */
  job(id: string): Promise<JobPanel>
  /** From event `from` on, until the job has ended. Throws JOB_UNKNOWN. */
  story(id: string, options: { from: number; signal: AbortSignal }): AsyncIterable<StoryEvent>
  /** A file that a job has left, by its place in the panel. Throws JOB_UNKNOWN, OUTPUT_UNKNOWN. */
  output(id: string, index: number): Promise<{ name: string; bytes: number; content: Readable }>
  /** What the provider would bid now. Throws ROLE_MISSING. */
  price(): Promise<PricePanel>
  pause(): Promise<void>
  resume(): Promise<void>
  stopJob(id: string): Promise<void>
}
