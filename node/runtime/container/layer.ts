import { PassThrough, pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Header } from 'tar-stream'
import { NightshiftError } from '../../../protocols/errors.js'
import { readTar } from './tar.js'

/** What file systems give a file or folder at least. */
const BLOCK_BYTES = 4_096
const HEAD_BYTES = 512
/** Where the mark of every tar since POSIX.1-1988 stands; earlier ones engines would take, and `docker save` writes none. */
const MARK = { at: 257, text: 'ustar' }
const GZIP = '1f8b'
/** bzip2, zstd and its skippable frames, xz, lz4, lzma: engines unpack some of them too, and a tar may begin like one. */
const OTHER_COMPRESSION = /^(?:425a68|28b52ffd|5[0-9a-f]2a4d18|fd377a58|04224d18|5d0000)/

export interface Gauge {
  /** Passes data on, and throws IMAGE_UNUSABLE at the first byte, or entry, over the limit. */
  count(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void>
  /** As it came or as it will lie on the disk, whichever is more. */
  bytes(): number
  /** Files and folders that were seen. */
  entries(): number
  /** It is a tar, plain or gzip, of which every entry was counted. */
  isLayer(): boolean
}

/**
 * Measures what one file of an image archive takes when an engine unpacks it. A layer may be compressed, hold files
 * with holes that engines fill with zeros, or a million empty folders: it is read as the engine will read it, and what
 * two readers could understand differently is refused.
 */
export function createGauge(maxBytes: number, maxEntries: number): Gauge {
  let packed = 0
  let inflated = 0
  let unpacked = 0
  let isLayer = false
  let entries = 0
  const bytes = () => Math.max(packed, inflated, unpacked)
  const check = () => {
    if (bytes() > maxBytes) throw unusableImage(`more than ${maxBytes} bytes when it is unpacked`)
  }

  async function look(data: AsyncIterable<Uint8Array>): Promise<void> {
    const { head, whole } = await peek(data)
    if (head.toString('hex', 0, 2) === GZIP) {
      const plain = await peek(inflate(whole))
      if (!isTar(plain.head)) throw unusableImage('a gzip file that holds no tar')
      await countEntries(counted(plain.whole))
    } else if (isTar(head)) await countEntries(whole)
    else for await (const _ of whole);
  }
  async function* counted(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of data) {
      inflated += piece.length
      check()
      yield piece
    }
  }
  async function countEntries(tar: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const { header } of readTar(tar)) {
      unpacked += sizeOnDisk(header)
      if (++entries > maxEntries) throw unusableImage(`more than ${maxEntries} files and folders`)
      check()
    }
    isLayer = true
  }

  return {
    bytes,
    entries: () => entries,
    isLayer: () => isLayer,
    count: async function* (data) {
      const copy = new PassThrough()
      const looking = look(copy).catch((error) => {
        throw error instanceof NightshiftError ? error : unusableImage(`a layer: ${(error as Error).message}`)
      })
      // It is waited for below; until then nobody listens.
      looking.catch(() => {})
      try {
        for await (const piece of data) {
          packed += piece.length
          check()
          // In step with the reading, so that a bomb is found at its first bytes.
          if (!copy.write(piece)) await Promise.race([drained(copy), looking])
          yield piece
        }
        copy.end()
        await looking
      } finally {
        copy.destroy()
      }
    },
  }
}

/** Engines and this reader agree on all of these; a size elsewhere than in the header may hide entries from one of them. */
function sizeOnDisk({ type, size, pax }: Header): number {
  const isFile = type === 'file' || type === 'contiguous-file'
  if (type === null) throw unusableImage('a layer with an entry of an unknown or sparse type')
  if (!Number.isSafeInteger(size) || size < 0 || (!isFile && size > 0)) {
    throw unusableImage(`a layer with an entry of ${size} bytes`)
  }
  const odd = Object.keys(pax ?? {}).find((key) => key === 'size' || key.startsWith('GNU.sparse'))
  if (odd !== undefined) throw unusableImage(`a layer with the extended header ${odd}`)
  return Math.max(1, Math.ceil(size / BLOCK_BYTES)) * BLOCK_BYTES
}

function isTar(head: Buffer): boolean {
  if (OTHER_COMPRESSION.test(head.toString('hex', 0, 8))) return false
  // A layer without any entry is zeros only.
  if (head.length === HEAD_BYTES && head.every((byte) => byte === 0)) return true
  return head.toString('latin1', MARK.at, MARK.at + MARK.text.length) === MARK.text
}

/** The first bytes, and all of them again. */
async function peek(
  data: AsyncIterable<Uint8Array>,
): Promise<{ head: Buffer; whole: AsyncIterable<Uint8Array> }> {
  const pieces = data[Symbol.asyncIterator]()
  let read = Buffer.alloc(0)
  while (read.length < HEAD_BYTES) {
    const { value, done } = await pieces.next()
    if (done) break
    read = Buffer.concat([read, value])
  }
  const whole = (async function* () {
    try {
      if (read.length > 0) yield read
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value
    } finally {
      await pieces.return?.()
    }
  })()
  return { head: read.subarray(0, HEAD_BYTES), whole }
}

/** Throws also on what follows the compressed data: engines differ in what they make of it. */
async function* inflate(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let given = 0
  const source = (async function* () {
    for await (const piece of packed) {
      given += piece.length
      yield piece
    }
  })()
  const gunzip = createGunzip()
  // Its failure comes out of `gunzip`, which is read here.
  pipeline(Readable.from(source), gunzip, () => {})
  try {
    yield* gunzip as AsyncIterable<Uint8Array>
    if (gunzip.bytesWritten < given) throw unusableImage('a gzip file with data after its end')
  } finally {
    gunzip.destroy()
  }
}

function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => stream.once('drain', resolve))
}

export function unusableImage(what: string): NightshiftError {
  return new NightshiftError('IMAGE_UNUSABLE', `the image archive cannot be used: ${what}`, {
    advice: 'write it with `docker save IMAGE > image.tar`, one image at a time, and name it as `archive`',
    context: { what },
  })
}
