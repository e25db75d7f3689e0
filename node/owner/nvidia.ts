import { type DetectedDevice, NVIDIA_SMI_QUERY, parseNvidiaSmi } from '../../kernels/devices/detect.js'
import type { Clock } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import type { Processes } from './own.js'
import type { Sensor } from './port.js'
import type { LineProgram } from './stream.js'

/** Lines of one look are together within this; a process that is not told again has ended. */
const TOLD_FOR_MS = 2_500

/** One look of this program lasts a second, and no shorter one can be asked of it. */
export const PMON = ['nvidia-smi', 'pmon', '-s', 'u', '-d', '1'] as const
const CARDS_EVERY_MS = 2_000
export const CARDS = ['nvidia-smi', ...NVIDIA_SMI_QUERY, '-lms', String(CARDS_EVERY_MS)] as const

export interface CardUse {
  gpu: number
  pid: number
  /** Of the multiprocessors' time; missing: not told. */
  percent?: number
  program: string
}

/** Reads the columns by their heading: drivers add some. The heading comes again and again. */
export function createPmonReader(): (line: string) => CardUse | undefined {
  let columns: string[] = []
  return (line) => {
    const cells = line.trim().split(/\s+/)
    if (cells[0]?.startsWith('#')) {
      if (cells.includes('pid')) columns = cells[0] === '#' ? cells.slice(1) : cells
      return undefined
    }
    const cell = (name: string) => cells[columns.indexOf(name)]
    const pid = Number(cell('pid'))
    if (!Number.isInteger(pid) || pid <= 0) return undefined
    const percent = Number.parseInt(cell('sm') ?? '', 10)
    const named = columns.indexOf('command')
    const program = named === -1 ? '' : printable(cells.slice(named).join(' ')).slice(0, 64)
    return {
      gpu: Number(cell('gpu')),
      pid,
      ...(Number.isFinite(percent) ? { percent } : {}),
      program: program === '' || program === '-' ? `process ${pid}` : program,
    }
  }
}

/** What programs of the owner's do with NVIDIA's cards: our own, and those of our containers, do not count. */
export function createNvidiaSensor(parts: {
  program: LineProgram
  processes: Processes
  clock: Clock
}): Sensor {
  const { program, processes, clock } = parts
  const uses = new Map<string, { percent: number; program: string; atMs: number; counts: boolean }>()
  const read = createPmonReader()
  return {
    name: 'gpu',
    means: PMON.join(' '),
    start: (tell) =>
      program.start((line) => {
        const now = clock.elapsed()
        const use = read(line)
        for (const [key, { atMs }] of uses) if (now - atMs > TOLD_FOR_MS) uses.delete(key)
        if (use !== undefined) {
          const key = `${use.gpu}:${use.pid}`
          // Whose it is does not change while it is told of.
          const counts = uses.get(key)?.counts ?? (processes.exists(use.pid) && !processes.isOurs(use.pid))
          uses.set(key, { percent: use.percent ?? 0, program: use.program, atMs: now, counts })
        }
        tell({ gpu: busiest([...uses.values()].filter(({ counts }) => counts)) })
      }),
    stop: () => program.stop(),
  }
}

export function busiest<Use extends { percent: number; program: string }>(
  uses: readonly Use[],
): { percent: number; program: string } | undefined {
  const [most] = [...uses].sort((a, b) => b.percent - a.percent)
  return most === undefined ? undefined : { percent: most.percent, program: most.program }
}

/** Temperature and power, from one program that goes on; what it told last serves the price of a kilowatt-hour as well. */
export interface CardSensor extends Sensor {
  /** The cards as they were told last, or undefined when that is too long ago. */
  latest(): readonly DetectedDevice[] | undefined
}

export function createNvidiaCards(parts: { program: LineProgram; clock: Clock }): CardSensor {
  const { program, clock } = parts
  const cards = new Map<string, { card: DetectedDevice; atMs: number }>()
  const current = () =>
    [...cards.values()]
      .filter(({ atMs }) => clock.elapsed() - atMs < 2 * CARDS_EVERY_MS)
      .map(({ card }) => card)
  return {
    name: 'card',
    means: `nvidia-smi, every ${CARDS_EVERY_MS / 1_000} s`,
    start: (tell) =>
      program.start((line) => {
        const [card] = parseNvidiaSmi(line)
        if (card === undefined) return
        cards.set(card.uuid ?? card.busId ?? card.model, { card, atMs: clock.elapsed() })
        const all = current()
        tell({
          celsius: highest(all.map(({ celsius }) => celsius)),
          watts: highest(all.map(({ powerWatts }) => powerWatts)),
        })
      }),
    stop: () => program.stop(),
    latest: () => {
      const all = current()
      return all.length === 0 ? undefined : all
    },
  }
}

export function highest(values: ReadonlyArray<number | undefined>): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}
