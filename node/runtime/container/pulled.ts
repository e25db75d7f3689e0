import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Log } from '../../../protocols/ports.js'
import { type ContainerEngine, statusOf } from './engine.js'

/**
 * Images that were pulled for jobs, told apart from those of the host's owner by a list that is written before anything
 * is pulled, so that a node that was killed knows what came through it. The last used stay, up to a limit.
 */
export interface Pulled {
  /** Whether it came for a job, now or earlier. */
  has(image: string): boolean
  /** Nothing removes it until it is released as often. */
  hold(image: string): Promise<void>
  /** It is here whole and takes so many bytes. */
  keep(image: string, bytes: number): Promise<void>
  /** A pull that came to nothing, or an image over the limit of one job, is forgotten with it. */
  release(image: string, isUseful: boolean): Promise<void>
  /** Removes what half a pull has left, and what is over the limit. Resolves to how many. */
  sweep(): Promise<number>
}

interface Entry {
  image: string
  /** Zero: its pull has not ended. */
  bytes: number
  usedAtMs: number
}

const FILE = 'pulled.json'

export async function openPulled(parts: {
  engine: ContainerEngine
  folder: string
  /** What all of them may take that no job uses. */
  maxBytes: number
  clock: Clock
  log: Log
}): Promise<Pulled> {
  const { engine, folder, maxBytes, clock, log } = parts
  const path = join(folder, FILE)
  const entries = new Map((await readEntries(path)).map((entry) => [entry.image, entry]))
  const held = new Map<string, number>()
  let turn: Promise<unknown> = Promise.resolve()
  /** One change of the list after the other. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = turn.then(act)
    turn = done.catch(() => {})
    return done
  }
  const save = async () => {
    await mkdir(folder, { recursive: true, mode: 0o755 })
    await writeFile(`${path}.part`, JSON.stringify([...entries.values()]), { mode: 0o600, flush: true })
    await rename(`${path}.part`, path)
  }
  const drop = async (image: string) => {
    await removeImage(engine, image)
    entries.delete(image)
  }
  const evict = async (): Promise<number> => {
    const free = [...entries.values()].filter(({ image }) => !held.has(image))
    free.sort((a, b) => b.usedAtMs - a.usedAtMs)
    let bytes = 0
    let removed = 0
    for (const entry of free) {
      bytes += entry.bytes
      if (entry.bytes > 0 && bytes <= maxBytes) continue
      await drop(entry.image)
      removed++
    }
    await save()
    return removed
  }
  return {
    has: (image) => entries.has(image),
    hold: (image) =>
      inTurn(async () => {
        held.set(image, (held.get(image) ?? 0) + 1)
        entries.set(image, { image, bytes: 0, ...entries.get(image), usedAtMs: clock.now() })
        await save()
      }),
    keep: (image, bytes) =>
      inTurn(async () => {
        entries.set(image, { image, bytes, usedAtMs: clock.now() })
        await save()
      }),
    release: (image, isUseful) =>
      inTurn(async () => {
        const left = (held.get(image) ?? 1) - 1
        if (left > 0) held.set(image, left)
        else held.delete(image)
        const entry = entries.get(image)
        if (!isUseful && left <= 0 && entry !== undefined) entries.set(image, { ...entry, bytes: 0 })
        const removed = await evict()
        if (removed > 0) log.debug('pulled images were removed', { removed })
      }),
    sweep: () => inTurn(evict),
  }
}

/** Without the list, or with one that cannot be read, no image counts as pulled: none of the owner's is ever removed. */
async function readEntries(path: string): Promise<Entry[]> {
  try {
    const read = JSON.parse(await readFile(path, 'utf8')) as unknown
    return Array.isArray(read) ? read.filter(isEntry) : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is Entry {
  const { image, bytes, usedAtMs } = (value ?? {}) as Partial<Entry>
  return typeof image === 'string' && typeof bytes === 'number' && typeof usedAtMs === 'number'
}

/** One that is not there is fine. Throws ENGINE_FAILED. */
export async function removeImage(engine: ContainerEngine, name: string): Promise<void> {
  try {
    await engine.ask('removing the image', (api) => api.getImage(name).remove({ force: true }))
  } catch (error) {
    if (statusOf(error) !== 404) throw error
  }
}
