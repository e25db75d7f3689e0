import { logProtocol } from '../../protocols/auction/protocol.js'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import type { LogRequest, LogResponse } from '../../protocols/auction/wire.js'
import { equal } from '../../protocols/bytes.js'
import { codeOf } from '../../protocols/errors.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { AuctionTopic } from './announcements.js'
import type { AuctionHistory, AuctionRecord } from './history.js'

/**
 * Gossip tells only those who are there. A node that meets another asks it for the auctions that are open, takes their
 * orders and commitments as if they had been gossiped, and passes them on; so who comes late can still bid, and
 * the two halves of a network that was cut in two know the same again. Every entry is signed by its own author: the
 * neighbour can leave out, and it cannot make up.
 */
export interface CatchUp {
  /** Asks one peer for all it has of an auction, into the history. Resolves to whether anything was new. */
  ask(peer: string, orderId: Uint8Array, signal?: AbortSignal): Promise<boolean>
  close(): Promise<void>
}

/** Whom a node meets it asks once within this time; more meetings than the rate allows are not asked. */
const RATE = { perMinute: 12, burst: 4 }
const AGAIN_MS = 30_000
/** Before the topics of a new neighbour are known. */
const SETTLE_MS = 300
/** Of one neighbour; a market with more open auctions tells the newest. */
const MAX_AUCTIONS = 64
const ASK_MS = 10_000
const MAX_RESULTS = 16
/** Taken from one neighbour at a time: each is a signature to check. */
const MAX_ENVELOPES = 1_024
/** Leaves room in a message for the order and its commitments. */
const MAX_RESULT_BYTES = 384 * 1_024

export async function startCatchUp(parts: {
  network: Pick<Network, 'peer' | 'peers' | 'onPeer' | 'engine'>
  /** 32 bytes. */
  market: Uint8Array
  topic: AuctionTopic
  history: AuctionHistory
  clock: Clock
  log: Log
}): Promise<CatchUp> {
  const { network, market, topic, history, clock, log } = parts
  const closing = new AbortController()
  const bucket = new TokenBucket(RATE, clock.elapsed())
  const asked = new Map<string, number>()
  const running = new Set<Promise<void>>()

  await network.engine.handle(logProtocol, (session) => answer(session, market, history))

  /** Each auction that a peer tells of is handed to `take` as it comes. */
  async function listen(
    peer: string,
    request: LogRequest,
    take: (auction: LogResponse) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const late = new AbortController()
    const cancel = clock.after(ASK_MS, () => late.abort(new Error('the log took too long')))
    const session = await network.engine
      .open(logProtocol, peer, { signal: AbortSignal.any([signal, late.signal]) })
      .catch((error: unknown) => {
        cancel()
        throw error
      })
    try {
      await session.send(request)
      let left = MAX_ENVELOPES
      for await (const { order, commitments, results } of session) {
        const auction = {
          order,
          commitments: commitments.slice(0, AUCTION_LIMITS.maxBids),
          results: results.slice(0, MAX_RESULTS),
        }
        left -= 1 + auction.commitments.length + auction.results.length
        if (left < 0) return
        await take(auction)
      }
    } finally {
      cancel()
      await session.close().catch(() => {})
    }
  }

  /** Gossip's own rules judge what is open; what came too late for them is still worth remembering. */
  async function takeOpen({ order, commitments, results }: LogResponse): Promise<void> {
    if ((await topic.learn(order)) === 'reject') return
    for (const envelope of commitments) {
      if ((await topic.learn(envelope)) === 'ignore') await history.add(envelope)
    }
    for (const envelope of results) await topic.learn(envelope)
  }

  async function meet(peer: string): Promise<void> {
    await clock.sleep(SETTLE_MS, closing.signal)
    const nowMs = clock.elapsed()
    if (nowMs < (asked.get(peer) ?? 0) || !network.peers().includes(peer) || !bucket.take(nowMs)) return
    for (const [other, untilMs] of asked) if (untilMs <= nowMs) asked.delete(other)
    asked.set(peer, nowMs + AGAIN_MS)
    try {
      await listen(peer, { market, orderId: new Uint8Array() }, takeOpen, closing.signal)
    } catch (error) {
      if (!closing.signal.aborted) log.debug('a neighbour told nothing', { peer, code: codeOf(error) })
    }
  }

  const greet = (peer: string) => {
    const met: Promise<void> = meet(peer)
      .catch(() => {})
      .finally(() => running.delete(met))
    running.add(met)
  }
  const stopListening = network.onPeer(({ kind, peer }) => {
    if (kind === 'connected') greet(peer)
  })
  for (const peer of network.peers()) greet(peer)

  return {
    ask: async (peer, orderId, signal = closing.signal) => {
      let isNew = false
      const take = async ({ order, commitments, results }: LogResponse) => {
        for (const envelope of [order, ...commitments, ...results]) {
          isNew = (await history.add(envelope)) || isNew
        }
      }
      await listen(peer, { market, orderId }, take, AbortSignal.any([signal, closing.signal]))
      return isNew
    },
    close: async () => {
      stopListening()
      closing.abort(new Error('the node stops'))
      await network.engine.unhandle(logProtocol)
      await Promise.allSettled(running)
    },
  }
}

async function answer(
  session: Session<LogResponse, LogRequest>,
  market: Uint8Array,
  history: AuctionHistory,
): Promise<void> {
  const request = await session.receive()
  if (request === undefined || !equal(request.market, market)) return
  for (const record of wantedBy(request, history)) await session.send(entryOf(record))
}

function wantedBy({ orderId }: LogRequest, history: AuctionHistory): AuctionRecord[] {
  if (orderId.length === 0) return history.open().slice(-MAX_AUCTIONS)
  const record = history.get(orderId)
  return record === undefined ? [] : [record]
}

function entryOf({ envelope, commitments, results }: AuctionRecord): LogResponse {
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
