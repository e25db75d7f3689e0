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
  /** False when so many bids are kept already that none fits. */
  put(record: BidRecord): Promise<boolean>
  sweep(): Promise<void>
}

/** A bid is about 700 bytes; orders are anybody's to make, so their number is limited. */
const MAX_BIDS = 4_096

export async function openBids(parts: { store: Store; clock: Clock }): Promise<Bids> {
  const bids = parts.store.collection<BidRecord>('provider-bids')
  let count = (await bids.list()).length
  return {
    get: (orderId) => bids.get(toHex(orderId)),
    put: async (record) => {
      if (count >= MAX_BIDS) return false
      await bids.put(toHex(record.orderId), record)
      count++
      return true
    },
    sweep: async () => {
      const all = await bids.list()
      const old = all.filter(({ value }) => value.expiresAtMs <= parts.clock.now())
      for (const { key } of old) await bids.delete(key)
      count = all.length - old.length
    },
  }
}
