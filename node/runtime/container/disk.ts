import { lstat, readdir, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock, Log } from '../../../protocols/ports.js'
import type { ContainerEngine } from './engine.js'

/**
 * Engines cannot bound a volume on every file system, so its use is measured while the job runs and the job ended when
 * it is over its limit. Where this process may read the volume itself, it counts blocks; else it asks the engine, which
 * takes longer for all its volumes. Between two looks a job can write what the disk takes in that time; the kernel
 * bounds each single file meanwhile (RLIMIT_FSIZE). A file that was deleted and is held open lies in no folder: against
 * that, the job also ends when the disk is about to be full.
 */
export interface DiskWatch {
  stop(): void
}

const LOOK_MS = 1_000
const ASK_MS = 10_000
const BLOCK_BYTES = 512
/** More files than that are over any limit that is sensible, and each look costs time. */
const MAX_FILES = 200_000
/** Left free for the owner; of a disk that has less from the start, half of that. */
const RESERVE_BYTES = 2 ** 30

export function watchDisk(parts: {
  engine: ContainerEngine
  volume: string
  /** Where the engine says that the volume lies on this host. */
  mountpoint: string
  maxBytes: number
  clock: Clock
  log: Log
  /** Space that is left on the disk of a path; undefined: not to be known. */
  free?: (path: string) => Promise<number | undefined>
  /** Told why the job has to end. */
  onOver: (detail: string) => void
}): DiskWatch {
  const { engine, volume, mountpoint, maxBytes, clock, log, free = freeBytes, onOver } = parts
  let reserve: number | undefined
  let measure = () => bytesIn(mountpoint, maxBytes)
  let stopped = false
  let cancel = () => {}

  const lookAtFree = async () => {
    const left = await free(mountpoint)
    if (left === undefined) return
    reserve ??= Math.min(RESERVE_BYTES, left / 2)
    if (!stopped && left < reserve) onOver(`the disk of this host has ${left} bytes left`)
  }
  const look = async (waitMs: number): Promise<number> => {
    try {
      await lookAtFree()
      const bytes = await measure()
      if (!stopped && bytes > maxBytes) onOver(`${bytes} bytes on the disk, at most ${maxBytes}`)
      return waitMs
    } catch (error) {
      const isDenied = ['EACCES', 'ENOENT', 'EPERM'].includes(String((error as NodeJS.ErrnoException).code))
      if (isDenied) measure = () => askBytes(engine, volume)
      else log.debug('the disk of a job could not be measured', { volume, error: String(error) })
      return isDenied ? ASK_MS : waitMs
    }
  }
  const plan = (waitMs: number) => {
    cancel = clock.after(waitMs, () => {
      void look(waitMs).then((nextMs) => {
        if (!stopped) plan(nextMs)
      })
    })
  }
  plan(LOOK_MS)
  return {
    stop: () => {
      stopped = true
      cancel()
    },
  }
}

/** Of the nearest folder above that this process may look at. */
async function freeBytes(path: string): Promise<number | undefined> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at)
      return bavail * bsize
    } catch {
      if (dirname(at) === at) return undefined
    }
  }
}

/** Space that a folder takes on the disk, holes not counted; looks no further once it is over `enough`. */
export async function bytesIn(folder: string, enough: number): Promise<number> {
  let bytes = 0
  let files = 0
  const open = [folder]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) open.push(path)
      const { blocks } = await lstat(path).catch(() => ({ blocks: 0 }))
      bytes += blocks * BLOCK_BYTES
      files++
      if (bytes > enough || files > MAX_FILES) return Math.max(bytes, files > MAX_FILES ? enough + 1 : 0)
    }
  }
  return bytes
}

async function askBytes(engine: ContainerEngine, volume: string): Promise<number> {
  const usage = (await engine.ask('measuring the disk', (api) => api.df())) as {
    Volumes?: Array<{ Name: string; UsageData?: { Size?: number } }> | null
  }
  return usage.Volumes?.find(({ Name }) => Name === volume)?.UsageData?.Size ?? 0
}
