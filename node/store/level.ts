import { ClassicLevel } from 'classic-level'
import { NightshiftError } from '../../protocols/errors.js'
import { readDocument, writeDocument } from './document.js'
import type { Collection, Store } from './port.js'

/**
 * LevelDB: one process at a time holds the folder, writes are flushed to the disk before they resolve.
 * Codes: DATA_DIR_IN_USE, DATA_DIR_UNREADABLE; then STORE_WRITE_FAILED, STORE_READ_FAILED.
 */
export async function openStore(folder: string): Promise<Store> {
  const database = new ClassicLevel<string, string>(folder, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  try {
    await database.open()
  } catch (cause) {
    throw openingFailure(folder, cause)
  }
  return {
    collection: (name) => openCollection(database, name),
    close: () => database.close(),
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9/_-]*$/

function openCollection<T>(database: ClassicLevel<string, string>, name: string): Collection<T> {
  // A name with the separator in it would list the documents of another collection as its own.
  if (!NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name of a collection`)
  const prefix = `${name}:`
  return {
    get: async (key) => {
      const text = await reading(() => database.get(prefix + key))
      return text === undefined ? undefined : await reading(async () => readDocument(text) as T)
    },
    put: async (key, value) => {
      const text = writeDocument(value)
      await writing(() => database.put(prefix + key, text, { sync: true }))
    },
    delete: (key) => writing(() => database.del(prefix + key, { sync: true })),
    list: () =>
      reading(async () => {
        // ';' is the character after ':', so this is every key that starts with the prefix.
        const entries = await database.iterator({ gte: prefix, lt: `${name};` }).all()
        return entries.map(([key, text]) => ({
          key: key.slice(prefix.length),
          value: readDocument(text) as T,
        }))
      }),
  }
}

async function writing(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    throw new NightshiftError('STORE_WRITE_FAILED', 'the node could not write its state to the disk', {
      advice: 'free some disk space or check the permissions of the data directory; nothing was acted upon',
      cause,
    })
  }
}

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw new NightshiftError('STORE_READ_FAILED', 'the node could not read its state from the disk', {
      advice:
        'check the disk and the permissions of the data directory; restore it from a backup if it is damaged',
      cause,
    })
  }
}

function openingFailure(folder: string, cause: unknown): NightshiftError {
  const reason = (cause as { cause?: { code?: string } }).cause
  return reason?.code === 'LEVEL_LOCKED'
    ? new NightshiftError('DATA_DIR_IN_USE', `another process uses ${folder}`, {
        advice: 'stop the other node, or give this one a data directory of its own with --data-dir',
        cause,
      })
    : new NightshiftError('DATA_DIR_UNREADABLE', `the state in ${folder} cannot be opened`, {
        advice: 'check the permissions and the free space; restore the folder from a backup if it is damaged',
        cause,
      })
}
