import type { Duplex, Writable } from 'node:stream'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'

/** One conversation with one peer over one protocol: typed messages in both directions, one at a time. */
export interface Session<Out, In> {
  readonly word: string
  readonly direction: 'inbound' | 'outbound'
  readonly connection: ConnectionInfo
  /** The other side, as its base58 peer id. */
  readonly peer: string
  /** Aborts, with the error as reason, when the session fails or is cancelled; not when it ends in order. */
  readonly signal: AbortSignal
  /**
   * Resolves when the peer has room for more: a loop that awaits every `send` holds at most one message and a buffer
   * of 256 KiB in memory, however slow the reader is. One `send` at a time.
   */
  send(message: Out): Promise<void>
  /** The next message, or undefined when the peer has ended its side in order. One `receive` at a time. */
  receive(): Promise<In | undefined>
  [Symbol.asyncIterator](): AsyncIterator<In>
  /** Says that no more messages come from this side; receiving goes on. */
  end(): Promise<void>
  /** Ends this side, throws away what the peer still sends (for at most a few seconds), and releases the stream. */
  close(): Promise<void>
  /** Breaks the session off at once; the peer learns the code of a NightshiftError, else a reset. */
  abort(error: Error): void
}

export interface ConnectionInfo {
  readonly id: string
  /** The peer's address as a multiaddr. */
  readonly remoteAddress: string
  readonly direction: 'inbound' | 'outbound'
}

const FIRST_MS = 30_000

/**
 * What a session begins with, on protocols that may be silent for a day after it: streams on which nobody says whose they are would
 * take the places of all others meanwhile. Throws PEER_STALLED when it does not come in time.
 */
export async function receiveFirst<Out, In>(
  session: Session<Out, In>,
  clock: Clock,
): Promise<In | undefined> {
  const cancel = clock.after(FIRST_MS, () =>
    session.abort(
      new NightshiftError('PEER_STALLED', `nothing came within ${FIRST_MS / 1000} s`, {
        advice: 'say at once what the stream is for',
      }),
    ),
  )
  try {
    return await session.receive()
  } finally {
    cancel()
  }
}

/**
 * Joins a session whose messages carry bytes with a stream of bytes, both ways, each no faster than the other side takes
 * it; the end of one direction is passed on, and the other goes on. Throws what broke it, after both are broken off;
 * CONNECTION_IDLE when nothing was said for `idleMs`.
 */
export async function carry<Out, In>(
  session: Session<Out, In>,
  stream: Duplex,
  parts: {
    wrap: (data: Uint8Array) => Out
    /** Undefined: such a message has no place here. */
    unwrap: (message: In) => Uint8Array | undefined
    pieceBytes: number
    idleMs: number
    clock: Clock
  },
): Promise<void> {
  const { wrap, unwrap, pieceBytes, idleMs, clock } = parts
  let lastAt = clock.elapsed()
  const fail = (error: Error) => {
    session.abort(error)
    stream.destroy(error)
  }
  const stopWatching = clock.every(idleMs / IDLE_LOOKS, () => {
    if (clock.elapsed() - lastAt < idleMs) return
    const advice = 'connect again; a program that keeps connections sends something now and then'
    fail(new NightshiftError('CONNECTION_IDLE', `nothing was said for ${idleMs / 1000} s`, { advice }))
  })
  const onGone = () => stream.destroy(session.signal.reason as Error)
  session.signal.addEventListener('abort', onGone, { once: true })
  const take = async () => {
    for await (const message of session) {
      const data = unwrap(message)
      if (data === undefined) {
        throw new NightshiftError('MALFORMED', 'a message that carries no data', { advice: 'connect again' })
      }
      lastAt = clock.elapsed()
      await write(stream, data)
    }
    stream.end()
  }
  const give = async () => {
    // Reading to the end must not destroy what still has to hear something.
    for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < piece.length; at += pieceBytes) {
        lastAt = clock.elapsed()
        await session.send(wrap(piece.subarray(at, at + pieceBytes)))
      }
    }
    await session.end()
  }
  try {
    await Promise.all([take(), give()])
  } catch (error) {
    fail(error as Error)
    throw error
  } finally {
    stopWatching()
    session.signal.removeEventListener('abort', onGone)
  }
}

const IDLE_LOOKS = 4

/** Resolves when the stream has room for more; rejects when it takes nothing any more. */
export function write(stream: Writable, data: Uint8Array): Promise<void> | undefined {
  if (stream.destroyed) throw stream.errored ?? new Error('the stream was closed')
  if (stream.write(data)) return undefined
  return new Promise((resolve, reject) => {
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      if (stream.destroyed) reject(stream.errored ?? new Error('the stream was closed'))
      else resolve()
    }
    stream.on('drain', settle)
    stream.on('close', settle)
  })
}
