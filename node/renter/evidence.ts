import { toHex } from '../../protocols/bytes.js'
import {
  ATTESTATION_LIMITS,
  type Evidence,
  readAttestation,
  weighAttestations,
} from '../../protocols/challenge/attestation.js'
import type { Attestation } from '../../protocols/challenge/wire.js'
import { isRefusal } from '../../protocols/errors.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { AttestationBoard } from '../market/attestations.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'

/** What verifiers say of providers, weighed by the stake that the chain confirms now. */
export interface EvidenceReader {
  /**
   * What the provider shows by itself, and what verifiers have written where it cannot keep it back. Nothing of what does
   * not come in time; the next reading finds it.
   */
  evidenceOf(peer: string, signal?: AbortSignal): Promise<Evidence>
  /** Peer ids of the verifiers with a stake that attest in the provider's favour. */
  attestersOf(peer: string, signal?: AbortSignal): Promise<string[]>
  stop(): void
}

interface Found {
  verifier: string
  attestation: Attestation
}

const ASK_MS = 2_000
/** A reader waits so long for the hash table; the search goes on behind it, for the next one. */
const LOOK_MS = 500
const SEARCH_MS = 30_000
/** So long what was found there is good. */
const FRESH_MS = 1_800_000
/** A search costs others a few dozen messages. Whoever is not looked for now is at its next reading. */
const MAX_SEARCHES = 4
/** Providers that are heard now may have attested: of these some are asked for by name, whoever has announced what. */
const KNOWN_ASKED = 8
/** Providers whose evidence is remembered; the least recently read is forgotten first. */
const MAX_REMEMBERED = 1_024

export function createEvidenceReader(parts: {
  heartbeats: Pick<HeartbeatTopic, 'newest' | 'all'>
  engine: Engine
  escrow: Escrow
  board: Pick<AttestationBoard, 'read'>
  clock: Clock
  random: Random
  log: Log
  market: Uint8Array
}): EvidenceReader {
  const { heartbeats, engine, escrow, board, clock, random, log, market } = parts
  const shown = createMemory<{ digest: string; found: Found[] }>()
  const written = createMemory<{ atMs: number; found: Promise<Found[]> }>()
  const stopping = new AbortController()
  let searching = 0

  const readAll = async (peer: string, envelopes: readonly Uint8Array[]): Promise<Found[]> => {
    const facts = { now: clock.now(), market, provider: peer }
    const read = await Promise.all(envelopes.map((bytes) => readAttestation(bytes, facts)))
    return read.flatMap((each) => (isRefusal(each) ? [] : [each]))
  }

  const ask = async (peer: string, signal?: AbortSignal): Promise<Found[]> => {
    const { attestations = 0, attestationsDigest } = heartbeats.newest(peer)?.heartbeat ?? {}
    if (attestations === 0 || attestationsDigest === undefined) return []
    const digest = toHex(attestationsDigest)
    const known = shown.get(peer)
    if (known?.digest === digest) return known.found
    const late = new AbortController()
    const stop = clock.after(ASK_MS, () => late.abort(new Error('no answer in time')))
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    try {
      const answer = await engine.request(inventoryProtocol, peer, {}, { signal: limit })
      const found = await readAll(peer, answer.attestations.slice(0, ATTESTATION_LIMITS.maxKept))
      shown.set(peer, { digest, found })
      return found
    } finally {
      stop()
    }
  }

  const search = async (peer: string): Promise<Found[]> => {
    const late = new AbortController()
    const stop = clock.after(SEARCH_MS, () => late.abort(new Error('the search took too long')))
    const signal = AbortSignal.any([stopping.signal, late.signal])
    try {
      const isWorth = async (verifier: string) =>
        ((await escrow.provider(solanaKeyOf(verifier), signal))?.stake ?? 0n) > 0n
      const known = sample(
        heartbeats.all().map((each) => each.peer),
        KNOWN_ASKED,
        random,
      )
      return await readAll(peer, await board.read(peer, { known, isWorth, signal }))
    } catch (error) {
      log.debug('attestations are not found', { peer, error: String(error) })
      return []
    } finally {
      stop()
    }
  }

  const look = async (peer: string): Promise<Found[]> => {
    const known = written.get(peer)
    if (known !== undefined && clock.elapsed() - known.atMs < FRESH_MS) return waitFor(known.found)
    if (searching >= MAX_SEARCHES) return known === undefined ? [] : waitFor(known.found)
    searching++
    const found = search(peer).finally(() => searching--)
    written.set(peer, { atMs: clock.elapsed(), found })
    return waitFor(found)
  }
  const waitFor = async (found: Promise<Found[]>): Promise<Found[]> => {
    const late = Promise.withResolvers<Found[]>()
    const stop = clock.after(LOOK_MS, () => late.resolve([]))
    try {
      return await Promise.race([found, late.promise])
    } finally {
      stop()
    }
  }

  /** One word per verifier may be there twice: as the provider shows it, and as the table has it. */
  const weigh = async (peer: string, signal?: AbortSignal): Promise<Array<Found & { stake: bigint }>> => {
    try {
      const [asked, looked] = await Promise.all([
        ask(peer, signal).catch((error) => {
          log.debug('a provider does not show its attestations', { peer, error: String(error) })
          return []
        }),
        look(peer),
      ])
      signal?.throwIfAborted()
      const found = [...asked, ...looked]
      const accounts = await escrow.providers(
        found.map(({ verifier }) => solanaKeyOf(verifier)),
        signal,
      )
      return found.map((each, at) => ({ ...each, stake: accounts[at]?.stake ?? 0n }))
    } catch (error) {
      signal?.throwIfAborted()
      log.debug('the attestations of a provider are not known', { peer, error: String(error) })
      return []
    }
  }

  return {
    evidenceOf: async (peer, signal) => weighAttestations(await weigh(peer, signal)),
    attestersOf: async (peer, signal) => favourableOf(await weigh(peer, signal)),
    stop: () => stopping.abort(new Error('the node stops')),
  }
}

/** Who has a stake and whose newest word is good. */
function favourableOf(found: ReadonlyArray<Found & { stake: bigint }>): string[] {
  const verifiers = new Set(found.filter(({ stake }) => stake > 0n).map(({ verifier }) => verifier))
  return [...verifiers].filter((verifier) => {
    const own = found.filter((each) => each.verifier === verifier)
    return weighAttestations(own).favourable > 0
  })
}

/** Some of many, at random. */
function sample(peers: readonly string[], count: number, random: Random): string[] {
  const left = [...peers]
  const most = Math.min(count, left.length)
  return Array.from({ length: most }, () => left.splice(random.below(left.length), 1)[0]!)
}

function createMemory<T>() {
  const kept = new Map<string, T>()
  return {
    get: (key: string): T | undefined => {
      const found = kept.get(key)
      if (found !== undefined) {
        kept.delete(key)
        kept.set(key, found)
      }
      return found
    },
    set: (key: string, value: T): void => {
      kept.delete(key)
      kept.set(key, value)
      for (const oldest of kept.keys()) {
        if (kept.size <= MAX_REMEMBERED) break
        kept.delete(oldest)
      }
    },
  }
}
