import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { parseArgs } from 'node:util'

/**
 * The same transfer as in `transfer.ts` without anything of ours: a bare socket, or TLS with a pre-shared key, which needs
 * no certificate. One side as a process of its own; the serving side prints its port, the fetching side what it measured.
 */
const PIECE = new Uint8Array(128 * 1024).fill(7)
const PSK = {
  ciphers: 'PSK-AES128-GCM-SHA256',
  maxVersion: 'TLSv1.2' as const,
}
const KEY = Buffer.alloc(16, 1)

const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    port: { type: 'string' },
    bytes: { type: 'string', default: '0' },
  },
})
const bytes = Number(values.bytes)
const isTls = values.kind === 'tls'

function send(socket: Socket): void {
  let left = bytes
  const go = () => {
    while (left > 0) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.byteLength))
      left -= piece.byteLength
      if (!socket.write(piece)) {
        socket.once('drain', go)
        return
      }
    }
    socket.end()
  }
  socket.once('data', go)
  socket.on('close', () => process.exit(0))
}

function serve(): void {
  const server = isTls ? createTlsServer({ ...PSK, pskCallback: () => KEY }, send) : createTcpServer(send)
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: (server.address() as { port: number }).port })}\n`)
  })
}

function fetch(port: number): void {
  const options = { port, host: '127.0.0.1' }
  const begin = () => {
    const beganMs = performance.now()
    let received = 0
    socket.on('data', (piece) => {
      received += piece.byteLength
    })
    socket.on('end', () => {
      process.stdout.write(`${JSON.stringify({ bytes: received, ms: performance.now() - beganMs })}\n`)
      process.exit(0)
    })
    socket.write('go')
  }
  const psk = {
    ...PSK,
    pskCallback: () => ({ psk: KEY, identity: 'bench' }),
    checkServerIdentity: () => undefined,
  }
  const socket: Socket = isTls ? connectTls({ ...options, ...psk }, begin) : connectTcp(options, begin)
}

if (values.port === undefined) serve()
else fetch(Number(values.port))
