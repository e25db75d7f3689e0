import { toHex } from '../../protocols/bytes.js'
import { codeOf } from '../../protocols/errors.js'
import type { Checkpoint } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import { type Content, leavesNameOf, type TransferProgress } from '../content/port.js'
import type { Files } from '../files/port.js'

/** A checkpoint that is here whole, and has the digest that was announced. */
export interface FetchedCheckpoint {
  step: number
  sha256: Uint8Array
  bytes: number
  /** Under the renter's files. */
  file: string
}

/** Fetches checkpoints beside a job's events: one at a time, and of those that are announced meanwhile the newest. */
export interface CheckpointFetcher {
  announce(checkpoint: Checkpoint): void
  /** What is under way is fetched, and nothing after it. */
  endWithCurrent(): void
  /** Resolves when nothing is under way, or nothing has come for so long. */
  settled(patienceMs: number): Promise<void>
  /** Breaks off what is under way. */
  stop(): void
}

/** Of these, what has arrived is worth nothing. */
const USELESS = ['CONTENT_CORRUPT', 'CONTENT_REFUSED']
/** The disk is ours, not the provider's. */
const OURS = ['DISK_FULL', 'FILE_WRITE_FAILED']
const LOOK_MS = 250

export function createFetcher(parts: {
  content: Pick<Content, 'fetch'>
  clock: Clock
  peer: string
  files: Files
  /** Folder under the renter's files. */
  folder: string
  onFetched: (checkpoint: FetchedCheckpoint) => Promise<void>
  /** One could not be written; the job goes on without it. */
  onLost: (error: unknown) => void
  onChunk: () => void
  onProgress: (name: string, progress: TransferProgress) => void
  /** What else cannot be gone on from: a store that does not take the note of one. */
  onFailed: (error: unknown) => void
}): CheckpointFetcher {
  const { content, clock, peer, files, folder, onFetched, onLost, onChunk, onProgress } = parts
  const stopping = new AbortController()
  let next: Checkpoint | undefined
  let working: Promise<void> | undefined
  let lastStep = -1
  let isEnding = false
  let heardAtMs = clock.elapsed()

  async function fetch({ step, blob }: Checkpoint): Promise<void> {
    if (blob === undefined || step <= lastStep) return
    const file = `${folder}/${toHex(blob.sha256)}`
    const partial = `${file}.partial`
    heardAtMs = clock.elapsed()
    try {
      await content.fetch(
        {
          ...blob,
          peers: [peer],
          shared: false,
          files,
          partial,
          file,
          onChunk: () => {
            heardAtMs = clock.elapsed()
            onChunk()
          },
          onProgress: (progress) => onProgress(`checkpoint-${step}`, progress),
        },
        stopping.signal,
      )
    } catch (error) {
      if (stopping.signal.aborted) return
      // What is not what was announced, or not there any more, is as good as not sent; a job is not broken off over it.
      if (USELESS.includes(codeOf(error) ?? '')) {
        await files.remove(partial)
        await files.remove(leavesNameOf(partial))
      } else if (OURS.includes(codeOf(error) ?? '')) onLost(error)
      return
    }
    lastStep = step
    await onFetched({ step, sha256: blob.sha256, bytes: blob.bytes, file })
  }

  async function work(): Promise<void> {
    for (let current = next; current !== undefined; current = next) {
      next = undefined
      await fetch(current)
    }
    working = undefined
  }

  return {
    announce: (checkpoint) => {
      if (isEnding) return
      next = checkpoint
      working ??= work().catch(parts.onFailed)
    },
    endWithCurrent: () => {
      isEnding = true
    },
    settled: async (patienceMs) => {
      while (working !== undefined && clock.elapsed() - heardAtMs <= patienceMs) {
        await Promise.race([working, clock.sleep(LOOK_MS)])
      }
    },
    stop: () => stopping.abort(new Error('the job is over')),
  }
}
