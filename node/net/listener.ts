import { createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { NightshiftError } from '../../protocols/errors.js'
import type { Listener } from './ports.js'

/**
 * Takes connections on a port of this machine and joins each with one that `open` makes; either side may end its direction
 * before the other. Throws PORT_IN_USE, PORT_FORBIDDEN.
 */
export async function listen(
  at: { host: string; port: number },
  open: (signal: AbortSignal) => Promise<Duplex>,
  onFailure: (error: unknown) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const serve = async (socket: Socket) => {
    const gone = new AbortController()
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      gone.abort()
    })
    // What goes wrong with it, the pipelines tell; before they stand nobody else listens.
    socket.on('error', () => {})
    try {
      await joinStreams(socket, await open(gone.signal))
    } catch (error) {
      socket.destroy()
      if (!gone.signal.aborted) onFailure(error)
    }
  }
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => void serve(socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(notListening(at, cause)))
    server.listen(at.port, at.host, resolve)
  })
  const { port } = server.address() as { port: number }
  return {
    host: at.host,
    port,
    connections: () => sockets.size,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Passes on what each side says, and that it says no more. Rejects with what broke it, after which both are destroyed. */
export async function joinStreams(left: Duplex, right: Duplex): Promise<void> {
  try {
    await Promise.all([pipeline(left, right), pipeline(right, left)])
  } catch (error) {
    left.destroy()
    right.destroy()
    throw error
  }
}

function notListening(
  { host, port }: { host: string; port: number },
  cause: NodeJS.ErrnoException,
): NightshiftError {
  const isUsed = cause.code === 'EADDRINUSE'
  return new NightshiftError(
    isUsed ? 'PORT_IN_USE' : 'PORT_FORBIDDEN',
    `cannot listen on ${host} port ${port}: ${isUsed ? 'it is in use' : (cause.code ?? cause.message)}`,
    { advice: 'name another local port, or 0 for any free one', context: { host, port }, cause },
  )
}
