import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { type NodePlan, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import {
  ENGINES,
  findProgram,
  missingFor,
  programImage,
  startEngine,
  type TestEngine,
} from '../support/engines.js'
import { runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

/** The whole way with a real renderer: a scene goes in, is rendered in a container of the provider, a picture comes back. */
const EXAMPLE = fileURLToPath(new URL('../../../config/examples/render.yaml', import.meta.url))
const SCENE = fileURLToPath(new URL('../../../config/data/spheres.pov', import.meta.url))
const TOKENS = 1_000_000_000n
const BMP_HEADER_BYTES = 54

for (const name of ENGINES) {
  const test = suite(`a job in a container: ${name}`)
  const missing =
    missingFor(name) ?? (findProgram('povray') === undefined ? 'povray is not installed' : undefined)
  if (missing !== undefined) {
    test.skip('a scene is rendered', missing)
    test.run()
    continue
  }
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-render-'))
  let started: TestEngine
  let swarm: Swarm

  test.before(
    async () => {
      started = await startEngine(name)
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
    },
    { timeoutMs: 120_000 },
  )
  test.after(
    async () => {
      await swarm?.stop()
      await started?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
    { timeoutMs: 60_000 },
  )

  test(
    'a scene is rendered, the picture is paid for, and nothing is left on the engine',
    async () => {
      const plans: NodePlan[] = [
        {
          name: 'provider',
          tokens: TOKENS,
          settings: {
            provider: {
              enabled: true,
              price_per_hour: '0.25',
              stake: '100',
              backend: 'wasm',
              runtimes: ['tfjs', 'container'],
              container: { socket: started.engine.socket },
            },
          },
        },
        { name: 'renter', tokens: TOKENS, settings: {} },
      ]
      const members = await swarm.prepare(plans)
      await swarm.start(plans.slice(0, 1), members)
      const work = join(folder, 'work')
      for (const each of ['examples', 'data']) mkdirSync(join(work, each), { recursive: true })
      copyFileSync(EXAMPLE, join(work, 'examples/render.yaml'))
      copyFileSync(SCENE, join(work, 'data/spheres.pov'))
      writeFileSync(join(work, 'data/povray.tar'), await programImage(findProgram('povray')!))
      const ran = await runCommand(
        [
          'job',
          'post',
          '-f',
          join(work, 'examples/render.yaml'),
          '--json',
          '--config',
          members[1]!.configFile,
        ],
        { environment: { HOME: folder } },
      )
      assert.is(ran.code, 0, ran.stdout + ran.stderr)
      const events = ran.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
      const said = events.flatMap(({ kind, line }) => (kind === 'log' ? [String(line)] : []))
      assert.ok(
        said.some((line) => line.includes('POV-Ray')),
        said.join('\n'),
      )
      const jobs = await runCommand(['job', 'list', '--json', '--config', members[1]!.configFile], {
        environment: { HOME: folder },
      })
      interface Report {
        state: string
        outputs: Array<{ path: string; bytes: number }>
        settlements: Array<{ paid: string }>
      }
      const [report] = JSON.parse(jobs.stdout) as [Report]
      assert.is(report.state, 'COMPLETED')
      const picture = readFileSync(report.outputs[0]!.path)
      assert.is(picture.toString('latin1', 0, 2), 'BM')
      assert.is(picture.length, BMP_HEADER_BYTES + 320 * 240 * 3)
      assert.ok(new Set(picture.subarray(BMP_HEADER_BYTES)).size > 100, 'it shows something')
      assert.ok(BigInt(report.settlements[0]!.paid) > 0n)
      const filters = { label: ['org.nightshift.node'] }
      assert.equal(await started.engine.api.listContainers({ all: true, filters }), [])
      assert.equal((await started.engine.api.listVolumes({ filters })).Volumes ?? [], [])
      assert.ok(existsSync(report.outputs[0]!.path))
    },
    { timeoutMs: 180_000 },
  )

  test.run()
}
