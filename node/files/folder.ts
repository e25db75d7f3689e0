import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm, stat, truncate } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import { NightshiftError } from '../../protocols/errors.js'
import type { Files, Source } from './port.js'

const READ_BYTES = 1 << 20

export function openFolder(root: string): Files {
  const base = resolve(root)
  const inside = (name: string) => {
    const path = resolve(base, name)
    if (name === '' || name.includes('\0') || !path.startsWith(base + sep)) {
      throw new NightshiftError('FILE_NAME_INVALID', `${JSON.stringify(name)} leads out of its folder`, {
        advice: 'the peer that sent this name is faulty or hostile; deny it',
      })
    }
    return path
  }
  return {
    path: inside,
    size: async (name) => {
      try {
        return (await stat(inside(name))).size
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
        throw error
      }
    },
    append: async (name, bytes) => {
      const path = inside(name)
      await writing(async () => {
        await mkdir(dirname(path), { recursive: true })
        const file = await open(path, 'a')
        try {
          await file.appendFile(bytes)
          await file.sync()
        } finally {
          await file.close()
        }
      })
    },
    truncate: (name, bytes) => writing(() => truncate(inside(name), bytes)),
    read: async (name, offset, length) => readPart(inside(name), offset, length),
    move: async (from, to) => {
      const target = inside(to)
      await writing(async () => {
        await mkdir(dirname(target), { recursive: true })
        await rename(inside(from), target)
      })
    },
    remove: async (name) => rm(inside(name), { recursive: true, force: true }),
  }
}

/** A file of the user's as something to send. Its digest is computed by reading it once. */
export async function openSource(path: string, name = basename(path)): Promise<Source> {
  try {
    const { size } = await stat(path)
    const hasher = createHash('sha256')
    for (let offset = 0; offset < size; offset += READ_BYTES) {
      hasher.update(await readPart(path, offset, READ_BYTES))
    }
    const sha256 = new Uint8Array(hasher.digest())
    return { name, bytes: size, sha256, read: (offset, length) => readPart(path, offset, length) }
  } catch (cause) {
    throw new NightshiftError('INPUT_UNREADABLE', `cannot read the input ${name} from ${path}`, {
      advice: 'check the path in the manifest: it is relative to the manifest itself',
      context: { path },
      cause,
    })
  }
}

export function sourceOf(name: string, content: Uint8Array): Source {
  return {
    name,
    bytes: content.length,
    sha256: new Uint8Array(createHash('sha256').update(content).digest()),
    read: async (offset, length) => content.subarray(offset, offset + length),
  }
}

async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(length)
    const { bytesRead } = await file.read(buffer, 0, length, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function writing(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (cause) {
    const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC'
    throw new NightshiftError(full ? 'DISK_FULL' : 'FILE_WRITE_FAILED', 'a file could not be written', {
      advice: full
        ? 'free some disk space; what was received so far is kept and the transfer goes on from there'
        : 'check the permissions of the data directory',
      cause,
    })
  }
}
