import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { NightshiftError } from '../../protocols/errors.js'
import type { ChainTime } from './bank.js'
import type { VmAccount } from './vm.js'

/**
 * The write-ahead journal: one file a generation, one record for each change of the chain's state, written before the change
 * is made and before anybody is told. A record is length (u32), CRC-32 of the payload (u32), payload; little-endian.
 * `kill -9` loses nothing that was written, because the operating system has it; power loss can lose what was written since
 * the last fdatasync, which runs once a slot.
 */
export type JournalRecord =
  | { readonly kind: 'transaction'; readonly wire: Uint8Array }
  | { readonly kind: 'time'; readonly time: ChainTime }
  | { readonly kind: 'account'; readonly address: Uint8Array; readonly account: Omit<VmAccount, 'rentEpoch'> }

const KIND = { transaction: 1, time: 2, account: 3 } as const
const MAGIC = Buffer.from('nightshift journal 1\n')
const FRAME_BYTES = 8
/** Larger than any record: an account of 10 MiB and its head. */
const RECORD_MAX_BYTES = 10 * 1024 * 1024 + 256
const ACCOUNT_HEAD_BYTES = 1 + 32 + 32 + 8 + 1

function encodeRecord(record: JournalRecord): Buffer {
  switch (record.kind) {
    case 'transaction':
      return Buffer.concat([Buffer.of(KIND.transaction), record.wire])
    case 'time': {
      const body = Buffer.alloc(25)
      body.writeUInt8(KIND.time, 0)
      body.writeBigUInt64LE(BigInt(record.time.slot), 1)
      body.writeBigInt64LE(BigInt(record.time.unixTime), 9)
      body.writeBigInt64LE(BigInt(record.time.offsetSeconds), 17)
      return body
    }
    case 'account': {
      const head = Buffer.alloc(ACCOUNT_HEAD_BYTES)
      head.writeUInt8(KIND.account, 0)
      head.set(record.address, 1)
      head.set(record.account.owner, 33)
      head.writeBigUInt64LE(record.account.lamports, 65)
      head.writeUInt8(record.account.executable ? 1 : 0, 73)
      return Buffer.concat([head, record.account.data])
    }
  }
}

function decodeRecord(body: Buffer): JournalRecord {
  switch (body[0]) {
    case KIND.transaction:
      return { kind: 'transaction', wire: new Uint8Array(body.subarray(1)) }
    case KIND.time:
      return {
        kind: 'time',
        time: {
          slot: Number(body.readBigUInt64LE(1)),
          unixTime: Number(body.readBigInt64LE(9)),
          offsetSeconds: Number(body.readBigInt64LE(17)),
        },
      }
    case KIND.account:
      return {
        kind: 'account',
        address: new Uint8Array(body.subarray(1, 33)),
        account: {
          owner: new Uint8Array(body.subarray(33, 65)),
          lamports: body.readBigUInt64LE(65),
          executable: body[73] === 1,
          data: new Uint8Array(body.subarray(ACCOUNT_HEAD_BYTES)),
        },
      }
    default:
      throw new RangeError(`record kind ${body[0]}`)
  }
}

function frame(body: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_BYTES)
  head.writeUInt32LE(body.length, 0)
  head.writeUInt32LE(crc32(body), 4)
  return Buffer.concat([head, body])
}

export interface JournalContents {
  readonly records: JournalRecord[]
  /** Bytes up to the end of the last whole record. */
  readonly wholeBytes: number
  /** Bytes of a last record that was not written to its end. */
  readonly tornBytes: number
}

/**
 * Reads a journal. What follows the last whole record is reported as torn: the process died while it was writing, so it had
 * told nobody. Throws JOURNAL_DAMAGED when whole records follow a broken one, because then something else than a
 * kill happened to the file.
 */
export function readJournal(path: string): JournalContents {
  const bytes = readFileSync(path)
  const damaged = (detail: string) => journalDamaged(path, detail)
  if (bytes.length < MAGIC.length) return { records: [], wholeBytes: 0, tornBytes: bytes.length }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged('it does not begin as a journal of this version')
  const records: JournalRecord[] = []
  let at = MAGIC.length
  for (let next = wholeRecordAt(bytes, at); next !== undefined; next = wholeRecordAt(bytes, at)) {
    try {
      records.push(decodeRecord(next.body))
    } catch (cause) {
      throw damaged(`record at byte ${at}: ${cause instanceof Error ? cause.message : cause}`)
    }
    at = next.end
  }
  const claimedEnd =
    bytes.length - at >= FRAME_BYTES ? at + FRAME_BYTES + bytes.readUInt32LE(at) : bytes.length
  if (claimedEnd < bytes.length && wholeRecordAt(bytes, claimedEnd) !== undefined) {
    throw damaged(`the record at byte ${at} is broken, and whole records follow it`)
  }
  return { records, wholeBytes: at, tornBytes: bytes.length - at }
}

export function journalDamaged(path: string, detail: string): NightshiftError {
  return new NightshiftError('JOURNAL_DAMAGED', `the chain's journal ${path} is damaged: ${detail}`, {
    advice:
      'Restore the data directory from a copy, or delete this file and any journal with a higher number to go back to ' +
      'the last snapshot (what was journalled since is then lost), or start with an empty data directory.',
    context: { path },
  })
}

function wholeRecordAt(bytes: Buffer, at: number): { body: Buffer; end: number } | undefined {
  if (bytes.length - at < FRAME_BYTES) return undefined
  const length = bytes.readUInt32LE(at)
  const end = at + FRAME_BYTES + length
  if (length === 0 || length > RECORD_MAX_BYTES || end > bytes.length) return undefined
  const body = bytes.subarray(at + FRAME_BYTES, end)
  return crc32(body) === bytes.readUInt32LE(at + 4) ? { body, end } : undefined
}

export class Journal {
  readonly #fd: number
  #bytes: number
  #unsynced = false
  #syncing = false

  private constructor(
    readonly path: string,
    fd: number,
    bytes: number,
  ) {
    this.#fd = fd
    this.#bytes = bytes
  }

  /** Opens for appending after `wholeBytes`, cutting off what follows; creates the file when it is not there. */
  static open(path: string, wholeBytes: number): Journal {
    const fd = openSync(path, 'a')
    ftruncateSync(fd, wholeBytes)
    const journal = new Journal(path, fd, fstatSync(fd).size)
    if (wholeBytes === 0) journal.#write(MAGIC)
    return journal
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Writes one record. Throws STORAGE_FULL or STORAGE_FAILED, and then nothing of the record stays in the file.
   */
  append(record: JournalRecord): void {
    this.#write(frame(encodeRecord(record)))
  }

  /** Asks the disk to keep what was written so far; `done` gets the error if it could not. At most one at a time. */
  sync(done: (error: Error | null) => void): void {
    if (!this.#unsynced || this.#syncing) return
    this.#unsynced = false
    this.#syncing = true
    fdatasync(this.#fd, (error) => {
      this.#syncing = false
      done(error)
    })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #write(bytes: Buffer): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done)
    } catch (cause) {
      ftruncateSync(this.#fd, this.#bytes)
      throw storageError(this.path, cause)
    }
    this.#bytes += bytes.length
    this.#unsynced = true
  }
}

/** The error for a write that the file system refused. */
export function storageError(path: string, cause: unknown): NightshiftError {
  const code = (cause as NodeJS.ErrnoException).code
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new NightshiftError(
    full ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    full ? `no space left to write ${path}` : `cannot write ${path}: ${code ?? String(cause)}`,
    {
      advice: full
        ? "Free space on the disk that holds the chain's data directory and try again; nothing was changed."
        : "Check the disk and the rights of the chain's data directory, then try again; nothing was changed.",
      context: { path },
      cause,
    },
  )
}
