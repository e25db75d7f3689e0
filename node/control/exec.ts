import type { IncomingMessage } from 'node:http'
import { type Duplex, PassThrough, Writable } from 'node:stream'
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'
import type { ExecOptions, Execution } from '../runtime/port.js'
import type { ControlledNode } from './port.js'
import { type ErrorView, viewError } from './view.js'

/**
 * A program beside a job, between a command and the node: one websocket. Every message begins with one byte that says what
 * it is; what is not bytes of a stream is JSON.
 */
const TAG = { words: 0, input: 1, inputEnd: 2, output: 3, errors: 4 } as const

const MAX_MESSAGE_BYTES = 1 << 20
/** Of a program's input, in one message. */
const PIECE_BYTES = 65_536
const PATH = /^\/v1\/jobs\/([^/?]{1,384})\/exec$/

const size = z.strictObject({
  rows: z.number().int().min(1).max(10_000),
  columns: z.number().int().min(1).max(10_000),
})
const opening = z.strictObject({
  command: z.array(z.string().max(65_536)).min(1).max(1_024),
  terminal: size.exactOptional(),
})
const resizing = z.strictObject({ resize: size })

/** What the node says besides the program's output. */
type Word = { opened: true } | { exited: number } | { error: ErrorView }

export interface ExecServer {
  /** Takes a request over whose sender was found to be who may ask. False: it is not for this. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  stop(): void
}

export function createExecServer(node: Pick<ControlledNode, 'exec'>): ExecServer {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  return {
    take: (request, socket, head) => {
      const job = PATH.exec(request.url ?? '')?.[1]
      if (job === undefined) return false
      server.handleUpgrade(request, socket, head, (client) => void serve(node, job, client))
      return true
    },
    stop: () => {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

/** `job`: as it stands in the URL. */
async function serve(node: Pick<ControlledNode, 'exec'>, job: string, client: WebSocket): Promise<void> {
  const wire = streamOf(client)
  let program: Execution | undefined
  const say = (word: Word) => put(wire, TAG.words, Buffer.from(JSON.stringify(word)))
  try {
    const messages = wire.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
    const { value: first } = (await messages.next()) as { value?: Buffer }
    if (first === undefined) return
    // What is no encoding of anything throws: here it is told, and ends nothing but this.
    const id = decodeURIComponent(job)
    const { command, ...options } = opening.parse(JSON.parse(first.subarray(1).toString()))
    program = await node.exec(id, command, options)
    const running = program
    wire.once('close', () => running.close())
    await say({ opened: true })
    obey(messages, running).catch(() => running.close())
    await Promise.all([
      pass(running.output, (piece) => put(wire, TAG.output, piece)),
      pass(running.errors, (piece) => put(wire, TAG.errors, piece)),
    ])
    await say({ exited: await running.ended })
  } catch (error) {
    await Promise.resolve(say({ error: viewError(error) })).catch(() => {})
  } finally {
    program?.close()
    client.close()
  }
}

async function obey(messages: AsyncIterableIterator<Buffer>, program: Execution): Promise<void> {
  for await (const message of messages) {
    const data = message.subarray(1)
    if (message[0] === TAG.input) await drained(program.input, data)
    else if (message[0] === TAG.inputEnd) program.input.end()
    else await program.resize(resizing.parse(JSON.parse(data.toString())).resize)
  }
}

/** The command's side. `url`: of the control server. Rejects with the error that the node had. */
export async function openExec(
  { url, token }: { url: string; token: string },
  job: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<Execution> {
  const target = new URL(`/v1/jobs/${encodeURIComponent(job)}/exec`, url)
  target.protocol = 'ws:'
  const client = new WebSocket(target, {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  const wire = streamOf(client)
  const output = new PassThrough()
  const errors = new PassThrough()
  const give = async (piece: Buffer) => {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      await put(wire, TAG.input, piece.subarray(at, at + PIECE_BYTES))
    }
  }
  const input = new Writable({
    write: (piece: Buffer, _encoding, done) => void give(piece).then(() => done(), done),
    final: (done) => wire.write(tagged(TAG.inputEnd, Buffer.alloc(0)), done),
  })
  // A program that has ended takes no more input, and that is no fault.
  input.on('error', () => {})
  const messages = wire.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
  await put(wire, TAG.words, Buffer.from(JSON.stringify({ command, ...options })))
  const first = readWord((await messages.next()).value as Buffer | undefined)
  if (!('opened' in first)) throw gone()
  const read = async (): Promise<number> => {
    try {
      for await (const message of messages) {
        const data = message.subarray(1)
        if (message[0] === TAG.output) await drained(output, data)
        else if (message[0] === TAG.errors) await drained(errors, data)
        else {
          const word = readWord(message)
          if ('exited' in word) return word.exited
        }
      }
      throw gone()
    } finally {
      output.end()
      errors.end()
      input.destroy()
      client.close()
    }
  }
  const ended = read()
  ended.catch(() => {})
  return {
    input,
    output,
    errors,
    ended,
    resize: async (resize) => void wire.write(tagged(TAG.words, Buffer.from(JSON.stringify({ resize })))),
    close: () => client.terminate(),
  }
}

function readWord(message: Buffer | undefined): Exclude<Word, { error: unknown }> {
  if (message?.[0] !== TAG.words) throw gone()
  const word = JSON.parse(message.subarray(1).toString()) as Word
  if (!('error' in word)) return word
  const { code, message: text, advice, context } = word.error
  throw new NightshiftError(code, text, { advice, ...(context === undefined ? {} : { context }) })
}

/** Message for message, each way no faster than the other side takes it. */
function streamOf(client: WebSocket): Duplex {
  const wire = createWebSocketStream(client, { readableObjectMode: true, writableObjectMode: true })
  wire.on('error', () => {})
  return wire
}

function tagged(tag: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), data])
}

function put(wire: Duplex, tag: number, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    wire.write(tagged(tag, data), (error) => (error ? reject(error) : resolve()))
  })
}

async function pass(
  from: AsyncIterable<Uint8Array>,
  to: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  for await (const piece of from) await to(piece)
}

function drained(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()))
  })
}

function gone(): NightshiftError {
  return new NightshiftError('NODE_GONE', 'the node broke the program off', {
    advice: 'look whether it still runs: "nightshift node status"',
  })
}
