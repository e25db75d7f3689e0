import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import type { Json } from '../../node/control/view.js'
import type { WorkflowReport } from '../../node/workflow/event.js'
import { type Run, runProgram } from '../acceptance/program.js'
import { eventually } from '../support/network.js'
import { suite } from '../support/suite.js'

/** Real processes: chain, three providers, and renters of which the first is killed in the middle of a search. */
const test = suite('workflows in a swarm')

const example = (name: string) =>
  fileURLToPath(new URL(`../../../config/examples/${name}.yaml`, import.meta.url))

async function succeed(args: readonly string[]): Promise<string> {
  const run = runProgram(args)
  try {
    const { code } = await run.exited
    assert.is(code, 0, `${args.join(' ')}\n${run.stderr()}\n${run.stdout()}`)
    return run.stdout()
  } finally {
    run.clean()
  }
}

async function withSwarm(act: (config: string) => Promise<void>): Promise<void> {
  const swarm = runProgram(['swarm', 'start', '-n', '3'])
  try {
    const found = () => /--config (\S+config\.json)/.exec(swarm.stdout())?.[1]
    await eventually(() => found() !== undefined)
    await act(found()!)
  } finally {
    swarm.kill('SIGINT')
    await swarm.exited
    swarm.clean()
  }
}

/** Until a node answers, only one process at a time can read its data directory. */
async function answers(config: string): Promise<boolean> {
  const status = runProgram(['node', 'status', '--config', config])
  const { code } = await status.exited
  status.clean()
  return code === 0
}

/** The only workflow of the renter's data directory. */
async function readWorkflow(config: string): Promise<Json<WorkflowReport>> {
  const listed = JSON.parse(await succeed(['job', 'list', '--json', '--config', config])) as Array<{
    kind?: string
    id: string
  }>
  const [found] = listed.filter(({ kind }) => kind === 'workflow')
  return JSON.parse(await succeed(['job', 'status', found?.id ?? '', '--json', '--config', config]))
}

test(
  'a model that one provider trains is an input of the next step, with another provider',
  () =>
    withSwarm(async (config) => {
      const run: Run = runProgram([
        'job',
        'post',
        '-f',
        example('pipeline'),
        '--config',
        config,
        '-o',
        'results',
      ])
      try {
        const { code } = await run.exited
        assert.is(code, 0, run.stderr())
        const { parts, budget, paid } = await readWorkflow(config)
        assert.equal(
          parts.map(({ step, state }) => [step, state]),
          [
            ['train', 'COMPLETED'],
            ['predict', 'COMPLETED'],
          ],
        )
        assert.ok(BigInt(paid) > 0n && BigInt(paid) < BigInt(budget ?? '0'))
        const [predictions] = parts[1]?.outputs ?? []
        assert.is(
          readFileSync(predictions?.path ?? '', 'utf8')
            .trim()
            .split('\n').length >= 1_797,
          true,
        )
      } finally {
        run.clean()
      }
    }),
  { timeoutMs: 400_000 },
)

test(
  'a search goes on where its renter was killed: one finished job for each part, and no result lost',
  () =>
    withSwarm(async (config) => {
      const first = runProgram(['job', 'post', '-f', example('search'), '--config', config])
      let finished: string[] = []
      try {
        await first.seen(/train\/\S+ {2}COMPLETED/)
        first.kill('SIGKILL')
        await first.exited
        finished = [...first.stderr().matchAll(/train\/(\S+) {2}COMPLETED epoch/g)].map(
          ([, part = '']) => part,
        )
      } finally {
        first.clean()
      }
      const before = await readWorkflow(config)
      const second = runProgram(['node', 'start', '--config', config])
      try {
        await eventually(() => answers(config))
        await eventually(async () => (await readWorkflow(config)).state !== 'RUNNING')
        const after = await readWorkflow(config)
        assert.is(after.state, 'COMPLETED', JSON.stringify(after, null, 2))
        assert.is(after.parts.length, 7)
        assert.is(after.best[0]?.step, 'train')
        assert.ok(new Set(after.parts.map(({ provider }) => provider)).size >= 2)
        for (const { part, state, jobs, outputs } of after.parts) {
          assert.is(state, 'COMPLETED', part)
          assert.ok(outputs.length > 0 && outputs.every(({ path }) => existsSync(path)))
          const known = before.parts.find((each) => each.part === part)?.jobs.at(0)
          if (known !== undefined) assert.is(jobs[0]?.id, known.id)
          if (finished.includes(part)) assert.is(jobs.length, 1)
        }
        const [one] = after.parts[0]?.outputs ?? []
        assert.is(readdirSync(join(one?.path ?? '', '../..')).length, 6)
      } finally {
        second.kill('SIGINT')
        await second.exited
        second.clean()
      }
    }),
  { timeoutMs: 600_000 },
)

test.run()
