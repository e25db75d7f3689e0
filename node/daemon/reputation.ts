import type { Config } from '../../config/schema.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'
import type { EvidenceReader } from '../renter/evidence.js'
import { createConductSource } from '../reputation/chain.js'
import { openExperience } from '../reputation/experience.js'
import type { ExperienceLog } from '../reputation/port.js'
import { createReputation, type RunningReputation } from '../reputation/reputation.js'
import type { Store } from '../store/port.js'
import type { ChainSide } from './chain.js'

/** What this node knows of the conduct of others: of the chain, of verifiers, and of its own dealings. */
export interface ReputationSide {
  reputation: RunningReputation
  experience: ExperienceLog
}

export async function startReputation(parts: {
  config: Config
  chain: ChainSide
  /** 32 bytes. */
  market: Uint8Array
  heartbeats: HeartbeatTopic
  engine: Engine
  evidence: Pick<EvidenceReader, 'evidenceOf'>
  store: Store
  clock: Clock
  log: Log
}): Promise<ReputationSide> {
  const { config, chain, clock } = parts
  const { escrow, programId, market } = chain
  const experience = await openExperience(parts)
  const { rpcUrl, commitment } = config.chain
  const reputation = await createReputation({
    ...parts,
    escrow,
    conduct: createConductSource({ rpcUrl, commitment, programId, market, clock }),
    experience,
    verifiersOf: parts.evidence.evidenceOf,
  })
  return { reputation, experience }
}
