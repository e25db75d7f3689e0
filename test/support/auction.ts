import { type AuctionTopic, createAuctionTopic } from '../../node/market/announcements.js'
import { type Auditor, createAuditor } from '../../node/market/audit.js'
import { type AuctionHistory, openHistory } from '../../node/market/history.js'
import { type AuctionLog, serveLog } from '../../node/market/log.js'
import { type AuctionRecords, createAuctionRecords } from '../../node/market/records.js'
import type { Network } from '../../node/net/ports.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import type { Order } from '../../protocols/auction/wire.js'
import { MARKET, makeOrder } from './messages.js'
import { startNetwork } from './network.js'
import { createMemoryStore } from './provider.js'

/** A node of the market that watches auctions, over real sockets; it neither orders nor bids by itself. */
export interface Watcher {
  network: Network
  topic: AuctionTopic
  history: AuctionHistory
  records: AuctionRecords
  logs: AuctionLog
  auditor: Auditor
  /** Publishes an order whose commitments are taken for `commitMs` from now on. */
  order(change?: Partial<Order>): ReturnType<AuctionTopic['publish']>
  stop(): Promise<void>
}

export async function startWatcher(bootstrap: readonly Watcher[] = []): Promise<Watcher> {
  const network = await startNetwork({ bootstrap: bootstrap.flatMap((other) => other.network.addresses()) })
  const topic = createAuctionTopic({ network, market: MARKET, clock: systemClock, log: silentLog })
  const parts = {
    network,
    self: network.peer,
    market: MARKET,
    topic,
    store: createMemoryStore(),
    clock: systemClock,
    log: silentLog,
  }
  const history = await openHistory(parts)
  const records = createAuctionRecords(parts)
  const logs = await serveLog({ ...parts, history })
  return {
    network,
    topic,
    history,
    records,
    logs,
    auditor: createAuditor({ ...parts, history, records, logs }),
    order: (change = {}) =>
      topic.publish({
        order: makeOrder({
          nonce: systemRandom.bytes(16),
          timeMs: systemClock.now(),
          addresses: network.addresses(),
          ...change,
        }),
      }),
    stop: async () => {
      await Promise.all([logs.close(), records.close()])
      await history.close()
      topic.close()
      await network.stop()
    },
  }
}
