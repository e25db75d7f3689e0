import * as assert from 'uvu/assert'
import { type Device, openDevice } from '../../kernels/worker/device.js'
import { createRack } from '../../node/device/rack.js'
import type { Network } from '../../node/net/ports.js'
import type { Session } from '../../node/net/session.js'
import { type ChallengeService, serveChallenges } from '../../node/provider/challenge.js'
import { challengeProvider } from '../../node/renter/challenge.js'
import { judgeHardware } from '../../node/renter/verification.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { digest } from '../../protocols/bytes.js'
import { flops } from '../../protocols/challenge/params.js'
import { challengeProtocol, MAX_OPENINGS } from '../../protocols/challenge/protocol.js'
import { decodeRecall, encodeRecall } from '../../protocols/challenge/recall.js'
import type { ChallengeFailure } from '../../protocols/challenge/rules.js'
import type { Ask, ChallengeRequest, ChallengeResponse } from '../../protocols/challenge/wire.js'
import { createVirtualClock, until } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('the memory phase between a verifier and a provider')
const PARAMS = { n: 256, rounds: 2 }
const NOBODY = { get: () => undefined, all: () => [] } as never

/** One real device for all tests; opened by the first. */
let opened: Promise<Device> | undefined
const realDevice = () => (opened ??= openDevice({ backend: 'wasm', clock: systemClock, log: silentLog }))
test.after(async () => (await opened)?.close())

type Prove = Device['prove']
interface Cheat {
  /** Changes the provider's n-th message, from 0. */
  say?: (message: ChallengeResponse, at: number) => ChallengeResponse | Promise<ChallengeResponse>
  prove?: (prove: Prove) => Prove
}

async function serve(
  provider: MemoryNetwork,
  cheat: Cheat = {},
  clock = systemClock,
): Promise<ChallengeService> {
  const device = await realDevice()
  const engine: Network['engine'] = {
    ...provider.engine,
    handle: (descriptor, handler) =>
      provider.engine.handle(descriptor, (session) => {
        let at = 0
        const send = async (message: ChallengeResponse) =>
          session.send((await (cheat.say?.(message, at++) ?? message)) as never)
        const lying = { ...session, receive: () => session.receive(), send, signal: session.signal }
        return handler(lying as never)
      }),
  }
  return serveChallenges({
    network: { publicKey: provider.publicKey, privateKey: provider.privateKey, engine },
    rack: createRack({
      devices: [
        {
          report: { ...device.report, memoryBytes: 2 ** 28 },
          prove: cheat.prove?.(device.prove) ?? device.prove,
          run: device.run,
        },
      ],
      clock,
      occupied: () => [],
    }),
    market: MARKET,
    ledger: NOBODY,
    attestations: { take: async () => undefined },
    clock,
    log: silentLog,
    pausedBecause: () => undefined,
  })
}

async function challenge(cheat: Cheat = {}, timeoutMs = 30_000) {
  const hub = createHub()
  const [verifier, provider] = [await hub.join(), await hub.join()]
  await serve(provider, cheat)
  const terms = { market: MARKET, lease: new Uint8Array(), ...PARAMS, openings: 40, folds: 24, timeoutMs }
  const parts = { network: verifier, clock: systemClock, random: systemRandom }
  return challengeProvider(parts, provider.peer, terms, new AbortController().signal)
}

test('an honest device passes both phases outside of a lease', async () => {
  const verdict = await challenge()
  assert.is(verdict.ok, true, verdict.detail)
  assert.ok(verdict.recallMs !== undefined && verdict.recallMs >= 0)
})

const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte))
const second = (change: (receipt: Uint8Array) => Uint8Array): Cheat => ({
  say: ({ recalled, ...rest }) =>
    recalled === undefined ? rest : { recalled: { ...recalled, receipt: change(recalled.receipt) } },
})
/** A second root of another, signed as it should be: the device itself lies. */
const recalling = (change: (root: Uint8Array) => Uint8Array): Cheat => ({
  prove: (prove) => async (ask, options) => {
    const proof = await prove(ask, options)
    return {
      ...proof,
      recall: async (nonce, recallOptions) => {
        const memory = await proof.recall(nonce, recallOptions)
        return { ...memory, root: change(memory.root) }
      },
    }
  },
})
const folds = (change: (all: NonNullable<ChallengeResponse['openings']>['openings']) => unknown): Cheat => ({
  say: (message, at) =>
    at === 3
      ? ({ openings: { openings: change(message.openings!.openings) } } as ChallengeResponse)
      : message,
})

const LIARS: Array<[what: string, reason: ChallengeFailure, cheat: Cheat]> = [
  ['makes its second root up', 'FOLD_OUTSIDE_ROOT', recalling(() => fill(32, 9))],
  [
    'declines the second phase',
    'RECALL_MISSING',
    { say: (message, at) => (at === 2 ? { declined: { reason: 'BUSY', detail: '' } } : message) },
  ],
  ['sends a second receipt of another kind', 'RECALL_MALFORMED', second(flipped)],
  ['sends a short one', 'RECALL_MALFORMED', second((bytes) => bytes.slice(1))],
  [
    'answers with the root of an earlier challenge',
    'RECALL_DIFFERS',
    second((bytes) => encodeRecall({ ...decodeRecall(bytes)!, receiptHash: fill(32, 1) })),
  ],
  [
    'answers another nonce',
    'RECALL_DIFFERS',
    second((bytes) => encodeRecall({ ...decodeRecall(bytes)!, nonce: fill(32, 1) })),
  ],
  [
    'changes the root that it signed',
    'RECALL_BAD_SIGNATURE',
    second((bytes) => encodeRecall({ ...decodeRecall(bytes)!, root: fill(32, 1) })),
  ],
  [
    'prepared another nonce and signed for this one',
    'FOLD_DIFFERS',
    {
      prove: (prove) => async (ask, options) => {
        const proof = await prove(ask, options)
        return { ...proof, recall: (_, recallOptions) => proof.recall(fill(32, 5), recallOptions) }
      },
    },
  ],
  [
    'refuses to open',
    'FOLD_MISSING',
    { say: (message, at) => (at === 3 ? { declined: { reason: 'NO', detail: '' } } : message) },
  ],
  ['opens too few', 'FOLD_MISSING', folds((all) => all.slice(1))],
  [
    'opens other folds',
    'FOLD_MALFORMED',
    folds((all) => all.map((each) => ({ ...each, row: (each.row + 1) % 256 }))),
  ],
  [
    'cuts the segment',
    'FOLD_MALFORMED',
    folds((all) => all.map((each) => ({ ...each, segment: fill(4, 0) }))),
  ],
  ['cuts the path', 'FOLD_MALFORMED', folds((all) => all.map((each) => ({ ...each, path: [] })))],
  [
    'makes up what it opens',
    'FOLD_OUTSIDE_ROOT',
    folds((all) => all.map((each) => ({ ...each, segment: flipped(each.segment) }))),
  ],
  [
    'proves another seed',
    'OPENING_DIFFERS',
    { prove: (prove) => (ask, options) => prove({ ...ask, seed: fill(32, 4) }, options) },
  ],
]

for (const [what, reason, cheat] of LIARS) {
  test(`a provider that ${what} fails with ${reason}`, async () => {
    const verdict = await challenge(cheat)
    assert.is(verdict.ok, false)
    assert.is(verdict.reason, reason, verdict.detail)
  })
}

test('a second root that never comes is TOO_SLOW', async () => {
  const verdict = await challenge(
    { say: (message, at) => (at === 2 ? new Promise<never>(() => {}) : message) },
    3_000,
  )
  assert.is(verdict.reason, 'TOO_SLOW')
})

test('a second root that comes late says that the products were made again', () => {
  const claim = { model: 'RTX 4090', backend: 'webgpu', gpu: true, memoryBytes: 24 * 2 ** 30, gflops: 40_000 }
  const params = { n: 16_384, rounds: 9 }
  const provingMs = flops(params) / 40e9
  assert.is(judgeHardware({ claim, params, provingMs, recallMs: 100 }).memory?.verdict, 'matches')
  const late = judgeHardware({ claim, params, provingMs, recallMs: provingMs })
  assert.is(late.memory?.verdict, 'slower than claimed')
})

test('a card is measured as what it claims, a software device never as a card', () => {
  const claim = {
    model: 'NVIDIA H100',
    backend: 'webgpu',
    gpu: true,
    memoryBytes: 80 * 2 ** 30,
    gflops: 30_000,
  }
  const params = { n: 16_384, rounds: 4 }
  const at = (tflops: number) => ({ claim, params, provingMs: flops(params) / tflops / 1e9 })
  assert.is(judgeHardware(at(30)).speed, 'matches')
  assert.is(judgeHardware(at(3)).speed, 'slower than claimed')
  assert.is(judgeHardware(at(3_000)).speed, 'faster than claimed')
  assert.ok(judgeHardware(at(30)).ratio! > 0.3)
  assert.is(judgeHardware({ ...at(30), claim: { ...claim, gpu: false } }).speed, 'unknown device')
  assert.is(judgeHardware({ ...at(30), claim: { ...claim, model: 'Foo 9' } }).speed, 'unknown device')
  assert.ok(Number.isFinite(judgeHardware({ claim, params, provingMs: 0, recallMs: 0 }).gflops))
})

type Asker = Session<ChallengeRequest, ChallengeResponse>

/** Asks by hand, as a hostile verifier may. */
async function ask(fields: Partial<Ask> = {}, clock = systemClock) {
  const hub = createHub()
  const [verifier, provider] = [await hub.join(), await hub.join()]
  const service = await serve(provider, {}, clock)
  const session: Asker = await verifier.engine.open(challengeProtocol, provider.peer)
  const seed = digest(fill(1, 1))
  await session.send({
    ask: { market: MARKET, lease: new Uint8Array(), seed, params: PARAMS, resident: true, ...fields },
  })
  return { session, service, first: await session.receive() }
}

const entry = { round: 0, row: 0, column: 0 }

test('what cannot stay on the device, or has no whole folds, is declined without any work', async () => {
  assert.is((await ask({ params: { n: 64, rounds: 1 } })).first?.declined?.reason, 'MALFORMED')
  assert.is((await ask({ params: { n: 1024, rounds: 256 } })).first?.declined?.reason, 'TOO_LARGE')
})

test('nonces of another length and folds outside the proof are declined, and nothing counts as answered', async () => {
  const wrong: ChallengeRequest[] = [
    { openFolds: { entries: [{ ...entry, column: 1 }] } },
    { openFolds: { entries: [{ ...entry, row: 256 }] } },
    { openFolds: { entries: [] } },
    { openFolds: { entries: new Array(MAX_OPENINGS + 1).fill(entry) } },
  ]
  for (const request of wrong) {
    const { session, service } = await ask()
    await session.send({ open: { entries: [entry] } })
    assert.ok((await session.receive())?.openings !== undefined)
    await session.send({ recall: { nonce: fill(32, 1) } })
    assert.ok((await session.receive())?.recalled !== undefined)
    await session.send(request)
    assert.is((await session.receive())?.declined?.reason, 'MALFORMED')
    assert.is(service.counts().answered, 0)
  }
  const { session } = await ask()
  await session.send({ open: { entries: [entry] } })
  await session.receive()
  await session.send({ recall: { nonce: fill(31, 1) } })
  assert.is((await session.receive())?.declined?.reason, 'MALFORMED')
})

test('a verifier that asks for the second phase first gets nothing', async () => {
  const { session } = await ask()
  await session.send({ recall: { nonce: fill(32, 1) } })
  assert.is(await session.receive(), undefined)
})

test('a verifier that falls silent after the root does not keep the device', async () => {
  const clock = createVirtualClock()
  const { session, first } = await ask({}, clock)
  assert.ok(first?.receipt !== undefined)
  await until(() => clock.pending() > 0)
  const silence = session.receive().then(
    () => 'ended',
    () => 'broken off',
  )
  await clock.advance(15_001)
  assert.is(await silence, 'broken off')
})

test.run()
