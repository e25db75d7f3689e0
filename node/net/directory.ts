import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { Datastore } from 'interface-datastore'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { RationedDatastore } from './ration.js'

const SAVE_MS = 5_000

/**
 * The network's part of a data directory: `network/` (LevelDB: routing table, provider records, addresses of peers) and
 * `peer`, the peer id that the directory belongs to. LevelDB's own lock keeps a second process out.
 */
export interface NetworkDirectory {
  datastore: Datastore
  close(): Promise<void>
}

export async function openDirectory(dataDir: string, peer: string, clock: Clock): Promise<NetworkDirectory> {
  await makeDirectory(dataDir)
  const db = new ClassicLevel<string, Uint8Array>(join(dataDir, 'network'), {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
  })
  await openDatabase(db, dataDir)
  try {
    await claim(dataDir, peer)
  } catch (error) {
    await db.close()
    throw error
  }
  // LevelDatastore wants the browser-and-Node wrapper `level`, which on Node is ClassicLevel itself
  const datastore = new RationedDatastore(
    db as unknown as ConstructorParameters<typeof RationedDatastore>[0],
    peer,
  )
  await datastore.count()
  const stopSaving = clock.every(SAVE_MS, () => {
    datastore.save().catch(() => {}) // a disk that is full says so where it matters, and addresses come again
  })
  return {
    datastore,
    close: async () => {
      stopSaving()
      await datastore.save().catch(() => {})
      await db.close()
    },
  }
}

async function makeDirectory(dataDir: string): Promise<void> {
  try {
    await mkdir(join(dataDir, 'network'), { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new NightshiftError('DATA_DIR_UNUSABLE', `the data directory ${dataDir} cannot be created`, {
      advice: 'Name a directory that this user may write to, on a disk that is not full.',
      context: { dataDir },
      cause,
    })
  }
}

async function openDatabase(db: ClassicLevel<string, Uint8Array>, dataDir: string): Promise<void> {
  try {
    await db.open({ createIfMissing: true, compression: false })
  } catch (cause) {
    const reason = (cause as { cause?: { code?: string } }).cause
    if (reason?.code === 'LEVEL_LOCKED') {
      throw new NightshiftError('DATA_DIR_LOCKED', `another process uses the data directory ${dataDir}`, {
        advice: 'Stop the other node, or give this one a data directory of its own.',
        context: { dataDir },
        cause,
      })
    }
    throw new NightshiftError('DATA_DIR_UNUSABLE', `the database in ${dataDir} cannot be opened`, {
      advice:
        'Check permissions and free space; if the database is damaged, move its `network` folder away: only ' +
        'addresses of peers are lost.',
      context: { dataDir },
      cause,
    })
  }
}

async function claim(dataDir: string, peer: string): Promise<void> {
  const path = join(dataDir, 'peer')
  try {
    await writeFile(path, `${peer}\n`, { flag: 'wx', mode: 0o600 })
    return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const owner = (await readFile(path, 'utf8')).trim()
  if (owner === peer) return
  throw new NightshiftError('DATA_DIR_OF_ANOTHER_NODE', `the data directory ${dataDir} belongs to ${owner}`, {
    advice: `Start with that node's key, or give ${peer} a data directory of its own.`,
    context: { dataDir, owner, peer },
  })
}
