import { createCipheriv, createDecipheriv } from 'node:crypto'
import { equal } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Random } from '../../protocols/ports.js'
import type { FileLog, Files } from './port.js'

/**
 * Files whose content is sealed on the disk with AES-256-GCM, a key for each folder of the first level. A sealed file is
 *
 *   "NSEALED1" ‖ id (16 random bytes) ‖ records
 *   record: length of its plain bytes (u32) ‖ nonce (12 random bytes) ‖ sealed bytes ‖ tag (16)
 *
 * Each record is bound to the file's id, to its number and to where its bytes begin, so that none can be moved, left out
 * or taken from another file. When the file gets its final name a record with no bytes ends it: one that lacks it has been
 * cut off. What the sizes are can be seen without the key.
 */
const MAGIC = new TextEncoder().encode('NSEALED1')
const ID_BYTES = 16
const HEAD_BYTES = MAGIC.length + ID_BYTES
const NONCE_BYTES = 12
const TAG_BYTES = 16
const OVERHEAD_BYTES = 4 + NONCE_BYTES + TAG_BYTES
/** As much as one message carries: whatever is read from the middle, no more than two records are opened. */
const RECORD_BYTES = 65_536
const PARTIAL = '.partial'

interface Entry {
  /** Where the record stands in the file, and its plain bytes in the content. */
  fileAt: number
  plainAt: number
  length: number
}

interface Index {
  id: Uint8Array
  entries: Entry[]
  plainBytes: number
  fileBytes: number
  /** There is a record that ends it; and that one was opened, so nothing was cut off before it. */
  isEnded: boolean
  isWhole: boolean
  /** The last record that was opened: reading goes on where it was. */
  opened?: { number: number; bytes: Uint8Array }
}

/**
 * Throws SEALED_KEY_MISSING for the content of a folder whose key is not there yet, and SEALED_FILE_DAMAGED where a file
 * is not what was written with the key.
 */
export function sealFiles(
  files: Files,
  parts: {
    /** By the name of the folder; undefined: its files are as they are. */
    keyOf: (folder: string) => Uint8Array | 'locked' | undefined
    random: Random
  },
): FileLog & Pick<Files, 'path' | 'truncate'> {
  const { random } = parts
  const indices = new Map<string, Index>()
  const keyFor = (name: string) => parts.keyOf(name.split('/', 1)[0] as string)

  const keyNow = (name: string): Uint8Array => {
    const key = keyFor(name)
    if (key instanceof Uint8Array) return key
    throw new NightshiftError(
      'SEALED_KEY_MISSING',
      'what the job left here is sealed, and its key is not here',
      {
        advice: 'its renter sends the key when it comes back; nothing is lost until then',
      },
    )
  }

  /** Looks through a file once; of one that is still being written, what was torn off in the middle is cut off. */
  const indexOf = async (name: string): Promise<Index | undefined> => {
    const known = indices.get(name)
    if (known !== undefined) return known
    const onDisk = await files.size(name)
    if (onDisk === 0) return undefined
    const index = await readIndex(files, name, onDisk)
    if (index === undefined || index.fileBytes < onDisk) {
      if (!name.endsWith(PARTIAL)) throw damaged('it ends in the middle')
      if (index === undefined) {
        await files.remove(name)
        return undefined
      }
      await files.truncate(name, index.fileBytes)
    }
    if (!index.isEnded && !name.endsWith(PARTIAL)) throw damaged('its end is missing')
    indices.set(name, index)
    return index
  }

  const seal = (key: Uint8Array, index: Index, plain: Uint8Array): Uint8Array => {
    const nonce = random.bytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(bindingOf(index.id, index.entries.length, index.plainBytes, plain.length))
    const sealed = Buffer.concat([
      uint32(plain.length),
      nonce,
      cipher.update(plain),
      cipher.final(),
      cipher.getAuthTag(),
    ])
    index.entries.push({ fileAt: index.fileBytes, plainAt: index.plainBytes, length: plain.length })
    index.plainBytes += plain.length
    index.fileBytes += sealed.length
    return sealed
  }

  const open = async (key: Uint8Array, name: string, index: Index, number: number): Promise<Uint8Array> => {
    if (index.opened?.number === number) return index.opened.bytes
    const { fileAt, plainAt, length } = index.entries[number] as Entry
    const record = await files.read(name, fileAt, length + OVERHEAD_BYTES)
    if (record.length < length + OVERHEAD_BYTES) throw damaged('it ends in the middle')
    const decipher = createDecipheriv('aes-256-gcm', key, record.subarray(4, 4 + NONCE_BYTES))
    decipher.setAAD(bindingOf(index.id, number, plainAt, length))
    decipher.setAuthTag(record.subarray(record.length - TAG_BYTES))
    try {
      const sealed = record.subarray(4 + NONCE_BYTES, record.length - TAG_BYTES)
      const bytes = Buffer.concat([decipher.update(sealed), decipher.final()])
      index.opened = { number, bytes }
      return bytes
    } catch (cause) {
      throw damaged('a part of it was changed, or the key is another', cause)
    }
  }

  return {
    path: files.path,
    truncate: files.truncate,
    size: async (name) => {
      if (keyFor(name) === undefined) return files.size(name)
      return (await indexOf(name))?.plainBytes ?? 0
    },
    append: async (name, bytes) => {
      if (keyFor(name) === undefined) return files.append(name, bytes)
      const key = keyNow(name)
      const before = await indexOf(name)
      if (before?.isEnded === true) throw damaged('it has ended, and is added to')
      const id = before?.id ?? random.bytes(ID_BYTES)
      const index: Index =
        before === undefined
          ? { id, entries: [], plainBytes: 0, fileBytes: HEAD_BYTES, isEnded: false, isWhole: false }
          : { ...before, entries: [...before.entries] }
      const sealed: Uint8Array[] = before === undefined ? [MAGIC, id] : []
      for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
        sealed.push(seal(key, index, bytes.subarray(at, at + RECORD_BYTES)))
      }
      // Until it is written, what the disk holds is looked up anew: a full one may hold a part of this.
      indices.delete(name)
      await files.append(name, Buffer.concat(sealed))
      indices.set(name, index)
    },
    read: async (name, offset, length) => {
      if (keyFor(name) === undefined) return files.read(name, offset, length)
      const key = keyNow(name)
      const index = await indexOf(name)
      if (index === undefined) throw damaged('it is gone')
      if (index.isEnded && !index.isWhole) {
        await open(key, name, index, index.entries.length - 1)
        index.isWhole = true
      }
      const end = Math.min(offset + length, index.plainBytes)
      const pieces: Uint8Array[] = []
      for (let at = offset, number = find(index.entries, offset); at < end; number++) {
        const { plainAt, length: held } = index.entries[number] as Entry
        const bytes = await open(key, name, index, number)
        pieces.push(bytes.subarray(at - plainAt, Math.min(held, end - plainAt)))
        at = plainAt + held
      }
      return Buffer.concat(pieces)
    },
    move: async (from, to) => {
      if (keyFor(from) !== undefined) {
        const key = keyNow(from)
        const index = await indexOf(from)
        if (index === undefined) throw damaged('it is gone')
        if (!index.isEnded) {
          indices.delete(from)
          await files.append(from, seal(key, index, new Uint8Array()))
        }
        indices.delete(from)
        indices.delete(to)
      }
      await files.move(from, to)
    },
    remove: async (name) => {
      for (const known of [...indices.keys()]) {
        if (known === name || known.startsWith(`${name}/`)) indices.delete(known)
      }
      await files.remove(name)
    },
  }
}

/** As far as its records are whole; undefined when not even its beginning is. */
async function readIndex(files: Files, name: string, onDisk: number): Promise<Index | undefined> {
  const head = await files.read(name, 0, HEAD_BYTES)
  if (head.length < HEAD_BYTES || !equal(head.subarray(0, MAGIC.length), MAGIC)) return undefined
  const index: Index = {
    id: head.slice(MAGIC.length),
    entries: [],
    plainBytes: 0,
    fileBytes: HEAD_BYTES,
    isEnded: false,
    isWhole: false,
  }
  while (!index.isEnded && index.fileBytes + OVERHEAD_BYTES <= onDisk) {
    const length = readUint32(await files.read(name, index.fileBytes, 4))
    if (length > RECORD_BYTES || index.fileBytes + OVERHEAD_BYTES + length > onDisk) break
    index.entries.push({ fileAt: index.fileBytes, plainAt: index.plainBytes, length })
    index.plainBytes += length
    index.fileBytes += OVERHEAD_BYTES + length
    index.isEnded = length === 0
  }
  return index
}

/** The record that holds the byte at `offset`. */
function find(entries: readonly Entry[], offset: number): number {
  let from = 0
  let to = entries.length
  while (from < to) {
    const middle = (from + to) >> 1
    const { plainAt, length } = entries[middle] as Entry
    if (plainAt + length > offset) to = middle
    else from = middle + 1
  }
  return from
}

function bindingOf(id: Uint8Array, number: number, plainAt: number, length: number): Uint8Array {
  const place = new DataView(new ArrayBuffer(16))
  place.setUint32(0, number, true)
  place.setBigUint64(4, BigInt(plainAt), true)
  place.setUint32(12, length, true)
  return Buffer.concat([MAGIC, id, new Uint8Array(place.buffer)])
}

function uint32(value: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4))
  bytes.setUint32(0, value, true)
  return new Uint8Array(bytes.buffer)
}

function readUint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
}

function damaged(why: string, cause?: unknown): NightshiftError {
  return new NightshiftError('SEALED_FILE_DAMAGED', `a sealed file is not what was written: ${why}`, {
    advice: 'check the disk; the job goes on from an older checkpoint, or elsewhere',
    ...(cause === undefined ? {} : { cause }),
  })
}
