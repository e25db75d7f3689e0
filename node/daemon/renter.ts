import { join } from 'node:path'
import type { Config } from '../../config/schema.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { ConsentSource, Escrow } from '../escrow/port.js'
import { openFolder, openSource, sourceOf } from '../files/folder.js'
import type { AuctionTopic } from '../market/announcements.js'
import type { AttestationBoard } from '../market/attestations.js'
import type { Auditor } from '../market/audit.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { AuctionHistory } from '../market/history.js'
import type { LatencyMeter } from '../market/latency.js'
import type { Network } from '../net/ports.js'
import type { EvidenceReader } from '../renter/evidence.js'
import { createRenter, type Renter } from '../renter.js'
import type { ExperienceLog, Reputation } from '../reputation/port.js'
import type { Store } from '../store/port.js'
import { createChecker } from './checker.js'

/** The renter's role of a node, composed from its configuration. */
export interface RenterRole {
  renter: Renter
  stop(): Promise<void>
}

export interface RoleParts {
  board: AttestationBoard
  evidence: EvidenceReader
  config: Config
  network: Network
  heartbeats: HeartbeatTopic
  auctions: AuctionTopic
  escrow: Escrow
  reputation: Reputation
  experience: ExperienceLog
  meter: LatencyMeter
  store: Store
  history: AuctionHistory
  auditor: Auditor
  wallet: Uint8Array
  consent: ConsentSource
  /** Whether jobs that an earlier process left go on. */
  goesOn: boolean
  clock: Clock
  random: Random
  log: Log
}

export async function startRenter(parts: RoleParts): Promise<RenterRole> {
  const { config, clock, log, wallet, consent } = parts
  const checker = createChecker({ backend: config.provider.backend, clock, log })
  const renter = await createRenter(
    {
      ...parts,
      files: openFolder(join(config.dataDir, 'jobs')),
      inputs: { open: openSource, ofBytes: sourceOf },
      checker,
    },
    {
      wallet,
      consent,
      sliceMs: config.renter.sliceMs,
      challengeTimeoutMs: CHALLENGE_TIMEOUT_MS,
      goesOn: parts.goesOn,
      location: config.provider.location,
    },
  )
  return {
    renter,
    stop: async () => {
      await renter.stop()
      await checker.close()
    },
  }
}

/** A software device takes seconds for what a card does in milliseconds. */
const CHALLENGE_TIMEOUT_MS = 60_000
