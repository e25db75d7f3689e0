import type { PricingRule } from '../../protocols/auction/wire.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { Config, RuntimeName } from '../schema.js'

/** A file that a job reads. With `split`, only the rows for training are sent. */
export interface PlannedInput {
  name: string
  /** As in the manifest: relative to its folder. */
  path: string
  split?: { train: number; seed: number; header: boolean }
}

/** What the renter does for one service of a manifest. */
export interface JobPlan {
  name: string
  runtime: RuntimeName
  requirements: Requirements
  /** Atomic units per device-hour. */
  ceilingPricePerHour: bigint
  durationS: number
  queueMs: number
  auction: { pricing: PricingRule; commitMs: number; revealMs: number }
  /** The declared job as a JSON value; the runtime's own schema judges its shape. */
  spec: Record<string, unknown>
  inputs: PlannedInput[]
  verify: { challenge: { n: number; rounds: number; openings: number } }
  expect: { accuracy?: number }
}

export interface PlanOptions {
  /** Which service; may be left out when there is only one. */
  service?: string
  /** Decimals of the market's mint. */
  decimals: number
  /** What stands in for what the manifest does not say. */
  defaults: Pick<Config['renter'], 'commitMs' | 'revealMs' | 'challenge'>
}
