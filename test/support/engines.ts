import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ContainerEngine, openEngine } from '../../node/runtime/container/engine.js'
import { writeTar } from '../../node/runtime/container/tar.js'
import { systemClock } from '../../node/system/clock.js'

/** Real container engines on private sockets with folders of their own: nothing of the machine's own is touched. */
export interface TestEngine {
  engine: ContainerEngine
  /** `kill -9`, as the kernel does it. */
  kill(): Promise<void>
  /** On the same socket and with the same folders, after a kill. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export const ENGINES = ['docker', 'podman'] as const
export type EngineName = (typeof ENGINES)[number]

const START_MS = 60_000
const RESTART_MS = 150_000

/** Why this machine cannot start the engine; undefined when it can. */
export function missingFor(name: EngineName): string | undefined {
  if (process.platform !== 'linux') return 'engines are started on Linux only'
  if (process.getuid?.() !== 0) return 'starting an engine needs root'
  const program = name === 'docker' ? 'dockerd' : 'podman'
  if (findProgram(program) === undefined)
    return `${program} is not installed (.ci/run containers installs it)`
  if (findProgram('busybox') === undefined)
    return 'busybox is not installed; the image of the tests is made of it'
  return undefined
}

export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/games']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** `registry`: a local one that speaks HTTP, `127.0.0.1:port`. */
export async function startEngine(name: EngineName, registry?: string): Promise<TestEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-engine-'))
  const socket = join(folder, 'engine.sock')
  const { program, args, env } = name === 'docker' ? docker(folder, socket) : podman(folder, socket, registry)
  let said = ''
  const launch = () => {
    const launched = spawn(program, args, {
      env: { ...process.env, ...env },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [launched.stdout, launched.stderr]) stream.on('data', (text) => (said += text))
    exited = new Promise<void>((resolve) => launched.once('exit', () => resolve()))
    return launched
  }
  let exited: Promise<void>
  let child = launch()
  const stop = async () => {
    child.kill('SIGTERM')
    await Promise.race([exited, systemClock.sleep(10_000).then(() => child.kill('SIGKILL'))])
    await exited
    unmountBelow(folder)
    rmSync(folder, { recursive: true, force: true })
  }
  const open = async (again?: () => void): Promise<ContainerEngine> => {
    const until = Date.now() + (again === undefined ? START_MS : RESTART_MS)
    for (;;) {
      try {
        return await openEngine(socket, systemClock)
      } catch (error) {
        const hasEnded = child.exitCode !== null
        if (hasEnded) again?.()
        if (Date.now() > until || (hasEnded && again === undefined)) {
          await stop()
          throw new Error(`${name} did not start: ${String(error)}\n${said.slice(-2_000)}`)
        }
        await systemClock.sleep(200)
      }
    }
  }
  return {
    engine: await open(),
    stop,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    restart: async () => {
      rmSync(socket, { force: true })
      child = launch()
      // On a loaded machine dockerd gives up on its own containerd after fifteen seconds; it is told again.
      await open(() => {
        child = launch()
      })
    },
  }
}

function docker(folder: string, socket: string) {
  const args = [
    ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')],
    ...['--pidfile', join(folder, 'pid'), '--host', `unix://${socket}`],
  ]
  return { program: findProgram('dockerd')!, args, env: {} }
}

function podman(folder: string, socket: string, registry?: string) {
  const registries = join(folder, 'registries.conf')
  const entry = registry === undefined ? '' : `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`
  writeFileSync(registries, entry)
  const conf = join(folder, 'containers.conf')
  const runtime = findProgram('runc') === undefined ? 'crun' : 'runc'
  writeFileSync(
    conf,
    `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "${runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
`,
  )
  const storage = ['--root', join(folder, 'data'), '--runroot', join(folder, 'run')]
  const args = [
    ...storage,
    '--storage-driver',
    'overlay',
    'system',
    'service',
    '--time=0',
    `unix://${socket}`,
  ]
  return {
    program: findProgram('podman')!,
    args,
    env: { CONTAINERS_CONF: conf, CONTAINERS_REGISTRIES_CONF: registries },
  }
}

function unmountBelow(folder: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const ours = mounts.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(`${folder}/`))
  for (const path of ours.reverse()) {
    try {
      execFileSync('umount', ['--lazy', path], { stdio: 'ignore' })
    } catch {
      // Unmounted with the one above it.
    }
  }
}

const APPLETS = ['sh', 'cat', 'echo', 'sleep', 'dd', 'id', 'ls', 'mkdir', 'mv', 'seq', 'sha256sum', 'grep']
const MORE_APPLETS = [
  'touch',
  'ln',
  'unshare',
  'mount',
  'tr',
  'head',
  'yes',
  'wc',
  'kill',
  'true',
  'false',
  'tail',
]

/** An image with a shell and nothing else, as `docker save` writes it. */
export async function shellImage(options: { tag?: string; config?: object } = {}): Promise<Uint8Array> {
  const busybox = readFileSync(findProgram('busybox')!)
  return imageOf({ 'bin/busybox': busybox }, [...APPLETS, ...MORE_APPLETS], options)
}

/** An image with one program of this machine and the libraries that it is linked to. */
export async function programImage(program: string, more: readonly string[] = []): Promise<Uint8Array> {
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' })
  const libraries = [...linked.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path!)
  const files: Record<string, Uint8Array> = {}
  for (const path of [...libraries, ...more]) files[path.slice(1)] = readFileSync(path)
  files[`bin/${basename(program)}`] = readFileSync(program)
  return imageOf(files, [], {})
}

const WS = fileURLToPath(new URL('../../../node_modules/ws/', import.meta.url))

/** An image with this machine's Node, a shell, and the package `ws` below /app. */
export async function nodeImage(): Promise<Uint8Array> {
  const linked = execFileSync('ldd', [process.execPath], { encoding: 'utf8' })
  const libraries = [...linked.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path!)
  const files: Record<string, Uint8Array> = { 'bin/busybox': readFileSync(findProgram('busybox')!) }
  for (const path of libraries) files[path.slice(1)] = readFileSync(path)
  files['bin/node'] = readFileSync(process.execPath)
  const sources = readdirSync(WS, { recursive: true, encoding: 'utf8' })
  for (const path of sources.filter((each) => /\.(?:js|json)$/.test(each))) {
    files[`app/node_modules/ws/${path}`] = readFileSync(join(WS, path))
  }
  return imageOf(files, [...APPLETS, ...MORE_APPLETS, 'stty'], {})
}

async function imageOf(
  files: Readonly<Record<string, Uint8Array>>,
  applets: readonly string[],
  { tag = 'made-up:latest', config = {} }: { tag?: string; config?: object },
): Promise<Uint8Array> {
  const { layer, image } = await partsOf(files, applets, config)
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }]
  return bytesOf(
    writeTar(async (tar) => {
      await tar.add({ name: 'layer.tar' }, layer)
      await tar.add({ name: 'config.json' }, image)
      await tar.add({ name: 'manifest.json' }, Buffer.from(JSON.stringify(manifest)))
    }),
  )
}

/** One layer, and the configuration that names it. */
async function partsOf(
  files: Readonly<Record<string, Uint8Array>>,
  applets: readonly string[],
  config: object,
): Promise<{ layer: Uint8Array; image: Uint8Array }> {
  const layer = await bytesOf(
    writeTar(async (tar) => {
      for (const [name, bytes] of Object.entries(files)) await tar.add({ name, mode: 0o755 }, bytes)
      for (const applet of applets) {
        await tar.add({ name: `bin/${applet}`, type: 'symlink', linkname: '/bin/busybox' })
      }
    }),
  )
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(layer))).toString('hex')
  const image = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], ...config },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  return { layer, image: Buffer.from(JSON.stringify(image)) }
}

/** The shell's image as a registry serves it. */
export function shellParts(): Promise<{ layer: Uint8Array; image: Uint8Array }> {
  const busybox = readFileSync(findProgram('busybox')!)
  return partsOf({ 'bin/busybox': busybox }, [...APPLETS, ...MORE_APPLETS], {})
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}
