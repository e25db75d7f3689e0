import { Duplex } from 'node:stream'
import { NightshiftError } from '../../../protocols/errors.js'
import { readStreams } from './hijack.js'

/** Our end of relay/relay.c: connections to the job's own 127.0.0.1, many over one pair of streams. */
export interface Relay {
  /**
   * A connection to a port; each direction may end before the other. Throws PORT_REFUSED when nothing listens there,
   * TOO_MANY_CONNECTIONS.
   */
  connect(port: number): Promise<Duplex>
  /** Resolves when the relay says that it is there. */
  readonly ready: Promise<void>
  /** Resolves when it is gone, and every connection with it. */
  readonly ended: Promise<void>
}

const KIND = { open: 1, data: 2, end: 3, close: 4, credit: 5, ready: 6, opened: 7 } as const
/** As in relay.c. */
const SLOTS = 128
const WINDOW_BYTES = 65_536
const PIECE_BYTES = 16_384
const HEADER_BYTES = 8
const GREETING = Buffer.from('\0NSRELAY', 'latin1')
/** `ECONNREFUSED` of Linux. */
const REFUSED = 111

/** What a slot is told by the relay. */
interface Channel {
  onOpened(): void
  onData(bytes: Buffer): void
  onEnd(): void
  onCredit(bytes: number): void
  onClosed(errno: number): void
}

/** `wire`: the relay's standard streams, as the engine gives them. */
export function createRelay(wire: Duplex): Relay {
  const channels = new Map<number, Channel>()
  let isOver = false
  let declareReady = () => {}
  const ready = new Promise<void>((resolve) => {
    declareReady = resolve
  })

  const send = (kind: number, slot: number, payload: Uint8Array = new Uint8Array()) => {
    if (isOver) return
    const header = Buffer.alloc(HEADER_BYTES)
    header[0] = kind
    header.writeUInt16LE(slot, 2)
    header.writeUInt32LE(payload.byteLength, 4)
    // Never more than every slot's credit lies here.
    wire.write(Buffer.concat([header, payload]))
  }
  const take = (kind: number, slot: number, payload: Buffer) => {
    if (kind === KIND.ready) return declareReady()
    const channel = channels.get(slot)
    if (kind === KIND.opened) channel?.onOpened()
    if (kind === KIND.data) channel?.onData(payload)
    if (kind === KIND.end) channel?.onEnd()
    if (kind === KIND.credit) channel?.onCredit(payload.readUInt32LE(0))
    if (kind !== KIND.close) return
    channels.delete(slot)
    channel?.onClosed(payload.readUInt32LE(0))
  }

  const listen = async () => {
    const cut = createCutter(take)
    try {
      await readStreams(wire, (bytes, isError) => (isError ? undefined : cut(bytes)))
    } catch {
      // Gone without a good-bye, as with one.
    }
    isOver = true
    wire.destroy()
    for (const channel of [...channels.values()]) channel.onClosed(-1)
    channels.clear()
  }
  wire.on('error', () => {})
  wire.write(GREETING)
  const ended = listen()

  const connect = (port: number) =>
    new Promise<Duplex>((resolve, reject) => {
      if (isOver) return reject(gone())
      const slot = firstFree(channels)
      if (slot === undefined) return reject(tooMany())
      const connection = createConnection(
        (kind, payload) => send(kind, slot, payload),
        (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)),
        port,
      )
      channels.set(slot, connection)
      const wanted = Buffer.alloc(2)
      wanted.writeUInt16LE(port)
      send(KIND.open, slot, wanted)
    })
  return { connect, ready, ended }
}

function firstFree(channels: ReadonlyMap<number, Channel>): number | undefined {
  for (let slot = 0; slot < SLOTS; slot++) if (!channels.has(slot)) return slot
  return undefined
}

/** Frames out of pieces of any size. */
function createCutter(
  take: (kind: number, slot: number, payload: Buffer) => void,
): (bytes: Uint8Array) => void {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes])
    while (rest.length >= HEADER_BYTES) {
      const bytes = rest.readUInt32LE(4)
      if (bytes > PIECE_BYTES) throw new RangeError(`a frame of ${bytes} bytes`)
      const end = HEADER_BYTES + bytes
      if (rest.length < end) return
      take(rest[0]!, rest.readUInt16LE(2), rest.subarray(HEADER_BYTES, end))
      rest = rest.subarray(end)
    }
  }
}

type Send = (kind: number, payload?: Uint8Array) => void

function createConnection(send: Send, settle: (outcome: Duplex | Error) => void, port: number): Channel {
  let credit = WINDOW_BYTES
  let owed = 0
  let isClosed = false
  let isOpened = false
  let goOn: (() => void) | undefined

  const give = () => {
    if (owed === 0 || isClosed) return
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(owed)
    owed = 0
    send(KIND.credit, bytes)
  }
  const write = (bytes: Buffer, done: (error?: Error | null) => void) => {
    let rest = bytes
    while (rest.length > 0 && credit > 0 && !isClosed) {
      const piece = rest.subarray(0, Math.min(rest.length, credit, PIECE_BYTES))
      credit -= piece.length
      send(KIND.data, piece)
      rest = rest.subarray(piece.length)
    }
    if (isClosed) return done(reset())
    if (rest.length === 0) return done()
    goOn = () => write(rest, done)
  }
  const wake = () => {
    const next = goOn
    goOn = undefined
    next?.()
  }
  const duplex = new Duplex({
    readableHighWaterMark: WINDOW_BYTES,
    writableHighWaterMark: PIECE_BYTES,
    read: give,
    write: (piece: Buffer, _encoding, done) => write(piece, done),
    final: (done) => {
      if (!isClosed) send(KIND.end)
      done()
    },
    destroy: (error, done) => {
      // Ended on both sides it closes by itself, and what the job has not read yet is still on its way.
      const isEnded = duplex.writableFinished && duplex.readableEnded
      if (!isClosed && !isEnded) send(KIND.close)
      wake()
      done(error)
    },
  })
  return {
    onOpened: () => {
      isOpened = true
      settle(duplex)
    },
    onData: (bytes) => {
      owed += bytes.length
      if (duplex.destroyed || duplex.push(bytes)) give()
    },
    onEnd: () => {
      if (!duplex.destroyed) duplex.push(null)
    },
    onCredit: (bytes) => {
      credit += bytes
      wake()
    },
    onClosed: (errno) => {
      isClosed = true
      if (!isOpened) settle(errno === REFUSED ? refused(port) : errno === -1 ? gone() : reset())
      if (errno !== 0 || !isOpened) duplex.destroy(isOpened ? reset() : undefined)
      wake()
    },
  }
}

function refused(port: number): NightshiftError {
  return new NightshiftError('PORT_REFUSED', `nothing listens on port ${port} of the job`, {
    advice: 'the program may still be starting, or listen on another port or address than 127.0.0.1',
    context: { port },
  })
}

function tooMany(): NightshiftError {
  return new NightshiftError('TOO_MANY_CONNECTIONS', `${SLOTS} connections to the job are open`, {
    advice: 'close some, or keep connections alive and use them again',
  })
}

function reset(): NightshiftError {
  return new NightshiftError('CONNECTION_RESET', 'the job ended the connection', { advice: 'connect again' })
}

function gone(): NightshiftError {
  return new NightshiftError('RELAY_GONE', 'the way to the job’s ports is gone', {
    advice: 'the job has ended, or is about to',
  })
}
