import { logProtocol } from '../../protocols/auction/protocol.js'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import type { LogRequest, LogResponse } from '../../protocols/auction/wire.js'
import { equal } from '../../protocols/bytes.js'
import type { Clock } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { AuctionHistory, AuctionRecord } from './history.js'

/**
 * What one node has seen of an auction, for another that was not there. Every entry is signed by its own author: whoever
 * is asked can leave out, and it cannot make up.
 */
export interface AuctionLog {
  /** Asks one peer for all it has of an auction, into the history. Resolves to whether anything was new. */
  ask(peer: string, orderId: Uint8Array, signal?: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

const ASK_MS = 5_000
const MAX_RESULTS = 16
/** Leaves room in a message for the order and its commitments. */
const MAX_RESULT_BYTES = 384 * 1_024

export async function serveLog(parts: {
  network: Pick<Network, 'engine'>
  /** 32 bytes. */
  market: Uint8Array
  history: AuctionHistory
  clock: Clock
}): Promise<AuctionLog> {
  const { network, market, history, clock } = parts
  const { engine } = network
  await engine.handle(logProtocol, (session) => answer(session, market, history))
  return {
    ask: async (peer, orderId, signal) => {
      const late = new AbortController()
      const cancel = clock.after(ASK_MS, () => late.abort(new Error('the log took too long')))
      const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
      try {
        const { order, commitments, results } = await engine.request(
          logProtocol,
          peer,
          { market, orderId },
          { signal: limit },
        )
        const envelopes = [
          ...(order.length === 0 ? [] : [order]),
          ...commitments.slice(0, AUCTION_LIMITS.maxBids),
          ...results.slice(0, MAX_RESULTS),
        ]
        let isNew = false
        for (const envelope of envelopes) isNew = (await history.add(envelope)) || isNew
        return isNew
      } finally {
        cancel()
      }
    },
    close: () => engine.unhandle(logProtocol),
  }
}

async function answer(
  session: Session<LogResponse, LogRequest>,
  market: Uint8Array,
  history: AuctionHistory,
): Promise<void> {
  const request = await session.receive()
  if (request === undefined) return
  const record = equal(request.market, market) ? history.get(request.orderId) : undefined
  await session.send(entryOf(record))
}

/** Empty when nothing is known of it. */
function entryOf(record: AuctionRecord | undefined): LogResponse {
  const { envelope = new Uint8Array(), commitments = [], results = [] } = record ?? {}
  return {
    order: envelope,
    commitments: commitments.map((commitment) => commitment.envelope),
    results: withinLimit(results.map((result) => result.envelope)),
  }
}

/** The newest rounds, as far as a message holds them. */
function withinLimit(results: Uint8Array[]): Uint8Array[] {
  const kept: Uint8Array[] = []
  let bytes = 0
  for (const result of results.reverse()) {
    bytes += result.length
    if (bytes > MAX_RESULT_BYTES) break
    kept.unshift(result)
  }
  return kept
}
