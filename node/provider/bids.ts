import { toHex } from '../../protocols/bytes.js'
import type { Clock } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'

/** A bid as it was committed to; on the disk before anybody hears of it. */
export interface BidRecord {
  orderId: Uint8Array
  /** Base58 peer id of the order's author. */
  renter: string
  /** Atomic units per device-hour. */
  pricePerHour: bigint
  devices: number
  /** The signed bid. */
  envelope: Uint8Array
  /** Unix milliseconds; until then a later round of the result may still award it. */
  expiresAtMs: number
}

export interface Bids {
  get(orderId: Uint8Array): Promise<BidRecord | undefined>
  /** Of too many the oldest is forgotten, whose auction has long been decided. */
  put(record: BidRecord): Promise<void>
  sweep(): Promise<void>
}

/**
 * A bid is about 700 bytes; orders are anybody's to make, so their number is limited. A flood of them must not keep this
 * node from bidding until the flood's own bids are forgotten.
 */
const MAX_BIDS = 4_096

export async function openBids(parts: { store: Store; clock: Clock; maxBids?: number }): Promise<Bids> {
  const { store, clock, maxBids = MAX_BIDS } = parts
  const bids = store.collection<BidRecord>('provider-bids')
  const stored = await bids.list()
  /** The oldest first. */
  const kept = new Set(stored.sort((a, b) => a.value.expiresAtMs - b.value.expiresAtMs).map(({ key }) => key))
  const forget = async (key: string) => {
    kept.delete(key)
    await bids.delete(key)
  }
  return {
    get: (orderId) => bids.get(toHex(orderId)),
    put: async (record) => {
      const key = toHex(record.orderId)
      kept.delete(key)
      kept.add(key)
      await bids.put(key, record)
      for (const oldest of [...kept].slice(0, Math.max(0, kept.size - maxBids))) await forget(oldest)
    },
    sweep: async () => {
      const old = (await bids.list()).filter(({ value }) => value.expiresAtMs <= clock.now())
      for (const { key } of old) await forget(key)
    },
  }
}
