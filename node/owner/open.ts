import { execFile } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Log } from '../../protocols/ports.js'
import { createCommandSensor } from './command.js'
import { createCpuSensor } from './cpu.js'
import { createDrmSensor, createHwmonSensor, findDrmCards } from './drm.js'
import { type Ask, createInputSensor, type IdleSource, IOREG, LOGIND, MUTTER, XPRINTIDLE } from './input.js'
import { CARDS, type CardSensor, createNvidiaCards, createNvidiaSensor, PMON } from './nvidia.js'
import { createProcesses } from './own.js'
import type { Blind, Sensor, SensorName } from './port.js'
import { createLineProgram, type LineProgram } from './stream.js'
import { createWindowsSensors, POWERSHELL } from './windows.js'
import { createFullscreenSensor } from './x11.js'

/** What this machine can be asked, found once at the start; what it cannot is named with the reason. */
export interface Watch {
  sensors: Sensor[]
  blind: Blind[]
  /** The cards as a sensor here has seen them lately; missing where none looks at them. */
  latestCards?: CardSensor['latest']
}

export interface WatchOptions {
  watch: readonly SensorName[]
  /** The owner's own program; empty: none. */
  command: readonly string[]
  platform: NodeJS.Platform
  env: Readonly<Record<string, string | undefined>>
  /** Of this node. */
  pid: number
  /** Names of the containers that run jobs now. */
  containers: () => readonly string[]
  clock: Clock
  log: Log
  /** `/proc` and `/sys`. */
  proc?: string
  sys?: string
}

const ASK_TIMEOUT_MS = 5_000
const MAX_ANSWER_BYTES = 2 ** 20
/** What a program needs to find the desktop, and no more: keys and tokens of the node are none of its business. */
const PASSED = [
  'PATH',
  'HOME',
  'DISPLAY',
  'XAUTHORITY',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
  'SystemRoot',
  'TEMP',
]
/** Ends a program with this process, also when that is killed; of util-linux, and on every usual distribution. */
const SETPRIV = '/usr/bin/setpriv'

/** The sensors that this machine can have of those that are asked for, and why it cannot have the others. */
export async function openWatch(options: WatchOptions): Promise<Watch> {
  const { watch, command, platform, clock, log } = options
  const env = passedOf(options)
  const launcher = platform === 'linux' && isProgram(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : []
  const program = (wanted: readonly string[], onEnd?: () => void): LineProgram =>
    createLineProgram({
      command: [...launcher, ...wanted],
      env,
      clock,
      log,
      ...(onEnd === undefined ? {} : { onEnd }),
    })
  const ask: Ask = async ([file = '', ...args]) => {
    const limits = { timeout: ASK_TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES, killSignal: 'SIGKILL' } as const
    return (await promisify(execFile)(file, args, { ...limits, env: { ...env } })).stdout
  }
  const parts: Parts = {
    ...options,
    passed: env,
    program,
    ask,
    proc: options.proc ?? '/proc',
    sys: options.sys ?? '/sys',
  }
  const found: Watch = { sensors: [], blind: [] }
  if (platform === 'win32') openWindows(parts, found)
  else {
    if (watch.includes('gpu')) openGpu(parts, found)
    if (watch.includes('fullscreen')) await openFullscreen(parts, found)
    if (watch.includes('input')) await openInput(parts, found)
    if (watch.includes('cpu')) openCpu(parts, found)
  }
  if (watch.includes('card')) openCard(parts, found)
  if (command.length > 0)
    found.sensors.push(createCommandSensor({ command, program: (onEnd) => program(command, onEnd) }))
  return found
}

interface Parts extends WatchOptions {
  passed: Record<string, string>
  program: (command: readonly string[], onEnd?: () => void) => LineProgram
  ask: Ask
  proc: string
  sys: string
}

function passedOf({ env, proc = '/proc' }: WatchOptions): Record<string, string> {
  const kept = PASSED.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const display = env.DISPLAY ?? (proc === '/proc' ? firstDisplay() : undefined)
  return { LC_ALL: 'C', ...Object.fromEntries(kept), ...(display === undefined ? {} : { DISPLAY: display }) }
}

/** A service of the user's has no DISPLAY of its own, and the screen may be there all the same. */
function firstDisplay(): string | undefined {
  try {
    const [socket] = readdirSync('/tmp/.X11-unix')
      .filter((name) => /^X\d+$/.test(name))
      .sort()
    return socket === undefined ? undefined : `:${socket.slice(1)}`
  } catch {
    return undefined
  }
}

function processesOf({ pid, proc, containers }: Parts) {
  return createProcesses({ pid, proc, containers })
}

function openGpu(parts: Parts, { sensors, blind }: Watch): void {
  const { platform, passed, program, proc, sys, clock } = parts
  if (platform !== 'linux') {
    return void blind.push({
      name: 'gpu',
      reason: `what programs do with the card is not told on ${platform}`,
    })
  }
  const before = sensors.length
  if (findProgram('nvidia-smi', passed) !== undefined)
    sensors.push(createNvidiaSensor({ program: program(PMON), processes: processesOf(parts), clock }))
  if (findDrmCards(sys).length > 0)
    sensors.push(createDrmSensor({ processes: processesOf(parts), proc, clock }))
  if (sensors.length === before)
    blind.push({ name: 'gpu', reason: 'no card of NVIDIA, AMD or Intel was found' })
}

async function openFullscreen(parts: Parts, { sensors, blind }: Watch): Promise<void> {
  const { platform, passed, program, ask } = parts
  const reason = await (async () => {
    if (platform !== 'linux') return `not told on ${platform}`
    const display = passed.DISPLAY
    if (display === undefined) return 'no display'
    if (findProgram('xprop', passed) === undefined) return 'needs xprop: sudo apt-get install x11-utils'
    try {
      await ask(['xprop', '-root', '_NET_ACTIVE_WINDOW'])
    } catch {
      return `no access to display ${display}: start the node in the desktop session, or name DISPLAY and XAUTHORITY`
    }
    sensors.push(createFullscreenSensor({ display, program }))
    const isWayland = parts.env.WAYLAND_DISPLAY !== undefined || parts.env.XDG_SESSION_TYPE === 'wayland'
    return isWayland ? 'windows of Wayland itself are not seen, those of Xwayland are' : undefined
  })()
  if (reason !== undefined) blind.push({ name: 'fullscreen', reason })
}

/** The first that answers; under Wayland an X display knows nothing of most keys. */
async function openInput(parts: Parts, { sensors, blind }: Watch): Promise<void> {
  const { platform, passed, ask, env, clock } = parts
  const isWayland = env.WAYLAND_DISPLAY !== undefined || env.XDG_SESSION_TYPE === 'wayland'
  const sources: IdleSource[] = []
  if (platform === 'darwin') sources.push(IOREG)
  if (platform === 'linux' && passed.DISPLAY !== undefined && !isWayland) sources.push(XPRINTIDLE)
  if (platform === 'linux') sources.push(MUTTER, LOGIND)
  for (const source of sources) {
    if (findProgram(source.command[0]!, passed) === undefined) continue
    const ms = await ask(source.command).then(
      (text) => source.read(text, clock.now()),
      () => undefined,
    )
    if (ms === undefined) continue
    return void sensors.push(createInputSensor({ source, ask, clock }))
  }
  const hint =
    passed.DISPLAY === undefined ? 'no display' : 'needs xprintidle: sudo apt-get install xprintidle'
  blind.push({ name: 'input', reason: platform === 'linux' ? hint : `not told on ${platform}` })
}

function openCpu(parts: Parts, { sensors, blind }: Watch): void {
  const { platform, proc, clock } = parts
  if (platform === 'linux') sensors.push(createCpuSensor({ processes: processesOf(parts), proc, clock }))
  else blind.push({ name: 'cpu', reason: `not told on ${platform}` })
}

function openCard(parts: Parts, found: Watch): void {
  const { passed, program, sys, clock } = parts
  const folders = findDrmCards(sys).flatMap(({ hwmon }) => hwmon ?? [])
  if (findProgram('nvidia-smi', passed) !== undefined) {
    const cards = createNvidiaCards({ program: program(CARDS), clock })
    found.sensors.push(cards)
    found.latestCards = cards.latest
  } else if (folders.length > 0) {
    found.sensors.push(createHwmonSensor({ folders, clock }))
  } else {
    found.blind.push({ name: 'card', reason: 'no card tells its temperature and power' })
  }
}

function openWindows(parts: Parts, { sensors, blind }: Watch): void {
  const { watch, program, pid } = parts
  const names = watch.filter((name) => ['gpu', 'fullscreen', 'input'].includes(name))
  if (names.length > 0) sensors.push(...createWindowsSensors(names, { program: program(POWERSHELL), pid }))
  if (watch.includes('cpu')) blind.push({ name: 'cpu', reason: 'not told on win32' })
}

function findProgram(name: string, { PATH = '' }: Record<string, string>): string | undefined {
  const suffixes = process.platform === 'win32' ? ['.exe', ''] : ['']
  return PATH.split(delimiter)
    .flatMap((folder) => suffixes.map((suffix) => join(folder, name + suffix)))
    .find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
