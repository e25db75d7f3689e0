import type { Clock, Log } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'

/** Round trips to peers, measured by ping in the background and remembered for a while. */
export interface LatencyMeter {
  /** The shortest of the last few, in milliseconds; undefined: not measured, or too long ago. */
  latencyOf(peer: string): number | undefined
  /** The same, measured now where it is not known. Undefined: the peer did not answer. Rejects only for `signal`. */
  measure(peer: string, signal?: AbortSignal): Promise<number | undefined>
  /** Measures in the background those of the peers that are not known; the first ones first, and not all of very many. */
  consider(peers: readonly string[]): void
  /** All that is known: per peer the second shortest, which one clock that was set meanwhile cannot have made. */
  table(): Array<{ peer: string; ms: number }>
  stop(): void
}

const SAMPLES = 3
/** A path through the internet changes, and a machine moves. */
const FRESH_MS = 600_000
/** Who does not answer is not asked again for so long. */
const SILENT_MS = 120_000
const PING_MS = 3_000
const AT_ONCE = 4
const MAX_WAITING = 64
const MAX_KEPT = 4_096
const NEIGHBOURS_MS = 60_000

interface Entry {
  /** The shortest first; none: it did not answer. */
  samples: number[]
  /** By the clock's `elapsed`. */
  measuredAt: number
}

export function createLatencyMeter(parts: {
  network: Pick<Network, 'peer' | 'peers' | 'roundTripMs'>
  clock: Clock
  log: Log
}): LatencyMeter {
  const { network, clock, log } = parts
  const entries = new Map<string, Entry>()
  const running = new Map<string, Promise<void>>()
  const waiting = new Set<string>()
  const stopping = new AbortController()

  const isFresh = ({ samples, measuredAt }: Entry) =>
    clock.elapsed() - measuredAt < (samples.length === 0 ? SILENT_MS : FRESH_MS)

  const fresh = (peer: string): Entry | undefined => {
    const entry = entries.get(peer)
    return entry !== undefined && isFresh(entry) ? entry : undefined
  }

  const remember = (peer: string, samples: number[]) => {
    entries.delete(peer)
    entries.set(peer, { samples: samples.sort((a, b) => a - b), measuredAt: clock.elapsed() })
    if (entries.size > MAX_KEPT) entries.delete(entries.keys().next().value as string)
  }

  /** One after the other: side by side they would wait for one another. */
  const ping = async (peer: string): Promise<void> => {
    const samples: number[] = []
    try {
      for (let sample = 0; sample < SAMPLES; sample++) {
        const late = new AbortController()
        const cancel = clock.after(PING_MS, () => late.abort(new Error('no answer in time')))
        try {
          const signal = AbortSignal.any([late.signal, stopping.signal])
          samples.push(Math.max(0, await network.roundTripMs(peer, { signal })))
        } finally {
          cancel()
        }
      }
    } catch (error) {
      log.debug('a peer does not answer pings', { peer, error: String(error) })
    }
    remember(peer, samples)
  }

  const start = (peer: string): Promise<void> => {
    const known = running.get(peer)
    if (known !== undefined) return known
    const pinging = ping(peer).finally(() => {
      running.delete(peer)
      next()
    })
    running.set(peer, pinging)
    return pinging
  }

  const next = () => {
    for (const peer of waiting) {
      if (running.size >= AT_ONCE || stopping.signal.aborted) return
      waiting.delete(peer)
      void start(peer)
    }
  }

  const consider = (peers: readonly string[]) => {
    for (const peer of peers) {
      if (waiting.size >= MAX_WAITING) break
      if (peer !== network.peer && fresh(peer) === undefined && !running.has(peer)) waiting.add(peer)
    }
    next()
  }

  const latencyOf = (peer: string) => (peer === network.peer ? 0 : fresh(peer)?.samples[0])
  const stopLooking = clock.every(NEIGHBOURS_MS, () => consider(network.peers()))

  return {
    latencyOf,
    measure: async (peer, signal) => {
      if (peer !== network.peer && fresh(peer) === undefined) {
        await Promise.race([start(peer), aborted(signal)])
        signal?.throwIfAborted()
      }
      return latencyOf(peer)
    },
    consider,
    table: () =>
      [...entries].flatMap(([peer, entry]) => {
        const ms = isFresh(entry) ? entry.samples[1] : undefined
        return ms === undefined ? [] : [{ peer, ms }]
      }),
    stop: () => {
      stopLooking()
      waiting.clear()
      stopping.abort(new Error('the node stops'))
    },
  }
}

/** Never resolves without a signal. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
}
