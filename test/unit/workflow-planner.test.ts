import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { WorkflowPlan } from '../../config/manifest/workflow.js'
import type { WorkflowReport } from '../../node/workflow/event.js'
import {
  advance,
  beginWorkflow,
  type Fact,
  isUnderWay,
  keyOf,
  MOST_MATCHING,
  movesOf,
} from '../../node/workflow/planner.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { suite } from '../support/suite.js'
import { makePart, makeStep, makeWorkflow } from '../support/workflow.js'

const test = suite('what a workflow does next')
const KNOWN = { id: 'w', createdAtMs: 0, decimals: 6 }

type Ended = Extract<Fact, { kind: 'ended' }>

/** A workflow under way: each call answers for the runner. */
function play(plan: WorkflowPlan) {
  let report = beginWorkflow(plan, KNOWN)
  let jobs = 0
  const tell = (fact: Fact) => {
    report = advance(plan, report, fact)
  }
  /** Does all posts that are due; their names. */
  const post = (): string[] =>
    movesOf(plan, report).flatMap((move) => {
      if (move.kind !== 'post') return []
      tell({ kind: 'posted', step: move.step.name, part: move.part.name, job: `j${++jobs}` })
      return keyOf(move.step.name, move.part.name)
    })
  const of = (name: string) => report.parts.find(({ step, part }) => keyOf(step, part) === name)!
  const end = (name: string, rest: Partial<Ended> = {}) => {
    const { step, part, jobs: posted } = of(name)
    const job = posted.at(-1)!.id
    const state = 'COMPLETED'
    tell({ kind: 'ended', step, part, job, state, paid: 1n, metrics: {}, outputs: [], ...rest })
  }
  const start = (name: string) => {
    const { step, part, jobs: posted } = of(name)
    tell({ kind: 'running', step, part, job: posted.at(-1)!.id })
  }
  return { tell, post, of, end, start, report: () => report, moves: () => movesOf(plan, report) }
}

const failed = { state: 'FAILED', reason: 'JOB_FAILED' } as const

test('a step begins when the one that it depends on has completed, and the workflow ends with the last', () => {
  const run = play(makeWorkflow([makeStep('a'), makeStep('b', { dependsOn: ['a'] })]))
  assert.equal(run.post(), ['a/all'])
  assert.equal(run.post(), [])
  run.end('a/all')
  assert.equal(run.post(), ['b/all'])
  run.end('b/all')
  assert.is(run.report().state, 'COMPLETED')
  assert.is(run.report().paid, 2n)
})

test('what depends on a part that failed is skipped, with the reason', () => {
  const run = play(
    makeWorkflow([makeStep('a'), makeStep('b', { dependsOn: ['a'] }), makeStep('c', { dependsOn: ['b'] })]),
  )
  run.post()
  run.end('a/all', failed)
  assert.is(run.report().state, 'FAILED')
  assert.is(run.report().reason, 'PART_FAILED')
  assert.equal(
    run.report().parts.map(({ state, reason }) => [state, reason]),
    [
      ['FAILED', 'JOB_FAILED'],
      ['SKIPPED', 'DEPENDENCY_FAILED'],
      ['SKIPPED', 'DEPENDENCY_FAILED'],
    ],
  )
})

test('a part that failed is posted again as often as retries say', () => {
  const run = play(makeWorkflow([makeStep('a', { retries: 1 })]))
  run.post()
  run.end('a/all', failed)
  assert.equal(run.post(), ['a/all'])
  run.end('a/all', failed)
  assert.is(run.of('a/all').jobs.length, 2)
  assert.is(run.report().state, 'FAILED')
  assert.is(run.report().paid, 2n)
})

const three = ['1', '2', '3'].map((name) => makePart(name))

test('where one part fails the others are stopped, or go on if fail_fast is false', () => {
  for (const failFast of [true, false]) {
    const run = play(makeWorkflow([makeStep('m', { parts: three, failFast, maxParallel: 2 })]))
    assert.equal(run.post(), ['m/1', 'm/2'])
    run.end('m/1', failed)
    const stops = run.moves().filter(({ kind }) => kind === 'stop')
    assert.is(stops.length, failFast ? 1 : 0)
    if (!failFast) {
      assert.equal(run.post(), ['m/3'])
      continue
    }
    run.end('m/2', { state: 'STOPPED' })
    assert.equal(
      run.report().parts.map(({ state, reason }) => [state, reason]),
      [
        ['FAILED', 'JOB_FAILED'],
        ['SKIPPED', 'FAIL_FAST'],
        ['SKIPPED', 'FAIL_FAST'],
      ],
    )
  }
})

test('the best part is an input of the next step, also where others failed', () => {
  const best = { metric: 'accuracy', goal: 'max' } as const
  const references = [{ input: 'model', step: 'm', output: 'model', part: 'best' as const }]
  const next = makeStep('next', { parts: [makePart('all', { references })] })
  const run = play(makeWorkflow([makeStep('m', { parts: three, failFast: false, best }), next]))
  run.post()
  run.end('m/1', { metrics: { accuracy: 0.5 } })
  run.end('m/2', failed)
  assert.equal(run.post(), [])
  run.end('m/3', { metrics: { accuracy: 0.9 } })
  assert.equal(run.report().best, [{ step: 'm', part: '3', metric: 'accuracy', value: 0.9 }])
  assert.equal(run.post(), ['next/all'])

  const blind = play(makeWorkflow([makeStep('m', { parts: three, best }), next]))
  blind.post()
  for (const part of three) blind.end(`m/${part.name}`)
  assert.is(blind.of('next/all').reason, 'METRIC_MISSING')
})

test('a part that nobody has time for waits until another has ended; alone it has failed', () => {
  const run = play(makeWorkflow([makeStep('m', { parts: three })]))
  run.post()
  run.start('m/1')
  run.end('m/2', { state: 'FAILED', reason: 'NO_PROVIDER', paid: 0n })
  assert.is(run.of('m/2').state, 'WAITING')
  assert.equal(run.post(), [])
  run.end('m/1')
  assert.equal(run.post(), ['m/2'])
  run.end('m/3')
  run.end('m/2', { state: 'FAILED', reason: 'NO_PROVIDER', paid: 0n })
  assert.is(run.of('m/2').state, 'FAILED')
})

test('no more than the budget is deposited and paid; what it never covers is skipped', () => {
  const run = play(makeWorkflow([makeStep('m', { parts: three })], 21n))
  assert.equal(run.post(), ['m/1', 'm/2'])
  assert.is(run.report().atRisk, 20n)
  run.end('m/1', { paid: 4n })
  assert.equal(run.post(), [])
  run.end('m/2', { paid: 8n })
  assert.is(run.report().state, 'FAILED')
  assert.is(run.report().reason, 'BUDGET_EXHAUSTED')
  assert.is(run.of('m/3').reason, 'BUDGET_EXHAUSTED')
})

test('few jobs look for a provider at a time, however many parts there are', () => {
  const parts = Array.from({ length: 24 }, (_, index) => makePart(`${index}`))
  const run = play(makeWorkflow([makeStep('m', { parts })]))
  assert.is(run.post().length, MOST_MATCHING)
  assert.is(run.post().length, 0)
  run.start('m/0')
  assert.equal(run.post(), ['m/4'])
})

test('a stop skips what waits and stops what runs', () => {
  const run = play(makeWorkflow([makeStep('a'), makeStep('b', { dependsOn: ['a'] })]))
  run.post()
  run.tell({ kind: 'stop', detail: 'enough' })
  assert.is(run.of('b/all').reason, 'WORKFLOW_STOPPED')
  assert.is(run.moves()[0]?.kind, 'stop')
  run.end('a/all', { state: 'STOPPED' })
  assert.is(run.report().state, 'STOPPED')
})

const DEPOSIT = 10n

/** Steps that depend on earlier ones only, as parseManifest leaves them. */
const plans = fc
  .record({
    steps: fc.array(
      fc.record({
        parts: fc.integer({ min: 1, max: 6 }),
        dependsOn: fc.array(fc.nat({ max: 4 }), { maxLength: 2 }),
        maxParallel: fc.integer({ min: 1, max: 4 }),
        failFast: fc.boolean(),
        retries: fc.nat({ max: 2 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    budget: fc.option(fc.bigInt({ min: 0n, max: 120n }), { nil: undefined }),
  })
  .map(({ steps, budget }) =>
    makeWorkflow(
      steps.map(({ parts, dependsOn, ...rest }, at) =>
        makeStep(`s${at}`, {
          ...rest,
          dependsOn: [...new Set(dependsOn.filter((on) => on < at).map((on) => `s${on}`))],
          parts: Array.from({ length: parts }, (_, index) => makePart(`p${index}`, { deposit: DEPOSIT })),
        }),
      ),
      budget,
    ),
  )

const outcomes = fc.infiniteStream(
  fc.record({
    which: fc.nat(),
    act: fc.constantFrom('run', 'complete', 'complete', 'fail', 'nobody', 'stop-part', 'resume', 'crash'),
    paid: fc.bigInt({ min: 0n, max: DEPOSIT }),
  }),
)

function checkLaws(plan: WorkflowPlan, report: WorkflowReport): void {
  const names = report.parts.map(({ step, part }) => keyOf(step, part))
  assert.is(new Set(names).size, names.length)
  if (plan.budget !== undefined) assert.ok(report.paid + report.atRisk <= plan.budget)
  for (const step of plan.steps) {
    const own = report.parts.filter((part) => part.step === step.name)
    assert.ok(own.filter(isUnderWay).length <= step.maxParallel)
    if (!own.some(({ jobs }) => jobs.length > 0)) continue
    for (const name of step.dependsOn) {
      const before = report.parts.filter((part) => part.step === name)
      assert.ok(before.every(({ state }) => state === 'COMPLETED'))
    }
  }
}

test('whatever happens: one job a part at a time, no part before its dependencies, never above the budget, and an end', () => {
  let runs = 0
  fc.assert(
    fc.property(plans, outcomes, (plan, facts) => {
      runs++
      let report = beginWorkflow(plan, KNOWN)
      const posted = new Set<string>()
      let moves = 0
      for (const { which, act, paid } of facts) {
        // A stop that was asked for is answered; the runner asks once.
        for (const move of movesOf(plan, report)) {
          const before = report
          if (move.kind === 'stop') continue
          const job = `j${++moves}`
          const { name: step } = move.step
          const { name: part } = move.part
          const of = before.parts.find((each) => each.step === step && each.part === part)!
          assert.is(of.state, 'WAITING')
          report = advance(plan, report, { kind: 'posted', step, part, job })
          assert.not.ok(posted.has(job))
          posted.add(job)
          checkLaws(plan, report)
        }
        if (hasEnded(report.state)) break
        const under = report.parts.filter(isUnderWay)
        assert.ok(under.length > 0, 'a workflow that has not ended does something')
        const { step, part, jobs } = under[which % under.length]!
        const job = jobs.at(-1)!.id
        const end = { kind: 'ended', step, part, job, paid, metrics: {}, outputs: [] as never[] } as const
        if (act === 'run') report = advance(plan, report, { kind: 'running', step, part, job })
        else if (act === 'resume' || act === 'crash') report = advance(plan, report, { kind: 'resumed' })
        else if (act === 'complete') report = advance(plan, report, { ...end, state: 'COMPLETED' })
        else if (act === 'stop-part') report = advance(plan, report, { ...end, state: 'STOPPED' })
        else {
          const reason = act === 'nobody' ? 'NO_PROVIDER' : 'JOB_FAILED'
          report = advance(plan, report, {
            ...end,
            state: 'FAILED',
            reason,
            paid: act === 'nobody' ? 0n : paid,
          })
        }
        checkLaws(plan, report)
      }
      assert.ok(hasEnded(report.state))
      // Nothing changes what has ended.
      assert.is(advance(plan, report, { kind: 'resumed' }), report)
      assert.equal(movesOf(plan, report), [])
    }),
    { numRuns: 100 },
  )
  assert.ok(runs >= 100)
})

test.run()
