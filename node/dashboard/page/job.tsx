import { useEffect, useRef } from 'preact/hooks'
import type { JobLine, JobPanel, StoryEvent } from '../view.js'
import { bytes, clock, duration, short, tokens } from './format.js'
import { Badge, Button, Card, Figure, Progress, Table, toneOf } from './parts.js'
import { Plot } from './plot.js'
import { act, useJob, useStory } from './store.js'

const ENDED = ['COMPLETED', 'FAILED', 'STOPPED']

export function JobPage({ job, decimals }: { job: JobLine; decimals: number }) {
  const story = useStory(job.id)
  const panel = useJob(job.id, `${job.state} ${story.length >> 4}`)
  const progress = story.filter(({ kind }) => kind === 'progress') as unknown as ProgressEvent[]
  const last = progress.at(-1)
  const hasEnded = ENDED.includes(job.state)
  const paid = hasEnded ? job.paid : paidSoFar(story)
  return (
    <div>
      <Card
        title={job.name}
        {...(job.reason === undefined ? {} : { note: `${job.reason} ${job.detail ?? ''}` })}
      >
        <div class="row">
          <Badge text={job.state} tone={toneOf(job.state)} />
          {!hasEnded && <Button onPress={() => act(`jobs/${job.id}/stop`)}>Stop the job</Button>}
        </div>
        {last !== undefined && !hasEnded && (
          <Progress label={`Step ${last.step} of ${last.steps}`} share={last.step / last.steps} />
        )}
        <dl class="figures">
          <Figure
            label="Provider"
            value={job.winner === undefined ? '–' : <code>{short(job.winner)}</code>}
          />
          <Figure label="Paid" value={tokens(paid, decimals)} unit="tokens" />
          <Figure
            label="Deposited, the ceiling"
            value={tokens(depositOf(story) ?? job.deposited, decimals)}
            unit="tokens"
          />
          {hasEnded && <Figure label="Came back" value={tokens(job.refunded, decimals)} unit="tokens" />}
          {job.accuracy !== undefined && (
            <Figure
              label="Accuracy, on rows that stayed here"
              value={`${Math.round(job.accuracy * 1_000) / 10} %`}
            />
          )}
        </dl>
      </Card>
      <Training progress={progress} />
      <Auction panel={panel} story={story} decimals={decimals} />
      <Files panel={panel} />
      <Story story={story} decimals={decimals} />
    </div>
  )
}

interface ProgressEvent {
  step: number
  steps: number
  metrics: Record<string, number>
}

function paidSoFar(story: readonly StoryEvent[]): string {
  const best = new Map<unknown, bigint>()
  for (const event of story) {
    if (event.kind === 'voucher') best.set(event.peer, BigInt(event.amount as string))
  }
  return [...best.values()].reduce((total, amount) => total + amount, 0n).toString()
}

function depositOf(story: readonly StoryEvent[]): string | undefined {
  return story.findLast(({ kind }) => kind === 'leased')?.deposit as string | undefined
}

function Training({ progress }: { progress: readonly ProgressEvent[] }) {
  const names = [...new Set(progress.flatMap(({ metrics }) => Object.keys(metrics)))].filter(
    (name) => name !== 'epoch',
  )
  if (names.length === 0) return null
  // A job that went on elsewhere begins again at a checkpoint: the later value of a step holds.
  const bySteps = new Map(progress.map((each) => [each.step, each.metrics]))
  const steps = [...bySteps.keys()].sort((a, b) => a - b)
  return (
    <Card title="Training">
      <div class="plots">
        {names.map((name) => {
          const values = steps.map((step) => bySteps.get(step)?.[name] ?? null)
          return <Plot key={name} label={`${name} by step`} x={steps} curves={[{ name, values }]} />
        })}
      </div>
    </Card>
  )
}

function Auction({
  panel,
  story,
  decimals,
}: {
  panel: JobPanel | undefined
  story: readonly StoryEvent[]
  decimals: number
}) {
  const committed = story.filter(({ kind }) => kind === 'committed').length
  const awarded = story.findLast(({ kind }) => kind === 'leased')
  const took = awarded?.orderToLeaseMs as number | undefined
  return (
    <Card
      title="Auction"
      note={`${committed} sealed bids${took === undefined ? '' : `, ${Math.round(took)} ms from the order to the signed lease`}`}
    >
      <Table
        caption="Bids as they were opened"
        rows={panel?.bids ?? []}
        keyOf={({ peer, outcome }) => `${peer} ${outcome}`}
        empty="No bid has been opened yet."
        columns={[
          { title: 'Provider', cell: ({ peer }) => <code>{short(peer)}</code> },
          {
            title: 'A device-hour',
            number: true,
            cell: ({ pricePerHour }) => tokens(pricePerHour, decimals),
          },
          { title: 'Outcome', cell: ({ outcome }) => <Badge text={outcome} tone={toneOf(outcome)} /> },
          { title: 'Why', cell: ({ reason }) => reason ?? '' },
        ]}
      />
    </Card>
  )
}

function Files({ panel }: { panel: JobPanel | undefined }) {
  if (panel === undefined || panel.outputs.length + panel.checkpoints.length === 0) return null
  return (
    <Card title="Results">
      <Table
        caption="Files on this machine"
        rows={panel.outputs}
        keyOf={({ index }) => String(index)}
        empty="No result yet."
        columns={[
          {
            title: 'File',
            cell: ({ name, index }) => (
              <a href={`/dashboard/jobs/${panel.id}/outputs/${index}`} download={name}>
                {name}
              </a>
            ),
          },
          { title: 'Size', number: true, cell: ({ bytes: size }) => bytes(size) },
        ]}
      />
      {panel.checkpoints.length > 0 && (
        <p class="note">
          {panel.checkpoints
            .map(({ step, bytes: size }) => `checkpoint at step ${step}, ${bytes(size)}`)
            .join(' · ')}
        </p>
      )}
    </Card>
  )
}

const QUIET = ['progress', 'committed', 'bid']

function Story({ story, decimals }: { story: readonly StoryEvent[]; decimals: number }) {
  const end = useRef<HTMLDivElement>(null)
  const lines = story.filter(({ kind }) => !QUIET.includes(kind)).slice(-500)
  useEffect(() => {
    const box = end.current?.parentElement
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 80) box.scrollTop = box.scrollHeight
  }, [lines.length])
  return (
    <Card title="Story and log">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="log" role="log" aria-live="off" tabIndex={0}>
        {lines.map((event, index) => (
          <p key={`${event.atMs} ${index}`} class={event.kind === 'log' ? '' : 'told'}>
            <time>{clock(event.atMs)}</time> {tell(event, decimals)}
          </p>
        ))}
        <div ref={end} />
      </div>
    </Card>
  )
}

function tell(event: StoryEvent, decimals: number): string {
  const of = (name: string) => String(event[name] ?? '')
  switch (event.kind) {
    case 'log':
      return of('line')
    case 'state':
      return `${of('state')} ${of('reason')} ${of('detail')}`
    case 'ordered':
      return `order ${short(of('orderId'))} published, at most ${tokens(of('ceilingPricePerHour'), decimals)} an hour`
    case 'awarded':
      return `awarded to ${short(of('peer'))} for ${tokens(of('pricePerHour'), decimals)} an hour`
    case 'leased':
      return `lease signed, ${tokens(of('deposit'), decimals)} deposited`
    case 'voucher':
      return `voucher ${of('sequence')}: ${tokens(of('amount'), decimals)} so far`
    case 'continued':
      return `${short(of('peer'))} goes on from step ${of('step')}`
    case 'standing-lost':
      return `${short(of('peer'))} lost its standing: ${of('reason')}`
    case 'output':
      return `result ${of('name')}, ${bytes(Number(event.bytes))}`
    case 'checked':
      return `result checked: ${Math.round(Number(event.accuracy) * 1_000) / 10} % on ${of('rows')} rows`
    case 'challenged': {
      const { peer, ok, reason, provingMs } = event.challenge as Record<string, unknown>
      return `proof of ${short(String(peer))} ${ok === true ? `holds, made in ${duration(Number(provingMs))}` : `fails: ${reason}`}`
    }
    case 'checkpoint':
      return `checkpoint at step ${(event.checkpoint as { step: number }).step}`
    case 'settled': {
      const { paid, refunded } = event.settlement as { paid: string; refunded: string }
      return `settled: ${tokens(paid, decimals)} paid, ${tokens(refunded, decimals)} came back`
    }
    default:
      return event.kind
  }
}
