import * as assert from 'uvu/assert'
import { createVerifier } from '../../chain/client/signing.js'
import { verifyOpenings } from '../../kernels/proof/verifier.js'
import { challengeProvider } from '../../node/renter/challenge.js'
import { readDocument, writeDocument } from '../../node/store/document.js'
import { systemRandom } from '../../node/system/random.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import { type ChallengeFailure, isLie } from '../../protocols/challenge/rules.js'
import { createVirtualClock, type VirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, NOW } from '../support/messages.js'
import { answer, type Cheat, PARAMS, type Provider } from '../support/proof.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter challenges a provider')

const LEASE = fill(32, 3)

async function challenge(
  behave: (
    session: Provider,
    network: MemoryNetwork,
    asker: Uint8Array,
    clock: VirtualClock,
  ) => Promise<unknown>,
  roundTripMs = async () => 0,
  lease = LEASE,
) {
  const clock = createVirtualClock(NOW)
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  await provider.engine.handle(challengeProtocol, async (session) => {
    await behave(session, provider, renter.publicKey, clock)
  })
  const terms = { market: MARKET, lease, ...PARAMS, openings: 40, timeoutMs: 5_000 }
  const parts = { network: { ...renter, roundTripMs }, clock, random: systemRandom }
  return drive(clock, challengeProvider(parts, provider.peer, terms, new AbortController().signal), 100)
}

const cheating = (cheat: Cheat) => (session: Provider, network: MemoryNetwork, asker: Uint8Array) =>
  answer(session, network, asker, cheat)

test('an honest provider passes, and its receipt is kept', async () => {
  const verdict = await challenge(cheating({}))
  assert.is(verdict.ok, true, verdict.detail)
  assert.is(verdict.reason, undefined)
  assert.is(verdict.receipt?.receipt.length, 248)
  assert.is(verdict.evidence, undefined)
})

const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte))
const LIARS: Array<[what: string, reason: ChallengeFailure, behave: Parameters<typeof challenge>[0]]> = [
  ['declines', 'DECLINED', (session) => session.send({ declined: { reason: 'BUSY', detail: '' } })],
  ['says nothing and ends', 'DECLINED', async () => {}],
  ['sends no receipt', 'RECEIPT_MALFORMED', cheating({ bytes: (bytes) => bytes.slice(1) })],
  ['sends a receipt of another kind', 'RECEIPT_MALFORMED', cheating({ bytes: flipped })],
  ['names another seed', 'RECEIPT_DIFFERS', cheating({ receipt: { seed: fill(32, 1) } })],
  ['names another lease', 'RECEIPT_DIFFERS', cheating({ receipt: { lease: fill(32, 1) } })],
  ['names another market', 'RECEIPT_DIFFERS', cheating({ receipt: { market: fill(32, 1) } })],
  ['names another provider', 'RECEIPT_DIFFERS', cheating({ receipt: { provider: fill(32, 1) } })],
  ['names another asker', 'RECEIPT_DIFFERS', cheating({ receipt: { asker: fill(32, 1) } })],
  ['dates its receipt back', 'RECEIPT_DIFFERS', cheating({ receipt: { endedMs: 1 } })],
  ['dates its receipt ahead', 'RECEIPT_DIFFERS', cheating({ receipt: { endedMs: NOW + 600_000 } })],
  ['names a smaller product', 'RECEIPT_DIFFERS', cheating({ receipt: { params: { n: 12, rounds: 1 } } })],
  ['signs badly', 'RECEIPT_BAD_SIGNATURE', cheating({ signature: flipped })],
  ['signs with too few bytes', 'RECEIPT_BAD_SIGNATURE', cheating({ signature: () => new Uint8Array(3) })],
  ['opens too few', 'OPENING_MISSING', cheating({ openings: (all) => all.slice(1) })],
  ['opens too many', 'OPENING_MISSING', cheating({ openings: (all) => [...all, all[0]!] })],
  [
    'opens nothing',
    'OPENING_MISSING',
    async (session, network, asker) => {
      const refuse = async () => session.send({ declined: { reason: 'NO', detail: '' } })
      await answer(
        { ...session, receive: () => session.receive(), send: once(session, refuse) },
        network,
        asker,
        {},
      )
    },
  ],
  [
    'opens other entries',
    'OPENING_MALFORMED',
    cheating({ openings: (all) => all.map((opening) => ({ ...opening, column: (opening.column + 1) % 4 })) }),
  ],
  [
    'sends a short path',
    'OPENING_MALFORMED',
    cheating({ openings: (all) => all.map((opening) => ({ ...opening, path: opening.path.slice(1) })) }),
  ],
  [
    'sends a long segment',
    'OPENING_MALFORMED',
    cheating({ openings: (all) => all.map((opening) => ({ ...opening, segment: fill(512, 0) })) }),
  ],
  ['committed to another root', 'OPENING_OUTSIDE_ROOT', cheating({ receipt: { root: fill(32, 1) } })],
  [
    'makes up what it opens',
    'OPENING_OUTSIDE_ROOT',
    cheating({
      openings: (all) => all.map((opening) => ({ ...opening, segment: flipped(opening.segment) })),
    }),
  ],
  [
    'committed to made-up numbers',
    'OPENING_DIFFERS',
    cheating({
      digest: (rows) => void rows.splice(0, rows.length, ...rows.map((row) => row.map((value) => value ^ 1))),
    }),
  ],
  ['never answers', 'TOO_SLOW', () => new Promise(() => {})],
  ['breaks off', 'UNREACHABLE', () => Promise.reject(new Error('cable'))],
]

/** Passes the first message on; the second is replaced. */
function once(session: Provider, instead: () => Promise<void>): Provider['send'] {
  let sent = 0
  return (message) => (sent++ === 0 ? session.send(message) : instead())
}

for (const [what, reason, behave] of LIARS) {
  test(`a provider that ${what} fails with ${reason}`, async () => {
    const verdict = await challenge(behave)
    assert.is(verdict.ok, false)
    assert.is(verdict.reason, reason, verdict.detail)
    const proven = ['RECEIPT_DIFFERS', 'RECEIPT_BAD_SIGNATURE', 'OPENING_OUTSIDE_ROOT', 'OPENING_DIFFERS']
    assert.is(isLie(reason), proven.includes(reason))
    assert.is(
      verdict.evidence !== undefined,
      reason === 'OPENING_DIFFERS',
      'the chain can judge nothing else',
    )
    // Who opened too many has opened what it was asked for.
    const owing = ['OPENING_MISSING', 'OPENING_MALFORMED', 'OPENING_OUTSIDE_ROOT']
    const owes = owing.includes(reason) && what !== 'opens too many'
    assert.is(verdict.unopened !== undefined, owes, 'what was signed and not opened can be demanded')
    if (verdict.unopened !== undefined) assert.equal(verdict.unopened.receipt, verdict.receipt?.receipt)
  })
}

test('the evidence of a lie is the receipt as it was signed and the one entry among many that is wrong', async () => {
  const digest = (rows: number[][]) => {
    for (const row of rows.slice(1)) row[0]! ^= 1
  }
  const { evidence } = await challenge(cheating({ digest }))
  const { receipt, signature, opening } = evidence!
  const { provider, seed, params, root } = decodeReceipt(receipt)!
  assert.ok(createVerifier(provider)(receipt, signature))
  const verdict = verifyOpenings({ seed, params, root }, [opening], [opening])
  assert.is('refused' in verdict && verdict.refused, 'ENTRY_MISMATCH')
  assert.is(opening.column, 0)
  assert.ok(opening.row > 0)
  assert.equal(readDocument(writeDocument(evidence)), evidence, 'it can be stored')
})

const CUT: Array<[what: string, reason: ChallengeFailure, instead: (session: Provider) => Promise<void>]> = [
  ['falls silent', 'TOO_SLOW', () => new Promise(() => {})],
  ['breaks off', 'UNREACHABLE', () => Promise.reject(new Error('cable'))],
]
for (const [what, reason, instead] of CUT) {
  test(`a provider that ${what} after its receipt owes an opening; without a lease it owes none`, async () => {
    for (const lease of [LEASE, new Uint8Array()]) {
      const verdict = await challenge(
        (session, network, asker) => {
          const send = once(session, () => instead(session))
          return answer({ ...session, receive: () => session.receive(), send }, network, asker, {
            receipt: lease.length === 0 ? { lease: new Uint8Array(32) } : {},
          })
        },
        undefined,
        lease,
      )
      assert.is(verdict.reason, reason, verdict.detail)
      assert.is(verdict.unopened !== undefined, lease.length > 0)
    }
  })
}

test('a provider that is not there is UNREACHABLE', async () => {
  const verdict = await challenge(cheating({}), async () => Promise.reject(new Error('no ping')))
  assert.is(verdict.reason, 'UNREACHABLE')
})

test('a provider does not look faster by answering pings slowly', async () => {
  const slow = await challenge(
    async (session, network, asker, clock) => {
      await clock.sleep(1_000)
      await answer(session, network, asker, {})
    },
    async () => 60_000,
  )
  assert.is(slow.ok, true, slow.detail)
  assert.ok(slow.provingMs >= 600, `${slow.provingMs} ms`)
})

test('a renter that stops waits for no answer', async () => {
  const clock = createVirtualClock(NOW)
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  await provider.engine.handle(challengeProtocol, () => new Promise(() => {}))
  const abort = new AbortController()
  const terms = { market: MARKET, lease: LEASE, ...PARAMS, openings: 40, timeoutMs: 5_000 }
  const parts = { network: renter, clock, random: systemRandom }
  const waiting = challengeProvider(parts, provider.peer, terms, abort.signal).catch((error) => String(error))
  await clock.advance(10)
  abort.abort(new Error('stopped'))
  assert.is(await waiting, 'Error: stopped')
  assert.is(clock.pending(), 0, 'no timer is left')
})

test.run()
