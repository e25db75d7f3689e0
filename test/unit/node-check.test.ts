import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openDevice } from '../../kernels/worker/device.js'
import { judgeBackends, judgeCards } from '../../node/check/cards.js'
import { judgeClock } from '../../node/check/clock.js'
import { checkContainers } from '../../node/check/containers.js'
import { judgeDisk } from '../../node/check/disk.js'
import { endpointOf, judgeListening, tryListening } from '../../node/check/listening.js'
import { judgeWatch } from '../../node/check/owner.js'
import { challengeOwnDevices, judgeOwnProof } from '../../node/check/proof.js'
import { judgeStake } from '../../node/check/stake.js'
import { engineSockets } from '../../node/runtime/container/sockets.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { allowsMemoryPhase, checkParams, flops } from '../../protocols/challenge/params.js'
import { mayStay, planChallenge } from '../../protocols/challenge/rules.js'
import { isRefusal } from '../../protocols/errors.js'
import { runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

const test = suite('node check')
const GIB = 2 ** 30

test('a clock that is off by more than heartbeats may be is a warning, by more than a chain may be a failure', () => {
  const offs: Array<[number, string]> = [
    [0, 'ok'],
    [9_000, 'ok'],
    [-9_000, 'ok'],
    [30_000, 'warn'],
    [-30_000, 'warn'],
    [3_600_000, 'fail'],
    [-3_600_000, 'fail'],
  ]
  for (const [offMs, verdict] of offs) {
    const finding = judgeClock(1e12 + offMs, 1e12, 'linux')
    assert.is(finding.verdict, verdict, String(offMs))
    assert.is(finding.advice !== undefined, verdict !== 'ok')
  }
  assert.match(judgeClock(0, 1e6, 'linux').advice!, 'timedatectl')
  assert.match(judgeClock(0, 1e6, 'win32').advice!, 'w32tm')
})

test('a full disk is a failure, a nearly full one a warning', () => {
  assert.is(judgeDisk(GIB, '/data').verdict, 'fail')
  assert.is(judgeDisk(5 * GIB, '/data').verdict, 'warn')
  assert.is(judgeDisk(50 * GIB, '/data').verdict, 'ok')
})

test('a port that another program uses is a failure with its number; one that our own node uses is not', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const endpoint = { host: '127.0.0.1', port }
  const problem = await tryListening(endpoint)
  await new Promise((resolve) => server.close(resolve))
  assert.is(problem, 'EADDRINUSE')
  const taken = judgeListening({ endpoints: [{ ...endpoint, problem }], isRunning: false, announced: 1 })
  assert.is(taken.verdict, 'fail')
  assert.match(taken.advice!, String(port))
  assert.is(
    judgeListening({ endpoints: [{ ...endpoint, problem }], isRunning: true, announced: 1 }).verdict,
    'ok',
  )
  assert.is(await tryListening(endpoint), undefined)
})

test('a node that listens on loopback only is told so', () => {
  const endpoints = [{ host: '127.0.0.1', port: 4771 }]
  assert.is(judgeListening({ endpoints, isRunning: false, announced: 0 }).verdict, 'warn')
  const open = [{ host: '0.0.0.0', port: 4771 }]
  assert.is(judgeListening({ endpoints: open, isRunning: false, announced: 0 }).verdict, 'ok')
  assert.equal(endpointOf('/ip4/0.0.0.0/tcp/4771'), { host: '0.0.0.0', port: 4771 })
  assert.equal(endpointOf('/dns4/example.org/tcp/4771'), undefined)
})

test('a container engine is found at its socket, and told apart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-engine-'))
  const socket = join(folder, 'engine.sock')
  const components = [{ Name: 'Podman Engine' }]
  const server = createHttpServer((_, answer) =>
    answer.end(JSON.stringify({ Version: '5.1.0', Components: components })),
  )
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  try {
    const found = await checkContainers(systemClock, [join(folder, 'none.sock'), socket])
    assert.equal(found, { verdict: 'ok', found: `Podman 5.1.0 at ${socket}` })
    const none = await checkContainers(systemClock, [join(folder, 'none.sock')])
    assert.is(none.verdict, 'warn')
    assert.match(none.advice!, 'apt-get install')
  } finally {
    server.close()
    rmSync(folder, { recursive: true })
  }
  assert.is(engineSockets({ DOCKER_HOST: 'unix:///mine.sock' }, 'linux')[0], '/mine.sock')
  assert.ok(engineSockets({}, 'win32').every((each) => each.startsWith('//./pipe/')))
})

test('a stake that is too small keeps a provider from its work, and the command that mends it is named', () => {
  const facts = { minimumStake: 100n, decimals: 0, planned: 0n, balance: 1_000n, provides: true }
  const registered = (stake: bigint) => ({ registered: { stake, unstaking: 0n, bound: 0n } })
  assert.is(judgeStake({ ...facts, ...registered(100n) }).verdict, 'ok')
  assert.match(judgeStake({ ...facts, ...registered(60n) }).advice!, 'nightshift stake add 40')
  assert.is(judgeStake({ ...facts, ...registered(60n) }).verdict, 'fail')
  assert.is(judgeStake({ ...facts, provides: false }).verdict, 'warn')
  assert.is(judgeStake({ ...facts, planned: 100n }).verdict, 'ok')
  assert.is(judgeStake({ ...facts, planned: 100n, balance: 99n }).verdict, 'fail')
})

test('software never counts as a card, and a card that the system cannot use is told with the reason', () => {
  const wasm = { backend: 'wasm' as const, ok: true, gpu: false, model: 'Xeon', gflops: 20 }
  const webgpu = { backend: 'webgpu' as const, ok: true, gpu: true, model: 'RTX 4090', gflops: 2e4 }
  assert.is(judgeBackends([wasm], undefined).verdict, 'warn')
  assert.match(judgeBackends([wasm], undefined).found, '(software)')
  assert.is(judgeBackends([wasm, webgpu], undefined).verdict, 'ok')
  assert.is(judgeBackends([{ ...wasm, ok: false, reason: 'x' }], undefined).verdict, 'fail')
  const card = { source: 'system' as const, model: 'NVIDIA GeForce RTX 4090' }
  assert.match(judgeCards({ devices: [card], disagreements: [] }).advice!, 'driver')
  const lying = judgeCards({ devices: [{ ...card, source: 'nvidia-smi' }], disagreements: ['two names'] })
  assert.is(lying.verdict, 'warn')
  assert.match(lying.found, 'disagreement: two names')
})

test('an own proof at the speed of a lesser card is a warning; a software device is never measured as a card', () => {
  const card = { backend: 'webgpu' as const, ok: true, gpu: true, model: 'NVIDIA GeForce RTX 4090' }
  const params = { n: 16_384, rounds: 2 }
  const at = (tflops: number) => ({ provingMs: flops(params) / tflops / 1e9, recallMs: 5 })
  assert.is(judgeOwnProof(card, params, at(40)).verdict, 'ok')
  assert.is(judgeOwnProof(card, params, at(2)).verdict, 'warn')
  const software = judgeOwnProof({ ...card, gpu: false }, params, at(2))
  assert.is(software.verdict, 'ok')
  assert.match(software.found, 'a software device')
})

test('a planned challenge fits the time and the memory of any claim, and always has a memory phase', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.oneof(fc.constant(0), fc.integer({ min: 2 ** 20, max: 2 ** 40 })),
      fc.integer({ min: 1, max: 10 }),
      (gflops, memoryBytes, seconds) => {
        const params = planChallenge({ gflops, memoryBytes }, seconds)
        assert.not(isRefusal(checkParams(params)))
        assert.ok(allowsMemoryPhase(params))
        assert.ok(mayStay(params, memoryBytes))
        const least = flops({ n: 256, rounds: 1 })
        assert.ok(flops(params) <= Math.max(least, gflops * 1e9 * seconds))
      },
    ),
  )
  assert.equal(planChallenge({ gflops: Number.NaN, memoryBytes: 0 }, 1), { n: 256, rounds: 1 })
  assert.is(planChallenge({ gflops: 40_000, memoryBytes: 24 * GIB }, 1).n, 16_384)
})

test(
  'a device proves itself in both phases, and a wrong answer of its own is a failure',
  async () => {
    const { signal } = new AbortController()
    const device = await openDevice({ backend: 'wasm', clock: systemClock, log: silentLog })
    try {
      const small = { report: { ...device.report, gflops: 1, memoryBytes: GIB }, prove: device.prove }
      const honest = await challengeOwnDevices([small], systemRandom, signal)
      assert.is(honest.verdict, 'ok', honest.found)
      const broken: typeof small = {
        ...small,
        prove: (ask, options) => device.prove({ ...ask, seed: new Uint8Array(32) }, options),
      }
      const finding = await challengeOwnDevices([small, broken], systemRandom, signal)
      assert.is(finding.verdict, 'fail')
      assert.match(finding.found, 'wrong results')
    } finally {
      await device.close()
    }
  },
  { timeoutMs: 60_000 },
)

test(
  'node check looks at everything, says it as JSON too, and fails where there is no chain',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nightshift-check-'))
    try {
      const args = [
        '--data-dir',
        folder,
        '--provider-backend',
        'cpu',
        '--network-listen',
        '/ip4/127.0.0.1/tcp/0',
        '--provider-software-count',
        '2',
      ]
      const { code, stdout } = await runCommand(
        ['node', 'check', '--json', '--chain-rpc-url', 'http://127.0.0.1:9', ...args],
        { environment: { HOME: folder } },
      )
      assert.is(code, 1)
      const { ok, findings } = JSON.parse(stdout) as {
        ok: boolean
        findings: Array<{ check: string; verdict: string; found: string; advice?: string }>
      }
      assert.is(ok, false)
      const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]))
      assert.is(verdicts.chain, 'fail')
      assert.is(verdicts['own proof'], 'ok')
      assert.match(findings.find(({ check }) => check === 'own proof')!.found, '2 devices at once')
      assert.is(verdicts.backends, 'warn', 'software only')
      for (const name of ['disk space', 'ports', 'clock', 'stake', 'containers', 'cards']) {
        assert.ok(verdicts[name] !== undefined, name)
      }
      for (const { check, verdict, advice } of findings) {
        if (verdict !== 'ok') assert.ok(advice, `${check} says what to do`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  { timeoutMs: 90_000 },
)

test('what is watched for the owner is told, and what is not, with what to do about it', () => {
  const watched = [{ name: 'fullscreen' as const, means: 'xprop on display :0' }]
  const seen = judgeWatch({ watched, blind: [], schedule: ['22:00-07:00 Europe/Berlin'] })
  assert.is(seen.verdict, 'ok')
  assert.match(seen.found, 'schedule: 22:00-07:00 Europe/Berlin')
  const half = judgeWatch({ watched, blind: [{ name: 'input', reason: 'no display' }], schedule: [] })
  assert.is(half.verdict, 'warn')
  assert.match(half.found, 'input: not watched, no display')
  assert.match(half.advice ?? '', '--provider-availability-command')
  assert.match(judgeWatch({ watched: [], blind: [], schedule: [] }).found, 'nothing is watched')
})

test.run()
