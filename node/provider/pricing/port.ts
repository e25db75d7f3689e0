import type { Power, PricingFacts, PricingTerms, Step } from './facts.js'

/** What a program is told, and what it is asked for. */
export interface PriceQuestion {
  terms: PricingTerms
  facts: PricingFacts
}

export interface ProgramAnswer {
  pricePerHour: bigint
  /** In its own words, for people. */
  why: Step[]
}

/** A program of the operator's that names prices. Rejects with PRICING_PROGRAM_FAILED whatever goes wrong with it. */
export interface PriceProgram {
  ask(question: PriceQuestion, signal?: AbortSignal): Promise<ProgramAnswer>
}

/** What one device draws. */
export interface PowerMeter {
  /** Looks at the device; `loaded`: a job runs on it. Only what it draws under load is what a job costs. */
  sample(loaded: boolean): Promise<void>
  power(): Power | undefined
}
