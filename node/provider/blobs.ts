import { type BlobHasher, createBlobHasher, digest, equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError, type Refusal } from '../../protocols/errors.js'
import type { Blob, Chunk } from '../../protocols/job/wire.js'
import type { Files } from '../files/port.js'

/**
 * Inputs and outputs of leases as files: a folder for each lease, a file for each digest. Names that a peer chose never
 * become names of files, and no lease sees another's data.
 */
export interface Blobs {
  isComplete(lease: Uint8Array, blob: Blob): Promise<boolean>
  /** Goes on from what is on the disk already. */
  receive(lease: Uint8Array, blob: Blob): Promise<Receiver>
  /** Stores an output as it comes; it is on the disk when this resolves. Throws OUTPUT_TOO_LARGE. */
  add(lease: Uint8Array, name: string, pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Blob>
  /** The bytes from `offset` on, in pieces of `pieceBytes`. */
  read(lease: Uint8Array, blob: Blob, offset: number, pieceBytes: number): AsyncIterable<Uint8Array>
  load(lease: Uint8Array, blob: Blob): Promise<Uint8Array>
  /** Removes one of them. */
  drop(lease: Uint8Array, blob: Blob): Promise<void>
  remove(lease: Uint8Array): Promise<void>
}

export type ChunkRefusal = 'UNEXPECTED_CHUNK' | 'WRONG_DIGEST'

export interface Receiver {
  readonly blob: Blob
  /** How much there is: where the sender goes on. */
  readonly offset: number
  /** `done` when the whole blob is on the disk and its digest is right. With WRONG_DIGEST all of it is thrown away. */
  take(chunk: Chunk): Promise<'more' | 'done' | Refusal<ChunkRefusal>>
  /** Writes what is still in memory, so that a later receiver goes on from it. */
  flush(): Promise<void>
}

/** A write is flushed to the disk, which costs milliseconds: about a mebibyte at a time. */
const WRITE_BYTES = 1 << 20

export function createBlobs(files: Files): Blobs {
  const nameOf = (lease: Uint8Array, sha256: Uint8Array) => `${toHex(lease)}/${toHex(sha256)}`

  async function* read(lease: Uint8Array, blob: Blob, offset: number, pieceBytes: number) {
    const name = nameOf(lease, blob.sha256)
    for (let at = offset; at < blob.bytes; at += pieceBytes) {
      yield await files.read(name, at, Math.min(pieceBytes, blob.bytes - at))
    }
  }

  async function isComplete(lease: Uint8Array, { sha256, bytes }: Blob): Promise<boolean> {
    if (bytes === 0) return equal(sha256, digest(new Uint8Array()))
    return (await files.size(nameOf(lease, sha256))) === bytes
  }

  return {
    isComplete,
    read,
    receive: (lease, blob) => openReceiver(files, nameOf(lease, blob.sha256), blob),
    add: async (lease, name, pieces, maxBytes) => {
      // Its digest, which it is named by, is known only at its end; one output is written at a time.
      const partial = `${toHex(lease)}/output.partial`
      await files.remove(partial)
      const hasher = createBlobHasher()
      let bytes = 0
      for await (const piece of inWrites(pieces)) {
        bytes += piece.length
        if (bytes > maxBytes) {
          await files.remove(partial)
          throw new NightshiftError('OUTPUT_TOO_LARGE', `the outputs have more than ${maxBytes} bytes`, {
            advice: 'declare more in the manifest’s `job`, or write less',
          })
        }
        hasher.update(piece)
        await files.append(partial, piece)
      }
      const blob = { name, sha256: hasher.digest(), bytes }
      if (bytes > 0) await files.move(partial, nameOf(lease, blob.sha256))
      return blob
    },
    load: async (lease, blob) => {
      const whole = new Uint8Array(blob.bytes)
      let at = 0
      for await (const piece of read(lease, blob, 0, WRITE_BYTES)) {
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    },
    drop: (lease, { sha256 }) => files.remove(nameOf(lease, sha256)),
    remove: (lease) => files.remove(toHex(lease)),
  }
}

/** Small pieces put together: a write is flushed to the disk each time. */
async function* inWrites(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = []
  let bytes = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    bytes += piece.length
    if (bytes < WRITE_BYTES) continue
    yield Buffer.concat(waiting)
    waiting = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(waiting)
}

async function openReceiver(files: Files, target: string, blob: Blob): Promise<Receiver> {
  const partial = `${target}.partial`
  let hasher: BlobHasher = createBlobHasher()
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let offset = await files.size(partial)
  if (offset > blob.bytes) {
    await files.remove(partial)
    offset = 0
  }
  for (let at = 0; at < offset; at += WRITE_BYTES) {
    hasher.update(await files.read(partial, at, Math.min(WRITE_BYTES, offset - at)))
  }

  async function flush(): Promise<void> {
    if (waitingBytes === 0) return
    const bytes = Buffer.concat(waiting)
    waiting = []
    waitingBytes = 0
    await files.append(partial, bytes)
  }

  async function complete(): Promise<'done' | Refusal<ChunkRefusal>> {
    await flush()
    if (equal(hasher.digest(), blob.sha256)) {
      await files.move(partial, target)
      return 'done'
    }
    await files.remove(partial)
    hasher = createBlobHasher()
    offset = 0
    return {
      refused: 'WRONG_DIGEST',
      detail: `the bytes of ${blob.name} do not have the digest that it is named by`,
    }
  }

  return {
    blob,
    get offset() {
      return offset
    },
    take: async ({ sha256, offset: at, data }) => {
      if (!equal(sha256, blob.sha256) || at !== offset || at + data.length > blob.bytes) {
        const detail = `offset ${at} with ${data.length} bytes; ${blob.name} goes on at ${offset} of ${blob.bytes}`
        return { refused: 'UNEXPECTED_CHUNK', detail }
      }
      hasher.update(data)
      waiting.push(data)
      waitingBytes += data.length
      offset += data.length
      if (offset === blob.bytes) return complete()
      if (waitingBytes >= WRITE_BYTES) await flush()
      return 'more'
    },
    flush,
  }
}
