import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NightshiftError } from '../../protocols/errors.js'

/** How a command finds the node that runs on a data directory: where it listens, and the token that lets it in. */
export interface ControlFile {
  url: string
  pid: number
  version: string
}

const CONTROL_FILE = 'control.json'
const TOKEN_FILE = 'control.token'

export async function writeControlFiles(dataDir: string, control: ControlFile, token: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeWhole(join(dataDir, TOKEN_FILE), token)
  await writeWhole(join(dataDir, CONTROL_FILE), `${JSON.stringify(control)}\n`)
}

/** Undefined: no node has left its address there. It may still be that of a node that was killed. */
export async function readControlFiles(
  dataDir: string,
): Promise<{ control: ControlFile; token: string } | undefined> {
  try {
    const control = JSON.parse(await readFile(join(dataDir, CONTROL_FILE), 'utf8')) as ControlFile
    const token = await readFile(join(dataDir, TOKEN_FILE), 'utf8')
    return { control, token }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new NightshiftError(
      'CONTROL_FILE_UNREADABLE',
      `cannot read ${CONTROL_FILE} and its token in ${dataDir}`,
      {
        advice: 'run the command as the user that started the node, or delete both files and start it again',
        context: { dataDir },
        cause,
      },
    )
  }
}

export async function removeControlFiles(dataDir: string): Promise<void> {
  await rm(join(dataDir, CONTROL_FILE), { force: true })
  await rm(join(dataDir, TOKEN_FILE), { force: true })
}

/** Readable by its owner alone from the first byte on, and under its name only once it is whole. */
async function writeWhole(path: string, text: string): Promise<void> {
  const partial = `${path}.partial`
  await rm(partial, { force: true })
  await writeFile(partial, text, { mode: 0o600, flag: 'wx' })
  await rename(partial, path)
}
