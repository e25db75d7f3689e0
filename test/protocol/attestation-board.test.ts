import { generateKeyPair } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { attestationRecords } from '../../node/market/attestations.js'
import { createProsecutor } from '../../node/renter/fraud.js'
import { verifyHardware } from '../../node/renter/verification.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import {
  ATTESTATION_LIMITS,
  ATTESTATION_WORD,
  isAttestable,
  readAttestation,
  weighAttestations,
} from '../../protocols/challenge/attestation.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import type { ChallengeFailure } from '../../protocols/challenge/rules.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { peerIdFromSolanaKey, solanaKeyOf } from '../../protocols/peer.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, makeDevice, NOW } from '../support/messages.js'
import { answer, PARAMS, type Provider } from '../support/proof.js'
import { createMemoryStore } from '../support/provider.js'
import { createMemoryEscrow, drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('attestations where a provider cannot keep them back')

const PROVIDER = peerIdFromSolanaKey((await generateKeyPair('Ed25519')).publicKey.raw)
const clock = createVirtualClock(NOW)
const rules = attestationRecords({ market: MARKET, clock })

async function createVerifier() {
  const key = await generateKeyPair('Ed25519')
  const sign = (fields: Partial<Attestation> = {}) => {
    const said = {
      market: MARKET,
      provider: solanaKeyOf(PROVIDER),
      timeMs: NOW,
      model: 'RTX 4090',
      backend: 'webgpu',
      gpu: true,
      params: { n: 16_384, rounds: 4 },
      provingMs: 1_000,
      recallMs: 50,
      verdict: 'matches',
      memoryVerdict: 'matches',
      ratio: 0.5,
      receiptHash: fill(32, 8),
      ...fields,
    }
    return seal({ word: ATTESTATION_WORD, payload: Attestation.encode(said), key })
  }
  return { peer: peerIdFromSolanaKey(key.publicKey.raw), sign }
}

test('only a verifier itself writes under its name, about the provider that the key names', async () => {
  const [verifier, mallory] = [await createVerifier(), await createVerifier()]
  const key = `${PROVIDER}/${verifier.peer}`
  const good = await verifier.sign()
  assert.is(await rules.validate(key, good), true)
  const wrong: Array<[string, string, Uint8Array]> = [
    ['another’s signature', key, await mallory.sign()],
    ['under another’s name', `${PROVIDER}/${mallory.peer}`, good],
    ['about another provider', `${mallory.peer}/${verifier.peer}`, good],
    [
      'about itself',
      `${verifier.peer}/${verifier.peer}`,
      await verifier.sign({ provider: solanaKeyOf(verifier.peer) }),
    ],
    ['more after the key', `${key}/more`, good],
    ['no provider', `x/${verifier.peer}`, good],
    ['another market', key, await verifier.sign({ market: fill(32, 1) })],
    ['too old', key, await verifier.sign({ timeMs: NOW - ATTESTATION_LIMITS.maxAgeMs - 1 })],
    ['from the future', key, await verifier.sign({ timeMs: NOW + 60_000 })],
    ['a failure with a verdict', key, await verifier.sign({ failure: 'TOO_SLOW' })],
    ['no verdict and no failure', key, await verifier.sign({ verdict: '' })],
    ['bytes of nothing', key, fill(64, 1)],
  ]
  for (const [what, name, value] of wrong) assert.is(await rules.validate(name, value), false, what)
})

test('a record that is rolled back loses against the newer one, whichever way round they come', async () => {
  const verifier = await createVerifier()
  const key = `${PROVIDER}/${verifier.peer}`
  const old = await verifier.sign({ timeMs: NOW - 1_000 })
  const bad = await verifier.sign({ timeMs: NOW, verdict: 'slower than claimed' })
  const twin = await verifier.sign({ timeMs: NOW, verdict: 'faster than claimed' })
  assert.is(await rules.validate(key, old), true)
  assert.is(await rules.validate(key, bad), true)
  assert.is(await rules.validate(key, old), false, 'who has seen the newer one stores the older no more')
  assert.is(rules.select(key, [old, bad]), 1)
  assert.is(rules.select(key, [bad, old]), 0)
  const chosen = [bad, twin][rules.select(key, [bad, twin])]
  assert.equal([twin, bad][rules.select(key, [twin, bad])], chosen, 'all nodes agree on one of two')
})

test('failures are attested, a broken line and a fair refusal are not', () => {
  const cases: Array<[ChallengeFailure | undefined, string | undefined, boolean]> = [
    ['OPENING_DIFFERS', undefined, true],
    ['OPENING_MISSING', undefined, true],
    ['TOO_SLOW', undefined, true],
    ['DECLINED', 'TOO_LARGE', true],
    ['DECLINED', 'FOREIGN_MARKET', true],
    ['DECLINED', 'BUSY', false],
    ['DECLINED', 'PAUSED', false],
    ['DECLINED', 'TOO_OFTEN', false],
    ['DECLINED', 'OTHER_KERNEL', false],
    ['DECLINED', undefined, false],
    ['UNREACHABLE', undefined, false],
    [undefined, undefined, false],
  ]
  for (const [reason, declined, expected] of cases) {
    const facts = { ...(reason && { reason }), ...(declined && { declined }) }
    assert.is(isAttestable(facts), expected, `${reason} ${declined}`)
  }
})

test('a verifier that lies is heard, and weighs what it has staked: no more, and nothing without a stake', async () => {
  const [honest, liar, sybil] = [await createVerifier(), await createVerifier(), await createVerifier()]
  const facts = { now: NOW, market: MARKET, provider: PROVIDER }
  const words = [
    { bytes: await honest.sign(), stake: 500n },
    { bytes: await liar.sign({ verdict: '', memoryVerdict: '', failure: 'OPENING_DIFFERS' }), stake: 100n },
    { bytes: await liar.sign({ timeMs: NOW + 1, verdict: 'slower than claimed' }), stake: 100n },
    { bytes: await sybil.sign({ verdict: 'slower than claimed' }), stake: 0n },
  ]
  const read = await Promise.all(
    words.map(async ({ bytes, stake }) => {
      const found = await readAttestation(bytes, facts)
      if (isRefusal(found)) throw new Error(found.detail)
      return { ...found, stake }
    }),
  )
  assert.equal(weighAttestations(read), { count: 3, favourable: 1, weight: 400n })
  const bought = read.map((each) => (each.verifier === liar.peer ? { ...each, stake: 9_000n } : each))
  assert.is(
    weighAttestations(bought).weight,
    -8_500n,
    'who stakes more than all others is believed: said, not hidden',
  )
})

/** A verifier in memory, and what it published and accused. */
async function verify(
  behave: (session: Provider, network: MemoryNetwork, asker: Uint8Array) => Promise<unknown>,
) {
  const clock = createVirtualClock(NOW)
  const hub = createHub()
  const [verifier, provider] = [await hub.join(), await hub.join()]
  await provider.engine.handle(challengeProtocol, async (session) => {
    await behave(session, provider, verifier.publicKey)
  })
  const offer = { devices: [makeDevice({ count: 1 })] }
  const published: Attestation[] = []
  const store = createMemoryStore()
  const escrow = createMemoryEscrow(clock)
  escrow.stakes.set(Buffer.from(provider.publicKey).toString('hex'), 1_000n)
  const prosecutor = createProsecutor({ store, escrow, clock, random: systemRandom, log: silentLog })
  const verdict = await drive(
    clock,
    verifyHardware(
      {
        network: verifier,
        inventory: { offerOf: async () => offer } as never,
        clock,
        random: systemRandom,
        market: MARKET,
        publish: async (peer, bytes) => {
          const read = await readAttestation(bytes, { now: clock.now(), market: MARKET, provider: peer })
          if (isRefusal(read)) throw new Error(read.detail)
          published.push(read.attestation)
        },
        accuse: async (peer, evidence) => {
          await prosecutor.keep({ peer, deployment: '', lease: new Uint8Array(32), evidence })
        },
      },
      provider.peer,
      { timeoutMs: 5_000, params: PARAMS },
      new AbortController().signal,
    ),
    100,
  )
  await prosecutor.reconcile(
    () => false,
    async () => {},
    new AbortController().signal,
  )
  return { verdict, published, frauds: await prosecutor.records() }
}

test('a lie outside of any lease is stored, attested and punished', async () => {
  const { verdict, published, frauds } = await verify((session, network, asker) =>
    answer(session, network, asker, {
      digest: (rows) => {
        for (const row of rows) for (const at of row.keys()) row[at]! ^= 1
      },
    }),
  )
  assert.is(verdict.reason, 'OPENING_DIFFERS', verdict.detail)
  assert.equal(
    published.map(({ failure, verdict }) => [failure, verdict]),
    [['OPENING_DIFFERS', '']],
  )
  assert.equal(
    frauds.map(({ state, slash }) => [state, slash?.slashed]),
    [['slashed', 500n]],
  )
})

test('who refuses to open, or never answers, is attested too; who is busy is not', async () => {
  const refusing = await verify(async (session, network, asker) => {
    const once = { ...session, receive: () => session.receive(), send: session.send }
    let sent = 0
    once.send = (message) =>
      sent++ === 0
        ? session.send(message)
        : session.send({ declined: { reason: 'NO', detail: 'not to you' } })
    await answer(once, network, asker, {})
  })
  assert.equal(
    refusing.published.map(({ failure }) => failure),
    ['OPENING_MISSING'],
  )
  const silent = await verify(() => new Promise(() => {}))
  assert.equal(
    silent.published.map(({ failure, receiptHash }) => [
      failure,
      Buffer.from(receiptHash).every((byte) => byte === 0),
    ]),
    [['TOO_SLOW', true]],
  )
  const busy = await verify((session) => session.send({ declined: { reason: 'BUSY', detail: 'later' } }))
  assert.is(busy.verdict.declined, 'BUSY')
  assert.equal(busy.published, [])
})

test.run()
