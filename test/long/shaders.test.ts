import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { EventView } from '../../node/cli/story.js'
import { postJob, type Report } from '../../node/demo/renter.js'
import type { Member } from '../../node/swarm/member.js'
import { type NodePlan, type RunningNode, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { repositoryFile, useSwiftshader } from '../support/kernels.js'
import { advance, packBodies, solarSystem } from '../support/planets.js'
import { executeShader, fileOf, floatsOf, openTestRuntime } from '../support/shaders.js'
import { suite } from '../support/suite.js'

/** The whole way of a shader: posted with a manifest, proved, computed on a provider's adapter, checked, paid. */
const test = suite('shader jobs in a swarm (webgpu)')

const CONFIG = fileURLToPath(new URL('../../../config', import.meta.url))
const EXAMPLE = 'examples/planets.yaml'
const TOKENS = 1_000_000_000n
const DAYS = 0.25
const YEAR_STEPS = 1_461
const LONG_STEPS = 60_000

const providerPlan = (name: string, price: string): NodePlan => ({
  name,
  tokens: TOKENS,
  settings: {
    provider: {
      enabled: true,
      price_per_hour: price,
      stake: '100',
      backend: 'wasm',
      runtimes: ['tfjs', 'wgsl'],
    },
  },
})
const PROVIDERS = [providerPlan('first', '0.20'), providerPlan('second', '0.30')]

if (useSwiftshader()) {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-shaders-'))
  let swarm: Swarm
  let members: Member[]
  let providers: RunningNode[]
  let jobs = 0

  test.before(
    async () => {
      swarm = await startSwarm(
        {
          folder,
          clock: systemClock,
          random: systemRandom,
          environment: process.env,
          signal: new AbortController().signal,
        },
        () => {},
      )
      members = await swarm.prepare(PROVIDERS)
      providers = await swarm.start(PROVIDERS, members)
    },
    { timeoutMs: 180_000 },
  )
  test.after(
    async () => {
      await swarm?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
    { timeoutMs: 60_000 },
  )

  /** Posts the example after `change`; resolves to how it ended, and to all that was told. */
  async function post(change: (text: string) => string, onEvent: (event: EventView) => void = () => {}) {
    const work = join(folder, `work-${jobs}`)
    for (const part of ['examples', 'data']) mkdirSync(join(work, part), { recursive: true })
    cpSync(join(CONFIG, 'data'), join(work, 'data'), { recursive: true })
    const patient = readFileSync(join(CONFIG, EXAMPLE), 'utf8').replace(
      /( +)timeouts:\n.*\n.*queue: 1m/,
      '$1auction: { commit_ms: 4000, reveal_ms: 4000 }\n$1timeouts:\n$1  queue: 5m',
    )
    writeFileSync(join(work, EXAMPLE), change(patient))
    const [renter] = (await swarm.prepare([
      { name: `renter-${jobs++}`, tokens: TOKENS, settings: { provider: { backend: 'wasm' } } },
    ])) as [Member]
    const events: EventView[] = []
    const posted = postJob(swarm, renter, join(work, EXAMPLE), (event) => {
      events.push(event)
      onEvent(event)
    })
    return { report: await posted.report, events }
  }
  function outputsOf(report: Report | undefined): Record<string, Buffer> {
    assert.is(report?.state, 'COMPLETED', JSON.stringify(report))
    return Object.fromEntries(report!.outputs.map(({ name, path }) => [name, readFileSync(path)]))
  }
  const paidIn = (report: Report | undefined) =>
    (report?.settlements ?? []).map(({ paid }) => BigInt(paid)).filter((paid) => paid > 0n)

  test('the data of the example are what the published elements give', () => {
    const packed = packBodies(solarSystem())
    for (const name of ['positions', 'velocities'] as const) {
      const bytes = repositoryFile(`config/data/planets-${name}.f32`)
      assert.equal(floatsOf(bytes), packed[name], name)
    }
  })

  test(
    'the example moves the planets as double precision does, and the provider is paid',
    async () => {
      const { report } = await post((text) => text)
      const outputs = outputsOf(report)
      assert.equal(Object.keys(outputs).sort(), ['positions.bin', 'velocities.bin'])
      const positions = floatsOf(outputs['positions.bin']!)
      const expected = packBodies(advance(solarSystem(), DAYS, YEAR_STEPS)).positions
      const begun = packBodies(solarSystem()).positions
      let compared = 0
      for (const [at, value] of expected.entries()) {
        assert.ok(Math.abs(positions[at]! - value) < 5e-4, `${at}: ${positions[at]}, not ${value}`)
        compared++
      }
      assert.is(compared, 36)
      const [mercury, earth, neptune] = [1, 3, 8].map((body) =>
        Math.hypot(...[0, 1, 2].map((axis) => positions[4 * body + axis]! - begun[4 * body + axis]!)),
      ) as [number, number, number]
      assert.ok(mercury > 0.1, 'Mercury is elsewhere: it went round four times and a part')
      assert.ok(earth < 0.01, 'the Earth is back after a year')
      assert.ok(neptune > 1, 'Neptune has come a 165th of its way')
      assert.is(report!.winner, members[0]!.peer)
      assert.is(paidIn(report).length, 1)
    },
    { timeoutMs: 180_000 },
  )

  test(
    'a shader that does not compile fails with the compiler’s words, line and column, and costs nobody its standing',
    async () => {
      const { report, events } = await post((text) =>
        text.replace('let body = id.x;', 'let body: i32 = id.x;'),
      )
      assert.is(report?.state, 'FAILED')
      assert.is(report?.reason, 'JOB_SPEC_INVALID')
      assert.match(report?.detail ?? '', /shader:3:\d+: cannot .*'i32'/)
      assert.not(events.some(({ kind }) => kind === 'standing-lost'))
      assert.equal(paidIn(report), [])
    },
    { timeoutMs: 180_000 },
  )

  test(
    'a provider is killed after a checkpoint: another goes on from it to the same bits',
    async () => {
      const change = (text: string) =>
        text.replace(`steps: ${YEAR_STEPS}`, `steps: ${LONG_STEPS}`).replace('steps: 500', 'every: 2s')
      let isKilled = false
      const { report, events } = await post(change, ({ kind }) => {
        if (isKilled || kind !== 'checkpoint') return
        isKilled = true
        providers[0]!.process.kill('SIGKILL')
      })
      assert.ok(isKilled, 'a checkpoint came')
      const outputs = outputsOf(report)
      const continued = events.find(({ kind }) => kind === 'continued') as { step: number } | undefined
      assert.ok((continued?.step ?? 0) > 0, JSON.stringify(continued))
      assert.is(report!.winner, members[1]!.peer)
      assert.ok(paidIn(report).length > 0)
      const manifest = parse(change(readFileSync(join(CONFIG, EXAMPLE), 'utf8'))) as {
        services: { planets: { job: Record<string, unknown> } }
      }
      const { runtime } = await openTestRuntime()
      const inputs = ['positions', 'velocities'].map((name) =>
        fileOf(name, repositoryFile(`config/data/planets-${name}.f32`)),
      )
      const undisturbed = await executeShader(runtime, manifest.services.planets.job, inputs)
      assert.equal(outputs, undisturbed.outputs)
    },
    { timeoutMs: 600_000 },
  )
} else {
  test.skip(
    'the example, and one that changes its provider',
    'no software device here: npm run setup:swiftshader',
  )
}

test.run()
