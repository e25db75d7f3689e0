import type { Opening } from '../../kernels/proof/opening.js'
import { sampleEntries, verifyOpenings } from '../../kernels/proof/verifier.js'
import { equal } from '../../protocols/bytes.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import { type ChallengeFailure, type ChallengeVerdict, owesOpening } from '../../protocols/challenge/rules.js'
import type {
  ChallengeRequest,
  ChallengeResponse,
  Entry,
  SignedReceipt,
} from '../../protocols/challenge/wire.js'
import { codeOf } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Random } from '../../protocols/ports.js'
import { verifySignature } from '../../protocols/signature.js'
import type { FraudEvidence, OpeningDemand } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import { recallProducts } from './recall.js'

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
  /** Seals what was found, for the provider to keep; asked only after a whole proof with both phases was right. */
  attest?: (result: ChallengeResult) => Promise<Uint8Array>
  /** Longest wait for the root. */
  timeoutMs: number
}

export interface ChallengeResult extends ChallengeVerdict {
  receipt?: SignedReceipt
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

type Conversation = Session<ChallengeRequest, ChallengeResponse>
type Failed = { reason: ChallengeFailure; detail: string; opening?: Opening }

/**
 * Challenges a provider to compute matrix products from a seed that it could not know, and opens random entries of
 * the root that it signed. Never throws for what the provider does: everything that it can do wrong is a verdict.
 */
export async function challengeProvider(
  parts: { network: Network; clock: Clock; random: Random },
  peer: string,
  terms: ChallengeTerms,
  signal: AbortSignal,
): Promise<ChallengeResult> {
  const { network, clock, random } = parts
  let provingMs = 0
  let checkingMs = 0
  let recallMs: number | undefined
  let receipt: SignedReceipt | undefined
  /** Of the entries that were asked for under a receipt that is in order; until they have come. */
  let wanted: Entry | undefined
  const verdict = (failed?: Failed): ChallengeResult => ({
    ok: failed === undefined,
    ...(failed && { reason: failed.reason, detail: failed.detail }),
    provingMs: Math.round(provingMs),
    checkingMs: Math.round(checkingMs * 10) / 10,
    ...(recallMs === undefined ? {} : { recallMs: Math.round(recallMs) }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(receipt && failed?.opening && { evidence: { ...receipt, opening: failed.opening } }),
    ...(receipt &&
      wanted &&
      failed &&
      owesOpening(failed.reason) && { unopened: { ...receipt, entry: wanted } }),
  })

  const late = new AbortController()
  const stopWaiting = clock.after(terms.timeoutMs, () => late.abort(new Error('too slow')))
  const limit = AbortSignal.any([signal, late.signal])
  let session: Conversation | undefined
  try {
    const roundTripMs = Math.min(MAX_ROUND_TRIP_MS, await network.roundTripMs(peer, { signal: limit }))
    session = await network.engine.open(challengeProtocol, peer, { signal: limit })

    const seed = random.bytes(32)
    const askedAt = clock.elapsed()
    await session.send({
      ask: {
        market: terms.market,
        lease: terms.lease,
        seed,
        params: { n: terms.n, rounds: terms.rounds },
        resident: terms.folds !== undefined,
      },
    })
    const first = await session.receive()
    provingMs = Math.max(0, clock.elapsed() - askedAt - roundTripMs)
    if (first?.receipt === undefined) return verdict(declined(first))
    receipt = first.receipt

    const wrong = await checkReceipt(receipt, {
      peer,
      asker: network.publicKey,
      seed,
      terms,
      now: clock.now(),
    })
    if (wrong !== undefined) return verdict(wrong)
    const root = decodeReceipt(receipt.receipt)?.root ?? new Uint8Array(32)

    const params = { n: terms.n, rounds: terms.rounds }
    const entries = sampleEntries(params, terms.openings, random)
    // Only the renter of a lease can demand more than its word.
    if (terms.lease.length > 0) wanted = entries[0]
    await session.send({ open: { entries } })
    const second = await session.receive()
    if (second?.openings === undefined) {
      return verdict({ reason: 'OPENING_MISSING', detail: second?.declined?.detail ?? 'no openings came' })
    }

    const checkedAt = clock.elapsed()
    const { openings } = second.openings
    const claim = { seed, params, root }
    const checked = judgeOpenings(verifyOpenings(claim, entries, openings))
    checkingMs = clock.elapsed() - checkedAt
    // The first that it did not open: what it has under its root it could show again.
    const isOpened = (entry: Entry, at: number) =>
      'ok' in verifyOpenings(claim, [entry], openings.slice(at, at + 1))
    if (wanted !== undefined) wanted = checked && entries.find((entry, at) => !isOpened(entry, at))
    if (checked !== undefined || terms.folds === undefined) return verdict(checked)

    const facts = { peer, receipt: receipt.receipt, seed, params, folds: terms.folds, roundTripMs }
    const recalled = await recallProducts(parts, session, facts)
    recallMs = recalled.recallMs
    checkingMs += recalled.checkingMs
    const result = verdict(recalled.failed)
    if (!result.ok || terms.attest === undefined) return result
    return { ...result, attested: await attest(session, await terms.attest(result)) }
  } catch (error) {
    signal.throwIfAborted()
    const tooSlow = late.signal.aborted
    return verdict({
      reason: tooSlow ? 'TOO_SLOW' : 'UNREACHABLE',
      detail: tooSlow ? `no answer within ${terms.timeoutMs} ms` : (codeOf(error) ?? String(error)),
    })
  } finally {
    stopWaiting()
    // Not awaited: the verdict is there, and how long the peer takes to end concerns nobody.
    void session?.close().catch(() => {})
  }
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

function declined(response: ChallengeResponse | undefined): Failed {
  const said = response?.declined
  return {
    reason: 'DECLINED',
    detail: said === undefined ? 'no receipt came' : `${said.reason}: ${said.detail}`,
  }
}

async function checkReceipt(
  signed: SignedReceipt,
  facts: { peer: string; asker: Uint8Array; seed: Uint8Array; terms: ChallengeTerms; now: number },
): Promise<Failed | undefined> {
  const receipt = decodeReceipt(signed.receipt)
  if (receipt === undefined) return { reason: 'RECEIPT_MALFORMED', detail: 'the receipt cannot be decoded' }
  const provider = solanaKeyOf(facts.peer)
  const differs = [
    [equal(receipt.market, facts.terms.market), 'market'],
    [equal(receipt.lease, facts.terms.lease.length === 0 ? NO_LEASE : facts.terms.lease), 'lease'],
    [equal(receipt.provider, provider), 'provider'],
    [equal(receipt.asker, facts.asker), 'asker'],
    [equal(receipt.seed, facts.seed), 'seed'],
    [receipt.params.n === facts.terms.n && receipt.params.rounds === facts.terms.rounds, 'parameters'],
    [Math.abs(facts.now - receipt.endedMs) <= MAX_CLOCK_DIFFERENCE_MS, 'time'],
  ].find(([same]) => same === false)
  if (differs !== undefined) return { reason: 'RECEIPT_DIFFERS', detail: `it names another ${differs[1]}` }
  if (!(await verifySignature(provider, signed.receipt, signed.signature))) {
    return { reason: 'RECEIPT_BAD_SIGNATURE', detail: 'not signed by the provider' }
  }
  return undefined
}

/** The kernel's own words for what is wrong with an opening, as a failure of the challenge. */
function judgeOpenings(verdict: ReturnType<typeof verifyOpenings>): Failed | undefined {
  if ('ok' in verdict) return undefined
  const reasons: Record<typeof verdict.refused, ChallengeFailure> = {
    CLAIM_MALFORMED: 'RECEIPT_MALFORMED',
    OPENING_MISSING: 'OPENING_MISSING',
    OPENING_OF_ANOTHER_ENTRY: 'OPENING_MALFORMED',
    SEGMENT_MALFORMED: 'OPENING_MALFORMED',
    PATH_MALFORMED: 'OPENING_MALFORMED',
    PATH_MISMATCH: 'OPENING_OUTSIDE_ROOT',
    ENTRY_MISMATCH: 'OPENING_DIFFERS',
  }
  const { refused, detail, opening } = verdict
  const isEvidence = refused === 'ENTRY_MISMATCH' && opening !== undefined
  return { reason: reasons[refused], detail, ...(isEvidence && { opening }) }
}
