import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NightshiftError } from '../../../protocols/errors.js'

/** web3.js derives the websocket's port from the RPC's by adding one, so the two are taken as a pair. */
const PAIR_ATTEMPTS = 50
const MAX_RPC_PORT = 65_534

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/

export function requireLoopback(host: string): void {
  if (LOOPBACK.test(host)) return
  throw new NightshiftError('HOST_NOT_LOOPBACK', `the local chain does not listen on ${host}`, {
    advice: 'It hands out money to anyone who asks: use 127.0.0.1, ::1 or localhost.',
    context: { host },
  })
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

function portInUse(port: number, cause: unknown): NightshiftError {
  return new NightshiftError('PORT_IN_USE', `port ${port} is in use`, {
    advice:
      'Stop what is listening there, or choose another port: the chain needs a port for RPC and the next one for its websocket; ' +
      'port 0 picks a free pair.',
    context: { port },
    cause,
  })
}

/** Binds the RPC server to `port` and the websocket server to the port after it; 0 picks a free pair. Returns the RPC port. */
export async function listenPair(
  rpc: Server,
  websocket: Server,
  host: string,
  port: number,
): Promise<number> {
  const attempts = port === 0 ? PAIR_ATTEMPTS : 1
  for (let attempt = 1; ; attempt++) {
    const at = await listen(rpc, host, port).catch((cause) => {
      throw isTaken(cause) ? portInUse(port, cause) : cause
    })
    try {
      if (at <= MAX_RPC_PORT) await listen(websocket, host, at + 1)
      if (at <= MAX_RPC_PORT) return at
    } catch (cause) {
      await stopListening(rpc)
      if (!isTaken(cause)) throw cause
      if (attempt >= attempts) throw portInUse(at + 1, cause)
      continue
    }
    await stopListening(rpc)
    if (attempt >= attempts) throw portInUse(at + 1, 'there is no port after the last')
  }
}
