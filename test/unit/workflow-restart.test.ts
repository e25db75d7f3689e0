import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openShelf } from '../../node/files/shelf.js'
import type { DeploymentEvent, DeploymentReport } from '../../node/renter/event.js'
import type { Renter } from '../../node/renter.js'
import { readDocument, writeDocument } from '../../node/store/document.js'
import type { Store } from '../../node/store/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import type { WorkflowReport } from '../../node/workflow/event.js'
import { createWorkflows } from '../../node/workflow/workflows.js'
import { NightshiftError } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { eventually } from '../support/network.js'
import { suite } from '../support/suite.js'
import { makePart, makeStep, makeWorkflow } from '../support/workflow.js'

/**
 * A renter is killed at every single write that its workflows make; what is told and done after it never happened. Its jobs
 * outlive it, as the real renter's do (test/protocol/renter-restart.test.ts).
 */
const test = suite('a workflow whose renter is killed')

const PLAN = makeWorkflow([
  makeStep('train', {
    parts: ['1', '2', '3'].map((name) => makePart(name)),
    best: { metric: 'accuracy', goal: 'max' },
  }),
  makeStep('use', {
    parts: [
      makePart('all', {
        references: [
          { input: 'best', step: 'train', output: 'model', part: 'best' },
          { input: 'models', step: 'train', output: 'model' },
        ],
      }),
    ],
  }),
])

/** The world that outlives a process: a disk, and jobs that run elsewhere. `told`: by each of them. */
function createWorld(told: DeploymentEvent[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-workflow-'))
  const documents = new Map<string, Map<string, string>>()
  const jobs = new Map<string, { report: DeploymentReport; events: DeploymentEvent[]; inputs: string[] }>()
  const posts: string[] = []
  let writesLeft = Number.POSITIVE_INFINITY
  let writes = 0

  /** A process that was killed neither writes nor posts. */
  const openStore = (isAlive: () => boolean): Store => ({
    collection: (name) => {
      const of = documents.get(name) ?? new Map<string, string>()
      documents.set(name, of)
      const write = async (act: () => void) => {
        if (!isAlive() || --writesLeft < 0) return new Promise<never>(() => {})
        writes++
        act()
      }
      return {
        get: async (key) => (of.has(key) ? readDocument(of.get(key)!) : undefined) as never,
        put: (key, value) => write(() => void of.set(key, writeDocument(value))),
        delete: (key) => write(() => void of.delete(key)),
        list: async () =>
          [...of]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, text]) => ({ key, value: readDocument(text) as never })),
      }
    },
    close: async () => {},
  })

  const openRenter = (isAlive: () => boolean) => {
    const renter: Pick<Renter, 'post' | 'job' | 'events' | 'stopJob'> = {
      post: async (plan, { id = '' } = {}) => {
        if (!isAlive()) return new Promise<never>(() => {})
        if (jobs.has(id)) throw new Error(`the job ${id} is posted twice`)
        posts.push(id)
        const path = join(folder, id)
        writeFileSync(path, id)
        const accuracy = jobs.size / 10
        const report = {
          id,
          name: plan.name,
          state: JobState.COMPLETED,
          createdAtMs: 0,
          accuracy,
          bids: [],
          challenges: [],
          settlements: [{ peer: 'p', lease: id, transactions: [], deposited: 10n, paid: 3n, refunded: 7n }],
          slashes: [],
          outputs: [{ name: 'model', path, bytes: id.length }],
        }
        const inputs = plan.inputs.map(
          (input) => `${input.name} ${readFileSync(input.path, 'latin1').length}`,
        )
        jobs.set(id, {
          report,
          inputs,
          events: [{ atMs: 0, kind: 'state', state: JobState.RUNNING }, ...told],
        })
        return undefined as never
      },
      job: async (id) => jobs.get(id)?.report,
      events: async function* (id) {
        yield* jobs.get(id)?.events ?? []
      },
      stopJob: async (id) => {
        throw new NightshiftError('JOB_NOT_RUNNING', id, { advice: '' })
      },
    }
    return renter as Renter
  }

  return {
    jobs,
    posts,
    writes: () => writes,
    start: async (killedAfter = Number.POSITIVE_INFINITY) => {
      writesLeft = killedAfter
      let alive = true
      const isAlive = () => alive && writesLeft >= 0
      const shelf = openShelf(join(folder, 'outputs'))
      let busy = 0
      const untilDeath = async <T>(act: () => Promise<T>): Promise<T> => {
        if (!isAlive()) return new Promise<never>(() => {})
        busy++
        return act().finally(() => busy--)
      }
      const workflows = await createWorkflows({
        renter: openRenter(isAlive),
        store: openStore(isAlive),
        shelf: {
          place: (path, name) => untilDeath(() => shelf.place(path, name)),
          bundle: (files, name) => untilDeath(() => shelf.bundle(files, name)),
        },
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        decimals: 6,
      })
      return {
        workflows,
        isDead: () => !isAlive(),
        /** What it was writing to files is over, too. */
        kill: async () => {
          alive = false
          await eventually(() => busy === 0)
        },
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function checkEnd(report: WorkflowReport | undefined, world: ReturnType<typeof createWorld>): void {
  assert.is(report?.state, 'COMPLETED')
  assert.is(world.posts.length, 4, 'every part is posted once')
  assert.equal(
    report?.parts.map(({ state, jobs }) => [state, jobs.length]),
    Array.from({ length: 4 }, () => ['COMPLETED', 1]),
  )
  assert.is(report?.paid, 12n)
  for (const { outputs, jobs } of report?.parts ?? []) {
    assert.is(readFileSync(outputs[0]!.path, 'utf8'), jobs[0]?.id)
  }
  const last = world.jobs.get(report?.parts.at(-1)?.jobs[0]?.id ?? '')
  // A tar of three files of one block each, with a header of one block, and two blocks at its end.
  assert.equal(last?.inputs, ['best 12', `models ${512 * (3 * 2 + 2)}`])
}

test('it goes to its end by itself, and hands on outputs', async () => {
  const world = createWorld()
  try {
    const { workflows } = await world.start()
    const run = await workflows.post(PLAN)
    const kinds: string[] = []
    for await (const event of run.events()) kinds.push(event.kind === 'part' ? event.state : event.kind)
    checkEnd(await run.result(), world)
    for (const kind of ['POSTED', 'RUNNING', 'COMPLETED', 'collected', 'job', 'state'])
      assert.ok(kinds.includes(kind), kind)
    assert.equal(
      (await workflows.list()).map(({ id, state }) => [id, state]),
      [[run.id, 'COMPLETED']],
    )
  } finally {
    world.remove()
  }
})

test('of metrics that a provider makes up without end, few are kept', async () => {
  const madeUp = Array.from({ length: 1_000 }, (_, step): DeploymentEvent => {
    return { atMs: 0, kind: 'progress', step, steps: 1_000, metrics: { loss: step, [`m${step}`]: step } }
  })
  const world = createWorld(madeUp)
  try {
    const { workflows } = await world.start()
    const { parts = [] } = (await (await workflows.post(PLAN)).result()) ?? {}
    assert.is(parts.length, 4)
    for (const { metrics } of parts) {
      assert.is(metrics.loss, 999, 'the newest of those that are kept')
      assert.ok(Object.keys(metrics).length <= 257, `${Object.keys(metrics).length} metrics`)
    }
  } finally {
    world.remove()
  }
})

test(
  'killed at any write it goes on: no part is posted twice, no result is lost, nothing is paid twice',
  async () => {
    let kills = 0
    for (let at = 5; ; at++) {
      const world = createWorld()
      try {
        const first = await world.start(at)
        const posted = first.workflows.post(PLAN)
        let ended = false
        // Before the workflow itself is stored there is nothing to go on with, and nothing was posted.
        void posted
          .then((run) => run.result())
          .then(() => {
            ended = true
          })
        await eventually(() => ended || first.isDead())
        if (!first.isDead()) break
        kills++
        await first.kill()
        const { workflows } = await world.start()
        const [found] = await workflows.list()
        if (found === undefined) {
          assert.is(world.posts.length, 0)
          continue
        }
        await eventually(async () => hasEnded((await workflows.get(found.id))!.state))
        checkEnd(await workflows.get(found.id), world)
      } finally {
        world.remove()
      }
    }
    assert.ok(kills > 20, `killed ${kills} times`)
  },
  { timeoutMs: 45_000 },
)

test.run()
