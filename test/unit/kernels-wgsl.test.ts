import { fork } from 'node:child_process'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../config/load.js'
import { openShaders } from '../../node/daemon/shaders.js'
import type { Run, RunEvent } from '../../node/runtime/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import { processLives, repositoryFile, until, useSwiftshader } from '../support/kernels.js'
import {
  executeShader,
  fileOf,
  floatsOf,
  openTestRuntime,
  prepareShader,
  startTestShader,
  wordsOf,
} from '../support/shaders.js'
import { suite } from '../support/suite.js'

const test = suite('shaders on a webgpu adapter')
const LIMIT = { timeoutMs: 240_000 }

const COUNT_BYTES = `
@compute @workgroup_size(64)
fn count(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&text)) { return; }
  for (var byte = 0u; byte < 4u; byte++) {
    atomicAdd(&counts[(text[id.x] >> (8u * byte)) & 255u], 1u);
  }
}`

/** A chaotic map on 1,024 values: one bit that is lost in a checkpoint shows in all that follows. */
const LOGISTIC = {
  shader: `
@compute @workgroup_size(64)
fn advance(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x;
  if (uniforms.step == 0u) { values[at] = f32(at + 1u) / 2100.0; }
  values[at] = uniforms.rate * values[at] * (1.0 - values[at]);
  visits[0] = uniforms.step + 1u;
}`,
  buffers: [
    { name: 'values', usage: 'state', type: 'f32', length: 1_024 },
    { name: 'visits', usage: 'state', type: 'u32', length: 1 },
  ],
  uniforms: { rate: { type: 'f32', value: 3.9 } },
  passes: [{ entry: 'advance', workgroups: 16 }],
  steps: 400,
}
/** Far longer than any test. */
const ENDLESS = { ...LOGISTIC, steps: 1_000_000_000 }
const SPINNING = {
  shader: '@compute @workgroup_size(1) fn main() { while (values[0] == 0u) { values[1] += 1u; } }',
  buffers: [{ name: 'values', usage: 'out', type: 'u32', length: 2 }],
  passes: [{ entry: 'main', workgroups: 1 }],
}

const codeAfter = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error) => codeOf(error) ?? String(error),
  )
const stepsIn = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.kind === 'progress' ? [event.step] : []))

/** What a node of this configuration has for shaders. */
async function openHost(runtimes: string, gpu = false) {
  const { config } = loadConfig({ environment: { HOME: '/nowhere', NIGHTSHIFT_PROVIDER_RUNTIMES: runtimes } })
  const report = { backend: gpu ? ('webgpu' as const) : ('wasm' as const), ok: true, gpu, model: 'a device' }
  return openShaders(config, { devices: [report], clock: systemClock, log: silentLog })
}

test(
  'a host without an adapter does not offer shaders, and does not start when it has nothing else',
  async () => {
    const before = process.env.VK_DRIVER_FILES
    process.env.VK_DRIVER_FILES = '/nowhere.json'
    try {
      assert.is(await openHost('tfjs,wgsl'), undefined)
      assert.is(await codeAfter(openHost('wgsl')), 'BACKEND_UNAVAILABLE')
      assert.is(await openHost('tfjs'), undefined)
    } finally {
      if (before === undefined) delete process.env.VK_DRIVER_FILES
      else process.env.VK_DRIVER_FILES = before
    }
  },
  LIMIT,
)

if (useSwiftshader()) {
  test(
    'a software adapter will do for a software device, and never stands in for a card',
    async () => {
      const host = await openHost('wgsl')
      assert.ok(host?.report.software)
      assert.is(host?.memoryBytes, 2 ** 30)
      assert.is(await codeAfter(openHost('wgsl', true)), 'NO_ADAPTER')
    },
    LIMIT,
  )

  let opened: Awaited<ReturnType<typeof openTestRuntime>>
  test.before(async () => {
    opened = await openTestRuntime()
  }, LIMIT)

  test(
    'the bytes of a file are counted as plain code counts them',
    async () => {
      const data = repositoryFile('config/data/digits.csv.gz')
      const whole = data.subarray(0, data.length - (data.length % 4))
      const declared = {
        shader: COUNT_BYTES,
        buffers: [
          { name: 'text', usage: 'in', type: 'u32', input: 'data' },
          { name: 'counts', usage: 'out', type: 'atomic<u32>', length: 256 },
        ],
        passes: [{ entry: 'count', workgroups: Math.ceil(whole.length / 256) }],
      }
      const { outputs, events } = await executeShader(opened.runtime, declared, [fileOf('data', whole)])
      const expected = new Uint32Array(256)
      for (const byte of whole) expected[byte]! += 1
      assert.equal(wordsOf(outputs['counts.bin']!), expected)
      assert.equal(stepsIn(events).at(-1), 1)
      assert.not(processLives(opened.pids.at(-1)!))
    },
    LIMIT,
  )

  test(
    'what the compiler says comes with line and column of the renter’s text, before any data is asked for',
    async () => {
      const wrong: Array<[string, Record<string, unknown>, RegExp]> = [
        ['a wrong type', { shader: 'fn a() {\n  let x: i32 = 1.5;\n}' }, /shader:2:16: cannot convert/],
        [
          'a name that is not declared',
          { shader: 'fn a() -> f32 { return nothing[0]; }' },
          /shader:1:24: unresolved/,
        ],
        ['another entry point', { passes: [{ entry: 'main', workgroups: 1 }] }, /passes\.0\.entry: .*main/],
        [
          'a binding of its own',
          {
            shader: `@group(0) @binding(7) var<storage> more: array<f32>;\n${LOGISTIC.shader.replace('visits[0] =', 'visits[0] = u32(more[0]) +')}`,
          },
          /passes\.0\.entry/,
        ],
      ]
      let ran = 0
      for (const [what, change, said] of wrong) {
        const error = await opened.runtime.check({ ...LOGISTIC, ...change }, []).then(
          () => undefined,
          (thrown) => thrown as Error,
        )
        assert.is(codeOf(error), 'JOB_SPEC_INVALID', what)
        assert.match(error!.message, said)
        ran++
      }
      assert.is(ran, wrong.length)
      await opened.runtime.check(LOGISTIC, [])
    },
    LIMIT,
  )

  test(
    'a job that goes on from a checkpoint ends with the same bits as one that was not broken off',
    async () => {
      const undisturbed = await executeShader(opened.runtime, { ...LOGISTIC, checkpointSteps: 150 })
      const checkpoints = undisturbed.events.flatMap((event) => (event.kind === 'checkpoint' ? [event] : []))
      assert.equal(
        checkpoints.map(({ step }) => step),
        [150, 300],
      )
      assert.equal(wordsOf(undisturbed.outputs['visits.bin']!), new Uint32Array([400]))
      for (const { step, bytes } of checkpoints) {
        const again = await executeShader(opened.runtime, { ...LOGISTIC, checkpointSteps: 150 }, [], bytes)
        assert.equal(again.outputs, undisturbed.outputs, `from step ${step}`)
        assert.ok(stepsIn(again.events).every((each) => each > step))
      }
      assert.ok(new Set(floatsOf(undisturbed.outputs['values.bin']!)).size > 1_000)
      const other = { ...LOGISTIC, uniforms: { rate: { type: 'f32', value: 3.8 } } }
      const refused = await codeAfter(prepareShader(opened.runtime, other, [], checkpoints[0]!.bytes))
      assert.is(refused, 'CHECKPOINT_MALFORMED')
    },
    LIMIT,
  )

  test(
    'buffers begin as zeros, whatever the job before has left',
    async () => {
      const length = 2 ** 20
      const fill = {
        shader:
          '@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { secret[id.x] = 0x5ec2e7u; }',
        buffers: [{ name: 'secret', usage: 'out', type: 'u32', length }],
        passes: [{ entry: 'main', workgroups: length / 64 }],
      }
      const idle = {
        shader: '@compute @workgroup_size(1) fn main() { own[0] = 0u; }',
        buffers: [{ name: 'own', usage: 'out', type: 'u32', length }],
        passes: [{ entry: 'main', workgroups: 1 }],
      }
      const before = await executeShader(opened.runtime, fill)
      assert.ok(wordsOf(before.outputs['secret.bin']!).every((word) => word === 0x5ec2e7))
      const after = await executeShader(opened.runtime, idle)
      assert.ok(after.outputs['own.bin']!.every((byte) => byte === 0))
    },
    LIMIT,
  )

  test(
    'a shader that never ends is ended with its process, and the next job runs',
    async () => {
      const { runtime, pids } = await openTestRuntime({ stepMs: 1_500 })
      assert.is(await codeAfter(executeShader(runtime, SPINNING)), 'SHADER_TOO_SLOW')
      assert.is(pids.length, 1)
      assert.not(processLives(pids[0]!))
      const { outputs } = await executeShader(opened.runtime, LOGISTIC)
      assert.equal(wordsOf(outputs['visits.bin']!), new Uint32Array([400]))
    },
    LIMIT,
  )

  test(
    'a process that takes more memory than it may is ended',
    async () => {
      const code = await codeAfter(
        startTestShader({ memoryBytes: 2 ** 20 }).then(async (shader) => {
          await until(() => !processLives(shader.pid))
          await shader.read(0, 0, 4)
        }),
      )
      assert.is(code, 'OUT_OF_MEMORY')
    },
    LIMIT,
  )

  test(
    'a pause and a proof stand still between two steps, a checkpoint is there for the asking, and a stop ends it',
    async () => {
      const { run, events } = await prepareShader(opened.runtime, ENDLESS)
      const ended = codeAfter(run.start())
      const moves = async () => {
        const before = stepsIn(events).length
        await until(() => stepsIn(events).length > before)
      }
      await moves()
      await run.pause()
      const told = stepsIn(events).length
      await new Promise((resolve) => setTimeout(resolve, 400))
      assert.is(stepsIn(events).length, told)
      assert.ok(run.idleMs() >= 390, `${run.idleMs()} ms`)
      opened.prove(true)
      await run.resume()
      const beforeProof = stepsIn(events).length
      await new Promise((resolve) => setTimeout(resolve, 400))
      assert.is(stepsIn(events).length, beforeProof)
      opened.prove(false)
      await moves()
      await run.checkpoint()
      assert.ok(events.some(({ kind }) => kind === 'checkpoint'))
      await run.stop()
      assert.is(await ended, 'WORK_ENDED')
      await run.close()
    },
    LIMIT,
  )

  test(
    'a process that is killed ends the job with a code, and the next job runs',
    async () => {
      let run: Run | undefined
      try {
        const prepared = await prepareShader(opened.runtime, ENDLESS)
        run = prepared.run
        const ended = codeAfter(run.start())
        await until(() => stepsIn(prepared.events).length > 0)
        process.kill(opened.pids.at(-1)!, 'SIGKILL')
        assert.is(await ended, 'DEVICE_WORKER_DIED')
      } finally {
        await run?.close()
      }
      await executeShader(opened.runtime, { ...LOGISTIC, steps: 1 })
    },
    LIMIT,
  )

  test(
    'a device that is lost ends the job with a code, and no zeros are read from it',
    async () => {
      const child = fork(new URL('../support/shader-loss.js', import.meta.url), {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        execArgv: [],
      })
      const found = await new Promise((resolve, reject) => {
        child.once('message', resolve)
        child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
      })
      assert.equal(found, { run: 'DEVICE_LOST', read: 'DEVICE_LOST' })
    },
    LIMIT,
  )
} else {
  test.skip('shaders on a software adapter (webgpu)', 'no software device here: npm run setup:swiftshader')
}

test.run()
