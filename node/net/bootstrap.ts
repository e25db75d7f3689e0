import type { Clock, Log, Random } from '../../protocols/ports.js'

/**
 * Keeps this node connected to its bootstrap peers, for ever: they may be down when it starts, and be restarted at any
 * time. libp2p's own discovery module dials each of them once.
 */
export interface BootstrapInit {
  addresses: string[]
  /** Dials, and resolves to the peer id. */
  dial: (address: string, signal: AbortSignal) => Promise<string>
  isConnected: (peer: string) => boolean
  /** Calls back whenever a peer is gone. */
  onDisconnect: (act: (peer: string) => void) => () => void
  clock: Clock
  random: Random
  log: Log
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
const DIAL_TIMEOUT_MS = 10_000

export function keepBootstrapped(init: BootstrapInit): () => Promise<void> {
  const stop = new AbortController()
  const loops = init.addresses.map((address) => keepConnected(address, init, stop.signal))
  return async () => {
    stop.abort(new Error('stopped'))
    await Promise.all(loops)
  }
}

async function keepConnected(address: string, init: BootstrapInit, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = init
  let waitMs = FIRST_WAIT_MS
  while (!signal.aborted) {
    try {
      const peer = await dialWithin(address, init, signal)
      log.info('bootstrap peer connected', { address })
      waitMs = FIRST_WAIT_MS
      await disconnected(peer, init, signal)
      log.info('bootstrap peer lost', { address })
    } catch (error) {
      if (signal.aborted) return
      log.debug('bootstrap peer cannot be reached', { address, waitMs, error: String(error) })
    }
    // half to all of the wait: a bootstrap peer that comes back is not met by everyone at once
    await clock.sleep(waitMs / 2 + random.below(Math.ceil(waitMs / 2)), signal).catch(() => {})
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }
}

async function dialWithin(
  address: string,
  { dial, clock }: BootstrapInit,
  signal: AbortSignal,
): Promise<string> {
  const attempt = new AbortController()
  const stop = () => attempt.abort(signal.reason)
  const cancelTimer = clock.after(DIAL_TIMEOUT_MS, () => attempt.abort(new Error('dialling took too long')))
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await dial(address, attempt.signal)
  } finally {
    cancelTimer()
    signal.removeEventListener('abort', stop)
  }
}

function disconnected(peer: string, init: BootstrapInit, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      stopListening()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const stopListening = init.onDisconnect((gone) => {
      if (gone === peer) finish()
    })
    signal.addEventListener('abort', finish, { once: true })
    if (signal.aborted || !init.isConnected(peer)) finish()
  })
}
