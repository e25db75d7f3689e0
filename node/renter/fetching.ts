import { type BlobHasher, createBlobHasher, equal, toHex } from '../../protocols/bytes.js'
import type { Blob, Checkpoint, Chunk, JobEvent, JobRequest } from '../../protocols/job/wire.js'
import type { Files } from '../files/port.js'
import type { Session } from '../net/session.js'

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
  announce(checkpoint: Checkpoint): Promise<void>
  take(chunk: Chunk): Promise<void>
  /** The provider does not give what was asked for, or not any more. */
  onRefused(): Promise<void>
  /** What is under way is fetched, and nothing after it. */
  endWithCurrent(): void
  /** Asked for, and not here yet. */
  isWaiting(): boolean
}

interface Fetch {
  step: number
  blob: Blob
  partial: string
  hasher: BlobHasher
  offset: number
}

export function createFetcher(parts: {
  session: Session<JobRequest, JobEvent>
  files: Files
  /** Folder under the renter's files. */
  folder: string
  onFetched: (checkpoint: FetchedCheckpoint) => Promise<void>
  /** One could not be written; the job goes on without it. */
  onLost: (error: unknown) => void
}): CheckpointFetcher {
  const { session, files, folder, onFetched, onLost } = parts
  let current: Fetch | undefined
  let next: Checkpoint | undefined
  let lastStep = -1
  let isEnding = false

  async function begin({ step, blob }: Checkpoint): Promise<void> {
    if (blob === undefined || step <= lastStep) return
    const partial = `${folder}/${toHex(blob.sha256)}.partial`
    await files.remove(partial)
    current = { step, blob, partial, hasher: createBlobHasher(), offset: 0 }
    await session.send({ need: { sha256: blob.sha256, offset: 0 } })
  }

  async function goOn(): Promise<void> {
    const following = next
    current = undefined
    next = undefined
    if (following !== undefined) await begin(following)
  }

  /** What does not have its digest is as good as not sent; a job is not broken off over it. */
  async function finish({ step, blob, partial, hasher }: Fetch): Promise<void> {
    const file = `${folder}/${toHex(blob.sha256)}`
    if (equal(hasher.digest(), blob.sha256)) {
      await files.move(partial, file)
      lastStep = step
      await onFetched({ step, sha256: blob.sha256, bytes: blob.bytes, file })
    } else {
      await files.remove(partial)
    }
    await goOn()
  }

  return {
    isWaiting: () => current !== undefined,
    endWithCurrent: () => {
      isEnding = true
    },
    announce: async (checkpoint) => {
      if (isEnding) return
      if (current === undefined) await begin(checkpoint)
      else next = checkpoint
    },
    take: async ({ sha256, offset, data }) => {
      if (current === undefined || !equal(sha256, current.blob.sha256) || offset !== current.offset) return
      if (offset + data.length > current.blob.bytes) return
      current.hasher.update(data)
      current.offset += data.length
      try {
        await files.append(current.partial, data)
        if (current.offset === current.blob.bytes) await finish(current)
      } catch (error) {
        if (session.signal.aborted) throw error
        onLost(error)
        await goOn()
      }
    },
    onRefused: async () => {
      if (current !== undefined) await files.remove(current.partial)
      await goOn()
    },
  }
}
