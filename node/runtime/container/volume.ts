import type { Readable } from 'node:stream'
import { NightshiftError } from '../../../protocols/errors.js'
import { JOB_LIMITS } from '../../../protocols/job/rules.js'
import type { InputFile, OutputFile } from '../port.js'
import { collect } from './collect.js'
import { JOB_FOLDER, JOB_USER } from './confinement.js'
import type { ContainerEngine } from './engine.js'
import { readTar, type TarWriter, writeTar } from './tar.js'

/** Data of a terabyte would take hours; an engine that does nothing for so long is broken. */
const TRANSFER_MS = 3_600_000
const OWNED = { uid: JOB_USER, gid: JOB_USER }
const OWNED_FOLDER = { ...OWNED, mode: 0o700, type: 'directory' } as const
const READ_ONLY = { uid: 0, gid: 0, mode: 0o444 }
const SAFE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/
/** The same bytes give the same archive, so that outputs can be compared by their digest. */
const NO_TIME = new Date(0)

/** Fills the job's volume: inputs that it can read and not change, and the folders that are its own. */
export async function fill(
  engine: ContainerEngine,
  container: string,
  inputs: readonly InputFile[],
  checkpoint?: Uint8Array,
): Promise<void> {
  const given = writeTar(async (tar) => {
    await tar.add({ name: 'in', uid: 0, gid: 0, mode: 0o755, type: 'directory' })
    await tar.add({ name: 'out', ...OWNED_FOLDER })
    await tar.add({ name: 'checkpoint', ...OWNED_FOLDER })
    for (const { name, bytes, read } of inputs) {
      if (!SAFE_NAME.test(name)) throw new RangeError(`input name ${JSON.stringify(name)}`)
      await tar.add({ name: `in/${name}`, size: bytes, ...READ_ONLY }, read())
    }
  })
  await put(engine, container, given, JOB_FOLDER)
  if (checkpoint === undefined) return
  const restored = writeTar((tar) => restore(checkpoint, tar))
  await put(engine, container, restored, `${JOB_FOLDER}/checkpoint`)
}

async function put(engine: ContainerEngine, container: string, tar: Readable, path: string): Promise<void> {
  const failed = new Promise<never>((_, reject) => tar.once('error', reject))
  failed.catch(() => {})
  const upload = engine.ask(
    'bringing in the data',
    (api) => api.getContainer(container).putArchive(tar, { path }),
    TRANSFER_MS,
  )
  await Promise.race([upload, failed])
}

/** A checkpoint comes from another provider: plain files in plain folders, whatever it says. */
async function restore(checkpoint: Uint8Array, tar: TarWriter): Promise<void> {
  for await (const { name, type, size, data } of plainEntries(once(checkpoint))) {
    if (type === 'directory') await tar.add({ name, ...OWNED_FOLDER })
    else await tar.add({ name, size, mode: 0o600, ...OWNED }, data)
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

interface PlainEntry {
  /** Relative, without `.` and `..`. */
  name: string
  type: 'file' | 'directory'
  size: number
  data: AsyncIterable<Uint8Array>
}

/** Plain files and folders below `root`; links, devices and paths that lead out are left out. */
async function* plainEntries(tar: AsyncIterable<Uint8Array>, root = ''): AsyncGenerator<PlainEntry> {
  for await (const { header, data } of readTar(tar)) {
    const { type, size } = header
    const name = plainName(header.name, root)
    if (name !== undefined && (type === 'file' || type === 'directory')) yield { name, type, size, data }
  }
}

function plainName(path: string, root: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (root !== '' && parts.shift() !== root) return undefined
  return parts.length === 0 || parts.includes('..') ? undefined : parts.join('/')
}

/** What lies in a folder of the job as one tar of plain files, at most `maxBytes`; undefined when it is empty. */
export async function readFolder(
  engine: ContainerEngine,
  container: string,
  folder: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  let files = 0
  const packed = writeTar(async (tar) => {
    for await (const entry of plainEntries(await archiveOf(engine, container, folder), folder)) {
      const { name, type, size, data } = entry
      if (type === 'directory') await tar.add({ name, type, mtime: NO_TIME })
      // A program renames a file when it is whole.
      else if (!name.endsWith('.partial')) {
        await tar.add({ name, size, mtime: NO_TIME }, data)
        files++
      }
    }
  })
  const bytes = await collect(packed, maxBytes, () => tooLarge('a folder', maxBytes))
  return files === 0 ? undefined : bytes
}

async function archiveOf(
  engine: ContainerEngine,
  container: string,
  folder: string,
): Promise<AsyncIterable<Uint8Array>> {
  const path = `${JOB_FOLDER}/${folder}`
  const stream = await engine.ask(`reading ${path}`, (api) =>
    api.getContainer(container).getArchive({ path }),
  )
  return stream as unknown as AsyncIterable<Uint8Array>
}

/**
 * The job's outputs: each plain file in `out/` under its name, each folder there as one tar of plain files. Throws
 * OUTPUT_TOO_LARGE, OUTPUT_UNUSABLE.
 */
export async function listOutputs(
  engine: ContainerEngine,
  container: string,
  maxBytes: number,
): Promise<OutputFile[]> {
  const found = new Map<string, 'file' | 'directory'>()
  let total = 0
  for await (const { name, type, size } of plainEntries(await archiveOf(engine, container, 'out'), 'out')) {
    const [top = '', ...below] = name.split('/')
    total += size
    if (total > maxBytes) throw tooLarge('out', maxBytes)
    found.set(top, below.length > 0 ? 'directory' : (found.get(top) ?? type))
  }
  if (found.size > JOB_LIMITS.maxOutputs)
    throw unusable(`${found.size} files, at most ${JOB_LIMITS.maxOutputs}`)
  return [...found].map(([top, type]) => {
    const name = type === 'file' ? top : `${top}.tar`
    if (!SAFE_NAME.test(name) || name.length > JOB_LIMITS.maxNameChars) {
      throw unusable(`the name ${JSON.stringify(name)}`)
    }
    if (type === 'directory' && found.get(name) === 'file')
      throw unusable(`${top}/ and ${name}, which are one name`)
    const read = type === 'file' ? readFile : readTree
    return { name, read: () => read(engine, container, top) }
  })
}

async function* readFile(
  engine: ContainerEngine,
  container: string,
  name: string,
): AsyncGenerator<Uint8Array> {
  for await (const { data } of plainEntries(await archiveOf(engine, container, `out/${name}`))) yield* data
}

async function* readTree(
  engine: ContainerEngine,
  container: string,
  name: string,
): AsyncGenerator<Uint8Array> {
  const archive = await archiveOf(engine, container, `out/${name}`)
  yield* writeTar(async (tar) => {
    for await (const entry of plainEntries(archive, name)) {
      if (entry.type === 'directory') await tar.add({ name: entry.name, type: entry.type, mtime: NO_TIME })
      else await tar.add({ name: entry.name, size: entry.size, mtime: NO_TIME }, entry.data)
    }
  })
}

function tooLarge(what: string, maxBytes: number): NightshiftError {
  return new NightshiftError('OUTPUT_TOO_LARGE', `${what} holds more than ${maxBytes} bytes`, {
    advice: 'raise `output` (or `checkpoint.size`) in the manifest’s `job`, or write less',
    context: { maxBytes },
  })
}

function unusable(what: string): NightshiftError {
  return new NightshiftError('OUTPUT_UNUSABLE', `the outputs cannot be handed over: ${what}`, {
    advice:
      'write at most 16 files or folders to /job/out, named in letters, digits, dots, dashes and underscores',
    context: { what },
  })
}
