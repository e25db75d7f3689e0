import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../protocols/ports.js'
import { busiest, highest } from './nvidia.js'
import { type Processes, readText } from './own.js'
import type { Sensor } from './port.js'

/**
 * AMD's and Intel's cards, by what the kernel tells of each program that has one open (DRM client usage stats,
 * docs.kernel.org/gpu/drm-usage-stats.html) and by the sensors on the card (hwmon).
 */
const EVERY_MS = 500
/** Programs open the card soon after they start; those that run already are looked through again now and then. */
const YOUNG_MS = 10_000
const ALL_AGAIN_MS = 30_000
const CARD_EVERY_MS = 2_000

/** What one open card tells: nanoseconds, or cycles of so many, that each of its engines has worked for this program. */
export interface DrmClient {
  /** One program may hold the same client open several times. */
  id: string
  engines: ReadonlyMap<string, number>
  /** Cycles that have passed on the card, where it counts those. */
  totals: ReadonlyMap<string, number>
}

/** Undefined for what is no open card. */
export function parseFdinfo(text: string): DrmClient | undefined {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf(':')
    if (line.startsWith('drm-') && at !== -1) values.set(line.slice(4, at), line.slice(at + 1).trim())
  }
  const client = values.get('client-id')
  if (client === undefined) return undefined
  const read = (prefix: string) =>
    new Map(
      [...values]
        .filter(([key]) => key.startsWith(prefix) && !key.startsWith('engine-capacity-'))
        .map(([key, value]) => [key.slice(prefix.length), Number.parseInt(value, 10)] as const)
        .filter(([, value]) => Number.isFinite(value)),
    )
  const cycles = read('cycles-')
  return {
    id: `${values.get('pdev') ?? values.get('driver') ?? ''}/${client}`,
    engines: new Map([...read('engine-'), ...cycles]),
    totals: new Map([...read('total-cycles-')].filter(([engine]) => cycles.has(engine))),
  }
}

/** The busiest engine between two looks, per cent. */
export function usedBetween(before: DrmClient, after: DrmClient, passedMs: number): number {
  const shares = [...after.engines].map(([engine, value]) => {
    const worked = value - (before.engines.get(engine) ?? value)
    const total = after.totals.get(engine)
    const passed = total === undefined ? passedMs * 1e6 : total - (before.totals.get(engine) ?? total)
    return passed > 0 ? (100 * worked) / passed : 0
  })
  return Math.min(100, Math.max(0, ...shares))
}

export function createDrmSensor(parts: { processes: Processes; proc: string; clock: Clock }): Sensor {
  const { processes, proc, clock } = parts
  /** Descriptors of an open card, of each process that is not ours. */
  const open = new Map<number, { fds: string[]; firstSeenMs: number; lookedMs: number }>()
  const clients = new Map<string, { client: DrmClient; atMs: number }>()
  let stopLooking = () => {}

  function look() {
    const now = clock.elapsed()
    const pids = new Set(numbersIn(proc))
    for (const pid of open.keys()) if (!pids.has(pid)) open.delete(pid)
    const uses: Array<{ percent: number; program: string }> = []
    const told = new Set<string>()
    for (const pid of pids) {
      const entry = refresh(pid, now)
      const used = entry.fds.map((fd) => measure(join(proc, String(pid), 'fdinfo', fd), now, told))
      const percent = highest(used)
      if (percent !== undefined && percent > 0 && !processes.isOurs(pid))
        uses.push({ percent, program: readText(join(proc, String(pid), 'comm'))?.trim() || `process ${pid}` })
    }
    for (const id of clients.keys()) if (!told.has(id)) clients.delete(id)
    return busiest(uses)
  }

  function refresh(pid: number, now: number) {
    const known = open.get(pid)
    const isDue =
      known === undefined || now - known.firstSeenMs < YOUNG_MS || now - known.lookedMs > ALL_AGAIN_MS
    if (!isDue) return known
    const entry = {
      fds: cardsOf(join(proc, String(pid), 'fd')),
      firstSeenMs: known?.firstSeenMs ?? now,
      lookedMs: now,
    }
    open.set(pid, entry)
    return entry
  }

  /** Undefined for a client that is told of already, or for the first time. */
  function measure(path: string, now: number, told: Set<string>): number | undefined {
    const client = parseFdinfo(readText(path) ?? '')
    if (client === undefined || told.has(client.id)) return undefined
    told.add(client.id)
    const before = clients.get(client.id)
    clients.set(client.id, { client, atMs: now })
    return before === undefined ? undefined : usedBetween(before.client, client, now - before.atMs)
  }

  return {
    name: 'gpu',
    means: 'what the kernel tells of open cards',
    start: (tell) => {
      look()
      stopLooking = clock.every(EVERY_MS, () => tell({ gpu: look() }))
    },
    stop: async () => stopLooking(),
  }
}

function numbersIn(folder: string): number[] {
  return list(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function cardsOf(folder: string): string[] {
  return list(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith('/dev/dri/')
    } catch {
      return false
    }
  })
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Temperature and power as the cards' own sensors tell them, in the units of hwmon: 1/1000 °C, 1/1,000,000 W. */
export function createHwmonSensor(parts: { folders: readonly string[]; clock: Clock }): Sensor {
  const { folders, clock } = parts
  const read = (names: readonly string[], unit: number) =>
    highest(
      folders.map((folder) => {
        const text = names.map((name) => readText(join(folder, name))).find((found) => found !== undefined)
        const value = Number.parseInt(text ?? '', 10)
        return Number.isFinite(value) ? value / unit : undefined
      }),
    )
  let stopReading = () => {}
  return {
    name: 'card',
    means: folders.join(', '),
    start: (tell) => {
      stopReading = clock.every(CARD_EVERY_MS, () =>
        tell({
          celsius: read(['temp1_input'], 1_000),
          watts: read(['power1_average', 'power1_input'], 1_000_000),
        }),
      )
    },
    stop: async () => stopReading(),
  }
}

const MAKERS: readonly string[] = ['0x1002', '0x8086']

/** The hwmon folders of AMD's and Intel's cards under `/sys`; empty where there is no such card. */
export function findDrmCards(sys: string): Array<{ card: string; hwmon: string | undefined }> {
  const drm = join(sys, 'class/drm')
  return list(drm)
    .filter((name) => /^card\d+$/.test(name))
    .filter((name) => MAKERS.includes(readText(join(drm, name, 'device/vendor'))?.trim() ?? ''))
    .map((name) => {
      const folder = join(drm, name, 'device/hwmon')
      const [hwmon] = list(folder)
      return { card: name, hwmon: hwmon === undefined ? undefined : join(folder, hwmon) }
    })
}
