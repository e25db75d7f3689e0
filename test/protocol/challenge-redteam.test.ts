import * as assert from 'uvu/assert'
import { type ChallengeResult, challengeProvider } from '../../node/renter/challenge.js'
import { judgeHardware } from '../../node/renter/verification.js'
import { systemRandom } from '../../node/system/random.js'
import { flops } from '../../protocols/challenge/params.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import type { Clock } from '../../protocols/ports.js'
import { createVirtualClock, type VirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, NOW } from '../support/messages.js'
import { answer, PARAMS, type Provider } from '../support/proof.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

/**
 * Attacks on the protocol around the proof. Devices are modelled by the time that they take; the proofs are real and
 * small. Attacks on the arithmetic are in test/unit/kernels-redteam.test.ts, those on single messages in
 * test/protocol/renter-challenge.test.ts and challenge-memory.test.ts.
 */
const test = suite('the red team against the challenge')

/** One device: whoever comes later waits. */
function createCard(clock: Clock, proofMs: number) {
  let last: Promise<unknown> = Promise.resolve()
  return (faster = 1) => (last = last.then(() => clock.sleep(proofMs / faster)))
}

async function challenge(
  devices: number,
  behave: (
    session: Provider,
    facts: { at: number; network: MemoryNetwork; asker: Uint8Array; clock: VirtualClock },
  ) => Promise<unknown>,
  verifierClock = (clock: VirtualClock): Clock => clock,
): Promise<ChallengeResult> {
  const clock = createVirtualClock(NOW)
  const hub = createHub()
  const [renter, network] = [await hub.join(), await hub.join()]
  let sessions = 0
  await network.engine.handle(challengeProtocol, (session) =>
    behave(session, { at: sessions++, network, asker: renter.publicKey, clock }).then(() => {}),
  )
  const terms = { market: MARKET, lease: fill(32, 3), ...PARAMS, openings: 40, devices, timeoutMs: 30_000 }
  const parts = { network: renter, clock: verifierClock(clock), random: systemRandom }
  return drive(clock, challengeProvider(parts, network.peer, terms, new AbortController().signal), 50)
}

/** As if the proof had been one of eight products of n = 8192, which an RTX 3060 makes in 1 s at 70 % of its peak. */
const LARGE = { n: 8192, rounds: 8 }
const RTX_3060 = {
  model: 'NVIDIA GeForce RTX 3060',
  backend: 'tensorflow-gpu',
  gpu: true,
  memoryBytes: 12 * 2 ** 30,
  gflops: 10_000,
}
const judge = (claim: typeof RTX_3060, { provingMs }: ChallengeResult) =>
  judgeHardware({ claim, params: LARGE, provingMs }).speed

test('caught by time: one card that answers for four, each with a seed of its own', async () => {
  const cards: Array<ReturnType<typeof createCard>> = []
  const four = await challenge(4, async (session, { network, asker, clock, at }) => {
    cards[at] ??= createCard(clock, 1_000)
    await cards[at]()
    await answer(session, network, asker, { receipt: { endedMs: clock.now() } })
  })
  assert.is(four.ok, true, four.detail)
  assert.ok(four.provingMs < 1_500, `${four.provingMs} ms`)
  assert.is(judge(RTX_3060, four), 'matches')

  let only: ReturnType<typeof createCard> | undefined
  const one = await challenge(4, async (session, { network, asker, clock }) => {
    only ??= createCard(clock, 1_000)
    await only()
    await answer(session, network, asker, { receipt: { endedMs: clock.now() } })
  })
  assert.is(one.ok, true, 'the arithmetic is right')
  assert.ok(one.provingMs >= 4_000, 'the slowest counts')
  assert.is(judge(RTX_3060, one), 'slower than claimed')
  assert.is(judge({ ...RTX_3060, model: 'Some card' }, one), 'slower than claimed', 'than it says of itself')
})
test('caught: the receipt of one device shown for another, whose seed is another one', async () => {
  let first: Promise<Uint8Array> | undefined
  const verdict = await challenge(2, async (session, { network, asker, clock }) => {
    const seeds = Promise.withResolvers<Uint8Array>()
    const watched = {
      ...session,
      receive: async () => {
        const message = await session.receive()
        if (message?.ask !== undefined) {
          seeds.resolve(message.ask.seed)
          first ??= seeds.promise
          return { ask: { ...message.ask, seed: await first } }
        }
        return message
      },
    }
    await answer(watched, network, asker, { receipt: { endedMs: clock.now() } })
  })
  assert.is(verdict.reason, 'RECEIPT_DIFFERS')
  assert.match(verdict.detail!, 'another seed')
})

test('caught: a provider with a clock that was set back, whose receipts could not be punished', async () => {
  const verdict = await challenge(1, (session, { network, asker }) =>
    answer(session, network, asker, { receipt: { startedMs: NOW - 3_600_000, endedMs: NOW - 3_600_000 } }),
  )
  assert.is(verdict.reason, 'RECEIPT_DIFFERS')
  assert.match(verdict.detail!, 'another time')
})

test('no matter: times that the provider claims, and a verifier’s time of day that is set back while it waits', async () => {
  const verdict = await challenge(
    1,
    async (session, { network, asker, clock }) => {
      await clock.sleep(3_000)
      await answer(session, network, asker, { receipt: { startedMs: NOW - 1, endedMs: NOW } })
    },
    (clock) => ({ ...clock, now: () => (clock.elapsed() > 1_000 ? NOW - 60_000 : clock.now()) }),
  )
  assert.is(verdict.ok, true, verdict.detail)
  assert.ok(verdict.provingMs >= 3_000, 'what passed here, not what the receipt says')
})

test('not caught: answers relayed from a faster machine, as long as they are not faster than the claim', async () => {
  const relay = (faster: number, farMs: number) =>
    challenge(1, async (session, { network, asker, clock }) => {
      await clock.sleep(farMs)
      await createCard(clock, 1_000)(faster)
      await answer(session, network, asker, { receipt: { endedMs: clock.now() } })
    })
  assert.is(judge(RTX_3060, await relay(1.5, 200)), 'matches', 'nothing shows')
  assert.is(judge(RTX_3060, await relay(20, 0)), 'faster than claimed', 'unless it forgets to be slow')
  const slow = { ...RTX_3060, model: 'NVIDIA H100 80GB HBM3', gflops: 50_000 }
  assert.is(judge(slow, await relay(4, 5_000)), 'slower than claimed', 'or is too far away')
})

test('not caught by speed: an int8 kernel on a lesser card, modelled from the maker’s figures', () => {
  // RTX 4060: 121 dense int8 TOPS. At 55 % of that it looks like an RTX 4090 at 80 % of its float32 peak.
  const claim = { ...RTX_3060, model: 'NVIDIA GeForce RTX 4090', memoryBytes: 24 * 2 ** 30, gflops: 60_000 }
  const provingMs = flops(LARGE) / (0.55 * 121e12) / 1e-3
  assert.is(judgeHardware({ claim, params: LARGE, provingMs }).speed, 'matches')
})

test.run()
