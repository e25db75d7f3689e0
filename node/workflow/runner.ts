import type { PlannedPart, WorkflowPlan } from '../../config/manifest/workflow.js'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { DeploymentEvent, DeploymentReport } from '../renter/event.js'
import type { Renter } from '../renter.js'
import type { PartOutput, PartReport, WorkflowEvent, WorkflowReport } from './event.js'
import { advance, type Fact, isUnderWay, type Move, movesOf, partsMeant, stepOf } from './planner.js'
import type { ResolvedInput, Shelf } from './port.js'

export interface RunnerParts {
  renter: Pick<Renter, 'post' | 'job' | 'events' | 'stopJob'>
  shelf: Shelf
  /** Keeps what has changed; called before it is acted upon. */
  save(report: WorkflowReport, changed: readonly PartReport[]): Promise<void>
  tell(id: string, event: WorkflowEvent): void
  clock: Clock
  random: Random
  log: Log
}

/** One workflow under way. */
export interface Runner {
  report(): WorkflowReport
  readonly done: Promise<WorkflowReport>
  /** Stops all jobs; what has not begun is skipped. */
  stop(detail: string): Promise<void>
}

/**
 * Carries a workflow out: asks the planner for moves, stores what they say, does them, and tells the planner what came of
 * them. Every part is an ordinary job of the renter's, whose id is stored before it is posted: a process that comes back
 * looks for that job, and posts it only if there is none.
 */
export function startRunner(parts: RunnerParts, plan: WorkflowPlan, start: WorkflowReport): Runner {
  const { renter, clock, log } = parts
  const { id } = start
  let report = start
  const done = Promise.withResolvers<WorkflowReport>()
  const stopped = new Set<string>()
  // One fact after the other: each reads the report, and writes it back.
  let turn: Promise<void> = Promise.resolve()

  const note = (fact: Fact): Promise<void> => {
    const noted = turn.then(() => take(fact))
    turn = noted.catch((error: unknown) => {
      log.error('a workflow cannot go on', { id, error: String(error) })
      done.reject(error)
    })
    return noted
  }

  const keep = async (fact: Fact) => {
    const before = report
    report = advance(plan, before, fact)
    const old = new Set(before.parts)
    const changed = report.parts.filter((part) => !old.has(part))
    if (report === before) return
    await parts.save(report, changed)
    for (const part of changed) tellPart(part, find(before, part.step, part.part))
    if (report.state !== before.state) {
      const { state, reason, detail } = report
      parts.tell(id, stamped({ kind: 'state', state, ...given({ reason, detail }) }))
    }
  }

  const take = async (fact: Fact) => {
    await keep(fact)
    for (const move of movesOf(plan, report)) await make(move)
    if (hasEnded(report.state)) done.resolve(report)
  }

  const make = async (move: Move) => {
    if (move.kind === 'stop') {
      if (stopped.has(move.job)) return
      stopped.add(move.job)
      // Its end comes as a fact; one that is not posted yet, or has ended, is looked after by its watch.
      renter
        .stopJob(move.job)
        .catch((error: unknown) => log.debug('no job to stop', { id, error: String(error) }))
      return
    }
    const { step, part } = move
    const job = toHex(parts.random.bytes(6))
    await keep({ kind: 'posted', step: step.name, part: part.name, job })
    void watch(step.name, part, job)
  }

  /** Follows the job of a part to its end. Never rejects: what goes wrong is the part's end. */
  const watch = async (step: string, part: PlannedPart, job: string) => {
    const of = { step, part: part.name, job }
    try {
      const ended = await follow(of, part)
      const outputs = ended.state === JobState.COMPLETED ? await collect(of, ended) : []
      const state = endOf(ended)
      const { reason, detail, winner: provider } = ended
      const metrics = { ...ended.metrics }
      const paid = paidIn(ended)
      await note({
        kind: 'ended',
        ...of,
        state,
        paid,
        metrics,
        outputs,
        ...given({ reason, detail, provider }),
      })
    } catch (error) {
      const reason = codeOf(error) ?? 'UNEXPECTED'
      const detail = error instanceof NightshiftError ? `${error.message}; ${error.advice}` : String(error)
      const state = stopped.has(job) ? 'STOPPED' : 'FAILED'
      const paid = find(report, step, part.name)?.jobs.at(-1)?.paid ?? 0n
      await note({ kind: 'ended', ...of, state, reason, detail, paid, metrics: {}, outputs: [] }).catch(
        () => {},
      )
    }
  }

  const follow = async (of: Of, part: PlannedPart): Promise<DeploymentReport & Measured> => {
    if ((await renter.job(of.job)) === undefined) {
      const inputs = await resolveInputs(part)
      requireWanted(of)
      await renter.post({ ...part.plan, inputs: [...part.plan.inputs, ...inputs] }, { id: of.job })
      const { step, job } = of
      parts.tell(id, stamped({ kind: 'part', step, part: of.part, state: 'POSTED', job }))
      if (stopped.has(of.job)) void renter.stopJob(of.job).catch(() => {})
    }
    const measured: Measured = { metrics: {} }
    for await (const event of renter.events(of.job, { follow: true })) await hear(of, event, measured)
    const ended = await renter.job(of.job)
    if (ended === undefined || !hasEnded(ended.state)) throw lostTrack(of.job)
    if (ended.accuracy !== undefined) measured.metrics.accuracy = ended.accuracy
    return { ...ended, ...measured }
  }

  /** Asked to stop before its job was there to be stopped. */
  const requireWanted = ({ job }: Of) => {
    if (!stopped.has(job)) return
    throw new NightshiftError('STOPPED', 'stopped before it was posted', {
      advice: 'post the workflow again',
    })
  }

  const hear = async (of: Of, event: DeploymentEvent, measured: Measured) => {
    if (event.kind === 'progress') measure(measured.metrics, event.metrics)
    if (event.kind === 'awarded') measured.provider = event.peer
    if (event.kind === 'state' && event.state === JobState.RUNNING) {
      await note({ kind: 'running', ...of, ...given({ provider: measured.provider }) })
    }
    if (event.kind === 'settled') {
      measured.settled = { ...measured.settled, [event.settlement.lease]: event.settlement.paid }
      const paid = Object.values(measured.settled).reduce((total, amount) => total + amount, 0n)
      await note({ kind: 'paid', ...of, paid })
    }
  }

  /** Where a part's results are, with those of all others: `<workflow>/<step>/<part>/<name>`. */
  const collect = async (of: Of, ended: DeploymentReport): Promise<PartOutput[]> => {
    const collected: PartOutput[] = []
    for (const { name, path, bytes, peer } of ended.outputs) {
      // Of several providers that did the same, whoever left it is part of the name.
      const file = peer === undefined ? name : `${peer}/${name}`
      const placed = await parts.shelf.place(path, `${id}/${of.step}/${of.part}/${file}`)
      collected.push({ name, path: placed, bytes })
      parts.tell(
        id,
        stamped({ kind: 'collected', step: of.step, part: of.part, name: file, path: placed, bytes }),
      )
    }
    return collected
  }

  const resolveInputs = async ({ references }: PlannedPart): Promise<ResolvedInput[]> => {
    const inputs: ResolvedInput[] = []
    for (const reference of references) {
      const { input, step, output, part, shared, keep: keeps } = reference
      const meant = partsMeant(plan, report, reference)
      const files = meant.map((of) => ({ path: outputOf(of, output).path, name: `${of.part}/${output}` }))
      const isBundle = part === undefined && stepOf(plan, step).isMatrix
      const path = isBundle ? await parts.shelf.bundle(files, `${id}/${step}/${output}.tar`) : files[0]?.path
      if (path === undefined) throw noOutput(step, output, [])
      inputs.push({ name: input, path, ...given({ shared, keep: keeps }) })
    }
    return inputs
  }

  const tellPart = (part: PartReport, before: PartReport | undefined) => {
    const job = part.jobs.at(-1)?.id
    // That it is posted is told when it is.
    if (before?.state === part.state || part.state === 'POSTED') return
    const { step, part: name, state, reason, detail, provider, metrics } = part
    const why = state === 'RUNNING' ? {} : given({ reason, detail })
    const measured = state === 'COMPLETED' && Object.keys(metrics).length > 0 ? { metrics } : {}
    parts.tell(
      id,
      stamped({ kind: 'part', step, part: name, state, ...why, ...measured, ...given({ job, provider }) }),
    )
  }

  const stamped = (event: Unstamped): WorkflowEvent => ({ atMs: clock.now(), ...event }) as WorkflowEvent

  for (const part of report.parts) {
    const job = part.jobs.at(-1)
    const planned = stepOf(plan, part.step).parts.find(({ name }) => name === part.part)
    if (isUnderWay(part) && job !== undefined && planned !== undefined) void watch(part.step, planned, job.id)
  }
  note({ kind: 'resumed' }).catch(() => {})
  done.promise.catch(() => {})
  return {
    report: () => report,
    done: done.promise,
    stop: (detail) => note({ kind: 'stop', detail }),
  }
}

interface Of {
  step: string
  part: string
  job: string
}

interface Measured {
  metrics: Record<string, number>
  provider?: string
  /** Paid by lease. */
  settled?: Record<string, bigint>
}

type Unstamped = WorkflowEvent extends infer Event
  ? Event extends WorkflowEvent
    ? Omit<Event, 'atMs'>
    : never
  : never

/** Without the keys that have no value. */
function given<T extends Record<string, unknown>>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as { [Key in keyof T]?: NonNullable<T[Key]> }
}

function find({ parts }: WorkflowReport, step: string, name: string): PartReport | undefined {
  return parts.find((part) => part.step === step && part.part === name)
}

/** One event names at most 32, but a provider may name others each time. */
const MOST_METRICS = 256

function measure(metrics: Record<string, number>, told: Record<string, number>): void {
  for (const [name, value] of Object.entries(told)) {
    const isKnown = Object.hasOwn(metrics, name)
    if (isKnown || Object.keys(metrics).length < MOST_METRICS) metrics[name] = value
  }
}

export function paidIn({ settlements }: DeploymentReport): bigint {
  return settlements.reduce((total, { paid }) => total + paid, 0n)
}

function endOf({ state }: DeploymentReport): 'COMPLETED' | 'FAILED' | 'STOPPED' {
  if (state === JobState.COMPLETED) return 'COMPLETED'
  return state === JobState.STOPPED ? 'STOPPED' : 'FAILED'
}

function outputOf({ step, part, outputs }: PartReport, name: string): PartOutput {
  const found = outputs.find((output) => output.name === name)
  if (found !== undefined) return found
  const known = outputs.map((output) => output.name)
  throw noOutput(`${step}/${part}`, name, known)
}

function noOutput(step: string, output: string, known: readonly string[]): NightshiftError {
  return new NightshiftError('OUTPUT_MISSING', `${step} has left no output ${output}`, {
    advice:
      known.length === 0 ? 'it left none' : `it left ${known.join(', ')}: name one of them under inputs`,
    context: { step, output, known },
  })
}

function lostTrack(job: string): NightshiftError {
  return new NightshiftError('JOB_LOST', `the job ${job} is not followed any more`, {
    advice: 'start the node again: it goes on from what is stored',
    context: { job },
  })
}
