import { join } from 'node:path'
import type { Config } from '../../config/schema.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Content } from '../content/port.js'
import type { ConsentSource, Escrow } from '../escrow/port.js'
import { openFolder, openSource, sourceOf } from '../files/folder.js'
import { openShelf } from '../files/shelf.js'
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
import { createWorkflows, type Workflows } from '../workflow/workflows.js'
import { createChecker } from './checker.js'

/** The renter's role of a node, composed from its configuration. */
export interface RenterRole {
  renter: Renter
  workflows: Workflows
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
  content: Content
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
  const { decimals } = await parts.escrow.market()
  const shelf = openShelf(join(config.dataDir, 'jobs', 'outputs'))
  const { store, random, goesOn } = parts
  const workflows = await createWorkflows({ renter, store, shelf, clock, random, log, decimals }, { goesOn })
  return {
    renter,
    workflows,
    stop: async () => {
      await workflows.close()
      await renter.stop()
      await workflows.ended()
      await checker.close()
    },
  }
}

/** A software device takes seconds for what a card does in milliseconds. */
const CHALLENGE_TIMEOUT_MS = 60_000
