import { constants } from 'node:fs'
import {
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  utimes,
} from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { NightshiftError } from '../../protocols/errors.js'
import { createContentHasher } from '../../protocols/job/content.js'
import { nativeSha256 } from './hash.js'
import type { FileEditor, FileEntry, Files, Source } from './port.js'

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
    edit: async (name) => {
      const path = inside(name)
      return writing(async () => {
        await mkdir(dirname(path), { recursive: true })
        return editorOf(await open(path, CREATE_OR_KEEP))
      })
    },
    link: async (from, to) => {
      const [source, target] = [inside(from), inside(to)]
      await writing(async () => {
        await mkdir(dirname(target), { recursive: true })
        await rm(target, { force: true })
        await link(source, target).catch((error: NodeJS.ErrnoException) => {
          if (!NO_LINKS.includes(error.code ?? '')) throw error
          return copyFile(source, target)
        })
      })
    },
    list: (folder) => listFiles(inside(folder), folder),
    touch: async (name, usedAtMs) => {
      const path = inside(name)
      await writing(() => utimes(path, usedAtMs / 1_000, usedAtMs / 1_000))
    },
    remove: async (name) => rm(inside(name), { recursive: true, force: true }),
  }
}

/** Read and write; made when it is not there, and never emptied. */
const CREATE_OR_KEEP = constants.O_RDWR | constants.O_CREAT
/** What file systems say that have no second names. */
const NO_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EMLINK']

function editorOf(file: FileHandle): FileEditor {
  return {
    read: (offset, length) => readFrom(file, offset, length),
    write: (offset, pieces) =>
      writing(async () => {
        const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
        const { bytesWritten } = await file.writev([...pieces], offset)
        // A disk that is almost full takes a part and says so only when it is asked again.
        if (bytesWritten < bytes) await fillUp(file, offset, pieces)
      }),
    size: async () => (await file.stat()).size,
    sync: () => writing(() => file.sync()),
    close: () => file.close(),
  }
}

async function fillUp(file: FileHandle, offset: number, pieces: readonly Uint8Array[]): Promise<void> {
  let at = offset
  for (const piece of pieces) {
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done, piece.length - done, at + done)
      done += bytesWritten
    }
    at += piece.length
  }
}

async function listFiles(path: string, name: string): Promise<FileEntry[]> {
  const found: FileEntry[] = []
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const entry of entries) {
    const inner = join(path, entry.name)
    if (entry.isDirectory()) found.push(...(await listFiles(inner, `${name}/${entry.name}`)))
    else if (entry.isFile()) {
      const { size, mtimeMs, nlink } = await stat(inner)
      found.push({ name: `${name}/${entry.name}`, bytes: size, usedAtMs: mtimeMs, otherNames: nlink - 1 })
    }
  }
  return found
}

/** A file of the user's as something to send. Its name is computed by reading it once. */
export async function openSource(path: string, name = basename(path)): Promise<Source> {
  try {
    const { size } = await stat(path)
    const hasher = createContentHasher(nativeSha256)
    for (let offset = 0; offset < size; offset += READ_BYTES) {
      hasher.update(await readPart(path, offset, READ_BYTES))
    }
    const { root, leaves, bytes } = hasher.end()
    return { name, bytes, sha256: root, leaves, read: (offset, length) => readPart(path, offset, length) }
  } catch (cause) {
    throw new NightshiftError('INPUT_UNREADABLE', `cannot read the input ${name} from ${path}`, {
      advice: 'check the path in the manifest: it is relative to the manifest itself',
      context: { path },
      cause,
    })
  }
}

export function sourceOf(name: string, content: Uint8Array): Source {
  const hasher = createContentHasher(nativeSha256)
  hasher.update(content)
  const { root, leaves, bytes } = hasher.end()
  return {
    name,
    bytes,
    sha256: root,
    leaves,
    read: async (offset, length) => content.subarray(offset, offset + length),
  }
}

async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    return await readFrom(file, offset, length)
  } finally {
    await file.close()
  }
}

async function readFrom(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length)
  const { bytesRead } = await file.read(buffer, 0, length, offset)
  return buffer.subarray(0, bytesRead)
}

async function writing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
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
