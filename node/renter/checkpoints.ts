import { fromHex, toHex } from '../../protocols/bytes.js'
import type { Source } from '../files/port.js'
import { type Attempt, countOf } from './attempt.js'
import type { FetchedCheckpoint } from './fetching.js'

export type KeptCheckpoint = Source & { step: number }

/**
 * The last checkpoints of a job, as this renter keeps them: what the next provider goes on from. Of a job that several
 * providers do none are kept: a copy that began with another's work would prove nothing.
 */
export function checkpointFolder(attempt: Attempt): string | undefined {
  return countOf(attempt) === 1 ? folderOf(attempt.report.id) : undefined
}

function folderOf(id: string): string {
  return `checkpoints/${id}`
}

/** Stored and noted before an older one is removed. */
export async function keepCheckpoint(
  { parts, report, tell }: Attempt,
  peer: string,
  { step, sha256, bytes, file }: FetchedCheckpoint,
): Promise<void> {
  const before = report.checkpoints ?? []
  tell({ kind: 'checkpoint', checkpoint: { peer, step, sha256: toHex(sha256), bytes, file } })
  await parts.save(report)
  const kept = (report.checkpoints ?? []).map((checkpoint) => checkpoint.file)
  for (const old of before) if (!kept.includes(old.file)) await parts.files.remove(old.file)
}

/** The newest that is still there whole. */
export async function newestCheckpoint(attempt: Attempt): Promise<KeptCheckpoint | undefined> {
  const { parts, report } = attempt
  if (countOf(attempt) > 1) return undefined
  for (const { step, sha256, bytes, file } of [...(report.checkpoints ?? [])].reverse()) {
    if ((await parts.files.size(file)) !== bytes) continue
    const read = (offset: number, length: number) => parts.files.read(file, offset, length)
    return { name: 'checkpoint', step, sha256: fromHex(sha256), bytes, read }
  }
  return undefined
}

/** A provider could not go on from the newest, or what came of it was wrong: it is not used again. */
export async function dropCheckpoints({ parts, report }: Attempt, count: number): Promise<void> {
  const dropped = (report.checkpoints ?? []).slice(-count)
  report.checkpoints = (report.checkpoints ?? []).slice(0, -count)
  await parts.save(report)
  for (const { file } of dropped) await parts.files.remove(file)
}

/** The job has ended, well or not: nobody goes on from them any more. */
export async function removeCheckpoints({ parts, report }: Attempt): Promise<void> {
  await parts.files.remove(folderOf(report.id))
}
