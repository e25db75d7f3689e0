import { type Audit, type AuditedBid, judgeResult, worstOf } from '../../protocols/auction/audit.js'
import { openBid } from '../../protocols/auction/bid.js'
import type { Result, Winner } from '../../protocols/auction/wire.js'
import { fromHex, toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import { openAnnouncement } from './announcements.js'
import type { AuctionHistory, AuctionRecord, SeenResult } from './history.js'
import type { AuctionLog } from './log.js'
import type { AuctionRecords } from './records.js'

/** Whether one auction was run as it was announced, as far as this node can tell. */
export interface AuctionAudit {
  /** Hex. */
  orderId: string
  /** Base58 peer id of the order's author. */
  renter: string
  /** `unknown`: there is no order, or no result, to hold against anything. */
  verdict: Audit['verdict'] | 'unknown'
  /** Of the last result: a round follows when a winner has failed. */
  round: number
  winners: Winner[]
  /** Those that qualified as they rank, then the others. */
  bids: AuditedBid[]
  findings: AuditFinding[]
  /** What could not be checked here, and why; for people. */
  unchecked: string[]
}

export interface AuditFinding {
  code: string
  weight: Audit['findings'][number]['weight']
  round: number
  peer?: string
  detail: string
}

export interface Auditor {
  /** Audits by what this node has seen, and by what others and the hash table add to it. Never rejects but for its signal. */
  audit(orderId: Uint8Array, signal?: AbortSignal): Promise<AuctionAudit>
  /** Orders that this node has seen whose names begin so, hex. */
  find(prefix: string): string[]
}

/** Neighbours that are asked beside the renter: each has its own view, and one may leave out. */
const ASKED = 4
const GATHER_MS = 8_000
/** Commitments of bidders that are looked for in the hash table, all at once. */
const LOOKED_UP = 16

export function createAuditor(parts: {
  network: Pick<Network, 'peer' | 'peers'>
  history: AuctionHistory
  records: AuctionRecords
  logs: AuctionLog
  clock: Clock
  log: Log
}): Auditor {
  const { network, history, records, logs, clock, log } = parts

  /** What is not found in time is missing from the audit, and said to be. */
  async function gather(orderId: Uint8Array, signal: AbortSignal): Promise<void> {
    await attempt(signal, async () => {
      if (history.get(orderId) === undefined) await add(records.order(orderId, signal))
    })
    const renter = history.get(orderId)?.peer
    const others = network.peers().filter((peer) => peer !== renter)
    const asked = [...(renter === undefined || renter === network.peer ? [] : [renter]), ...others]
    await Promise.all(
      asked.slice(0, ASKED + 1).map((peer) => attempt(signal, () => logs.ask(peer, orderId, signal))),
    )
    const author = history.get(orderId)?.peer
    if (author === undefined) return
    if (history.get(orderId)!.results.length === 0) {
      await attempt(signal, () => add(records.result(orderId, author, signal)))
    }
    const unseen = (await unseenIn(history.get(orderId)!)).slice(0, LOOKED_UP)
    await Promise.all(
      unseen.map((peer) => attempt(signal, () => add(records.commitment(orderId, peer, signal)))),
    )
  }

  async function add(found: Promise<Uint8Array | undefined>): Promise<void> {
    const envelope = await found
    if (envelope !== undefined) await history.add(envelope)
  }

  async function attempt(signal: AbortSignal, act: () => Promise<unknown>): Promise<void> {
    if (signal.aborted) return
    try {
      await act()
    } catch (error) {
      log.debug('a source for an audit says nothing', { code: codeOf(error) })
    }
  }

  return {
    find: (prefix) => history.find(prefix).map(({ orderId }) => toHex(orderId)),
    audit: async (orderId, signal) => {
      const late = new AbortController()
      const cancel = clock.after(GATHER_MS, () => late.abort(new Error('enough was asked')))
      try {
        await gather(orderId, signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]))
      } finally {
        cancel()
      }
      signal?.throwIfAborted()
      return judge(orderId, history.get(orderId))
    },
  }
}

/** Bidders of the last result whose commitments this node has not. */
async function unseenIn(record: AuctionRecord): Promise<string[]> {
  const result = await openResult(record.results.at(-1))
  const opened = await Promise.all((result?.bids ?? []).map(({ envelope }) => openBid(envelope)))
  const bidders = opened.flatMap((bid) => (isRefusal(bid) ? [] : bid.peer))
  return bidders.filter((peer) => !record.commitments.some((commitment) => commitment.peer === peer))
}

async function openResult(seen: SeenResult | undefined): Promise<Result | undefined> {
  if (seen === undefined) return undefined
  const opened = await openAnnouncement(seen.envelope)
  return isRefusal(opened) ? undefined : opened.announcement.result
}

async function judge(orderId: Uint8Array, record: AuctionRecord | undefined): Promise<AuctionAudit> {
  const nothing = { round: 0, winners: [], bids: [], findings: [] }
  const named = { orderId: toHex(orderId), renter: record?.peer ?? '' }
  const unknown = (why: string) => ({ ...named, ...nothing, verdict: 'unknown' as const, unchecked: [why] })
  if (record === undefined) return unknown('nobody who was asked knows of this order')
  const results = await Promise.all(record.results.map(openResult))
  const rounds = results.filter((result) => result !== undefined)
  if (rounds.length === 0) return unknown('no result was published, or nobody who was asked has it')
  const audits: Array<{ round: number; audit: Audit }> = []
  for (const result of rounds) {
    audits.push({ round: result.round, audit: await judgeResult(await seenBy(record, result), result) })
  }
  const findings = [
    ...twice(rounds),
    ...audits.flatMap(({ round, audit }) => audit.findings.map((finding) => ({ ...finding, round }))),
  ]
  const { round, audit } = audits.at(-1)!
  return {
    ...named,
    verdict: worstOf(findings),
    round,
    winners: audit.winners,
    bids: audit.bids,
    findings,
    unchecked: uncheckedIn(record, rounds),
  }
}

/**
 * A commitment that was only handed over later says what was bid, and not that it was bid in time: it is held against the bid that
 * the result shows, and nobody is said to be left out because of it.
 */
async function seenBy({ order, orderId, commitments }: AuctionRecord, result: Result) {
  const opened = await Promise.all(result.bids.map(({ envelope }) => openBid(envelope)))
  const bidders = new Set(opened.flatMap((bid) => (isRefusal(bid) ? [] : bid.peer)))
  const counted = commitments.filter(
    ({ peer, receivedAtMs }) => receivedAtMs !== undefined || bidders.has(peer),
  )
  return { order, orderId, commitments: new Map(counted.map(({ peer, hash }) => [peer, hash])) }
}

/** Two results of one round, both signed by the renter. */
function twice(rounds: readonly Result[]): AuditFinding[] {
  const again = rounds.filter(({ round }, at) => rounds.findIndex((other) => other.round === round) !== at)
  return again.map(({ round }) => ({
    code: 'RESULT_TWICE',
    weight: 'unfair',
    round,
    detail: 'the renter has signed two different results of one round',
  }))
}

function uncheckedIn({ commitments }: AuctionRecord, rounds: readonly Result[]): string[] {
  const unchecked: string[] = []
  const later = commitments.filter(({ receivedAtMs }) => receivedAtMs === undefined).length
  if (later > 0) {
    const are = later === 1 ? '1 commitment was' : `${later} commitments were`
    unchecked.push(
      `${are} handed over later: this node cannot say when they were made, nor who else committed`,
    )
  }
  const missing = (rounds.at(-1)?.round ?? 0) + 1 - new Set(rounds.map(({ round }) => round)).size
  if (missing > 0) unchecked.push(`${missing} earlier rounds of the result are not known here`)
  unchecked.push('that the renter told the truth about reasons to leave a bid out')
  return unchecked
}

/** The name of an order as people write it. */
export function readOrderId(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? fromHex(text) : undefined
}
