import { equal, toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { contentOf, createContentHasher, type Sha256 } from '../../protocols/job/content.js'
import type { Blob } from '../../protocols/job/wire.js'
import type { Content, ContentCache } from '../content/port.js'
import type { FileLog, Files } from '../files/port.js'

/**
 * Inputs and outputs of leases as files: a folder for each lease, a file for each digest. Names that a peer chose never
 * become names of files, and no lease sees another's data.
 */
export interface Blobs {
  isComplete(lease: Uint8Array, blob: Blob): Promise<boolean>
  /**
   * Fetches what a job needs, from this node's cache, from its renter, and where it is shared from whoever has it. Goes on from what is on
   * the disk already. Codes: those of `Content.fetch`.
   */
  fetch(lease: Uint8Array, blob: Blob, from: BlobOrigin, signal: AbortSignal): Promise<void>
  /** Stores an output as it comes; it is on the disk when this resolves. Throws OUTPUT_TOO_LARGE. */
  add(lease: Uint8Array, name: string, pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Blob>
  /** The bytes from `offset` on, in pieces of `pieceBytes`. */
  read(lease: Uint8Array, blob: Blob, offset: number, pieceBytes: number): AsyncIterable<Uint8Array>
  readAt(lease: Uint8Array, blob: Blob, offset: number, length: number): Promise<Uint8Array>
  /** All of it, checked. Throws BLOB_DAMAGED. */
  load(lease: Uint8Array, blob: Blob): Promise<Uint8Array>
  /** Removes one of them. */
  drop(lease: Uint8Array, blob: Blob): Promise<void>
  remove(lease: Uint8Array): Promise<void>
}

export interface BlobOrigin {
  /** The renter. */
  peer: string
  onChunk?: () => void
}

/** A write is flushed to the disk, which costs milliseconds: about a mebibyte at a time. */
const WRITE_BYTES = 1 << 20

export interface BlobParts {
  /** What jobs leave. */
  files: FileLog
  /** Whether what this lease has here is sealed with its renter's key. */
  isSealed: (lease: Uint8Array) => boolean
  /** What they are given and may stay. */
  received: Files
  content: Pick<Content, 'fetch'>
  cache: ContentCache
  sha256: Sha256
}

export function createBlobs(parts: BlobParts): Blobs {
  const { files, received, content, cache, sha256 } = parts
  const empty = contentOf(new Uint8Array(), sha256)
  const nameOf = (lease: Uint8Array, blob: Blob) => `${toHex(lease)}/${toHex(blob.sha256)}`
  const inputOf = (lease: Uint8Array, blob: Blob) => `leases/${nameOf(lease, blob)}`

  async function isReceived(lease: Uint8Array, blob: Blob): Promise<boolean> {
    return (await received.size(inputOf(lease, blob))) === blob.bytes
  }

  async function* read(lease: Uint8Array, blob: Blob, offset: number, pieceBytes: number) {
    if (offset >= blob.bytes) return
    const isInput = await isReceived(lease, blob)
    for (let at = offset; at < blob.bytes; at += pieceBytes) {
      const length = Math.min(pieceBytes, blob.bytes - at)
      yield isInput
        ? await received.read(inputOf(lease, blob), at, length)
        : await files.read(nameOf(lease, blob), at, length)
    }
  }

  async function isComplete(lease: Uint8Array, blob: Blob): Promise<boolean> {
    if (blob.bytes === 0) return equal(blob.sha256, empty)
    return (await isReceived(lease, blob)) || (await files.size(nameOf(lease, blob))) === blob.bytes
  }

  async function add(
    lease: Uint8Array,
    name: string,
    pieces: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<Blob> {
    // Its digest, which it is named by, is known only at its end; one output is written at a time.
    const partial = `${toHex(lease)}/output.partial`
    await files.remove(partial)
    const hasher = createContentHasher(sha256)
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
    const blob: Blob = { name, sha256: hasher.end().root, bytes }
    if (bytes > 0) await files.move(partial, nameOf(lease, blob))
    return blob
  }

  /** What may be kept lies in plain, for its renter's later jobs or for everybody; all else where the lease's own files are. */
  async function receive(
    lease: Uint8Array,
    blob: Blob,
    { peer, onChunk }: BlobOrigin,
    signal: AbortSignal,
  ): Promise<void> {
    const isSealed = isHidden(lease, blob)
    const file = isSealed ? nameOf(lease, blob) : inputOf(lease, blob)
    await content.fetch(
      {
        sha256: blob.sha256,
        bytes: blob.bytes,
        peers: [peer],
        shared: blob.shared === true,
        ...(isSealed ? { log: files } : { files: received }),
        partial: `${file}.partial`,
        file,
        ...(onChunk === undefined ? {} : { onChunk }),
      },
      signal,
    )
  }

  function isHidden(lease: Uint8Array, blob: Blob): boolean {
    return !mayStay(blob) && parts.isSealed(lease)
  }

  async function fetch(lease: Uint8Array, blob: Blob, from: BlobOrigin, signal: AbortSignal): Promise<void> {
    const scope = blob.shared === true ? 'shared' : `renters/${from.peer}`
    if (mayStay(blob) && (await cache.take(scope, blob, inputOf(lease, blob)))) return
    try {
      await receive(lease, blob, from, signal)
    } catch (error) {
      // What is kept for later is worth less than the job that is here now.
      if (codeOf(error) !== 'DISK_FULL' || (await cache.clear()) === 0) throw error
      await receive(lease, blob, from, signal)
    }
    if (mayStay(blob)) await cache.keep(scope, blob, inputOf(lease, blob))
  }

  return {
    isComplete,
    read,
    add,
    fetch,
    readAt: (lease, blob, offset, length) => files.read(nameOf(lease, blob), offset, length),
    load: async (lease, blob) => {
      const whole = new Uint8Array(blob.bytes)
      let at = 0
      for await (const piece of read(lease, blob, 0, WRITE_BYTES)) {
        whole.set(piece, at)
        at += piece.length
      }
      if (!equal(contentOf(whole, sha256), blob.sha256)) throw damaged(blob.name)
      return whole
    },
    drop: (lease, blob) => files.remove(nameOf(lease, blob)),
    remove: async (lease) => {
      await files.remove(toHex(lease))
      await received.remove(`leases/${toHex(lease)}`)
    },
  }
}

/** Whether its renter lets it be here when the job is over. */
function mayStay({ shared, keep }: Blob): boolean {
  return shared === true || keep === true
}

function damaged(name: string): NightshiftError {
  return new NightshiftError('BLOB_DAMAGED', `${name} is not what was stored`, {
    advice: 'check the disk; a job goes on from an older checkpoint, or elsewhere',
  })
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
