import { Uint8ArrayList } from 'uint8arraylist'

/**
 * What goes over a stream: `length` (unsigned LEB128, at most 4 bytes, shortest form), one byte of kind, then the body;
 * `length` counts the kind and the body. A side that is done sends END before it closes: the muxer also closes streams
 * in order when a node shuts down, so the end of a stream alone does not say that everything was sent.
 */
export const FrameKind = { message: 0, refusal: 1, end: 2 } as const

const MAX_HEADER_BYTES = 4
/** A refusal's body: the code, a line feed, a short text. */
const MAX_REFUSAL_BYTES = 512
const REFUSAL_CODE = /^[A-Z][A-Z0-9_]{0,63}$/

export function encodeFrame(kind: number, body: Uint8Array): Uint8ArrayList {
  const header: number[] = []
  let length = body.byteLength + 1
  for (; length >= 0x80; length >>>= 7) header.push((length & 0x7f) | 0x80)
  header.push(length, kind)
  return new Uint8ArrayList(Uint8Array.from(header), body)
}

export function encodeRefusal(code: string, detail = ''): Uint8ArrayList {
  const body = new TextEncoder().encode(`${code}\n${detail.slice(0, 200)}`)
  return encodeFrame(FrameKind.refusal, body.subarray(0, MAX_REFUSAL_BYTES))
}

export interface WireRefusal {
  code: string
  detail: string
}

function decodeRefusal(body: Uint8Array): WireRefusal {
  const text = new TextDecoder().decode(body)
  const [code = '', detail = ''] = text.split('\n', 2)
  return {
    code: REFUSAL_CODE.test(code) ? code : 'UNSPECIFIED',
    detail: detail.replace(/[^\x20-\x7e]/g, '?'),
  }
}

export type FrameFault = { code: 'FRAME_MALFORMED' | 'FRAME_TOO_LARGE'; detail: string }

/**
 * Cuts arriving bytes into frames. Headers are read as they arrive, so a frame that is too large, or a refusal behind
 * unread messages, is noticed at once; bodies are copied out only when they are taken, so that a million tiny frames
 * cost no more memory than their bytes.
 */
export class FrameReader {
  readonly #maxBodyBytes: number
  readonly #bytes = new ByteQueue()
  #ready = 0
  #ended = false
  #fault: FrameFault | undefined
  #refusal: WireRefusal | undefined
  // the frame being scanned: header bytes so far, then what is missing of kind and body
  #headerLength = 0
  #headerValue = 0
  #missing = 0
  #kind: number | undefined
  #refusalBody: number[] = []

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Messages that can be taken now. */
  get ready(): number {
    return this.#ready
  }

  get bufferedBytes(): number {
    return this.#bytes.byteLength
  }

  /** A frame has begun and is not complete. */
  get isPartial(): boolean {
    return this.#headerLength > 0 || this.#missing > 0
  }

  /** END has arrived; messages before it may still wait to be taken. */
  get ended(): boolean {
    return this.#ended
  }

  get fault(): FrameFault | undefined {
    return this.#fault
  }

  get refusal(): WireRefusal | undefined {
    return this.#refusal
  }

  push(chunk: Uint8Array | Uint8ArrayList): void {
    const parts = chunk instanceof Uint8Array ? [chunk] : chunk
    for (const part of parts) {
      if (this.#fault !== undefined || this.#refusal !== undefined) return
      this.#bytes.push(part)
      this.#scan(part)
    }
  }

  /** The next message's bytes, copied, or undefined when none is complete. */
  take(): { body: Uint8Array; frameBytes: number } | undefined {
    if (this.#ready === 0) return undefined
    const before = this.#bytes.byteLength
    let length = 0
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      byte = this.#bytes.readByte()
      length |= (byte & 0x7f) << shift
    }
    this.#bytes.readByte()
    const body = this.#bytes.read(length - 1)
    this.#ready--
    return { body, frameBytes: before - this.#bytes.byteLength }
  }

  /** Throws away whole messages, for a side that does not want them any more. */
  discard(): void {
    while (this.take() !== undefined);
  }

  #scan(part: Uint8Array): void {
    let at = 0
    while (at < part.byteLength && this.#fault === undefined && this.#refusal === undefined) {
      if (this.#ended) this.#blame('FRAME_MALFORMED', 'bytes after the end of the conversation')
      else if (this.#missing === 0) this.#scanHeader(part[at++]!)
      else if (this.#kind === undefined) this.#scanKind(part[at++]!)
      else at += this.#scanBody(part.subarray(at))
    }
  }

  #scanHeader(byte: number): void {
    this.#headerValue |= (byte & 0x7f) << (7 * this.#headerLength++)
    if (byte >= 0x80) {
      if (this.#headerLength === MAX_HEADER_BYTES)
        this.#blame('FRAME_MALFORMED', 'a length of more than 4 bytes')
      return
    }
    const length = this.#headerValue
    const limit = Math.max(this.#maxBodyBytes, MAX_REFUSAL_BYTES) + 1
    if (length === 0) this.#blame('FRAME_MALFORMED', 'a frame without a kind')
    else if (byte === 0) this.#blame('FRAME_MALFORMED', 'a length that is not in its shortest form')
    else if (length > limit) this.#blame('FRAME_TOO_LARGE', `${length - 1} bytes, at most ${limit - 1}`)
    this.#headerLength = 0
    this.#headerValue = 0
    this.#missing = length
  }

  #scanKind(kind: number): void {
    const bodyBytes = this.#missing - 1
    const limit = [this.#maxBodyBytes, MAX_REFUSAL_BYTES, 0][kind]
    if (limit === undefined) this.#blame('FRAME_MALFORMED', `a frame of unknown kind ${kind}`)
    else if (bodyBytes > limit) this.#blame('FRAME_TOO_LARGE', `${bodyBytes} bytes, at most ${limit}`)
    this.#kind = kind
    this.#missing = bodyBytes
    if (bodyBytes === 0) this.#completeFrame()
  }

  #scanBody(rest: Uint8Array): number {
    const taken = Math.min(rest.byteLength, this.#missing)
    if (this.#kind === FrameKind.refusal) this.#refusalBody.push(...rest.subarray(0, taken))
    this.#missing -= taken
    if (this.#missing === 0) this.#completeFrame()
    return taken
  }

  #completeFrame(): void {
    if (this.#kind === FrameKind.message) this.#ready++
    else if (this.#kind === FrameKind.end) this.#ended = true
    else this.#refusal = decodeRefusal(Uint8Array.from(this.#refusalBody))
    this.#kind = undefined
  }

  #blame(code: FrameFault['code'], detail: string): void {
    this.#fault = { code, detail }
  }
}

/** Bytes in the order they came. Small pieces are put together, so that one byte at a time costs no object each. */
class ByteQueue {
  #chunks: { buffer: Uint8Array; start: number; end: number; isOurs: boolean }[] = []
  #head = 0
  byteLength = 0

  push(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.byteLength += bytes.byteLength
    if (bytes.byteLength >= SMALL_BYTES) {
      this.#chunks.push({ buffer: bytes, start: 0, end: bytes.byteLength, isOurs: false })
      return
    }
    let last = this.#chunks.at(-1)
    if (last === undefined || !last.isOurs || last.end + bytes.byteLength > last.buffer.byteLength) {
      last = { buffer: new Uint8Array(COLLECT_BYTES), start: 0, end: 0, isOurs: true }
      this.#chunks.push(last)
    }
    last.buffer.set(bytes, last.end)
    last.end += bytes.byteLength
  }

  readByte(): number {
    const chunk = this.#chunks[this.#head]!
    const byte = chunk.buffer[chunk.start++]!
    this.byteLength--
    if (chunk.start === chunk.end) this.#dropHead()
    return byte
  }

  read(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let at = 0; at < length; ) {
      const chunk = this.#chunks[this.#head]!
      const taken = Math.min(length - at, chunk.end - chunk.start)
      out.set(chunk.buffer.subarray(chunk.start, chunk.start + taken), at)
      at += taken
      chunk.start += taken
      if (chunk.start === chunk.end) this.#dropHead()
    }
    this.byteLength -= length
    return out
  }

  #dropHead(): void {
    this.#head++
    if (this.#head === this.#chunks.length) this.#chunks = []
    else if (this.#head < COMPACT_AT) return
    else this.#chunks = this.#chunks.slice(this.#head)
    this.#head = 0
  }
}

const SMALL_BYTES = 1024
const COLLECT_BYTES = 16 * 1024
const COMPACT_AT = 64
