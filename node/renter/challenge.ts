import { sampleEntries, verifyOpenings } from '../../kernels/proof/verifier.js'
import { equal } from '../../protocols/bytes.js'
import { KERNEL_VERSION } from '../../protocols/challenge/params.js'
import { challengeProtocol, MAX_DEVICES_AT_ONCE } from '../../protocols/challenge/protocol.js'
import { decodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import { type ChallengeVerdict, owesOpening } from '../../protocols/challenge/rules.js'
import type {
  ChallengeRequest,
  ChallengeResponse,
  Entry,
  SignedReceipt,
} from '../../protocols/challenge/wire.js'
import { codeOf } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Random } from '../../protocols/ports.js'
import type { FraudEvidence, OpeningDemand } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import { createLockstep, type Lockstep } from './lockstep.js'
import { recallProducts } from './recall.js'
import { type Expectation, type Failed, judgeOpenings, type Phase, readReceipt } from './receipt.js'

export interface ChallengeTerms {
  market: Uint8Array
  /** The lease that it is asked under; empty: outside of any. */
  lease: Uint8Array
  n: number
  rounds: number
  /** How many random entries are opened: a prover that computed a fraction f passes with probability f^openings. */
  openings: number
  /** How many folds of the memory phase are opened; unset: there is none. Needs an n of whole folds. */
  folds?: number
  /** How many of the provider's devices prove at the same time, each from a seed of its own. Default: one. */
  devices?: number
  /** Seals what was found, for the provider to keep; asked only after a whole proof with both phases was right. */
  attest?: (result: ChallengeResult) => Promise<Uint8Array>
  /** Longest wait for the root. */
  timeoutMs: number
}

/** What all devices together showed: the slowest one's times, the first failure that there was. */
export interface ChallengeResult extends ChallengeVerdict {
  /** How many devices were asked at the same time. */
  devices: number
  /** The slowest device's. */
  receipt?: SignedReceipt
  /** Why the provider would not prove, in its own word. Exactly with DECLINED, where it gave one. */
  declined?: string
  /** Whether the provider took the attestation. */
  attested?: boolean
  /** A wrong entry under the root that the provider signed: the chain can judge it. Exactly with OPENING_DIFFERS. */
  evidence?: FraudEvidence
  /** An entry under the root that it signed in the lease, and did not open: the chain can ask for it. */
  unopened?: OpeningDemand
}

/** Half-way round the world and back. A provider that answers pings slowly gets no more than this taken off its time. */
const MAX_ROUND_TRIP_MS = 400
/**
 * The chain punishes no receipt that is older than the provider's registration, so a cheat would date its receipts back.
 * Clocks that differ by more than this could not have agreed on an auction.
 */
const MAX_CLOCK_DIFFERENCE_MS = 120_000

/** What a receipt names outside of any lease. */
const NO_LEASE = new Uint8Array(32)

const FIRST: Phase<Receipt> = { decode: decodeReceipt, receipt: 'RECEIPT', opening: 'OPENING' }

type Conversation = Session<ChallengeRequest, ChallengeResponse>
type Parts = { network: Network; clock: Clock; random: Random }

/** One device's part in a challenge. */
interface Task {
  peer: string
  /** Its place in the lease, or in the provider's offer. */
  device: number
  terms: ChallengeTerms
  roundTripMs: number
  lockstep: Lockstep
}

/** What is known of one device so far. */
interface Found {
  provingMs: number
  recallMs?: number
  checkingMs: number
  receipt?: SignedReceipt
  declined?: string
  /** Of the entries that were asked for under a receipt that is in order; until they have come. */
  wanted?: Entry
  failed?: Failed
}

/**
 * Challenges a provider to compute matrix products from seeds that it could not know, one for each device that is asked
 * for, all at the same time, and opens random entries of the roots that it signed. Never throws for what the provider does:
 * everything that it can do wrong is a verdict.
 */
export async function challengeProvider(
  parts: Parts,
  peer: string,
  terms: ChallengeTerms,
  signal: AbortSignal,
): Promise<ChallengeResult> {
  const { network, clock } = parts
  const count = Math.max(1, Math.min(terms.devices ?? 1, MAX_DEVICES_AT_ONCE))
  const found = Array.from({ length: count }, (): Found => ({ provingMs: 0, checkingMs: 0 }))
  const sessions: Conversation[] = []
  const late = new AbortController()
  const stopWaiting = clock.after(terms.timeoutMs, () => late.abort(new Error('too slow')))
  const limit = AbortSignal.any([signal, late.signal])
  const explain = (error: unknown): Failed => ({
    reason: late.signal.aborted ? 'TOO_SLOW' : 'UNREACHABLE',
    detail: late.signal.aborted ? `no answer within ${terms.timeoutMs} ms` : (codeOf(error) ?? String(error)),
  })
  try {
    const roundTripMs = Math.min(MAX_ROUND_TRIP_MS, await network.roundTripMs(peer, { signal: limit }))
    const lockstep = createLockstep(clock, count)
    await Promise.all(
      found.map(async (each, device) => {
        const task = { peer, device, terms, roundTripMs, lockstep }
        try {
          const session = await network.engine.open(challengeProtocol, peer, { signal: limit })
          sessions[device] = session
          const failed = await converse(parts, session, task, each)
          if (failed !== undefined) each.failed = failed
        } catch (error) {
          each.failed = explain(error)
        } finally {
          lockstep.leave()
        }
      }),
    )
    signal.throwIfAborted()
    const result = sumUp(found)
    const session = sessions[slowestOf(found)]
    if (!result.ok || terms.folds === undefined || terms.attest === undefined || session === undefined) {
      return result
    }
    return { ...result, attested: await attest(session, await terms.attest(result)) }
  } catch (error) {
    signal.throwIfAborted()
    found[0]!.failed = explain(error)
    return sumUp(found)
  } finally {
    stopWaiting()
    // Not awaited: the verdict is there, and how long the peer takes to end concerns nobody.
    for (const session of sessions) void session?.close().catch(() => {})
  }
}

/** Both phases with one device. */
async function converse(
  parts: Parts,
  session: Conversation,
  task: Task,
  found: Found,
): Promise<Failed | undefined> {
  const { network, clock, random } = parts
  const { peer, device, terms, roundTripMs, lockstep } = task
  const params = { n: terms.n, rounds: terms.rounds }
  const seed = random.bytes(32)
  await lockstep.arrive()
  const askedAt = clock.elapsed()
  await session.send({
    ask: {
      market: terms.market,
      lease: terms.lease,
      seed,
      params,
      resident: terms.folds !== undefined,
      device,
      kernel: KERNEL_VERSION,
    },
  })
  const first = await session.receive()
  found.provingMs = Math.max(0, clock.elapsed() - askedAt - roundTripMs)
  if (first?.receipt === undefined) return decline(first, found)
  found.receipt = first.receipt
  const facts = { peer, asker: network.publicKey, seed, terms, now: clock.now() }
  const receipt = await readReceipt(FIRST, peer, first.receipt, (read) => expectationsOf(read, facts))
  if ('reason' in receipt) return receipt

  const entries = sampleEntries(params, terms.openings, random)
  // Only the renter of a lease can demand more than its word.
  const isLeased = terms.lease.length > 0
  if (isLeased) found.wanted = entries[0]!
  await session.send({ open: { entries } })
  const second = await session.receive()
  if (second?.openings === undefined) {
    return { reason: 'OPENING_MISSING', detail: second?.declined?.detail ?? 'no openings came' }
  }
  const checkedAt = clock.elapsed()
  const claim = { seed, params, root: receipt.root }
  const { openings } = second.openings
  const failed = judgeOpenings(FIRST, verifyOpenings(claim, entries, openings))
  found.checkingMs = clock.elapsed() - checkedAt
  delete found.wanted
  // The first that it did not open: what it has under its root it could show again.
  const isOpened = (entry: Entry, at: number) =>
    'ok' in verifyOpenings(claim, [entry], openings.slice(at, at + 1))
  const unopened = isLeased && failed && entries.find((entry, at) => !isOpened(entry, at))
  if (unopened) found.wanted = unopened
  if (failed !== undefined || terms.folds === undefined) return failed

  // All first products lie on their devices now, so that no memory can serve two of them one after the other.
  await lockstep.arrive()
  const recalled = await recallProducts(parts, session, {
    peer,
    receipt: first.receipt.receipt,
    seed,
    params,
    folds: terms.folds,
    roundTripMs,
  })
  found.recallMs = recalled.recallMs
  found.checkingMs += recalled.checkingMs
  return recalled.failed
}

/** What comes of it does not change what was found. */
async function attest(session: Conversation, attestation: Uint8Array): Promise<boolean> {
  try {
    await session.send({ attest: { attestation } })
    return (await session.receive())?.attested !== undefined
  } catch {
    return false
  }
}

function slowestOf(found: readonly Found[]): number {
  const slowest = found.reduce((most, each) => (each.provingMs > most.provingMs ? each : most))
  return found.indexOf(slowest)
}

function sumUp(found: readonly Found[]): ChallengeResult {
  const at = found.findIndex(({ failed }) => failed !== undefined)
  const { failed } = found[at] ?? {}
  const { receipt } = found[slowestOf(found)]!
  const most = (times: number[]) => Math.round(Math.max(...times))
  const recalls = found.map(({ recallMs }) => recallMs).filter((each) => each !== undefined)
  const liar = found.find((each) => each.failed?.opening !== undefined)
  const debtor = found.find((each) => each.wanted && each.failed && owesOpening(each.failed.reason))
  const unopened = debtor?.receipt && { ...debtor.receipt, entry: debtor.wanted! }
  const evidence = liar?.receipt && { ...liar.receipt, opening: liar.failed!.opening! }
  const declined = found.find((each) => each.declined !== undefined)?.declined
  const named = found.length > 1 ? `device ${at}: ` : ''
  return {
    ok: failed === undefined,
    ...(failed && { reason: failed.reason, detail: `${named}${failed.detail}` }),
    devices: found.length,
    provingMs: most(found.map(({ provingMs }) => provingMs)),
    checkingMs: Math.round(found.reduce((sum, { checkingMs }) => sum + checkingMs, 0) * 10) / 10,
    ...(recalls.length === 0 ? {} : { recallMs: most(recalls) }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(declined === undefined ? {} : { declined }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(unopened === undefined ? {} : { unopened }),
  }
}

function decline(response: ChallengeResponse | undefined, found: Found): Failed {
  const said = response?.declined
  if (said === undefined) return { reason: 'DECLINED', detail: 'no receipt came' }
  found.declined = said.reason
  return { reason: 'DECLINED', detail: `${said.reason}: ${said.detail}` }
}

function expectationsOf(
  receipt: Receipt,
  facts: { peer: string; asker: Uint8Array; seed: Uint8Array; terms: ChallengeTerms; now: number },
): Expectation[] {
  const { terms, now } = facts
  return [
    [equal(receipt.market, terms.market), 'market'],
    [equal(receipt.lease, terms.lease.length === 0 ? NO_LEASE : terms.lease), 'lease'],
    [equal(receipt.provider, solanaKeyOf(facts.peer)), 'provider'],
    [equal(receipt.asker, facts.asker), 'asker'],
    [equal(receipt.seed, facts.seed), 'seed'],
    [receipt.params.n === terms.n && receipt.params.rounds === terms.rounds, 'parameters'],
    [Math.abs(now - receipt.endedMs) <= MAX_CLOCK_DIFFERENCE_MS, 'time'],
  ]
}
