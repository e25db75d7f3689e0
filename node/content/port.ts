import type { Refusal } from '../../protocols/errors.js'
import type { Files } from '../files/port.js'

/** Blobs between peers: each named by the root of its SHA-256 tree, from whoever has it, checked chunk by chunk. */
export interface Content {
  /**
   * Resolves when the whole blob has the name `file`. What has arrived stays in `partial` when this fails, and the next call
   * goes on from it. Codes: CONTENT_CORRUPT (context: peer, chunk), CONTENT_REFUSED (context: peer, reason), CONTENT_UNAVAILABLE, DISK_FULL,
   * FILE_WRITE_FAILED, the signal's reason.
   */
  fetch(wanted: WantedContent, signal: AbortSignal): Promise<void>
  /** Gives what `find` finds to whoever asks, until the returned function is called. */
  offer(find: FindContent): () => void
  /** Tells the hash table that this node has a shared blob. Bounded: false, and nothing is told, above 64 of them. */
  announce(root: Uint8Array): boolean
  withdraw(root: Uint8Array): void
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
  files: Files
  /** Takes what has arrived. */
  partial: string
  /** Its name when it is whole. */
  file: string
  onProgress?: (progress: TransferProgress) => void
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
