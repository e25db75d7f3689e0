import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { createProcessGroup, type ProcessGroup, type RunningProcess } from '../../node/swarm/process.js'
import { systemClock } from '../../node/system/clock.js'
import { codeOf, type NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('processes')
const CHILD = fileURLToPath(new URL('../support/swarm-child.js', import.meta.url))
const PARENT = fileURLToPath(new URL('../support/swarm-parent.js', import.meta.url))
const PATIENT = { timeoutMs: 20_000 }

async function withGroup(act: (group: ProcessGroup, logDir: string) => Promise<void>): Promise<void> {
  const logDir = mkdtempSync(join(tmpdir(), 'nightshift-processes-'))
  const group = createProcessGroup({ logDir, clock: systemClock, env: process.env })
  try {
    await act(group, logDir)
  } finally {
    await group.stopAll()
    rmSync(logDir, { recursive: true, force: true })
  }
}

const start = (group: ProcessGroup, kind: string): RunningProcess =>
  group.start({ name: kind, entry: CHILD, args: [kind] })

const isReady = (line: string) => (line === 'ready' ? true : undefined)

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function gone(pid: number): Promise<void> {
  while (lives(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
}

test('a process is ready when it says so, and who asks late hears it too', () =>
  withGroup(async (group, logDir) => {
    const child = start(group, 'polite')
    await child.waitFor(isReady, PATIENT)
    await child.waitFor(isReady, PATIENT)
    assert.ok(lives(child.pid))
    assert.not.ok(child.hasExited())
    await child.stop()
    assert.match(readFileSync(join(logDir, 'polite.out'), 'utf8'), 'ready')
  }))

test('one that ends before it is ready tells its own error and its log', () =>
  withGroup(async (group) => {
    const child = start(group, 'failing')
    try {
      await child.waitFor(isReady, PATIENT)
      assert.unreachable()
    } catch (error) {
      assert.is(codeOf(error), 'PROCESS_EXITED')
      const { message, advice } = error as NightshiftError
      assert.match(message, 'exit code 3')
      assert.match(message, 'the disk is full (what to do: make room)')
      assert.match(advice, child.logFile)
    }
    assert.equal(await child.exited, { code: 3, signal: null })
  }))

test('one that never is ready is given up, also when the wait is called off', () =>
  withGroup(async (group) => {
    const child = start(group, 'mute')
    const late = await child.waitFor(isReady, { timeoutMs: 1 }).catch((error: unknown) => error)
    assert.is(codeOf(late), 'PROCESS_NOT_READY')
    const reason = new Error('enough')
    const off = await child
      .waitFor(isReady, { timeoutMs: 20_000, signal: AbortSignal.abort(reason) })
      .catch((error: unknown) => error)
    assert.is(off, reason)
  }))

test('a polite one ends by itself when it is stopped, once for all who ask', () =>
  withGroup(async (group) => {
    const child = start(group, 'polite')
    await child.waitFor(isReady, PATIENT)
    const [first, second] = await Promise.all([child.stop(), child.stop()])
    assert.is(first, second)
    assert.equal(first, { code: null, signal: 'SIGTERM' })
  }))

test('a deaf one is killed after the grace', () =>
  withGroup(async (group) => {
    const child = start(group, 'deaf')
    await child.waitFor(isReady, PATIENT)
    assert.equal(await child.stop(), { code: null, signal: 'SIGKILL' })
  }))

if (process.platform === 'win32') {
  test.skip('what a process had started itself ends with it', 'there are no process groups on this system')
} else {
  test('what a process had started itself ends with it, however it ends', () =>
    withGroup(async (group) => {
      const child = start(group, 'family')
      const grandchild = await child.waitFor((line) => /grandchild (\d+)/.exec(line)?.[1], PATIENT)
      child.kill('SIGKILL')
      await child.exited
      await gone(Number(grandchild))
    }))
}

test('after the end nothing can be started', () =>
  withGroup(async (group) => {
    await group.stopAll()
    assert.ok(group.isStopping())
    assert.throws(
      () => start(group, 'polite'),
      (error: unknown) => codeOf(error) === 'SWARM_STOPPING',
    )
  }))

test('children end when their parent is killed with kill -9', async () => {
  const logDir = mkdtempSync(join(tmpdir(), 'nightshift-processes-'))
  try {
    const parent = spawn(process.execPath, [PARENT, logDir, CHILD, 'polite', 'deaf', 'polite'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: parent.stdout }).once('line', resolve),
    )
    const pids = JSON.parse(line) as number[]
    assert.is(pids.length, 3)
    assert.ok(pids.every(lives))
    parent.kill('SIGKILL')
    await Promise.all(pids.map(gone))
  } finally {
    rmSync(logDir, { recursive: true, force: true })
  }
})

test.run()
