import * as assert from 'uvu/assert'
import type { ProcessExit, ProcessSpec, RunningProcess } from '../../node/swarm/process.js'
import { keepRunning } from '../../node/swarm/restart.js'
import type { NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('restarts of a swarm')
const SPEC: ProcessSpec = { name: 'chain', entry: 'chain.js', args: [] }

/** A process that dies whenever it is started, each time `everyMs` after the last. */
function dying(everyMs: number, mostStarts: number) {
  let nowMs = 0
  let starts = 0
  const ended = Promise.withResolvers<NightshiftError | undefined>()
  const start = (): RunningProcess => {
    starts++
    nowMs += everyMs
    const isLast = starts > mostStarts
    if (isLast) ended.resolve(undefined)
    const exited = isLast ? new Promise<ProcessExit>(() => {}) : Promise.resolve({ code: 1, signal: null })
    return { name: 'chain', logFile: 'chain.log', exited } as unknown as RunningProcess
  }
  const group = { start, isStopping: () => false }
  keepRunning({ group, clock: { elapsed: () => nowMs }, onGiveUp: ended.resolve }, SPEC, start())
  return ended.promise.then((error) => ({ error, starts }))
}

test('a process that dies more than five times in a minute is given up, and its log is named', async () => {
  const { error, starts } = await dying(1_000, 100)
  assert.is(error?.code, 'PROCESS_KEEPS_DYING')
  assert.match(error?.advice ?? '', 'chain.log')
  assert.is(starts, 6)
})

test('a process that dies now and then is always started again', async () => {
  const { error, starts } = await dying(15_000, 50)
  assert.is(error, undefined)
  assert.is(starts, 51)
})

test.run()
