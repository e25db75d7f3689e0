import type { WorkflowPlan } from '../../config/manifest/workflow.js'
import { toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import { checkDeclared } from '../device/declared.js'
import { createJournal } from '../renter/journal.js'
import type { Renter } from '../renter.js'
import type { Store } from '../store/port.js'
import type { PartReport, WorkflowEvent, WorkflowReport } from './event.js'
import { mergeStories } from './merge.js'
import { beginWorkflow, isUnderWay } from './planner.js'
import type { Shelf } from './port.js'
import { paidIn, type Runner, startRunner } from './runner.js'

export interface WorkflowsParts {
  renter: Renter
  store: Store
  shelf: Shelf
  clock: Clock
  random: Random
  log: Log
  /** Of the market's mint. */
  decimals: number
}

/** Workflows of a renter: manifests whose services are steps of one another. */
export interface Workflows {
  /** Throws JOB_SPEC_INVALID before anything is ordered. */
  post(plan: WorkflowPlan): Promise<WorkflowRun>
  /** The newest first. */
  list(): Promise<WorkflowReport[]>
  get(id: string): Promise<WorkflowReport | undefined>
  events(id: string, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<WorkflowEvent>
  /** Stops all parts. Resolves when that is stored, and all jobs were told. Throws JOB_NOT_RUNNING. */
  stopWorkflow(id: string): Promise<void>
  /** Marks all as stopped; the renter's own end then ends their jobs, and `ended` resolves. */
  close(): Promise<void>
  ended(): Promise<void>
}

/** A workflow that was posted; with the methods of one job. */
export interface WorkflowRun extends AsyncDisposable {
  readonly id: string
  events(): AsyncIterable<WorkflowEvent>
  /** The final report. Never rejects for what a provider does. */
  result(): Promise<WorkflowReport>
  stop(): Promise<WorkflowReport>
}

const STOPPED_BY_RENTER = 'stopped by the renter; post it again to go on'

/** Reads what is stored; unless `goesOn` is false, workflows that had not ended go on. */
export async function createWorkflows(
  parts: WorkflowsParts,
  { goesOn = true }: { goesOn?: boolean } = {},
): Promise<Workflows> {
  const { renter, store, clock, random, log, decimals } = parts
  const { journal, plans, partsOf, read, readAll } = openWorkflows(store, log)
  const running = new Map<string, Runner>()

  const save = async (report: WorkflowReport, changed: readonly PartReport[]) => {
    const kept = partsOf(report.id)
    // The parts first: the report's end must not be there before theirs.
    for (const part of changed) await kept.put(keyAt(report.parts.indexOf(part)), part)
    await journal.save({ ...report, parts: [] })
  }

  const run = (plan: WorkflowPlan, report: WorkflowReport): Runner => {
    const { id } = report
    const runner = startRunner({ ...parts, save, tell: journal.append }, plan, report)
    running.set(id, runner)
    const forget = async () => {
      await journal.end(id)
      if (hasEnded(runner.report().state)) await plans.delete(id)
      running.delete(id)
    }
    runner.done
      .then(forget, forget)
      .catch((error: unknown) => log.warn('a workflow is kept', { id, error: String(error) }))
    return runner
  }

  const resume = async (stored: WorkflowReport) => {
    const { id } = stored
    const plan = await plans.get(id)
    if (plan === undefined) {
      log.warn('a workflow cannot go on: its plan is not stored', { id })
      return
    }
    await journal.restore(id)
    log.info('a workflow goes on after a restart', { id })
    run(plan, stored)
  }

  /** With what the chain has told since. */
  const refresh = async (report: WorkflowReport): Promise<WorkflowReport> => {
    const refreshed = await Promise.all(
      report.parts.map(async (part) => {
        const jobs = await Promise.all(
          part.jobs.map(async (job) => {
            const found = await renter.job(job.id)
            return found === undefined ? job : { ...job, paid: paidIn(found) }
          }),
        )
        return { ...part, jobs }
      }),
    )
    const paid = refreshed.flatMap(({ jobs }) => jobs).reduce((total, job) => total + job.paid, 0n)
    return { ...report, paid, parts: refreshed }
  }

  const get = async (id: string): Promise<WorkflowReport | undefined> => {
    const report = running.get(id)?.report() ?? (await read(id))
    return report === undefined ? undefined : refresh(report)
  }

  const find = (id: string): Runner => {
    const found = running.get(id)
    if (found !== undefined) return found
    throw new NightshiftError('JOB_NOT_RUNNING', `no workflow ${id} runs here`, {
      advice: 'list the jobs with `nightshift job list`',
      context: { id },
    })
  }

  const stopWorkflow = (id: string) => find(id).stop(STOPPED_BY_RENTER)

  if (goesOn) for (const report of await readAll()) if (!hasEnded(report.state)) await resume(report)

  const events: Workflows['events'] = (id, options = {}) =>
    mergeStories(journal.events(id, options), (job) => renter.events(job, options), options.follow === true)

  return {
    post: async (plan) => {
      for (const { plan: job, references } of plan.steps.flatMap((step) => step.parts)) {
        const inputs = [...job.inputs.map(({ name }) => name), ...references.map(({ input }) => input)]
        checkDeclared({ runtime: job.runtime, job: job.spec }, inputs)
      }
      const id = toHex(random.bytes(6))
      const report = beginWorkflow(plan, { id, createdAtMs: clock.now(), decimals })
      await plans.put(id, plan)
      await save(report, report.parts)
      const runner = run(plan, report)
      const result = async () => refresh(await runner.done)
      const stop = async () => {
        await runner.stop(STOPPED_BY_RENTER)
        return result()
      }
      return {
        id,
        events: () => events(id, { follow: true }),
        result,
        stop,
        [Symbol.asyncDispose]: async () => {
          await stop()
        },
      }
    },
    list: async () => Promise.all((await readAll()).map(async (report) => (await get(report.id)) ?? report)),
    get,
    events,
    stopWorkflow,
    close: async () => {
      const detail = 'the node was stopped; post it again to go on'
      await Promise.allSettled([...running.values()].map((runner) => runner.stop(detail)))
    },
    ended: async () => {
      const open = [...running.values()].filter((runner) => runner.report().parts.some(isUnderWay))
      await Promise.allSettled(open.map((runner) => runner.done))
    },
  }
}

/** What the store keeps of workflows; also read where no node runs. */
export function openWorkflows(store: Store, log: Log) {
  const journal = createJournal<WorkflowEvent, WorkflowReport>({
    store,
    log,
    names: { reports: 'workflows', events: 'workflow-events' },
  })
  const partsOf = (id: string) => store.collection<PartReport>(`workflow-parts/${id}`)
  const complete = async (report: WorkflowReport): Promise<WorkflowReport> => ({
    ...report,
    parts: (await partsOf(report.id).list()).map(({ value }) => value),
  })
  return {
    journal,
    plans: store.collection<WorkflowPlan>('workflow-plans'),
    partsOf,
    read: async (id: string) => {
      const report = await journal.report(id)
      return report === undefined ? undefined : complete(report)
    },
    readAll: async () => Promise.all((await journal.reports()).map(complete)),
  }
}

function keyAt(index: number): string {
  return String(index).padStart(6, '0')
}
