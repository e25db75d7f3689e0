import { equal } from '../../protocols/bytes.js'
import { ATTESTATION_LIMITS, readAttestation } from '../../protocols/challenge/attestation.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'

/** What verifiers have signed about this node's hardware: the newest of each, bounded, kept over restarts. */
export interface Attestations {
  /** Checks and stores what an asker sent at the end of its own challenge; undefined: taken. */
  take(bytes: Uint8Array, facts: { verifier: string; receiptHash: Uint8Array }): Promise<Refusal | undefined>
  /** Sealed envelopes, none older than may be. */
  all(): Uint8Array[]
}

interface Kept {
  envelope: Uint8Array
  timeMs: number
  /** The verifier's when it was taken: who has none makes room first, so that made-up verifiers push nobody out. */
  stake: bigint
}

export async function openAttestations(parts: {
  store: Store
  market: Uint8Array
  /** This node. */
  provider: string
  clock: Pick<Clock, 'now'>
  /** Of a node key; atomic units. */
  stakeOf: (verifier: Uint8Array) => Promise<bigint>
  onChange: () => void
}): Promise<Attestations> {
  const { market, provider, clock } = parts
  const collection = parts.store.collection<Kept>('provider-attestations')
  const kept = new Map((await collection.list()).map(({ key, value }) => [key, value]))

  /** The one that is missed least. */
  const findWeakest = () =>
    [...kept].reduce((weakest, each) => {
      const [a, b] = [weakest[1], each[1]]
      return b.stake < a.stake || (b.stake === a.stake && b.timeMs < a.timeMs) ? each : weakest
    })

  return {
    take: async (bytes, { verifier, receiptHash }) => {
      const read = await readAttestation(bytes, { now: clock.now(), market, provider })
      if (isRefusal(read)) return read
      const { attestation } = read
      if (read.verifier !== verifier) return { refused: 'FOREIGN', detail: 'signed by somebody else' }
      if (!equal(attestation.receiptHash, receiptHash)) {
        return { refused: 'FOREIGN', detail: 'about another proof' }
      }
      const stake = await parts.stakeOf(solanaKeyOf(verifier)).catch(() => 0n)
      const record = { envelope: bytes, timeMs: attestation.timeMs, stake }
      await collection.put(verifier, record)
      kept.set(verifier, record)
      if (kept.size > ATTESTATION_LIMITS.maxKept) {
        const [weakest] = findWeakest()
        kept.delete(weakest)
        await collection.delete(weakest)
      }
      parts.onChange()
      return undefined
    },
    all: () =>
      [...kept.values()]
        .filter(({ timeMs }) => clock.now() - timeMs <= ATTESTATION_LIMITS.maxAgeMs)
        .map(({ envelope }) => envelope),
  }
}
