import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { NightshiftError } from '../../../protocols/errors.js'
import type { ContainerEngine } from './engine.js'

/**
 * A call that turns its connection into the standard streams of a process. Not dockerode's own: that one announces a
 * chunked body without an end, which Podman hands to the program as input. Throws ENGINE_FAILED.
 */
export function hijack(engine: ContainerEngine, what: string, path: string, body?: object): Promise<Duplex> {
  const text = body === undefined ? '' : JSON.stringify(body)
  return engine.ask(
    what,
    (_, signal) =>
      new Promise<Duplex>((resolve, reject) => {
        const sent = request({
          socketPath: engine.socket,
          path,
          method: 'POST',
          headers: {
            host: 'localhost',
            connection: 'Upgrade',
            upgrade: 'tcp',
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
        })
        // Only until the engine has answered: a connection that was taken over lives as long as the process.
        const stop = () => sent.destroy(signal.reason)
        signal.addEventListener('abort', stop, { once: true })
        sent.once('upgrade', (_answer, socket, head) => {
          signal.removeEventListener('abort', stop)
          if (head.length > 0) socket.unshift(head)
          resolve(socket)
        })
        sent.once('response', (answer) => {
          answer.resume()
          const failed = new NightshiftError('ENGINE_FAILED', `the engine answered ${answer.statusCode}`, {
            advice: 'look at the engine’s own log',
            context: { what, status: answer.statusCode ?? 0 },
          })
          reject(Object.assign(failed, { statusCode: answer.statusCode }))
        })
        sent.once('error', reject)
        sent.end(text)
      }),
  )
}

const HEADER_BYTES = 8
const ERRORS = 2
const MAX_PIECE_BYTES = 64 * 1024

/**
 * What a process without a terminal writes: engines put its two streams into one, piece by piece with a header (Engine
 * API, "Stream format"). Unlike dockerode's, it reads no faster than `take` takes.
 */
export async function readStreams(
  source: AsyncIterable<Uint8Array>,
  take: (bytes: Uint8Array, isError: boolean) => Promise<void> | void,
): Promise<void> {
  let header = Buffer.alloc(0)
  let left = 0
  let isError = false
  for await (const piece of source) {
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    while (rest.length > 0) {
      if (left === 0) {
        const wanted = HEADER_BYTES - header.length
        header = Buffer.concat([header, rest.subarray(0, wanted)])
        rest = rest.subarray(wanted)
        if (header.length < HEADER_BYTES) break
        isError = header[0] === ERRORS
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const data = rest.subarray(0, Math.min(left, MAX_PIECE_BYTES))
      await take(data, isError)
      left -= data.length
      rest = rest.subarray(data.length)
    }
  }
}
