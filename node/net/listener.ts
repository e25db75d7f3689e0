import { createServer, type Socket } from 'node:net'
import { NightshiftError } from '../../protocols/errors.js'
import type { Listen } from './ports.js'

/** A port of this machine whose connections are handed over as they come. */
export const listen: Listen = async (at, serve, onFailure) => {
  const sockets = new Set<Socket>()
  const take = async (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // What breaks it, whoever reads and writes it finds.
    socket.on('error', () => {})
    try {
      await serve(socket)
    } catch (error) {
      socket.destroy()
      onFailure(error)
    }
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => void take(socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(notListening(at, cause)))
    server.listen(at.port, at.host, resolve)
  })
  const { port } = server.address() as { port: number }
  return {
    host: at.host,
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function notListening(
  { host, port }: { host: string; port: number },
  cause: NodeJS.ErrnoException,
): NightshiftError {
  const isUsed = cause.code === 'EADDRINUSE'
  const why = isUsed ? 'it is in use' : (cause.code ?? cause.message)
  const code = isUsed ? 'PORT_IN_USE' : 'PORT_FORBIDDEN'
  return new NightshiftError(code, `cannot listen on ${host} port ${port}: ${why}`, {
    advice: 'name another local port, or 0 for any free one',
    context: { host, port },
    cause,
  })
}
