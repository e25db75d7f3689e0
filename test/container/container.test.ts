import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { createContainerRuntime } from '../../node/runtime/container/runtime.js'
import { readTar } from '../../node/runtime/container/tar.js'
import type { InputFile, RunEvent, Runtime } from '../../node/runtime/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import { bytesOf, ENGINES, missingFor, shellImage, startEngine, type TestEngine } from '../support/engines.js'
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

function fileOf(name: string, bytes: Uint8Array): InputFile {
  return {
    name,
    bytes: bytes.length,
    read: async function* () {
      yield bytes
    },
  }
}

/** One suite for both engines: what a job may and may not do does not depend on whose engine runs it. */
for (const name of ENGINES) {
  const test = suite(`container: ${name}`)
  const missing = missingFor(name)
  if (missing !== undefined) {
    test.skip('the conformance suite', missing)
    test.run()
    continue
  }
  let started: TestEngine
  let runtime: Runtime
  let image: Uint8Array
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-containers-'))
  let jobs = 0

  const open = (limits = LIMITS, node = 'a1'.repeat(32)) =>
    createContainerRuntime({
      engine: started.engine,
      node,
      folder,
      limits,
      gpus: [],
      clock: systemClock,
      log: silentLog,
    })

  test.before(
    async () => {
      started = await startEngine(name)
      image = await shellImage()
      runtime = await open()
    },
    { timeoutMs: 60_000 },
  )
  test.after(
    async () => {
      await started.stop()
      rmSync(folder, { recursive: true, force: true })
    },
    { timeoutMs: 60_000 },
  )

  async function prepare(
    script: string,
    more: Record<string, unknown> = {},
    inputs: InputFile[] = [],
    from?: Uint8Array,
  ) {
    const events: RunEvent[] = []
    const id = (++jobs).toString(16).padStart(64, '0')
    const run = await runtime.prepare(
      {
        id,
        declared: { archive: 'image', command: ['/bin/sh', '-c', script], grace: '1s', ...more },
        inputs: [fileOf('image', image), ...inputs],
        ...(from === undefined ? {} : { from }),
        devices: [0],
        onEvent: (event) => events.push(event),
      },
      { signal: new AbortController().signal },
    )
    const lines = () => events.flatMap((event) => (event.kind === 'log' ? [event.line] : []))
    return { run, events, lines, id }
  }

  /** Runs a script to its end; resolves to what it said, left, and failed with. */
  async function execute(
    script: string,
    more: Record<string, unknown> = {},
    inputs: InputFile[] = [],
    from?: Uint8Array,
  ) {
    const { run, lines, events } = await prepare(script, more, inputs, from)
    try {
      const outputs: Record<string, string> = {}
      const files = await run.start()
      for (const file of files) outputs[file.name] = (await bytesOf(file.read())).toString('latin1')
      return { lines: lines(), outputs, events, code: undefined, message: '' }
    } catch (error) {
      return {
        lines: lines(),
        outputs: {} as Record<string, string>,
        events,
        code: codeOf(error),
        message: (error as Error).message,
      }
    } finally {
      await run.close()
    }
  }

  /** All that this node has on the engine. */
  async function left() {
    const { api } = started.engine
    const filters = { label: ['org.nightshift.node'] }
    const containers = await api.listContainers({ all: true, filters })
    const { Volumes } = await api.listVolumes({ filters })
    const images = await api.listImages()
    const tags = images.flatMap(({ RepoTags }) => RepoTags ?? [])
    return [...containers.map(({ Id }) => Id), ...(Volumes ?? []).map(({ Name }) => Name), ...tags]
  }

  /** Waits for what a running job says; a job that ends before it fails the test. */
  async function heard(ended: Promise<unknown>, holds: () => boolean) {
    let end: unknown
    void ended.then((outcome) => (end = outcome ?? 'ended'))
    while (!holds()) {
      assert.is(end, undefined, `the job ended: ${String(end)}`)
      await systemClock.sleep(20)
    }
  }

  /** As the owner of the host does it, past the runtime. */
  async function load(archive: Uint8Array) {
    const { modem } = started.engine.api
    const stream = await started.engine.api.loadImage(Readable.from([archive]) as never)
    await new Promise<void>((resolve, reject) => {
      modem.followProgress(stream as never, (error: unknown) => (error ? reject(error) : resolve()))
    })
  }

  const LIMIT = { timeoutMs: 60_000 }

  test(
    'inputs are read, outputs come back whole, and nothing is left',
    async () => {
      const data = Buffer.alloc(3 * MIB, 'nightshift')
      const { lines, outputs, code, message } = await execute(
        'cat in/data > out/copy; mkdir -p out/frames; echo one > out/frames/1.txt; echo said; echo wrong >&2; pwd',
        {},
        [fileOf('data', data)],
      )
      assert.is(code, undefined, message)
      assert.equal([...lines].sort(), ['/job', 'said', 'wrong'])
      assert.equal(Object.keys(outputs).sort(), ['copy', 'frames.tar'])
      assert.ok(Buffer.from(outputs.copy!, 'latin1').equals(data))
      const names: string[] = []
      const tar = Buffer.from(outputs['frames.tar']!, 'latin1')
      for await (const { header } of readTar(
        (async function* () {
          yield tar
        })(),
      ))
        names.push(header.name)
      assert.equal(names, ['1.txt'])
      assert.equal(await left(), [])
    },
    LIMIT,
  )

  test(
    'it has no rights, no network, no way to change its image or its inputs',
    async () => {
      const { lines, code, message } = await execute(
        `id -u; grep -E 'Cap(Eff|Bnd|Prm)|NoNewPrivs|Seccomp:' /proc/self/status
       touch /etc/x 2>/dev/null && echo root-is-writable
       touch in/x 2>/dev/null && echo inputs-are-writable
       unshare -r true 2>/dev/null && echo can-unshare
       mount -t tmpfs none /tmp 2>/dev/null && echo can-mount
       echo '#!/bin/sh' > /tmp/p; chmod +x /tmp/p 2>/dev/null; /tmp/p 2>/dev/null && echo tmp-is-executable
       ls /sys/class/net; ls -d /var/run/docker.sock 2>/dev/null; exit 0`,
        {},
        [fileOf('data', Buffer.from('x'))],
      )
      assert.is(code, undefined, message)
      assert.is(lines[0], '65534')
      const zero = '0000000000000000'
      const status = lines.map((line) => line.replace(/\s+/g, ' '))
      for (const set of ['CapEff', 'CapBnd', 'CapPrm'])
        assert.ok(status.includes(`${set}: ${zero}`), status.join('\n'))
      assert.ok(status.includes('NoNewPrivs: 1'))
      assert.ok(status.includes('Seccomp: 2'))
      assert.equal(lines.slice(6), ['lo'])
    },
    LIMIT,
  )

  test(
    'a failing program fails the job with its exit code',
    async () => {
      const { code, message, lines } = await execute('echo no input >&2; exit 3')
      assert.is(code, 'JOB_FAILED')
      assert.match(message, 'exit code 3')
      assert.equal(lines, ['no input'])
    },
    LIMIT,
  )

  test(
    'a program that eats memory is ended, and the host lives',
    async () => {
      const { code } = await execute('tail /dev/zero', { memory: '32Mi', tmp: '1Mi' })
      assert.is(code, 'OUT_OF_MEMORY')
    },
    LIMIT,
  )

  test(
    'a fork bomb stays within its processes',
    async () => {
      const { run, lines } = await prepare('bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 2; exit 0', {
        processes: 32,
      })
      try {
        const done = run.start().then(
          () => 'ended',
          (error) => codeOf(error),
        )
        await systemClock.sleep(3_000)
        await run.stop()
        assert.ok(
          ['ended', 'WORK_ENDED', 'JOB_FAILED', 'OUT_OF_MEMORY'].includes(String(await done)),
          lines().join('\n'),
        )
      } finally {
        await run.close()
      }
      assert.equal(await left(), [])
    },
    LIMIT,
  )

  test(
    'a program that ignores the polite signal is killed after its grace',
    async () => {
      const { run, lines } = await prepare(`trap '' TERM; echo ready; while true; do sleep 1; done`)
      const failed = run.start().catch((error) => codeOf(error) ?? String(error))
      await heard(failed, () => lines().includes('ready'))
      const before = systemClock.elapsed()
      await run.stop()
      assert.is(await failed, 'WORK_ENDED')
      assert.ok(systemClock.elapsed() - before >= 900, 'the grace was kept')
      await run.close()
      assert.equal(await left(), [])
    },
    LIMIT,
  )

  test(
    'more on the disk than declared ends the job',
    async () => {
      const { code, message } = await execute(
        'i=0; while true; do dd if=/dev/zero of=out/$i bs=1M count=8 2>/dev/null; i=$((i+1)); sleep 0.2; done',
        { disk: '24Mi' },
      )
      assert.is(code, 'DISK_LIMIT')
      assert.match(message, String(24 * MIB))
    },
    LIMIT,
  )

  test(
    'an output larger than declared is an error that says so',
    async () => {
      const { code } = await execute('dd if=/dev/zero of=out/big bs=1M count=4 2>/dev/null', {
        output: '2Mi',
      })
      assert.is(code, 'OUTPUT_TOO_LARGE')
    },
    LIMIT,
  )

  test(
    'links among the outputs are left out',
    async () => {
      const { outputs } = await execute(
        'ln -s /etc/passwd out/secret; ln -s / out/root; echo fine > out/fine',
      )
      assert.equal(outputs, { fine: 'fine\n' })
    },
    LIMIT,
  )

  test(
    'a flood of log lines is cut, and says by how much',
    async () => {
      const { lines, code, message } = await execute('seq 1 20000')
      assert.is(code, undefined, message)
      assert.is(lines[0], '1')
      assert.ok(lines.length <= 20 * LIMITS.logLinesPerSecond, `${lines.length} lines`)
      const dropped = lines.flatMap((line) => /^\((\d+) lines left out/.exec(line)?.[1] ?? []).map(Number)
      const told = lines.filter((line) => /^\d+$/.test(line)).length
      assert.is(told + dropped.reduce((sum, count) => sum + count, 0), 20_000)
    },
    LIMIT,
  )

  test(
    'a pause stands still and a resume goes on',
    async () => {
      const { run, lines } = await prepare(
        'i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); sleep 0.05; done',
      )
      const failed = run.start().catch((error) => codeOf(error) ?? String(error))
      await heard(failed, () => lines().length > 0)
      await run.pause()
      await systemClock.sleep(300)
      const atPause = lines().length
      await systemClock.sleep(1_000)
      assert.is(lines().length, atPause)
      await run.resume()
      await heard(failed, () => lines().length > atPause)
      await run.pause()
      await run.stop()
      assert.is(await failed, 'WORK_ENDED')
      await run.close()
    },
    LIMIT,
  )

  test(
    'a checkpoint is taken at a signal, and another run goes on from it',
    async () => {
      const script = `i=$(cat checkpoint/i 2>/dev/null || echo 0); echo from $i
      save() { echo $i > checkpoint/i.partial; mv checkpoint/i.partial checkpoint/i; }
      trap save USR1
      while [ $i -lt 1000 ]; do i=$((i+1)); sleep 0.05; done`
      const checkpoint = { signal: 'SIGUSR1', every: '1h' }
      const { run, events, lines } = await prepare(script, { checkpoint })
      const failed = run.start().catch((error) => codeOf(error) ?? String(error))
      await heard(failed, () => lines().length > 0)
      await systemClock.sleep(500)
      await run.checkpoint()
      const found = events.find((event) => event.kind === 'checkpoint')
      assert.ok(found?.kind === 'checkpoint' && found.bytes.length > 0)
      await run.stop()
      assert.is(await failed, 'WORK_ENDED')
      await run.close()
      const again = await prepare(script, { checkpoint }, [], found.bytes)
      const failedAgain = again.run.start().catch((error) => codeOf(error) ?? String(error))
      await heard(failedAgain, () => again.lines().length > 0)
      const from = Number(/^from (\d+)$/.exec(again.lines()[0]!)?.[1])
      assert.ok(from > 0, again.lines()[0])
      await again.run.stop()
      assert.is(await failedAgain, 'WORK_ENDED')
      await again.run.close()
    },
    LIMIT,
  )

  test(
    'what a killed node left is removed at its next start, and nothing of another node',
    async () => {
      const mine = await prepare('sleep 1000')
      void mine.run.start().catch(() => {})
      const other = await open(LIMITS, 'b2'.repeat(32))
      const theirs = await other.prepare(
        {
          id: 'f'.repeat(64),
          declared: { archive: 'image', command: ['/bin/sleep', '1000'] },
          inputs: [fileOf('image', image)],
          devices: [0],
          onEvent: () => {},
        },
        { signal: new AbortController().signal },
      )
      const before = await left()
      assert.is(await runtime.clean(), 0, 'its own jobs run')
      const removed = await (await open()).clean()
      assert.ok(removed >= 3, `${removed} removed`)
      const after = await left()
      assert.is(after.length, before.length - removed)
      assert.ok(after.length >= 3)
      await theirs.close()
      await mine.run.close()
      assert.equal(await left(), [])
    },
    LIMIT,
  )

  test(
    'an archive cannot take the name of an image of the host',
    async () => {
      const { api } = started.engine
      await load(await shellImage({ tag: 'host:latest', config: { Env: ['PATH=/bin', 'MINE=1'] } }))
      const { Id } = await api.getImage('host:latest').inspect()
      image = await shellImage({ tag: 'host:latest' })
      const { code, message } = await execute('true')
      assert.is(code, undefined, message)
      assert.is((await api.getImage('host:latest').inspect()).Id, Id)
      await api.getImage('host:latest').remove({ force: true })
      image = await shellImage()
    },
    LIMIT,
  )

  test.run()
}
