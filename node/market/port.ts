import type { SignedOrder } from '../../protocols/auction/sealed.js'
import type { Announcement, Result } from '../../protocols/auction/wire.js'
import type { Heartbeat } from '../../protocols/heartbeat/wire.js'

export interface ReceivedHeartbeat {
  /** Base58 peer id of the provider that signed it. */
  peer: string
  heartbeat: Heartbeat
  /** The signed bytes, as gossiped: what the inventory answers with. */
  envelope: Uint8Array
  /** Unix milliseconds of this node's clock. */
  receivedAtMs: number
}

/** One market's heartbeats: every node joins, checks what it passes on, and keeps the newest of each provider. */
export interface HeartbeatTopic {
  /** Seals with this node's key and sends it to the neighbours; what was sent is `newest` of this node. */
  publish(heartbeat: Heartbeat): Promise<{ envelope: Uint8Array; recipients: number }>
  /** Each believable heartbeat of another node, once, until the returned function is called. */
  onHeartbeat(listener: (received: ReceivedHeartbeat) => void): () => void
  newest(peer: string): ReceivedHeartbeat | undefined
  /** The newest of every provider that was heard within the maximal age of a heartbeat. */
  all(): ReceivedHeartbeat[]
  close(): void
}

export interface ReceivedCommitment {
  orderId: Uint8Array
  /** Base58 peer id of the provider. */
  peer: string
  hash: Uint8Array
  receivedAtMs: number
}

export interface ReceivedResult {
  result: Result
  orderId: Uint8Array
  peer: string
  envelope: Uint8Array
}

/**
 * One market's auctions. Commitments and results pass only when they belong to an order that this node has seen, a
 * commitment once for each peer and order, a result only from the order's author and only with a growing round.
 */
export interface AuctionTopic {
  /** Seals and sends. `orderId` names the order that the announcement makes or belongs to. */
  publish(announcement: Announcement): Promise<Published>
  onOrder(listener: (received: SignedOrder) => void): () => void
  onCommitment(listener: (received: ReceivedCommitment) => void): () => void
  onResult(listener: (received: ReceivedResult) => void): () => void
  /** Orders that are remembered now. */
  orders(): SignedOrder[]
  close(): void
}

export interface Published {
  orderId: Uint8Array
  envelope: Uint8Array
  recipients: number
}
