import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * Keeps a second process off the data directory. LevelDB's lock is the operating system's (fcntl), so it goes when the
 * process dies, also by kill -9; Node.js itself has no such lock. The database in it stays empty.
 */
export async function lockDirectory(dataDir: string): Promise<() => Promise<void>> {
  const level = new ClassicLevel(join(dataDir, 'lock'))
  try {
    await level.open()
  } catch (cause) {
    const inner = (cause as { cause?: { code?: string } }).cause
    if (inner?.code !== 'LEVEL_LOCKED') throw cause
    throw new NightshiftError('DATA_DIR_IN_USE', `another local chain is using ${dataDir}`, {
      advice: 'Stop the other chain, or choose another data directory.',
      context: { dataDir },
      cause,
    })
  }
  return () => level.close()
}
