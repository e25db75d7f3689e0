import { equal } from '../bytes.js'
import { open } from '../envelope.js'
import { isRefusal, type Refusal } from '../errors.js'
import { solanaKeyOf } from '../peer.js'
import { checkParams } from './params.js'
import type { ChallengeFailure } from './rules.js'
import { Attestation } from './wire.js'

/**
 * What a verifier found when it challenged a provider, or what a renter with a stake saw fail in a lease, sealed with its node key. It says what one
 * node measured at one time: nothing keeps a verifier from lying, so a reader weighs it by the verifier's stake.
 */
export const ATTESTATION_WORD = 'attestation'

export const ATTESTATION_LIMITS = {
  /** Bytes of a sealed attestation: three digests, five texts, and the envelope. */
  maxBytes: 1_024,
  maxTextChars: 128,
  /** Of one provider, the newest of each verifier: what fits an answer of the inventory. */
  maxKept: 32,
  /** A month: hardware changes hands. */
  maxAgeMs: 30 * 86_400_000,
  maxSkewMs: 10_000,
} as const

/** Answers that an honest provider gives as well. */
const FAIR_REFUSALS: readonly string[] = ['BUSY', 'TOO_OFTEN', 'PAUSED', 'OTHER_KERNEL']

/** Whether a failed challenge says something about the provider: a broken line and a fair refusal do not. */
export function isAttestable({
  reason,
  declined,
}: {
  reason?: ChallengeFailure
  declined?: string
}): boolean {
  if (reason === undefined || reason === 'UNREACHABLE') return false
  return reason !== 'DECLINED' || (declined !== undefined && !FAIR_REFUSALS.includes(declined))
}

/** Reads a verifier's word about a provider; undefined for anything that may not be kept or counted now. */
export async function readAttestation(
  bytes: Uint8Array,
  facts: { now: number; market: Uint8Array; provider: string },
): Promise<{ verifier: string; attestation: Attestation } | AttestationRefusal> {
  const opened = await open({ word: ATTESTATION_WORD, bytes, maxBytes: ATTESTATION_LIMITS.maxBytes })
  if (isRefusal(opened)) return { refused: 'MALFORMED', detail: opened.detail }
  // A provider's word about itself is no evidence.
  if (opened.peer === facts.provider) return { refused: 'FOREIGN', detail: 'signed by the provider itself' }
  try {
    const attestation = Attestation.decode(opened.payload)
    const provider = solanaKeyOf(facts.provider)
    const refusal = judgeAttestation(attestation, { ...facts, provider })
    return refusal ?? { verifier: opened.peer, attestation }
  } catch {
    return { refused: 'MALFORMED', detail: 'not to be decoded' }
  }
}

const VERDICTS = ['matches', 'slower than claimed', 'faster than claimed', 'unknown device'] as const

export type AttestationRefusal = Refusal<'MALFORMED' | 'FOREIGN' | 'STALE' | 'FROM_THE_FUTURE'>

/** Whether an attestation may be kept and counted, given for whom and when it is read. */
export function judgeAttestation(
  attestation: Attestation,
  facts: { now: number; market: Uint8Array; provider: Uint8Array },
): AttestationRefusal | undefined {
  const malformed = findMalformed(attestation)
  if (malformed !== undefined) return { refused: 'MALFORMED', detail: malformed }
  if (!equal(attestation.market, facts.market) || !equal(attestation.provider, facts.provider)) {
    return { refused: 'FOREIGN', detail: 'of another market or provider' }
  }
  const ageMs = facts.now - attestation.timeMs
  if (ageMs > ATTESTATION_LIMITS.maxAgeMs) return { refused: 'STALE', detail: `made ${ageMs} ms ago` }
  if (-ageMs > ATTESTATION_LIMITS.maxSkewMs) {
    return { refused: 'FROM_THE_FUTURE', detail: `made ${-ageMs} ms ahead of our clock` }
  }
  return undefined
}

function findMalformed(attestation: Attestation): string | undefined {
  const {
    timeMs,
    model,
    backend,
    verdict,
    memoryVerdict,
    ratio,
    receiptHash,
    params,
    failure = '',
  } = attestation
  if (!Number.isSafeInteger(timeMs)) return `time ${timeMs}`
  const long = [model, backend, failure].find((text) => text.length > ATTESTATION_LIMITS.maxTextChars)
  if (long !== undefined) return `a text of ${long.length} characters`
  const verdicts: readonly string[] = VERDICTS
  if (failure === '' ? !verdicts.includes(verdict) : verdict !== '') return 'a verdict that does not exist'
  if (memoryVerdict !== '' && !verdicts.includes(memoryVerdict)) return 'a verdict that does not exist'
  if (!Number.isFinite(ratio) || ratio < 0) return `ratio ${ratio}`
  if (receiptHash.length !== 32) return `a receipt's hash of ${receiptHash.length} bytes`
  return 'refused' in checkParams(params) ? 'parameters that no proof has' : undefined
}

/** What all attestations of one provider together say. */
export interface Evidence {
  /** Verifiers. */
  count: number
  /** Of those, how many found a right proof whose times fit the claim, or that the table knows no such card. */
  favourable: number
  /** Atomic units: the stake of the favourable ones less the stake of the others. Without a stake a word weighs nothing. */
  weight: bigint
}

/** One word per verifier, whatever it sent. */
export function weighAttestations(
  found: ReadonlyArray<{ verifier: string; attestation: Attestation; stake: bigint }>,
): Evidence {
  const newest = new Map<string, { attestation: Attestation; stake: bigint }>()
  for (const each of found) {
    const seen = newest.get(each.verifier)
    if (seen === undefined || seen.attestation.timeMs < each.attestation.timeMs)
      newest.set(each.verifier, each)
  }
  const evidence: Evidence = { count: newest.size, favourable: 0, weight: 0n }
  for (const { attestation, stake } of newest.values()) {
    if (isFavourable(attestation)) evidence.favourable++
    evidence.weight += isFavourable(attestation) ? stake : -stake
  }
  return evidence
}

function isFavourable({ verdict, memoryVerdict, failure = '' }: Attestation): boolean {
  if (failure !== '') return false
  return [verdict, memoryVerdict].every((each) => ['', 'matches', 'unknown device'].includes(each))
}
