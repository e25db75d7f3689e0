import { depositOf } from '../../protocols/auction/backing.js'
import { AUCTION_LIMITS, judgeOrder, phaseOf, windowsOf } from '../../protocols/auction/rules.js'
import type { Order } from '../../protocols/auction/wire.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Collection, Store } from '../store/port.js'
import { type Announced, type AuctionTopic, openAnnouncement, orderOf, resultOf } from './announcements.js'
import type { ReceivedOrder } from './orders.js'

/** One auction as this node has seen it, or was told of it: every part is signed by its own author. */
export interface AuctionRecord {
  orderId: Uint8Array
  /** Base58 peer id of the renter. */
  peer: string
  order: Order
  envelope: Uint8Array
  commitments: SeenCommitment[]
  /** The rounds of the result, lowest first; two of one round are proof that its author said two things. */
  results: SeenResult[]
  /** Unix milliseconds; then it is forgotten. */
  expiresAtMs: number
}

export interface SeenCommitment {
  peer: string
  hash: Uint8Array
  envelope: Uint8Array
  /** When it arrived here, Unix milliseconds. Undefined: handed over later, so that nobody here knows when it was made. */
  receivedAtMs?: number
}

export interface SeenResult {
  round: number
  envelope: Uint8Array
}

/**
 * The auctions that a node has seen, for a while: so that it can say afterwards whether they were fair, tell those that come
 * late, and know after a restart what was committed to.
 */
export interface AuctionHistory {
  get(orderId: Uint8Array): AuctionRecord | undefined
  /** Those whose order is named by this beginning of its id in hex. */
  find(prefix: string): AuctionRecord[]
  /** Those that still take commitments or bids. */
  open(): AuctionRecord[]
  /**
   * Adds a signed order, commitment or result that was handed over; commitments and results only of an order that is
   * known. False: it is none, belongs to none, or nothing new.
   */
  add(envelope: Uint8Array): Promise<boolean>
  /** Everything seen so far is on the disk. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** So long after its windows an auction can be audited. */
const KEEP_MS = 6 * 3_600_000
/** Beyond this those of others with the smallest deposits are forgotten first; each takes some 10 to 100 KB. */
const MAX_AUCTIONS = 512
const MAX_ROUNDS = 8
const FLUSH_MS = 1_000

export async function openHistory(parts: {
  /** Base58 peer id of this node. */
  self: string
  /** 32 bytes: orders of another market are not taken. */
  market: Uint8Array
  topic: AuctionTopic
  store: Store
  clock: Clock
  log: Log
  maxAuctions?: number
}): Promise<AuctionHistory> {
  const { self, market, topic, clock, log, maxAuctions = MAX_AUCTIONS } = parts
  const stored: Collection<AuctionRecord> = parts.store.collection('auctions')
  const records = new Map<string, AuctionRecord>()
  const deposits = new Map<string, bigint>()
  const dirty = new Set<string>()
  const own = new Set<string>()
  let writing: Promise<void> = Promise.resolve()
  let isClosed = false

  for (const { key, value } of await stored.list()) {
    if (value.expiresAtMs <= clock.now()) {
      await stored.delete(key)
      continue
    }
    records.set(key, value)
    if (isOwn(value)) own.add(key)
  }

  function isOwn({ peer, commitments }: AuctionRecord): boolean {
    return peer === self || commitments.some((commitment) => commitment.peer === self)
  }

  /** What this node has a part in is written at once; what it merely hears of, once, when it is over. */
  function touch(key: string, record: AuctionRecord): void {
    dirty.add(key)
    if (!own.has(key) && isOwn(record)) own.add(key)
    if (own.has(key)) void write([key])
  }

  function write(keys: Iterable<string>): Promise<void> {
    const due = [...keys]
    writing = writing.then(async () => {
      for (const key of due) {
        if (!dirty.delete(key)) continue
        const record = records.get(key)
        try {
          await (record === undefined ? stored.delete(key) : stored.put(key, record))
        } catch (error) {
          log.warn('an auction could not be kept', { order: key, error: String(error) })
        }
      }
    })
    return writing
  }

  function sweep(): void {
    const now = clock.now()
    for (const [key, { expiresAtMs }] of records) if (expiresAtMs <= now) forget(key)
    const isDue = (key: string) => {
      const record = records.get(key)
      return record === undefined || phaseOf(record.order, now) === 'closed'
    }
    if (dirty.size > 0) void write([...dirty].filter(isDue))
  }

  function forget(key: string): void {
    records.delete(key)
    deposits.delete(key)
    own.delete(key)
    dirty.add(key)
  }

  function makeRoom(): void {
    if (records.size <= maxAuctions) return
    const others = [...records.keys()].filter((key) => !own.has(key))
    // Of equals the oldest: a flood has to be as well backed as what it drives out.
    const least = others.reduce<string | undefined>(
      (best, key) => (best === undefined || depositIn(key) < depositIn(best) ? key : best),
      undefined,
    )
    const forgotten = least ?? [...records.keys()][0]
    if (forgotten !== undefined) forget(forgotten)
  }

  function depositIn(key: string): bigint {
    const known = deposits.get(key) ?? depositOf(records.get(key)!.order)
    deposits.set(key, known)
    return known
  }

  function addOrder({ order, orderId, peer, envelope }: ReceivedOrder): boolean {
    const key = toHex(orderId)
    if (records.has(key)) return false
    const expiresAtMs = windowsOf(order).revealUntil + KEEP_MS
    if (expiresAtMs <= clock.now()) return false
    const record = { orderId, peer, order, envelope, commitments: [], results: [], expiresAtMs }
    records.set(key, record)
    makeRoom()
    touch(key, record)
    return true
  }

  /** An order that was handed over may be over; in everything else it is judged as one that was gossiped. */
  function isSane(order: Order): boolean {
    return judgeOrder(order, { now: Math.min(clock.now(), order.timeMs), market }) === undefined
  }

  function addCommitment(orderId: Uint8Array, commitment: SeenCommitment): boolean {
    const key = toHex(orderId)
    const record = records.get(key)
    if (record === undefined || record.commitments.some(({ peer }) => peer === commitment.peer)) return false
    if (record.commitments.length >= AUCTION_LIMITS.maxBids && !yieldPlace(record, commitment)) return false
    record.commitments.push(commitment)
    touch(key, record)
    return true
  }

  /** Names cost nothing to whoever hands something over: what came in time takes the place of what did not. */
  function yieldPlace({ commitments }: AuctionRecord, { receivedAtMs }: SeenCommitment): boolean {
    const late = commitments.findIndex((other) => other.receivedAtMs === undefined)
    if (receivedAtMs === undefined || late === -1) return false
    commitments.splice(late, 1)
    return true
  }

  /** Of more rounds than are kept the highest stay: a copy of an old one takes no newer one's place. */
  function addResult(orderId: Uint8Array, result: SeenResult): boolean {
    const key = toHex(orderId)
    const record = records.get(key)
    if (record === undefined) return false
    if (record.results.some(({ envelope }) => equal(envelope, result.envelope))) return false
    if (record.results.filter(({ round }) => round === result.round).length > 1) return false
    const rounds = [...record.results, result].sort((a, b) => a.round - b.round).slice(-MAX_ROUNDS)
    if (!rounds.includes(result)) return false
    record.results = rounds
    touch(key, record)
    return true
  }

  function note({ kind, received }: Announced): void {
    if (kind === 'order') addOrder(received)
    if (kind === 'commitment') addCommitment(received.orderId, commitmentIn(received))
    if (kind === 'result') {
      addResult(received.orderId, { round: received.result.round, envelope: received.envelope })
    }
  }

  const stopListening = topic.onAnnounced(note)
  const stopSweeping = clock.every(FLUSH_MS, sweep)

  return {
    get: (orderId) => copyOf(records.get(toHex(orderId))),
    find: (prefix) =>
      [...records].filter(([key]) => key.startsWith(prefix)).map(([, record]) => copyOf(record)!),
    open: () =>
      [...records.values()]
        .filter(({ order }) => phaseOf(order, clock.now()) !== 'closed')
        .map((record) => copyOf(record)!),
    add: async (envelope) => {
      const opened = await openAnnouncement(envelope)
      if (isRefusal(opened)) return false
      const { peer, announcement } = opened
      const order = orderOf(opened, envelope)
      if (order !== undefined) return isSane(order.order) && addOrder(order)
      const { commitment } = announcement
      if (commitment?.orderId.length === 32 && commitment.hash.length === 32) {
        return addCommitment(commitment.orderId, { peer, hash: commitment.hash, envelope })
      }
      const known = announcement.result && records.get(toHex(announcement.result.orderId))
      const result = known && resultOf(opened, { ...known, shiftMs: 0 })
      return result !== undefined && addResult(result.orderId, { round: result.round, envelope })
    },
    flush: () => write(dirty),
    close: async () => {
      if (isClosed) return
      isClosed = true
      stopListening()
      stopSweeping()
      await write(dirty)
    },
  }
}

function commitmentIn({ peer, hash, envelope, receivedAtMs }: SeenCommitment): SeenCommitment {
  return { peer, hash, envelope, ...(receivedAtMs === undefined ? {} : { receivedAtMs }) }
}

/** Whoever reads does not see it change under its hands. */
function copyOf(record: AuctionRecord | undefined): AuctionRecord | undefined {
  return record && { ...record, commitments: [...record.commitments], results: [...record.results] }
}
