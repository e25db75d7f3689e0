import { equal } from '../../protocols/bytes.js'
import { ATTESTATION_LIMITS, readAttestation } from '../../protocols/challenge/attestation.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { payloadOf } from '../../protocols/envelope.js'
import { codeOf, isRefusal } from '../../protocols/errors.js'
import { isPeer } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Network, RecordRules } from '../net/ports.js'
import type { Store } from '../store/port.js'
import type { HeartbeatTopic } from './heartbeats.js'
import { createNewest } from './newest.js'

/**
 * Verifiers' words about providers in the distributed hash table, where a provider cannot keep back those that it does not
 * like. A verifier puts its newest word about a provider under a key of both, so that nobody else can write there, and
 * announces that it has one, so that readers who know none of the verifiers find them.
 */
export interface AttestationBoard {
  /** Stores an own word and spreads it, now and again as long as it counts; resolves once it is stored. */
  publish(provider: string, envelope: Uint8Array): Promise<void>
  /** Words about a provider: of those verifiers that are known to the caller, and of those that have announced one. */
  read(
    provider: string,
    asked: { known: readonly string[]; isWorth(verifier: string): Promise<boolean>; signal: AbortSignal },
  ): Promise<Uint8Array[]>
  stop(): void
}

interface Own {
  envelope: Uint8Array
  timeMs: number
}

const NAMESPACE = 'attestation'
/** Nodes forget values after a day and a half. */
const REPUBLISH_MS = 12 * 3_600_000
/** A node that has just started knows nobody who could store it. */
const FIRST_REPUBLISH_MS = 60_000
const MAX_OWN = 1_024
/** Anybody can announce anything; more than this are not looked at. */
const MAX_ANNOUNCED = 32
const GETS_AT_ONCE = 8

export async function openAttestationBoard(parts: {
  network: Pick<Network, 'peer' | 'dht'>
  market: Uint8Array
  store: Store
  clock: Clock
  log: Log
  /** Which providers this node hears of, and which verifiers have a stake here: their words are remembered longest. */
  heartbeats: Pick<HeartbeatTopic, 'newest'>
}): Promise<AttestationBoard> {
  const { network, market, clock, log, heartbeats } = parts
  const { dht, peer: self } = network
  // Heartbeats come from providers with a stake only: made-up verifiers are none of ours.
  const isHeard = (peer: string) => peer === self || heartbeats.newest(peer) !== undefined
  const isOurs = (provider: string, verifier: string) => isHeard(provider) && isHeard(verifier)
  dht.registerRecord(NAMESPACE, attestationRecords({ market, clock, isOurs }))
  const own = parts.store.collection<Own>('own-attestations')
  const stopping = new AbortController()

  const spread = async (provider: string, { envelope }: Own) => {
    const { signal } = stopping
    try {
      await dht.put(recordKeyOf(provider, self), envelope, { signal })
      await dht.provide(announcementOf(provider), { signal })
    } catch (error) {
      if (signal.aborted) return
      log.debug('an attestation is spread later', { provider, code: codeOf(error), error: String(error) })
    }
  }
  const republish = async () => {
    const kept = await own.list()
    const oldestMs = clock.now() - ATTESTATION_LIMITS.maxAgeMs
    const byAge = kept.sort((a, b) => b.value.timeMs - a.value.timeMs)
    for (const [at, { key: provider, value }] of byAge.entries()) {
      if (stopping.signal.aborted) return
      if (at < MAX_OWN && value.timeMs > oldestMs) {
        await spread(provider, value)
      } else {
        dht.stopProviding(announcementOf(provider))
        await own.delete(provider)
      }
    }
  }
  const again = () =>
    void republish().catch((error) => log.warn('attestations are spread later', { error: String(error) }))
  const undo = [clock.after(FIRST_REPUBLISH_MS, again), clock.every(REPUBLISH_MS, again)]

  const get = async (provider: string, verifier: string, signal: AbortSignal) =>
    dht.get(recordKeyOf(provider, verifier), { signal }).catch(() => undefined)

  return {
    publish: async (provider, envelope) => {
      const word = { envelope, timeMs: clock.now() }
      await own.put(provider, word)
      void spread(provider, word)
    },
    read: async (provider, { known, isWorth, signal }) => {
      const verifiers = new Set(known)
      try {
        const found = dht.findProviders(announcementOf(provider), { signal, limit: MAX_ANNOUNCED })
        for await (const { peer } of found) verifiers.add(peer)
      } catch (error) {
        log.debug('nobody who attested is found', { provider, error: String(error) })
      }
      const words: Uint8Array[] = []
      const left = [...verifiers].filter((verifier) => verifier !== provider)
      const take = async () => {
        for (let verifier = left.pop(); verifier !== undefined; verifier = left.pop()) {
          if (signal.aborted || !(await isWorth(verifier).catch(() => false))) continue
          const word =
            verifier === self ? (await own.get(provider))?.envelope : await get(provider, verifier, signal)
          if (word !== undefined) words.push(word)
        }
      }
      await Promise.all(Array.from({ length: GETS_AT_ONCE }, take))
      return words
    },
    stop: () => {
      stopping.abort(new Error('the node stops'))
      for (const cancel of undo) cancel()
    },
  }
}

/**
 * Who may write what: a verifier about a provider, under the names of both; of two words the newer one holds. The table
 * itself stores whatever comes last, so a provider could put back an old word that it likes better: who has seen a newer
 * one neither stores nor believes it.
 */
export function attestationRecords(facts: {
  market: Uint8Array
  clock: Pick<Clock, 'now'>
  /** Whether a verifier's word about a provider matters to this node: the last to be forgotten. Default: none does. */
  isOurs?: (provider: string, verifier: string) => boolean
}): RecordRules {
  const { isOurs = () => false } = facts
  const newest = createNewest({
    isOurs: (key) => {
      const [provider = '', verifier = ''] = key.split('/')
      return isOurs(provider, verifier)
    },
  })
  return {
    validate: async (key, value) => {
      const [provider = '', verifier, ...rest] = key.split('/')
      if (!isPeer(provider) || rest.length > 0) return false
      const { market, clock } = facts
      const read = await readAttestation(value, { now: clock.now(), market, provider })
      if (isRefusal(read) || read.verifier !== verifier) return false
      return newest.take(key, read.verifier, read.attestation.timeMs)
    },
    select: (_key, values) => {
      const times = values.map(timeOf)
      const last = Math.max(...times)
      const among = values.filter((_, at) => times[at] === last)
      // Of two of the same moment every node must take the same one, whatever came first.
      const least = among.reduce((best, each) => (Buffer.compare(each, best) < 0 ? each : best))
      return values.findIndex((each) => equal(each, least))
    },
  }
}

function timeOf(envelope: Uint8Array): number {
  const payload = payloadOf(envelope)
  try {
    return payload === undefined ? 0 : Attestation.decode(payload).timeMs
  } catch {
    return 0
  }
}

function recordKeyOf(provider: string, verifier: string): string {
  return `${NAMESPACE}/${provider}/${verifier}`
}

function announcementOf(provider: string): string {
  return `attestations/${provider}`
}
