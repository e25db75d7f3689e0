import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { createContainerRuntime } from '../../node/runtime/container/runtime.js'
import type { InputFile, Run, RunEvent, Runtime } from '../../node/runtime/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import {
  bytesOf,
  ENGINES,
  missingFor,
  shellImage,
  shellParts,
  startEngine,
  type TestEngine,
} from '../support/engines.js'
import { startRegistry, type TestRegistry } from '../support/registry.js'
import { fileOf } from '../support/shaders.js'
import { suite } from '../support/suite.js'

const MIB = 2 ** 20
const LIMITS = {
  memoryBytes: 1_024 * MIB,
  cpus: 2,
  processes: 256,
  diskBytes: 1_024 * MIB,
  imageBytes: 256 * MIB,
  cacheBytes: 0,
  logLinesPerSecond: 100,
}
const NODE = 'a1'.repeat(32)
const LIMIT = { timeoutMs: 240_000 }

/** What goes wrong beyond a job: the registry that its image comes from, the engine under it, the node above it. */
for (const name of ENGINES) {
  const test = suite(`container faults: ${name}`)
  const missing = missingFor(name)
  if (missing !== undefined) {
    test.skip('registries, and engines that are killed', missing)
    test.run()
    continue
  }
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-faults-'))
  let started: TestEngine
  let registry: TestRegistry
  let archive: Uint8Array
  let jobs = 0

  test.before(async () => {
    registry = await startRegistry(await shellParts())
    started = await startEngine(name, registry.address)
    archive = await shellImage()
  }, LIMIT)
  test.after(async () => {
    await started?.stop()
    await registry?.close()
    rmSync(folder, { recursive: true, force: true })
  }, LIMIT)

  const open = (limits: Partial<typeof LIMITS> = {}, gpus: string[] = []) =>
    createContainerRuntime({
      engine: started.engine,
      node: NODE,
      folder,
      limits: { ...LIMITS, ...limits },
      gpus,
      clock: systemClock,
      log: silentLog,
    })
  const prepare = (
    runtime: Runtime,
    declared: Record<string, unknown>,
    parts: { inputs?: InputFile[]; onEvent?: (event: RunEvent) => void } = {},
  ) =>
    runtime.prepare(
      {
        id: (++jobs).toString(16).padStart(64, '0'),
        declared: { grace: '1s', ...declared },
        inputs: parts.inputs ?? [],
        devices: [0],
        onEvent: parts.onEvent ?? (() => {}),
      },
      { signal: new AbortController().signal },
    )
  const shell = (script: string) => ({ archive: 'image', command: ['/bin/sh', '-c', script] })
  const codeAfter = (promise: Promise<unknown>) =>
    promise.then(
      () => 'fulfilled',
      (error) => codeOf(error) ?? String(error),
    )

  async function left() {
    const { api } = started.engine
    const filters = { label: ['org.nightshift.node'] }
    const containers = await api.listContainers({ all: true, filters })
    const { Volumes } = await api.listVolumes({ filters })
    const images = await api.listImages({ all: true })
    return [...containers, ...(Volumes ?? []), ...images].length
  }
  async function untilNothingIsLeft() {
    while ((await left()) > 0) await systemClock.sleep(300)
  }

  test(
    'an image is pulled by its digest, runs, and does not stay',
    async () => {
      const run = await prepare(await open(), {
        image: registry.image,
        command: ['/bin/sh', '-c', 'echo pulled > out/said'],
      })
      try {
        const [output] = await run.start()
        assert.is((await bytesOf(output!.read())).toString(), 'pulled\n')
      } finally {
        await run.close()
      }
      assert.is(await left(), 0)
    },
    LIMIT,
  )

  test(
    'another digest, an image that is not there, a pull that is cut and a layer with a flipped bit are refused',
    async () => {
      const runtime = await open()
      const [place, digest] = registry.image.split('@sha256:') as [string, string]
      const other = digest.replace(/^./, (first) => (first === '0' ? '1' : '0'))
      for (const image of [`${place}@sha256:${other}`, `${place}s@sha256:${digest}`]) {
        assert.is(
          await codeAfter(prepare(runtime, { image, command: ['/bin/true'] })),
          'IMAGE_UNUSABLE',
          image,
        )
      }
      for (const fault of ['cut', 'flipped'] as const) {
        registry.fault(fault)
        const code = await codeAfter(prepare(runtime, { image: registry.image, command: ['/bin/true'] }))
        assert.is(code, 'IMAGE_UNUSABLE', fault)
      }
      registry.fault('none')
      assert.is(await left(), 0)
      runtime.end?.()
    },
    LIMIT,
  )

  test(
    'what a killed node had pulled is kept within the limit, used again, and removed beyond it',
    async () => {
      const declared = { image: registry.image, command: ['/bin/true'] }
      // Never closed, as by a node that was killed.
      await prepare(await open(), declared)
      assert.ok((await left()) >= 3)
      const sent = registry.sent()
      const roomy = await open({ cacheBytes: 64 * MIB })
      assert.ok((await roomy.clean()) >= 2)
      assert.is(await left(), 1, 'the image')
      const run = await prepare(roomy, declared)
      await run.start()
      await run.close()
      assert.is(registry.sent(), sent, 'nothing was pulled again')
      assert.is(await left(), 1)
      assert.is(await (await open({ cacheBytes: 0 })).clean(), 1)
      assert.is(await left(), 0)
    },
    LIMIT,
  )

  test(
    'an engine that gives no cards is told as such',
    async () => {
      const gpus = [name === 'docker' ? '0' : 'nvidia.com/gpu=0']
      const runtime = await open({}, gpus)
      const work = async () => {
        const run = await prepare(
          runtime,
          { ...shell('true'), gpus: 1 },
          { inputs: [fileOf('image', archive)] },
        )
        await run.start().finally(() => run.close())
      }
      const code = await codeAfter(work())
      assert.ok(['GPU_UNAVAILABLE', 'UNCONFINED'].includes(code), code)
      if (name === 'docker') assert.is(code, 'GPU_UNAVAILABLE')
      assert.is(await left(), 0)
    },
    LIMIT,
  )

  const inputs = () => [fileOf('image', archive)]
  /** Brings a job into a state, kills the engine there, and resolves to what the job then says. */
  const states: Array<[string, (runtime: Runtime, kill: () => Promise<void>) => Promise<string>]> = [
    [
      'while the image is loaded',
      async (runtime, kill) => {
        const slow: InputFile = {
          name: 'image',
          bytes: archive.length,
          read: async function* () {
            yield archive.subarray(0, archive.length / 2)
            await kill()
            yield archive.subarray(archive.length / 2)
          },
        }
        return codeAfter(prepare(runtime, shell('true'), { inputs: [slow] }))
      },
    ],
    [
      'before the start',
      async (runtime, kill) => {
        const run = await prepare(runtime, shell('true'), { inputs: inputs() })
        await kill()
        return codeAfter(run.start().finally(() => run.close()))
      },
    ],
    [
      'while it runs',
      async (runtime, kill) => {
        let killing: Promise<void> | undefined
        const onEvent = ({ kind }: RunEvent) => {
          if (kind === 'log') killing ??= kill()
        }
        const run: Run = await prepare(runtime, shell('echo runs; sleep 1000'), { inputs: inputs(), onEvent })
        const code = await codeAfter(run.start())
        await killing
        await run.close()
        return code
      },
    ],
    [
      'while its outputs are read',
      async (runtime, kill) => {
        const run = await prepare(runtime, shell('echo said > out/said'), { inputs: inputs() })
        const [output] = await run.start()
        await kill()
        return codeAfter(bytesOf(output!.read()).finally(() => run.close()))
      },
    ],
  ]
  for (const [state, play] of states) {
    test(
      `an engine that is killed ${state} fails the job with ENGINE_FAILED, and leaves nothing once it is back`,
      async () => {
        const runtime = await open()
        try {
          assert.is(await play(runtime, started.kill), 'ENGINE_FAILED')
          await started.restart()
          await untilNothingIsLeft()
        } finally {
          runtime.end?.()
        }
      },
      LIMIT,
    )
  }

  test.run()
}
