import { createReadStream, createWriteStream } from 'node:fs'
import { constants, copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { NightshiftError } from '../../protocols/errors.js'
import type { Shelf } from '../workflow/port.js'

/** A moment that is the same in every tar, so that a tar of the same files has the same digest after a restart. */
const NO_TIME = new Date(0)

export function openShelf(root: string): Shelf {
  const base = resolve(root)
  const inside = async (name: string) => {
    const path = resolve(base, name)
    if (name.includes('\0') || !path.startsWith(base + sep)) {
      throw new NightshiftError('FILE_NAME_INVALID', `${JSON.stringify(name)} leads out of its folder`, {
        advice: 'the peer that sent this name is faulty or hostile; deny it',
      })
    }
    await mkdir(dirname(path), { recursive: true })
    return path
  }
  /** Under its name only when it is whole, and on the disk. */
  const whole = async (name: string, write: (unfinished: string) => Promise<void>) => {
    const path = await inside(name)
    const unfinished = `${path}.partial`
    await rm(unfinished, { force: true })
    await write(unfinished)
    const file = await open(unfinished, 'r')
    await file.sync().finally(() => file.close())
    await rename(unfinished, path)
    return path
  }
  return {
    place: (from, name) =>
      whole(name, async (unfinished) => {
        try {
          await link(from, unfinished)
        } catch {
          await copyFile(from, unfinished, constants.COPYFILE_FICLONE)
        }
      }),
    bundle: (files, name) =>
      whole(name, async (unfinished) => {
        const tar = pack()
        const written = pipeline(tar, createWriteStream(unfinished))
        const fill = async () => {
          for (const file of files) {
            const { size } = await stat(file.path)
            const entry = tar.entry({ name: file.name, size, mtime: NO_TIME, mode: 0o644 })
            await pipeline(createReadStream(file.path), entry)
          }
          tar.finalize()
        }
        const filled = fill().catch((error: Error) => {
          tar.destroy(error)
          throw error
        })
        await Promise.all([filled, written])
      }),
  }
}
