import type { Refusal } from '../../protocols/errors.js'
import type { FileLog, Files } from '../files/port.js'

/** Blobs between peers: each named by the root of its SHA-256 tree, from whoever has it, checked chunk by chunk. */
export interface Content {
  /**
   * Resolves when the whole blob has the name `file`. What has arrived stays in `partial` when this fails, and the next call
   * goes on from it. Codes: CONTENT_CORRUPT (context: peer, chunk), CONTENT_REFUSED (context: peer, reason), CONTENT_UNAVAILABLE, DISK_FULL,
   * FILE_WRITE_FAILED, the signal's reason.
   */
  fetch(wanted: WantedContent, signal: AbortSignal): Promise<void>
  /** From now on others are answered; until then they are told that nobody is here yet, and come again. Idempotent. */
  serve(): Promise<void>
  /** Gives what `find` finds to whoever asks, until the returned function is called. */
  offer(find: FindContent): () => void
  /** Tells the hash table that this node has a shared blob. Bounded: false, and nothing is told, above 64 of them. */
  announce(root: Uint8Array): boolean
  withdraw(root: Uint8Array): void
  /** Turns what has been sent of a blob into progress that people read: once a second at most. */
  pace(totalBytes: number, tell: (progress: TransferProgress) => void): Pace
  /** Idempotent. Transfers under way end. */
  stop(): Promise<void>
}

export interface WantedContent {
  /** The root of its tree. */
  sha256: Uint8Array
  bytes: number
  /** Who has it. */
  peers: readonly string[]
  /** Others may have it too: they are looked up in the hash table. */
  shared?: boolean
  /** Takes what has arrived at any place, or only at its end: slower, and for files that are sealed as they are written. */
  files?: Files
  log?: FileLog
  /** Takes what has arrived. */
  partial: string
  /** Its name when it is whole. */
  file: string
  /** At most once a second, and not at all for what takes less than one. */
  onProgress?: (progress: TransferProgress) => void
  /** A chunk has come, and it was right. */
  onChunk?: () => void
  /** A peer that gives nothing for so long is left alone. Default one minute. */
  patienceMs?: number
}

/** Where the hashes of what has arrived in `partial` lie until it is whole; whoever gives it up removes both. */
export function leavesNameOf(partial: string): string {
  return `${partial}.leaves.partial`
}

/** Undefined: not here. A refusal is told to the asker. `signal` aborts when the asker is gone. */
export type FindContent = (
  root: Uint8Array,
  peer: string,
  signal: AbortSignal,
) => Promise<OfferedContent | Refusal | undefined> | OfferedContent | undefined

export interface OfferedContent {
  bytes: number
  /** The leaves of its tree, where they are known; they are computed by reading it otherwise. */
  leaves?: Uint8Array
  read(offset: number, length: number): Promise<Uint8Array>
  /** A chunk was sent. `held`: what the asker had before it asked. */
  onSent?(sent: { bytes: number; held: number }): void
}

export interface TransferProgress {
  bytes: number
  totalBytes: number
  bytesPerSecond: number
  /** Absent while nothing moves. */
  secondsLeft?: number
}

/** Bytes a second that this node sends and takes, all transfers together. Missing: as many as go. */
export interface TransferRates {
  upBytesPerSecond?: number
  downBytesPerSecond?: number
}

export interface Pace {
  /** So many bytes are there now. */
  reach(bytes: number): void
}

/** What was received before, by name: a folder of a limited size, in which the least recently used gives way first. */
export interface ContentCache {
  /**
   * Gives a blob of the scope the name `to` as well, once all of it was read and has its name. False: it is not here. A scope
   * is `shared`, or one renter's own: knowing the name of somebody's data is no right to it.
   */
  take(scope: string, blob: { sha256: Uint8Array; bytes: number }, to: string): Promise<boolean>
  /** Keeps the file `from`, which has the blob's name. What a lease still uses is never removed. */
  keep(scope: string, blob: { sha256: Uint8Array; bytes: number }, from: string): Promise<void>
  /** Frees what no lease uses. Resolves to the bytes that it was. */
  clear(): Promise<number>
}
