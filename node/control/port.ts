import type { OfferOrder } from '../../protocols/inventory/order.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { AuctionAudit } from '../market/audit.js'
import type { OwnerView, PauseOptions } from '../owner/guard.js'
import type { StrategyName } from '../provider/pricing/pricing.js'
import type { PricePreview } from '../provider.js'
import type { DeploymentEvent, DeploymentReport } from '../renter/event.js'
import type { HardwareVerdict } from '../renter/verification.js'
import type { PeerEvidence } from '../reputation/port.js'
import type { ExecOptions, Execution } from '../runtime/port.js'
import type { WorkflowEvent, WorkflowReport } from '../workflow/event.js'
import type { Json, NodeStatus, OfferChange, OfferView } from './view.js'

/**
 * What the control server can ask of the process that it stands in. A node without the role that a method belongs to
 * rejects with ROLE_MISSING.
 */
export interface ControlledNode {
  status(): Promise<NodeStatus>
  /** Those that qualify first, then the others with the reasons. */
  offers(query: OfferQuery, signal: AbortSignal): Promise<OfferView[]>
  /** The same list as it stands now, then every change of it, until the signal aborts. */
  watchOffers(query: OfferQuery, signal: AbortSignal): Promise<AsyncIterable<OfferChange>>
  /** Challenges a provider outside of a lease; takes as long as the proof. */
  verify(peer: string, signal: AbortSignal): Promise<Json<HardwareVerdict>>
  /** What stands behind a provider's reliability, read anew. `peer`: its id, or the end of one that is on offer. */
  reputation(peer: string, signal: AbortSignal): Promise<Json<PeerEvidence>>
  /** A manifest of several services, or with a matrix, becomes a workflow when no service is named. */
  postJob(request: PostRequest): Promise<Posted>
  jobs(): Promise<Json<DeploymentReport>[]>
  job(id: string): Promise<Json<DeploymentReport>>
  /** The job's story from event `from` on; with `follow` it goes on until the job has ended. */
  jobEvents(
    id: string,
    options: { from: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<Json<DeploymentEvent>>
  /** Whether the auctions of a job, or of an order, were run as announced. */
  audit(id: string, signal: AbortSignal): Promise<Json<AuctionAudit>[]>
  stopJob(id: string): Promise<void>
  /**
   * Listens on this machine for a port of the job, and tells where; then of connections that failed. Ends with the signal
   * or the job.
   */
  forward(id: string, request: ForwardRequest, signal: AbortSignal): Promise<AsyncIterable<ForwardEvent>>
  /** Runs a program beside the job. */
  exec(id: string, command: readonly string[], options: ExecOptions): Promise<Execution>
  workflows(): Promise<Json<WorkflowReport>[]>
  workflow(id: string): Promise<Json<WorkflowReport>>
  /** The workflow's story with those of its jobs; with `follow` it goes on until the workflow has ended. */
  workflowEvents(
    id: string,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<Json<WorkflowEvent>>
  stopWorkflow(id: string): Promise<void>
  /** What this node's provider would bid now for an order of so many devices, and why. */
  price(query: PriceQuery): Promise<Json<PricePreview>>
  /** What holds after it, and until when. */
  pause(request: PauseOptions): Promise<OwnerView>
  resume(): Promise<OwnerView>
  /** Asks the process to end; resolves at once. */
  stop(): Promise<void>
}

export interface OfferQuery {
  requirements: Requirements
  /** Atomic units. */
  ceilingPricePerHour?: bigint
  /** An expression such as `vram_gb>=24 price<0.4` (config/search.ts), which must hold as well. */
  search?: string
  /** What comes first. Default: the cheapest. */
  sort?: OfferOrder
  /** Default 1,000. */
  limit?: number
  /** Also those that do not qualify. Default true. */
  all?: boolean
}

export interface ForwardRequest {
  /** Of the job. */
  port: number
  /** Of this machine; 0 or nothing: any free one. */
  localPort?: number
}

export type ForwardEvent =
  | { kind: 'forwarding'; host: string; port: number }
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'ended' }

export interface PriceQuery {
  devices: number
  /** Default: the one that is configured. */
  strategy?: StrategyName
}

export interface Posted {
  id: string
  isWorkflow: boolean
}

export interface PostRequest {
  /** Absolute path of the manifest: the caller is the same user on the same machine. */
  manifest: string
  service?: string
}
