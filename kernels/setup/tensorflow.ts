import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Log } from '../../protocols/ports.js'
import { TENSORFLOW_FOLDER } from '../backend/tensorflow.js'
import { probeBackends } from '../worker/device.js'

/**
 * `npm run setup:tensorflow`: builds @tensorflow/tfjs-node-gpu against the TensorFlow wheel of PyPI, in a folder of its
 * own. The package's own installer is not used: it downloads TensorFlow 2.9 for CUDA 11.2, which knows no recent card,
 * and it breaks `npm install` where that download fails. An entry file: it talks to the terminal and the processes.
 */
const WHEEL_VERSION = '2.21.0'
const BINDING_VERSION = '4.22.0'
const GIB = 2 ** 30
const NEEDED_BYTES = { 'tensorflow-gpu': 9 * GIB, 'tensorflow-cpu': 3 * GIB }
type Variant = keyof typeof NEEDED_BYTES

const HELP = `Usage: npm run setup:tensorflow -- [--cpu] [--folder <path>]

Builds the TensorFlow backend, the fastest one on NVIDIA cards. It needs Linux, python3 (3.10 to 3.13) with venv,
g++ and make, and downloads TensorFlow ${WHEEL_VERSION} from PyPI (about 3 GB with CUDA, 0.3 GB with --cpu).

  --cpu            TensorFlow without CUDA: no GPU is used; for tests and for fast processors
  --folder <path>  where to put it (default: ${TENSORFLOW_FOLDER})
`

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function fail(message: string, advice: string): never {
  say(`error: ${message}\n       ${advice}`)
  process.exit(1)
}

function runStep(
  what: string,
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  say(`… ${what}`)
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status === 0) return
  say(`${stdout ?? ''}${stderr ?? ''}`.trimEnd().split('\n').slice(-40).join('\n'))
  fail(
    `${what} failed${error === undefined ? '' : `: ${error.message}`}`,
    'Correct what the lines above say and run the command again.',
  )
}

function answers(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** All that is missing is said at once, before anything is downloaded. */
function checkMachine(folder: string, variant: Variant): void {
  if (process.platform !== 'linux')
    fail(`${process.platform} is not supported here`, 'Use the WebGPU backend, which needs no set-up.')
  const missing = [
    answers('python3', ['-c', 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))']) ||
      'python3 (3.10 to 3.13)',
    answers('python3', ['-c', 'import venv, ensurepip']) || 'python3-venv',
    answers('g++', ['--version']) || 'g++',
    answers('make', ['--version']) || 'make',
  ].filter((found) => found !== true)
  if (missing.length > 0)
    fail(`missing: ${missing.join(', ')}`, `On Debian and Ubuntu: apt-get install python3-venv g++ make`)
  mkdirSync(folder, { recursive: true })
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < NEEDED_BYTES[variant]) {
    fail(
      `${folder} has ${((bavail * bsize) / GIB).toFixed(1)} GiB free; ${NEEDED_BYTES[variant] / GIB} GiB are needed`,
      'Free some space, or choose another --folder.',
    )
  }
}

/** Installs the wheel into a virtual environment and returns where its C library lies. */
function installWheel(folder: string, variant: Variant): string {
  const python = join(folder, 'python')
  if (!existsSync(join(python, 'bin', 'python')))
    runStep('creating a virtual environment', 'python3', ['-m', 'venv', python])
  const pip = join(python, 'bin', 'pip')
  const wheel =
    variant === 'tensorflow-cpu'
      ? // Only the C library is used, so none of its Python dependencies.
        ['--no-deps', `tensorflow-cpu==${WHEEL_VERSION}`]
      : [`tensorflow[and-cuda]==${WHEEL_VERSION}`]
  runStep(`installing ${wheel.at(-1)} from PyPI (this can take minutes)`, pip, [
    'install',
    '--quiet',
    '--disable-pip-version-check',
    ...wheel,
  ])
  const versions = join(python, 'lib')
  const version = readdirSync(versions).find((name) => name.startsWith('python3'))
  const library = join(versions, version ?? '', 'site-packages', 'tensorflow')
  if (!existsSync(join(library, 'libtensorflow_cc.so.2')))
    fail(`no C library in ${library}`, 'Delete the folder and run the command again.')
  return library
}

function installBinding(folder: string): string {
  const manifest = { private: true, dependencies: { '@tensorflow/tfjs-node-gpu': BINDING_VERSION } }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  // Without scripts: the binding's own would download the old TensorFlow.
  const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund']
  runStep('installing the binding from npm', 'npm', npm, { cwd: folder })
  return join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu')
}

/**
 * The linker finds the wheel's libraries under the names that it looks for; at run time they are found under their own
 * names in the wheel's folder, because their search path for CUDA is relative to where they really lie.
 */
function linkLibraries(binding: string, library: string): void {
  const lib = join(binding, 'deps', 'lib')
  rmSync(join(binding, 'deps'), { recursive: true, force: true })
  mkdirSync(lib, { recursive: true })
  symlinkSync(join(library, 'include'), join(binding, 'deps', 'include'))
  symlinkSync(join(library, 'libtensorflow_cc.so.2'), join(lib, 'libtensorflow.so'))
  symlinkSync(join(library, 'libtensorflow_framework.so.2'), join(lib, 'libtensorflow_framework.so'))
}

function build(folder: string, binding: string, library: string): void {
  const builder = join(folder, 'node_modules', '@mapbox', 'node-pre-gyp', 'bin', 'node-pre-gyp')
  const prefix = dirname(dirname(process.execPath))
  // Headers that came with Node spare node-gyp a download of its own.
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []
  runStep(
    'compiling the binding',
    process.execPath,
    [builder, 'install', '--build-from-source', ...headers],
    {
      cwd: binding,
      env: { ...process.env, LDFLAGS: `-Wl,-rpath,${library} -Wl,-rpath-link,${library}` },
    },
  )
}

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => quiet }

async function probe(folder: string, variant: Variant) {
  const clock = {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
    after: (ms: number, act: () => void) => {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
    every: (ms: number, act: () => void) => {
      const timer = setInterval(act, ms)
      return () => clearInterval(timer)
    },
  }
  const [report] = await probeBackends({ clock, log: quiet, tensorflowFolder: folder }, [variant])
  return report!
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { cpu: { type: 'boolean' }, folder: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const variant: Variant = values.cpu ? 'tensorflow-cpu' : 'tensorflow-gpu'
  const folder = resolve(values.folder ?? TENSORFLOW_FOLDER)
  const marker = join(folder, 'setup.json')
  const wanted = JSON.stringify({
    variant,
    wheel: WHEEL_VERSION,
    binding: BINDING_VERSION,
    node: process.version,
  })
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) {
    say('already built; checking it')
  } else {
    checkMachine(folder, variant)
    const library = installWheel(folder, variant)
    const binding = installBinding(folder)
    linkLibraries(binding, library)
    build(folder, binding, library)
  }
  const report = await probe(folder, variant)
  if (!report.ok) {
    fail(
      `the ${variant} backend does not work: ${report.reason}`,
      variant === 'tensorflow-gpu'
        ? 'Check that "nvidia-smi" shows the card and a driver for CUDA 12 or later; --cpu builds it without CUDA.'
        : 'Delete the folder and run the command again.',
    )
  }
  writeFileSync(marker, wanted)
  say(`done: ${variant} on ${report.model}, ${report.gflops} GFLOP/s in float32 products`)
}

await main()
