import type { Json } from '../control/view.js'
import type { PartState, WorkflowEvent, WorkflowReport } from '../workflow/event.js'
import type { Report } from './report.js'
import { createStory, type Story, shortPeer, showAmount, showSeconds } from './story.js'
import type { Style } from './style.js'
import { renderPairs, renderTable } from './table.js'

export type WorkflowEventView = Json<WorkflowEvent>
type PartView = Json<WorkflowReport>['parts'][number]

/** Of a job among many: what a person who watches all of them wants to hear. */
const TOLD = ['awarded', 'leased', 'continued', 'standing-lost', 'slashed', 'checked', 'settled']

/** Shows a workflow's stream of events: one line each, which names the part. With --json all of them, as they are. */
export async function followWorkflow(
  events: AsyncIterable<WorkflowEventView>,
  report: Report,
  options: {
    to: 'out' | 'err'
    decimals: number
    /** All that the jobs tell. */
    isWhole?: boolean
    /** Only what the jobs printed. */
    isOnlyLog?: boolean
    onEvent?: (event: WorkflowEventView) => Promise<void>
  },
): Promise<void> {
  const { style } = options.to === 'err' ? report.err : report.out
  let startMs: number | undefined
  let story: Story | undefined
  for await (const event of events) {
    await options.onEvent?.(event)
    startMs ??= event.atMs
    story ??= createStory({ style, decimals: options.decimals, startMs })
    if (options.isOnlyLog && (event.kind !== 'job' || event.event.kind !== 'log')) continue
    if (report.json) {
      report.event(event)
      continue
    }
    const line = describe(event, story, style, startMs, options.isWhole === true)
    if (line === undefined) continue
    if (options.to === 'err') report.progress(line)
    else report.event(event, line)
  }
}

function describe(
  event: WorkflowEventView,
  story: Story,
  style: Style,
  startMs: number,
  isWhole: boolean,
): string | undefined {
  const time = style.dim(showSeconds(event.atMs - startMs))
  switch (event.kind) {
    case 'state':
      return `${time}  ${['workflow', paint(event.state, style), why(event)].filter(Boolean).join(' ')}`
    case 'part': {
      const on =
        event.state === 'RUNNING' && event.provider !== undefined ? `on ${shortPeer(event.provider)}` : ''
      const told = [paint(event.state, style), on, why(event), showMetrics(event.metrics ?? {})].filter(
        Boolean,
      )
      return `${time}  ${style.bold(nameOf(event))}  ${told.join(' ')}`
    }
    case 'collected':
      return `${time}  ${style.bold(nameOf(event))}  ${event.path} (${event.bytes.toLocaleString('en')} bytes)`
    case 'job':
      return isWhole || TOLD.includes(event.event.kind)
        ? story.describe(event.event, style.bold(nameOf(event)))
        : undefined
  }
}

/** A tree of steps and parts with provider, cost and metrics; then what was best. */
export function renderWorkflow(workflow: Json<WorkflowReport>, style: Style): string {
  const { id, name, parts, paid, atRisk, budget, decimals, best } = workflow
  const pairs: Array<[string, string]> = [
    ['workflow', `${name}  ${id}`],
    ['state', `${paint(workflow.state, style)}${why(workflow) === '' ? '' : ` ${why(workflow)}`}`],
    [
      'paid',
      `${showAmount(paid, decimals)} tokens${budget === undefined ? '' : ` of ${showAmount(budget, decimals)}`}`,
    ],
  ]
  if (BigInt(atRisk) > 0n) pairs.push(['deposited at most', `${showAmount(atRisk, decimals)} tokens`])
  for (const { step, part, metric, value } of best)
    pairs.push([`best ${step}`, `${part}, ${metric} ${round(value)}`])
  const metrics = [...new Set(parts.flatMap((part) => Object.keys(part.metrics)))].slice(0, MOST_METRICS)
  const winners = new Set(best.map(nameOf))
  const table = renderTable(
    toRows(parts),
    [
      { title: 'STEP', cell: ({ title }) => title },
      { title: 'STATE', cell: ({ part }) => (part === undefined ? '' : paint(part.state, style)) },
      {
        title: 'PROVIDER',
        cell: ({ part }) => (part?.provider === undefined ? '' : shortPeer(part.provider)),
      },
      { title: 'JOB', cell: ({ part }) => part?.jobs.at(-1)?.id ?? '' },
      {
        title: 'PAID',
        align: 'right',
        cell: ({ part }) => (part === undefined ? '' : showPaid(part, decimals)),
      },
      ...metrics.map((metric) => ({
        title: metric.toUpperCase(),
        align: 'right' as const,
        cell: ({ part }: Row) => (part?.metrics[metric] === undefined ? '' : round(part.metrics[metric])),
      })),
      {
        title: '',
        cell: ({ part }) => {
          if (part === undefined) return ''
          return winners.has(nameOf(part)) ? style.green('best') : why(part)
        },
      },
    ],
    style.dim,
  )
  return `${renderPairs(pairs, style.dim)}\n${table}`
}

/** More columns than these are in the JSON. */
const MOST_METRICS = 4

interface Row {
  title: string
  part?: PartView
}

/** A step with one part is one line; one with a matrix has a line of its own above its parts. */
function toRows(parts: readonly PartView[]): Row[] {
  const steps = [...new Set(parts.map(({ step }) => step))]
  return steps.flatMap((step): Row[] => {
    const own = parts.filter((part) => part.step === step)
    const isMatrix = own.some(({ values }) => Object.keys(values).length > 0)
    if (!isMatrix) return own.map((part) => ({ title: step, part }))
    const done = own.filter(({ state }) => state === 'COMPLETED').length
    return [
      { title: `${step} (${done} of ${own.length})` },
      ...own.map((part, at) => ({ title: `${at === own.length - 1 ? '└' : '├'} ${part.part}`, part })),
    ]
  })
}

function showPaid({ jobs }: PartView, decimals: number): string {
  return showAmount(
    jobs.reduce((total, { paid }) => total + BigInt(paid), 0n),
    decimals,
  )
}

function showMetrics(metrics: Record<string, number>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${round(value)}`)
    .join('  ')
}

function round(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}

function nameOf({ step, part }: { step: string; part: string }): string {
  return `${step}/${part}`
}

function why({ reason, detail }: { reason?: string | undefined; detail?: string | undefined }): string {
  return [reason, detail].filter((each) => each !== undefined && each !== '').join(', ')
}

function paint(state: PartState | string, style: Style): string {
  const colours: Readonly<Record<string, (text: string) => string>> = {
    COMPLETED: style.green,
    FAILED: style.red,
    STOPPED: style.yellow,
    SKIPPED: style.yellow,
    RUNNING: style.cyan,
    POSTED: style.cyan,
  }
  return (colours[state] ?? style.dim)(state)
}
