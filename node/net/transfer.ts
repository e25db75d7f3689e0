import { createHash, type Hash } from 'node:crypto'
import { pipe } from 'it-pipe'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * Moves one blob over a session, in chunks: chunk → hash → frame on the one side, frame → hash → sink on the other.
 *
 * On the wire: a header (total size and offset, two unsigned 64-bit big-endian numbers), chunks that add up to
 * size − offset, and a trailer: the SHA-256 of what was sent. The receiver checks the trailer, which tells an
 * accident from an attack, and the digest of the whole blob, which is its name and the only thing that it trusts.
 * The session goes on after a blob; what else is said on it is the word's affair.
 */
export interface BytesOut {
  send(bytes: Uint8Array): Promise<void>
}

export interface BytesIn {
  receive(): Promise<Uint8Array | undefined>
}

export interface Progress {
  /** Bytes of the blob on the other side, those before the offset included. */
  bytes: number
  totalBytes: number
}

export interface SendBlobOptions {
  /** Size of the whole blob. */
  totalBytes: number
  /** Where to begin: what the receiver has already. Default 0. */
  offset?: number
  /** Chunk size. Default 128 KiB; the protocol's message limit must be at least as large, and at least 32 bytes. */
  chunkBytes?: number
  onProgress?: (progress: Progress) => void
}

export interface ReceiveBlobOptions {
  /** Larger blobs are refused before a byte of them is read. */
  maxBytes: number
  /** SHA-256 of the whole blob, where its name is known beforehand. */
  digest?: Uint8Array
  /** What is here already of an earlier attempt, to go on from. */
  resume?: { offset: number; read: () => AsyncIterable<Uint8Array> }
  /** Stores the next bytes; the transfer waits for it. */
  write: (bytes: Uint8Array) => Promise<void> | void
  onProgress?: (progress: Progress) => void
}

export interface Blob {
  totalBytes: number
  /** SHA-256 of the whole blob, 32 bytes. */
  digest: Uint8Array
}

export const DEFAULT_CHUNK_BYTES = 128 * 1024
const HEADER_BYTES = 16
const DIGEST_BYTES = 32

/**
 * Sends `source`, which must yield the blob's bytes from `offset` on, in pieces of any size. Code: BLOB_CHANGED when the
 * source yields more or less than it should.
 */
export async function sendBlob(
  session: BytesOut,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: SendBlobOptions,
): Promise<void> {
  const { totalBytes, offset = 0, chunkBytes = DEFAULT_CHUNK_BYTES, onProgress } = options
  if (offset < 0 || offset > totalBytes)
    throw new RangeError(`the offset ${offset} is not within 0 to ${totalBytes}`)
  const hash = createHash('sha256')
  await session.send(encodeHeader(totalBytes, offset))
  const sent = await pipe(
    source,
    (pieces) => cutInto(chunkBytes, pieces),
    (chunks) => limitTo(totalBytes - offset, chunks),
    (chunks) => hashThrough([hash], chunks),
    async (chunks) => {
      let bytes = offset
      for await (const chunk of chunks) {
        await session.send(chunk)
        bytes += chunk.byteLength
        onProgress?.({ bytes, totalBytes })
      }
      return bytes
    },
  )
  if (sent !== totalBytes) throw changed(`it ended after ${sent} of ${totalBytes} bytes`)
  await session.send(hash.digest())
}

/**
 * Receives one blob. Codes: BLOB_TOO_LARGE, BLOB_MALFORMED, BLOB_CORRUPT (what was written must be thrown away),
 * BLOB_INCOMPLETE (go on later from what was written).
 */
export async function receiveBlob(session: BytesIn, options: ReceiveBlobOptions): Promise<Blob> {
  const { resume, onProgress, maxBytes, write } = options
  const offset = resume?.offset ?? 0
  const totalBytes = checkHeader(await session.receive(), offset, maxBytes)
  const whole = createHash('sha256')
  if (resume !== undefined) await hashPrefix(whole, resume)
  // from the beginning on, what was sent is the whole: hashed once
  const part = offset === 0 ? whole : createHash('sha256')
  await pipe(
    messages(session, totalBytes - offset),
    (chunks) => hashThrough([...new Set([whole, part])], chunks),
    async (chunks) => {
      let bytes = offset
      for await (const chunk of chunks) {
        await write(chunk)
        bytes += chunk.byteLength
        onProgress?.({ bytes, totalBytes })
      }
    },
  )
  const trailer = await session.receive()
  if (trailer === undefined) throw incomplete('it ended without its digest')
  const digest = new Uint8Array(whole.digest())
  const partDigest = part === whole ? digest : part.digest()
  if (!sameBytes(trailer, partDigest)) throw corrupt('the bytes are not those that were sent')
  if (options.digest !== undefined && !sameBytes(digest, options.digest)) {
    throw corrupt('the bytes are not those that were asked for')
  }
  return { totalBytes, digest }
}

/** Pieces of any size become chunks of exactly `chunkBytes`, and a last one of what is left. */
export async function* cutInto(
  chunkBytes: number,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  for await (let piece of pieces) {
    while (waitingBytes + piece.byteLength >= chunkBytes) {
      const taken = chunkBytes - waitingBytes
      yield waitingBytes === 0 ? piece.subarray(0, taken) : join([...waiting, piece.subarray(0, taken)])
      waiting = []
      waitingBytes = 0
      piece = piece.subarray(taken)
    }
    if (piece.byteLength === 0) continue
    waiting.push(piece)
    waitingBytes += piece.byteLength
  }
  if (waitingBytes > 0) yield join(waiting)
}

async function* limitTo(
  bytes: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let left = bytes
  for await (const chunk of chunks) {
    left -= chunk.byteLength
    if (left < 0) throw changed(`it has more than ${bytes} bytes from the offset on`)
    yield chunk
  }
}

async function* hashThrough(
  hashes: Hash[],
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    for (const hash of hashes) hash.update(chunk)
    yield chunk
  }
}

async function* messages(session: BytesIn, bytes: number): AsyncGenerator<Uint8Array, void, void> {
  for (let left = bytes; left > 0; ) {
    const chunk = await session.receive()
    if (chunk === undefined) throw incomplete(`it ended ${left} bytes too early`)
    // an empty chunk would let a peer keep us busy for nothing
    if (chunk.byteLength === 0 || chunk.byteLength > left)
      throw malformed(`a chunk of ${chunk.byteLength} bytes`)
    left -= chunk.byteLength
    yield chunk
  }
}

async function hashPrefix(hash: Hash, resume: NonNullable<ReceiveBlobOptions['resume']>): Promise<void> {
  let bytes = 0
  for await (const piece of resume.read()) {
    hash.update(piece)
    bytes += piece.byteLength
  }
  if (bytes !== resume.offset) throw changed(`${bytes} bytes are stored, and not ${resume.offset}`)
}

function encodeHeader(totalBytes: number, offset: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setBigUint64(0, BigInt(totalBytes))
  view.setBigUint64(8, BigInt(offset))
  return header
}

function checkHeader(header: Uint8Array | undefined, offset: number, maxBytes: number): number {
  if (header === undefined) throw incomplete('it ended before it began')
  if (header.byteLength !== HEADER_BYTES) throw malformed(`a header of ${header.byteLength} bytes`)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const totalBytes = view.getBigUint64(0)
  if (totalBytes > BigInt(maxBytes)) {
    throw new NightshiftError(
      'BLOB_TOO_LARGE',
      `a blob of ${totalBytes} bytes, at most ${maxBytes} are wanted`,
      {
        advice: 'Allow larger blobs where this one is wanted, or turn to another peer.',
        context: { totalBytes: totalBytes.toString(), maxBytes },
      },
    )
  }
  const sentOffset = view.getBigUint64(8)
  if (sentOffset !== BigInt(offset) || sentOffset > totalBytes) {
    throw malformed(`it begins at ${sentOffset} and not at ${offset}`)
  }
  return Number(totalBytes)
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === DIGEST_BYTES && Buffer.compare(left, right) === 0
}

function join(pieces: Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

function corrupt(why: string): NightshiftError {
  return new NightshiftError('BLOB_CORRUPT', `the blob is corrupt: ${why}`, {
    advice: 'Throw away what was received and ask again, or ask another peer.',
  })
}

function incomplete(why: string): NightshiftError {
  return new NightshiftError('BLOB_INCOMPLETE', `the blob is incomplete: ${why}`, {
    advice: 'Open a new session and go on from what is stored.',
  })
}

function malformed(why: string): NightshiftError {
  return new NightshiftError('BLOB_MALFORMED', `the transfer breaks its rules: ${why}`, {
    advice: 'The peer does not speak this protocol correctly; turn to another peer.',
  })
}

function changed(why: string): NightshiftError {
  return new NightshiftError('BLOB_CHANGED', `the source is not what it was: ${why}`, {
    advice: 'Take the size and the digest again, and start the transfer again.',
  })
}
