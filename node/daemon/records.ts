import type { Clock, Log } from '../../protocols/ports.js'
import type { AuctionTopic } from '../market/announcements.js'
import { type Auditor, createAuditor } from '../market/audit.js'
import { type AuctionHistory, openHistory } from '../market/history.js'
import { type AuctionLog, serveLog } from '../market/log.js'
import { type AuctionRecords, createAuctionRecords } from '../market/records.js'
import type { Network } from '../net/ports.js'
import type { Store } from '../store/port.js'

/** What a node remembers of auctions, and what it asks others for: its own disk, its neighbours, the hash table. */
export interface Records {
  history: AuctionHistory
  records: AuctionRecords
  logs: AuctionLog
  auditor: Auditor
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
  const logs = await serveLog({ ...parts, history })
  return {
    history,
    records,
    logs,
    auditor: createAuditor({ ...parts, history, records, logs }),
    close: async () => {
      await Promise.all([logs.close(), records.close()])
      await history.close()
    },
  }
}
