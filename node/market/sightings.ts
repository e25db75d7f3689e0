import { type NodeKey, open, seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { judgeRoundTrips, ROUND_TRIPS_LIMITS, ROUND_TRIPS_WORD } from '../../protocols/inventory/sightings.js'
import { RoundTrips } from '../../protocols/inventory/wire.js'
import { peerIdFromSolanaKey, solanaKeyOf } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import type { LatencyMeter } from './latency.js'

/** One node's round trips as it has signed them. */
export interface RoundTripTable {
  observer: string
  location: string
  /** Milliseconds by peer. */
  peers: ReadonlyMap<string, number>
}

/** So often at most the table is signed anew, however many ask. */
const SIGN_EVERY_MS = 60_000

/** What this node has measured, sealed, to hand to whoever asks. */
export function createRoundTripTeller(parts: {
  meter: Pick<LatencyMeter, 'table'>
  market: Uint8Array
  location: string
  key: NodeKey
  clock: Pick<Clock, 'now' | 'elapsed'>
}): () => Promise<Uint8Array> {
  const { meter, market, location, key, clock } = parts
  let signed: { table: Promise<Uint8Array>; atMs: number } | undefined
  const sign = () => {
    const peers = meter
      .table()
      .slice(-ROUND_TRIPS_LIMITS.maxPeers)
      .map(({ peer, ms }) => ({ peer: solanaKeyOf(peer), ms }))
    const payload = RoundTrips.encode({ market, timeMs: clock.now(), location, peers })
    return seal({ word: ROUND_TRIPS_WORD, payload, key })
  }
  return () => {
    if (signed === undefined || clock.elapsed() - signed.atMs > SIGN_EVERY_MS) {
      signed = { table: sign(), atMs: clock.elapsed() }
    }
    return signed.table
  }
}

/** Undefined for what is not signed by `observer`, or not to be believed at all. Never throws on what came from outside. */
export async function openRoundTrips(
  bytes: Uint8Array,
  facts: { observer: string; market: Uint8Array; now: number },
): Promise<RoundTripTable | undefined> {
  const opened = await open({ word: ROUND_TRIPS_WORD, bytes, maxBytes: ROUND_TRIPS_LIMITS.maxBytes })
  if (isRefusal(opened) || opened.peer !== facts.observer) return undefined
  try {
    const table = RoundTrips.decode(opened.payload)
    if (judgeRoundTrips(table, facts) !== undefined) return undefined
    const peers = new Map(table.peers.map(({ peer, ms }) => [peerIdFromSolanaKey(peer), ms]))
    return { observer: opened.peer, location: table.location, peers }
  } catch {
    return undefined
  }
}
