import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { BackendReport } from '../backend/backend.js'
import { normalizeModel } from './table.js'

/** One graphics card as one source sees it. */
export interface DetectedDevice {
  readonly source: 'nvidia-smi' | 'system' | 'backend'
  readonly model: string
  readonly memoryBytes?: number
  readonly freeBytes?: number
  readonly driver?: string
  readonly uuid?: string
  readonly busId?: string
  /** Share of the time that it was busy, 0 … 1. */
  readonly utilization?: number
  readonly powerWatts?: number
  readonly powerLimitWatts?: number
  readonly celsius?: number
}

export interface Detection {
  readonly devices: readonly DetectedDevice[]
  /** What the sources do not agree on, in words. It is published with the heartbeat, not hidden. */
  readonly disagreements: readonly string[]
}

const FIELDS = [
  'index',
  'uuid',
  'name',
  'pci.bus_id',
  'driver_version',
  'memory.total',
  'memory.free',
  'utilization.gpu',
  'power.draw',
  'power.limit',
  'temperature.gpu',
] as const
/** What makes `nvidia-smi` print one such line per card. */
export const NVIDIA_SMI_QUERY = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'] as const

const MIB = 2 ** 20
const TIMEOUT_MS = 10_000
const MAX_OUTPUT_BYTES = 2 ** 20

/** One line per card of `nvidia-smi --query-gpu=… --format=csv,noheader,nounits`; "[N/A]" and the like are left out. */
export function parseNvidiaSmi(text: string): DetectedDevice[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim())
    if (cells.length !== FIELDS.length) return []
    const cell = (field: (typeof FIELDS)[number]) => cells[FIELDS.indexOf(field)]!
    const text = (field: (typeof FIELDS)[number]) =>
      /^\[?n\/a|^\[/i.test(cell(field)) ? undefined : cell(field)
    const number = (field: (typeof FIELDS)[number], unit = 1) => {
      const value = Number.parseFloat(cell(field))
      return Number.isFinite(value) ? value * unit : undefined
    }
    return [
      withoutUndefined({
        source: 'nvidia-smi' as const,
        model: cell('name'),
        memoryBytes: number('memory.total', MIB),
        freeBytes: number('memory.free', MIB),
        driver: text('driver_version'),
        uuid: text('uuid'),
        busId: text('pci.bus_id'),
        utilization: number('utilization.gpu', 1 / 100),
        powerWatts: number('power.draw'),
        powerLimitWatts: number('power.limit'),
        celsius: number('temperature.gpu'),
      }),
    ]
  })
}

function withoutUndefined(
  device: {
    [Key in keyof DetectedDevice]: DetectedDevice[Key] | undefined
  },
): DetectedDevice {
  return Object.fromEntries(
    Object.entries(device).filter(([, value]) => value !== undefined),
  ) as unknown as DetectedDevice
}

/** NVIDIA's cards, or none when there is no driver. Never throws, ends within 10 s. */
export async function readNvidiaSmi(): Promise<DetectedDevice[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', [...NVIDIA_SMI_QUERY], {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_OUTPUT_BYTES,
    })
    return parseNvidiaSmi(stdout)
  } catch {
    return []
  }
}

/** The operating system's list (PCI, the registry, system_profiler), without virtual displays and server consoles. */
async function readSystem(): Promise<DetectedDevice[]> {
  const { graphics } = await import('systeminformation')
  const { controllers } = await graphics()
  return controllers
    .filter(
      ({ model }) =>
        model !== '' &&
        !/virtual|remote|basic display|cirrus|vmware|qxl|bochs|aspeed|matrox g200/i.test(model),
    )
    .map(({ model, vram, driverVersion, busAddress }) =>
      withoutUndefined({
        source: 'system' as const,
        model,
        memoryBytes: typeof vram === 'number' && vram > 0 ? vram * MIB : undefined,
        freeBytes: undefined,
        driver: driverVersion,
        uuid: undefined,
        busId: busAddress,
        utilization: undefined,
        powerWatts: undefined,
        powerLimitWatts: undefined,
        celsius: undefined,
      }),
    )
}

/** Asks every source and compares them. `backend` is what the device worker reported. */
export async function detectDevices(backend: BackendReport): Promise<Detection> {
  const [nvidia, system] = await Promise.all([readNvidiaSmi(), readSystem().catch(() => [])])
  return crossCheck(nvidia, system, backend)
}

/** Sources round memory differently and keep some for themselves. */
const MEMORY_TOLERANCE = 0.12

/** Pure: what is there, and where the sources contradict one another. */
export function crossCheck(
  nvidia: readonly DetectedDevice[],
  system: readonly DetectedDevice[],
  backend: BackendReport,
): Detection {
  const disagreements: string[] = []
  const known = [...nvidia, ...system]
  if (backend.gpu && known.length > 0 && !known.some((device) => sameModel(device.model, backend.model))) {
    disagreements.push(
      `the ${backend.backend} backend computes on "${backend.model}", the system has ${list(known)}`,
    )
  }
  if (backend.gpu && known.length === 0) {
    disagreements.push(`the ${backend.backend} backend names "${backend.model}", the system lists no card`)
  }
  if (!backend.gpu && known.length > 0) {
    disagreements.push(
      `the system has ${list(known)}, but the ${backend.backend} backend does not use a card`,
    )
  }
  for (const device of nvidia) {
    const twin = system.find((other) => sameModel(other.model, device.model))
    if (system.length > 0 && twin === undefined) {
      disagreements.push(`nvidia-smi has "${device.model}", the operating system does not`)
    }
    if (differs(device.memoryBytes, twin?.memoryBytes)) {
      disagreements.push(
        `"${device.model}" has ${gib(device.memoryBytes)} by nvidia-smi and ${gib(twin?.memoryBytes)} by the system`,
      )
    }
  }
  const devices = nvidia.length > 0 ? [...nvidia, ...system.filter(({ model }) => !isNvidia(model))] : system
  return { devices, disagreements }
}

function isNvidia(model: string): boolean {
  return /nvidia|geforce|quadro|tesla|\brtx\b|\bgtx\b/i.test(model)
}

/** PCI tables say "GA102 [GeForce RTX 3090]", drivers "NVIDIA GeForce RTX 3090": one must hold the other's numbers. */
export function sameModel(left: string, right: string): boolean {
  const words = (model: string) =>
    normalizeModel(model.replaceAll(/[[\]]/g, ' '))
      .split(' ')
      .filter(
        (word) =>
          !/^(nvidia|amd|ati|intel|corporation|geforce|radeon|graphics|inc|advanced|micro|devices)$/.test(
            word,
          ),
      )
  const [a, b] = [words(left), words(right)]
  const [fewer, more] = a.length <= b.length ? [a, b] : [b, a]
  return fewer.length > 0 && fewer.every((word) => more.includes(word))
}

function differs(left: number | undefined, right: number | undefined): boolean {
  if (left === undefined || right === undefined) return false
  return Math.abs(left - right) > MEMORY_TOLERANCE * Math.max(left, right)
}

function list(devices: readonly DetectedDevice[]): string {
  return [...new Set(devices.map(({ model }) => `"${model}"`))].join(', ')
}

function gib(bytes: number | undefined): string {
  return `${((bytes ?? 0) / 2 ** 30).toFixed(1)} GiB`
}
