import type { Clock, Log } from '../../protocols/ports.js'
import type { AuctionTopic } from '../market/announcements.js'
import { type CatchUp, startCatchUp } from '../market/catchup.js'
import { type AuctionHistory, openHistory } from '../market/history.js'
import { type AuctionRecords, createAuctionRecords } from '../market/records.js'
import type { Network } from '../net/ports.js'
import type { Store } from '../store/port.js'

/** What a node remembers of auctions, and what it asks others for: its own disk, its neighbours, the hash table. */
export interface Records {
  history: AuctionHistory
  records: AuctionRecords
  catchUp: CatchUp
  close(): Promise<void>
}

export async function startRecords(parts: {
  network: Network
  /** 32 bytes. */
  market: Uint8Array
  topic: AuctionTopic
  store: Store
  clock: Clock
  log: Log
}): Promise<Records> {
  const history = await openHistory({ ...parts, self: parts.network.peer })
  const records = createAuctionRecords(parts)
  const catchUp = await startCatchUp({ ...parts, history })
  return {
    history,
    records,
    catchUp,
    close: async () => {
      await Promise.all([catchUp.close(), records.close()])
      await history.close()
    },
  }
}
