import { toHex } from '../../protocols/bytes.js'
import {
  ATTESTATION_LIMITS,
  ATTESTATION_WORD,
  type Evidence,
  judgeAttestation,
  weighAttestations,
} from '../../protocols/challenge/attestation.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { open } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'

/** What verifiers say of providers, weighed by the stake that the chain confirms now. */
export interface EvidenceReader {
  /** Asks the provider for what its heartbeat says it has; nothing for one that does not answer in time. */
  evidenceOf(peer: string, signal?: AbortSignal): Promise<Evidence>
  /** Peer ids of the verifiers with a stake that attest in the provider's favour. */
  attestersOf(peer: string, signal?: AbortSignal): Promise<string[]>
}

const ASK_MS = 2_000
/** Providers whose evidence is remembered; the least recently read is forgotten first. */
const MAX_REMEMBERED = 1_024

export function createEvidenceReader(parts: {
  heartbeats: HeartbeatTopic
  engine: Engine
  escrow: Escrow
  clock: Clock
  log: Log
  market: Uint8Array
}): EvidenceReader {
  const { heartbeats, engine, escrow, clock, log, market } = parts
  const remembered = new Map<string, { digest: string; found: Found[] }>()

  const ask = async (peer: string, signal?: AbortSignal): Promise<Found[]> => {
    const late = new AbortController()
    const stop = clock.after(ASK_MS, () => late.abort(new Error('no answer in time')))
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    try {
      const { attestations } = await engine.request(inventoryProtocol, peer, {}, { signal: limit })
      const read = attestations.slice(0, ATTESTATION_LIMITS.maxKept).map((bytes) => openOne(peer, bytes))
      return (await Promise.all(read)).filter((each) => each !== undefined)
    } finally {
      stop()
    }
  }

  const openOne = async (peer: string, bytes: Uint8Array): Promise<Found | undefined> => {
    const opened = await open({ word: ATTESTATION_WORD, bytes, maxBytes: ATTESTATION_LIMITS.maxBytes })
    // A provider's word about itself is no evidence.
    if (isRefusal(opened) || opened.peer === peer) return undefined
    try {
      const attestation = Attestation.decode(opened.payload)
      const facts = { now: clock.now(), market, provider: solanaKeyOf(peer) }
      if (judgeAttestation(attestation, facts) !== undefined) return undefined
      return { verifier: opened.peer, attestation }
    } catch {
      return undefined
    }
  }

  const weighed = async (peer: string, signal?: AbortSignal): Promise<Array<Found & { stake: bigint }>> => {
    const { attestations = 0, attestationsDigest } = heartbeats.newest(peer)?.heartbeat ?? {}
    if (attestations === 0 || attestationsDigest === undefined) return []
    try {
      const digest = toHex(attestationsDigest)
      const known = remembered.get(peer)
      const found = known?.digest === digest ? known.found : await ask(peer, signal)
      remembered.delete(peer)
      remembered.set(peer, { digest, found })
      for (const oldest of remembered.keys()) {
        if (remembered.size <= MAX_REMEMBERED) break
        remembered.delete(oldest)
      }
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
    evidenceOf: async (peer, signal) => weighAttestations(await weighed(peer, signal)),
    attestersOf: async (peer, signal) =>
      (await weighed(peer, signal))
        .filter((each) => each.stake > 0n && weighAttestations([each]).favourable > 0)
        .map(({ verifier }) => verifier),
  }
}

interface Found {
  verifier: string
  attestation: Attestation
}
