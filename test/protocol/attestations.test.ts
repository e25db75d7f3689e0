import { generateKeyPair } from '@libp2p/crypto/keys'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openAttestations } from '../../node/provider/attestations.js'
import { createEvidenceReader } from '../../node/renter/evidence.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { equal, toHex } from '../../protocols/bytes.js'
import {
  ATTESTATION_LIMITS,
  ATTESTATION_WORD,
  judgeAttestation,
  weighAttestations,
} from '../../protocols/challenge/attestation.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { seal } from '../../protocols/envelope.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { peerIdFromSolanaKey, solanaKeyOf } from '../../protocols/peer.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { fill, MARKET } from '../support/messages.js'
import { createMemoryStore } from '../support/provider.js'
import { suite } from '../support/suite.js'

const test = suite('attestations')
const RECEIPT = fill(32, 8)
const NOW = 1_700_000_000_000

function attestation(provider: Uint8Array, fields: Partial<Attestation> = {}): Attestation {
  return {
    market: MARKET,
    provider,
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
    receiptHash: RECEIPT,
    ...fields,
  }
}

async function createVerifier() {
  const key = await generateKeyPair('Ed25519')
  const peer = peerIdFromSolanaKey(key.publicKey.raw)
  const sign = (said: Attestation) => seal({ word: ATTESTATION_WORD, payload: Attestation.encode(said), key })
  return { peer, sign }
}

async function openKept(stakes: Record<string, bigint> = {}, store = createMemoryStore()) {
  const provider = fill(32, 2)
  const clock = createVirtualClock(NOW)
  const changes = { count: 0 }
  const kept = await openAttestations({
    store,
    market: MARKET,
    provider: peerIdFromSolanaKey(provider),
    clock,
    stakeOf: async (verifier) => stakes[peerIdFromSolanaKey(verifier)] ?? 0n,
    onChange: () => {
      changes.count++
    },
  })
  return { provider, clock, store, kept, changes }
}

test('what a verifier found about its own challenge is kept, over a restart too, and its newest word counts', async () => {
  const { provider, kept, store, changes } = await openKept()
  const verifier = await createVerifier()
  const facts = { verifier: verifier.peer, receiptHash: RECEIPT }
  const first = await verifier.sign(attestation(provider))
  const second = await verifier.sign(
    attestation(provider, { timeMs: NOW + 1, verdict: 'slower than claimed' }),
  )
  assert.is(await kept.take(first, facts), undefined)
  assert.is(await kept.take(second, facts), undefined)
  assert.equal(kept.all(), [second])
  assert.is(changes.count, 2)
  const again = await openKept({}, store)
  assert.equal(again.kept.all().map(toHex), [toHex(second)])
})

test('what is forged, foreign, of another proof, too old, from the future or malformed is not kept', async () => {
  const { provider, kept } = await openKept()
  const [verifier, mallory] = [await createVerifier(), await createVerifier()]
  const facts = { verifier: verifier.peer, receiptHash: RECEIPT }
  const said = (fields: Partial<Attestation>) => verifier.sign(attestation(provider, fields))
  const wrong: Array<[string, Uint8Array]> = [
    ['signed by another', await mallory.sign(attestation(provider))],
    ['of another market', await said({ market: fill(32, 9) })],
    ['of another provider', await said({ provider: fill(32, 9) })],
    ['of another proof', await said({ receiptHash: fill(32, 9) })],
    ['too old', await said({ timeMs: NOW - ATTESTATION_LIMITS.maxAgeMs - 1 })],
    ['from the future', await said({ timeMs: NOW + ATTESTATION_LIMITS.maxSkewMs + 1 })],
    ['a verdict that does not exist', await said({ verdict: 'best card ever' })],
    ['a long model', await said({ model: 'x'.repeat(200) })],
    ['oversized', await said({ model: 'x'.repeat(2_000) })],
    ['no ratio', await said({ ratio: Number.NaN })],
    ['lowered parameters', await said({ params: { n: 1, rounds: 1 } })],
    ['no parameters', await said({ params: undefined as never })],
    ['no envelope', fill(40, 1)],
    ['another domain', (await verifier.sign(attestation(provider))).map((b, at) => (at === 50 ? b ^ 1 : b))],
  ]
  for (const [what, bytes] of wrong) {
    assert.ok((await kept.take(bytes, facts)) !== undefined, what)
  }
  assert.equal(kept.all(), [])
})

test('made-up verifiers without a stake push out nobody who has one', async () => {
  const staked = await createVerifier()
  const { provider, kept } = await openKept({ [staked.peer]: 5n })
  const own = await staked.sign(attestation(provider, { timeMs: NOW - 1_000 }))
  await kept.take(own, { verifier: staked.peer, receiptHash: RECEIPT })
  for (let index = 0; index < ATTESTATION_LIMITS.maxKept + 8; index++) {
    const sybil = await createVerifier()
    const bytes = await sybil.sign(attestation(provider, { timeMs: NOW + index }))
    await kept.take(bytes, { verifier: sybil.peer, receiptHash: RECEIPT })
  }
  assert.is(kept.all().length, ATTESTATION_LIMITS.maxKept)
  assert.ok(kept.all().some((each) => equal(each, own)))
})

test('an attestation that has grown old is no longer shown', async () => {
  const { provider, kept, clock } = await openKept()
  const verifier = await createVerifier()
  await kept.take(await verifier.sign(attestation(provider)), {
    verifier: verifier.peer,
    receiptHash: RECEIPT,
  })
  await clock.advance(ATTESTATION_LIMITS.maxAgeMs + 1)
  assert.equal(kept.all(), [])
})

test('evidence is worth the stake behind it, one word per verifier, in any order', () => {
  const provider = fill(32, 2)
  const word = fc.record({
    verifier: fc.constantFrom('a', 'b', 'c'),
    timeMs: fc.integer({ min: 1, max: 9 }),
    isGood: fc.boolean(),
    stake: fc.bigInt({ min: 0n, max: 100n }),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(word, { selector: ({ verifier, timeMs }) => `${verifier}${timeMs}` }),
      (words) => {
        const found = words.map(({ verifier, timeMs, isGood, stake }) => ({
          verifier,
          stake,
          attestation: attestation(provider, { timeMs, verdict: isGood ? 'matches' : 'slower than claimed' }),
        }))
        const evidence = weighAttestations(found)
        assert.equal(weighAttestations([...found].reverse()), evidence)
        assert.is(evidence.count, new Set(words.map(({ verifier }) => verifier)).size)
        assert.ok(evidence.favourable <= evidence.count)
        assert.equal(weighAttestations(found.map((each) => ({ ...each, stake: 0n }))).weight, 0n)
      },
    ),
  )
  assert.is(judgeAttestation(attestation(provider), { now: NOW, market: MARKET, provider }), undefined)
})

test('a reader counts only genuine words of others, by the stake that the chain names now, and asks once', async () => {
  const hub = createHub()
  const [reader, provider] = [await hub.join(), await hub.join()]
  const [rich, poor] = [await createVerifier(), await createVerifier()]
  const about = attestation(solanaKeyOf(provider.peer))
  const own = await seal({
    word: ATTESTATION_WORD,
    payload: Attestation.encode(about),
    key: provider.privateKey,
  })
  const attestations = [
    await rich.sign(about),
    await poor.sign(about),
    own,
    fill(9, 9),
    await rich.sign(about),
  ]
  let asked = 0
  await provider.engine.handle(inventoryProtocol, async (session) => {
    asked++
    await session.receive()
    await session.send({ heartbeat: new Uint8Array(), benchmarks: [], runningJobs: 0, attestations })
  })
  const heartbeat = { attestations: 5, attestationsDigest: fill(32, 1) }
  const stakes: Record<string, bigint> = { [rich.peer]: 700n, [provider.peer]: 9_999n }
  const evidence = createEvidenceReader({
    heartbeats: { newest: () => ({ heartbeat }), all: () => [] } as never,
    board: { read: async () => [] },
    random: systemRandom,
    engine: reader.engine,
    escrow: {
      providers: async (keys: Uint8Array[]) =>
        keys.map((key) => ({ stake: stakes[peerIdFromSolanaKey(key)] ?? 0n })),
    } as never,
    clock: createVirtualClock(NOW),
    log: silentLog,
    market: MARKET,
  })
  assert.equal(await evidence.evidenceOf(provider.peer), { count: 2, favourable: 2, weight: 700n })
  stakes[rich.peer] = 1n
  assert.equal(await evidence.evidenceOf(provider.peer), { count: 2, favourable: 2, weight: 1n })
  assert.is(asked, 1)
  heartbeat.attestationsDigest = fill(32, 2)
  await evidence.evidenceOf(provider.peer)
  assert.is(asked, 2)
})

test.run()
