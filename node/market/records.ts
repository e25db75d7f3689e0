import { openBid } from '../../protocols/auction/bid.js'
import { AUCTION_LIMITS, windowsOf } from '../../protocols/auction/rules.js'
import { type Result, ResultPart } from '../../protocols/auction/wire.js'
import { digest, equal, toHex } from '../../protocols/bytes.js'
import { type NodeKey, open, payloadOf, seal } from '../../protocols/envelope.js'
import { codeOf, isRefusal } from '../../protocols/errors.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Dht, Network, RecordRules } from '../net/ports.js'
import { type AuctionTopic, openAnnouncement, orderOf } from './announcements.js'
import { createNewest } from './newest.js'
import type { ReceivedOrder } from './orders.js'

/**
 * Orders, commitments and results as records of the hash table, so that who comes late, or sits in another part of a network
 * that was cut in two, finds the same auction. A record's key says who must have signed it:
 *
 *     order/<order>                         the sealed order, whose hash the key is
 *     commitment/<order>/<provider>         the sealed commitment
 *     result/<order>/<renter>/<part>        a piece of the sealed result: it has up to 64 KiB, a record 16
 *
 * so nobody can put into somebody else's place. Of two results the higher round is better. The table itself asks
 * nobody which of two is better when it is given one; so a node refuses a round that is lower than one it has seen under that key.
 */
export interface AuctionRecords {
  /** The sealed order of that name. */
  order(orderId: Uint8Array, signal?: AbortSignal): Promise<Uint8Array | undefined>
  commitment(orderId: Uint8Array, provider: string, signal?: AbortSignal): Promise<Uint8Array | undefined>
  /** The newest sealed result of the order's author that is there whole. */
  result(orderId: Uint8Array, renter: string, signal?: AbortSignal): Promise<Uint8Array | undefined>
  /** Puts that wait for their turn. */
  pending(): number
  close(): Promise<void>
}

const PART_WORD = 'auction/record'
/** Leaves room in a record for the envelope and the fields around the data. */
const PART_BYTES = 15 * 1_024
const MAX_PART_BYTES = 16 * 1_024
export const MAX_PARTS = Math.ceil(AUCTION_LIMITS.maxBytes / PART_BYTES)
/** A put goes to some twenty peers: never two at a time, and never so many that auctions feel it. */
const RATE = { perMinute: 60, burst: 20 }
const MAX_PENDING = 256
const PUT_MS = 10_000
const TRIES = 2
/** An order that comes while a later put is waited for is not kept waiting. */
const LOOK_MS = 250
/** Results and commitments are for later: the lease that follows an award is not to wait for a processor. */
const CALM_MS = 3_000
const ORDER_CHARS = 64
const ORDER_KEY = /^[0-9a-f]{64}$/
const COMMITMENT_KEY = /^([0-9a-f]{64})\/([1-9A-HJ-NP-Za-km-z]{32,64})$/
const RESULT_KEY = /^([0-9a-f]{64})\/([1-9A-HJ-NP-Za-km-z]{32,64})\/([0-9])$/

export function createAuctionRecords(parts: {
  network: Pick<Network, 'peer' | 'privateKey' | 'dht'>
  topic: AuctionTopic
  clock: Clock
  log: Log
}): AuctionRecords {
  const { network, topic, clock, log } = parts
  const { dht } = network
  const outbox = createOutbox({ dht, clock, log })
  for (const [namespace, rules] of Object.entries(auctionRecordRules(topic.knows)))
    dht.registerRecord(namespace, rules)

  const stopListening = topic.onAnnounced(({ kind, received }) => {
    if (kind === 'result') void dropIfShown(received.result)
    // Each puts its own: it answers for it, and a hundred nodes need not put the same.
    if (received.peer !== network.peer) return
    const order = toHex(received.orderId)
    if (kind === 'order') outbox.put(`order/${order}`, received.envelope, 0)
    if (kind === 'commitment') {
      outbox.put(`commitment/${order}/${network.peer}`, received.envelope, calmAfter(topic, received.orderId))
    }
    if (kind === 'result') {
      const { round } = received.result
      const prefix = `result/${order}/${network.peer}`
      sealParts(network.privateKey, { orderId: received.orderId, round, result: received.envelope })
        .then((sealed) => {
          for (const [part, value] of sealed.entries()) outbox.put(`${prefix}/${part}`, value, CALM_MS)
        })
        .catch((error: unknown) => log.warn('a result was not kept as a record', { error: String(error) }))
    }
  })

  /**
   * A result that shows the bid of this node says all that its commitment could: it is for those who are left out, and for
   * auctions that end in nothing, and 16 puts for each order would be the greater part of what a market puts.
   */
  async function dropIfShown({ orderId, bids }: Result): Promise<void> {
    const key = `commitment/${toHex(orderId)}/${network.peer}`
    if (!outbox.has(key)) return
    const opened = await Promise.all(bids.map(({ envelope }) => openBid(envelope)))
    if (opened.some((bid) => !isRefusal(bid) && bid.peer === network.peer)) outbox.drop(key)
  }

  /** Commitments wait until the auction is over: they say nothing to anybody before. */
  function calmAfter(orders: AuctionTopic, orderId: Uint8Array): number {
    const known = orders.orders().find((order) => equal(order.orderId, orderId))
    return known === undefined
      ? CALM_MS
      : Math.max(0, windowsOf(known.order).revealUntil - clock.now()) + CALM_MS
  }

  /** Undefined also when the table cannot be asked: a record is one source of several. */
  async function get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await dht.get(key, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      log.debug('a record could not be read', { key, code: codeOf(error) })
      return undefined
    }
  }

  async function getPart(key: string, signal?: AbortSignal): Promise<ResultPart | undefined> {
    const value = await get(key, signal)
    return value === undefined ? undefined : (await openPart(value))?.part
  }

  return {
    order: (orderId, signal) => get(`order/${toHex(orderId)}`, signal),
    commitment: (orderId, provider, signal) => get(`commitment/${toHex(orderId)}/${provider}`, signal),
    result: async (orderId, renter, signal) => {
      const prefix = `result/${toHex(orderId)}/${renter}`
      const first = await getPart(`${prefix}/0`, signal)
      if (first === undefined) return undefined
      const rest = await Promise.all(
        Array.from({ length: first.parts - 1 }, (_, at) => getPart(`${prefix}/${at + 1}`, signal)),
      )
      return joinParts([first, ...rest])
    },
    pending: outbox.pending,
    close: async () => {
      stopListening()
      await outbox.close()
    },
  }
}

/**
 * By namespace. Made once for each node, since it remembers which rounds were seen; those of orders (hex) that this node
 * knows are forgotten last.
 */
export function auctionRecordRules(
  isKnown: (order: string) => boolean = () => false,
): Record<'order' | 'commitment' | 'result', RecordRules> {
  const rounds = createNewest({ isOurs: (key) => isKnown(key.slice(0, ORDER_CHARS)) })
  return {
    order: {
      validate: async (key, value) =>
        ORDER_KEY.test(key) && toHex((await openOrder(value))?.orderId ?? new Uint8Array()) === key,
      // One name, one content: the name is its hash.
      select: () => 0,
    },
    commitment: {
      validate: async (key, value) => {
        const [, order, provider] = COMMITMENT_KEY.exec(key) ?? []
        const opened = await openAnnouncement(value)
        if (order === undefined || isRefusal(opened) || opened.peer !== provider) return false
        const { commitment } = opened.announcement
        return commitment?.hash.length === 32 && toHex(commitment.orderId) === order
      },
      // Whoever signs two for one order is judged by the one that arrived in time; all readers prefer the same.
      select: (_key, values) => values.indexOf([...values].sort(compareBytes)[0]!),
    },
    result: {
      validate: async (key, value) => {
        const part = await openPart(value)
        return part !== undefined && isPartOf(key, part) && rounds.take(key, part.peer, part.part.round)
      },
      select: (_key, values) => {
        const ranked = values.map(roundIn)
        return ranked.indexOf(Math.max(...ranked))
      },
    },
  }
}

async function openOrder(value: Uint8Array): Promise<ReceivedOrder | undefined> {
  const opened = await openAnnouncement(value)
  return isRefusal(opened) ? undefined : orderOf(opened, value)
}

interface OpenedPart {
  peer: string
  part: ResultPart
}

async function openPart(value: Uint8Array): Promise<OpenedPart | undefined> {
  const opened = await open({ word: PART_WORD, bytes: value, maxBytes: MAX_PART_BYTES })
  if (isRefusal(opened)) return undefined
  const part = decodePart(opened.payload)
  return part && { peer: opened.peer, part }
}

function decodePart(payload: Uint8Array): ResultPart | undefined {
  try {
    return ResultPart.decode(payload)
  } catch {
    return undefined
  }
}

function isPartOf(key: string, { peer, part }: OpenedPart): boolean {
  const [, order, renter, number] = RESULT_KEY.exec(key) ?? []
  const { parts, data } = part
  return (
    order === toHex(part.orderId) &&
    renter === peer &&
    part.part === Number(number) &&
    parts <= MAX_PARTS &&
    part.part < parts &&
    part.digest.length === 32 &&
    data.length > 0 &&
    data.length <= PART_BYTES
  )
}

/** Of a value that `validate` has let pass. */
function roundIn(value: Uint8Array): number {
  const payload = payloadOf(value)
  return (payload && decodePart(payload)?.round) ?? -1
}

export async function sealParts(
  key: NodeKey,
  { orderId, round, result }: { orderId: Uint8Array; round: number; result: Uint8Array },
): Promise<Uint8Array[]> {
  const parts = Math.ceil(result.length / PART_BYTES)
  const whole = digest(result)
  const sealed: Uint8Array[] = []
  for (let part = 0; part < parts; part++) {
    const data = result.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)
    const payload = ResultPart.encode({ orderId, round, part, parts, digest: whole, data })
    sealed.push(await seal({ word: PART_WORD, payload, key }))
  }
  return sealed
}

/** The whole, when every part is there and of the same result. */
function joinParts(parts: ReadonlyArray<ResultPart | undefined>): Uint8Array | undefined {
  const whole = Buffer.concat(parts.map((part) => part?.data ?? new Uint8Array()))
  return equal(digest(whole), parts[0]?.digest ?? new Uint8Array()) ? new Uint8Array(whole) : undefined
}

interface Put {
  key: string
  value: Uint8Array
  dueAt: number
  tries: number
}

/** Puts one after the other, behind everything else; what does not fit is left out, because other sources have it too. */
function createOutbox({ dht, clock, log }: { dht: Dht; clock: Clock; log: Log }) {
  const queue: Put[] = []
  const bucket = new TokenBucket(RATE, clock.elapsed())
  const closing = new AbortController()
  let working: Promise<void> | undefined

  async function work(): Promise<void> {
    while (!closing.signal.aborted) {
      const next = queue.reduce<Put | undefined>(
        (first, put) => (first === undefined || put.dueAt < first.dueAt ? put : first),
        undefined,
      )
      if (next === undefined) return
      if (next.dueAt > clock.elapsed() || !bucket.take(clock.elapsed())) {
        await clock.sleep(LOOK_MS, closing.signal)
        continue
      }
      queue.splice(queue.indexOf(next), 1)
      await put(next)
    }
  }

  async function put(next: Put): Promise<void> {
    const late = new AbortController()
    const cancel = clock.after(PUT_MS, () => late.abort(new Error('the put took too long')))
    try {
      await dht.put(next.key, next.value, { signal: AbortSignal.any([closing.signal, late.signal]) })
    } catch (error) {
      if (closing.signal.aborted) return
      log.debug('a record was not put', { key: next.key, code: codeOf(error) })
      if (next.tries < TRIES) queue.push({ ...next, tries: next.tries + 1, dueAt: clock.elapsed() + PUT_MS })
    } finally {
      cancel()
    }
  }

  return {
    put: (key: string, value: Uint8Array, delayMs: number) => {
      // Of one key only the newest is worth a put.
      const before = queue.findIndex((put) => put.key === key)
      if (before !== -1) queue.splice(before, 1)
      if (closing.signal.aborted || queue.length >= MAX_PENDING || value.length > MAX_PART_BYTES) return
      queue.push({ key, value, dueAt: clock.elapsed() + delayMs, tries: 1 })
      working ??= work()
        .catch(() => {})
        .finally(() => {
          working = undefined
        })
    },
    has: (key: string) => queue.some((put) => put.key === key),
    drop: (key: string) => {
      const at = queue.findIndex((put) => put.key === key)
      if (at !== -1) queue.splice(at, 1)
    },
    pending: () => queue.length,
    close: async () => {
      closing.abort(new Error('the node stops'))
      await working
    },
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}
