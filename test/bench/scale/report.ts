import { drawChart, type Line } from './chart.js'
import { ASSUMED, COSTS } from './costs.js'
import { type Load, type Point, simulate } from './simulate.js'
import { measureSizes } from './sizes.js'

/** The simulation as it is kept beside the rules: figures for programs, a plot and a table for people. */
export interface Report {
  json: string
  svg: string
  table: string
}

const WAYS = [
  { key: 'sharded', name: 'as it is: shards (the node in the fullest one)', color: '#0072b2' },
  { key: 'whole', name: 'one topic for all, other rules as they are', color: '#e69f00' },
  { key: 'plain', name: 'one topic, a beat a minute, everybody bids', color: '#777777' },
] as const

export async function makeReport(): Promise<Report> {
  const sizes = await measureSizes()
  const points = simulate(sizes)
  const document = { costs: COSTS, assumed: ASSUMED, bytes: sizes, points: points.map(rounded) }
  return { json: `${JSON.stringify(document, null, 2)}\n`, svg: draw(points), table: tabulate(points) }
}

/** Four digits: the last ones of a double may differ between processors. */
function rounded(point: Point) {
  return JSON.parse(JSON.stringify(point), (_, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  ) as unknown
}

function draw(points: readonly Point[]): string {
  const lines = (pick: (load: Load) => number | undefined): Line[] =>
    WAYS.map(({ key, name, color }) => ({
      name,
      color,
      points: points.map((point) => ({ x: point.providers, y: pick(point[key]) })),
    }))
  return drawChart('What one node has to do in a market of 1,000 to 500,000 providers', [
    {
      title: 'Messages',
      unit: 'delivered to a node in a minute',
      lines: lines(({ messagesPerMinute }) => messagesPerMinute),
      from: 100,
      to: 1e8,
    },
    {
      title: 'Traffic',
      unit: 'bytes of a node in a minute, both ways',
      lines: lines(({ bytesPerMinute }) => bytesPerMinute),
      from: 1e6,
      to: 1e10,
    },
    {
      title: 'Processor',
      unit: 'share of one core',
      lines: lines(({ cpu }) => cpu),
      limit: { at: 1, name: 'one core is full' },
      from: 1e-3,
      to: 100,
    },
    {
      title: 'Order to lease',
      unit: 'ms; a line ends where orders no longer match',
      lines: lines(({ matchMs }) => matchMs),
      limit: { at: 2_000, name: 'the aim: 2 s' },
      from: 100,
      to: 1e4,
    },
  ])
}

/** In Markdown. */
function tabulate(points: readonly Point[]): string {
  const header = [
    'providers',
    'in the fullest shard',
    'heartbeat every',
    'messages/min',
    'MB/min',
    'core',
    'order to lease',
    'one topic: core',
    'order to lease',
  ]
  const rows = points.map(({ providers, sharded, whole }) => [
    providers.toLocaleString('en'),
    sharded.fullest.toLocaleString('en'),
    `${sharded.periodS} s`,
    sharded.messagesPerMinute.toLocaleString('en'),
    (sharded.bytesPerMinute / 1e6).toFixed(1),
    percent(sharded.cpu),
    time(sharded.matchMs),
    percent(whole.cpu),
    time(whole.matchMs),
  ])
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---:')), ...rows.map(line), ''].join('\n')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function time(ms: number | undefined): string {
  return ms === undefined ? 'none' : `${(ms / 1000).toFixed(2)} s`
}
