import { ClassicLevel } from 'classic-level'
import { NightshiftError } from '../../protocols/errors.js'
import { readDocument, writeDocument } from './document.js'
import type { Collection, Store } from './port.js'

/** LevelDB: one process at a time holds the folder, writes are flushed to the disk before they resolve. */
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

function openCollection<T>(database: ClassicLevel<string, string>, name: string): Collection<T> {
  const prefix = `${name}/`
  return {
    get: async (key) => {
      const text = await database.get(prefix + key)
      return text === undefined ? undefined : (readDocument(text) as T)
    },
    put: (key, value) => guarded(() => database.put(prefix + key, writeDocument(value), { sync: true })),
    delete: (key) => guarded(() => database.del(prefix + key, { sync: true })),
    list: async () => {
      const entries: Array<{ key: string; value: T }> = []
      // '0' is the character after '/', so this is every key that starts with the prefix.
      for await (const [key, text] of database.iterator({ gte: prefix, lt: `${name}0` })) {
        entries.push({ key: key.slice(prefix.length), value: readDocument(text) as T })
      }
      return entries
    },
  }
}

async function guarded(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    throw new NightshiftError('STORE_WRITE_FAILED', 'the node could not write its state to the disk', {
      advice: 'free some disk space or check the permissions of the data directory; nothing was acted upon',
      cause,
    })
  }
}

function openingFailure(folder: string, cause: unknown): NightshiftError {
  const locked = /lock/i.test(String((cause as { cause?: unknown }).cause ?? cause))
  return locked
    ? new NightshiftError('DATA_DIR_IN_USE', `another process uses ${folder}`, {
        advice: 'stop the other node, or give this one a data directory of its own with --data-dir',
        cause,
      })
    : new NightshiftError('DATA_DIR_UNREADABLE', `the state in ${folder} cannot be opened`, {
        advice: 'check the permissions and the free space; restore the folder from a backup if it is damaged',
        cause,
      })
}
