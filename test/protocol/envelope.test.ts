import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { RecordEnvelope } from '@libp2p/peer-record'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ENVELOPE_OVERHEAD_BYTES, envelopeDomain, open, seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { isPeer, peerIdFromSolanaKey, solanaKeyOf } from '../../protocols/peer.js'
import { suite } from '../support/suite.js'

const test = suite('signed envelopes')

const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))
const maxBytes = 4096

async function refusalOf(word: string, bytes: Uint8Array): Promise<string | undefined> {
  const opened = await open({ word, bytes, maxBytes })
  return isRefusal(opened) ? opened.refused : undefined
}

test('any payload comes out as it went in, with its signer', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (payload) => {
      const bytes = await seal({ word: 'bid', payload, key })
      assert.ok(bytes.byteLength <= payload.byteLength + ENVELOPE_OVERHEAD_BYTES)
      const opened = await open({ word: 'bid', bytes, maxBytes })
      if (isRefusal(opened)) throw new Error(opened.detail)
      assert.equal([...opened.payload], [...payload])
      assert.equal(opened.publicKey, key.publicKey.raw)
      assert.is(opened.peer, peerIdFromSolanaKey(key.publicKey.raw))
      runs++
    }),
  )
  assert.ok(runs >= 100)
})

test('no change of any byte passes, and none throws', async () => {
  const bytes = await seal({ word: 'bid', payload: new TextEncoder().encode('a price'), key })
  let runs = 0
  for (let at = 0; at < bytes.byteLength; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = bytes.slice()
      changed[at]! ^= 1 << bit
      const refused = await refusalOf('bid', changed)
      assert.match(refused ?? 'passed', /^ENVELOPE_/, `byte ${at}, bit ${bit}`)
      runs++
    }
  }
  assert.is(runs, bytes.byteLength * 8)
})

test('bytes cut, doubled, prefixed, or made up are refused, and never throw', async () => {
  const sealed = await seal({ word: 'bid', payload: new Uint8Array(50), key })
  const mutation = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat({ max: sealed.byteLength - 1 }).map((length) => sealed.slice(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 50 }).map((more) => new Uint8Array([...sealed, ...more])),
    fc.uint8Array({ minLength: 1, maxLength: 50 }).map((more) => new Uint8Array([...more, ...sealed])),
  )
  await fc.assert(
    fc.asyncProperty(mutation, async (bytes) => {
      assert.match((await refusalOf('bid', bytes)) ?? 'passed', /^ENVELOPE_/)
    }),
    { numRuns: 500 },
  )
})

test('what was signed for one purpose is refused for another', async () => {
  const bytes = await seal({ word: 'bid', payload: new Uint8Array(1), key })
  assert.is(await refusalOf('voucher', bytes), 'ENVELOPE_WRONG_DOMAIN')
})

test('a payload type that names the right domain does not help a signature for another', async () => {
  const record = {
    domain: envelopeDomain('bid'),
    codec: new TextEncoder().encode(envelopeDomain('voucher')),
    marshal: () => new Uint8Array(1),
    equals: () => false,
  }
  const bytes = (await RecordEnvelope.seal(record, key)).marshal()
  assert.is(await refusalOf('voucher', bytes), 'ENVELOPE_BAD_SIGNATURE')
  assert.is(await refusalOf('bid', bytes), 'ENVELOPE_WRONG_DOMAIN')
})

test('a second encoding of the same signed message is refused', async () => {
  const bytes = await seal({ word: 'bid', payload: Uint8Array.of(1), key })
  // field 15, varint 0: protobuf would skip it, and gossip would take the copy for a new message
  assert.is(await refusalOf('bid', new Uint8Array([...bytes, 0x78, 0x00])), 'ENVELOPE_MALFORMED')
})

test('a key of another type than ed25519 is refused', async () => {
  const other = await generateKeyPair('secp256k1')
  const domain = envelopeDomain('bid')
  const record = {
    domain,
    codec: new TextEncoder().encode(domain),
    marshal: () => new Uint8Array(1),
    equals: () => false,
  }
  const bytes = (await RecordEnvelope.seal(record, other)).marshal()
  assert.is(await refusalOf('bid', bytes), 'ENVELOPE_WRONG_KEY_TYPE')
})

test('an envelope above the limit is refused before it is parsed', async () => {
  const bytes = await seal({ word: 'bid', payload: new Uint8Array(1000), key })
  const opened = await open({ word: 'bid', bytes, maxBytes: 1000 })
  assert.ok(isRefusal(opened) && opened.refused === 'ENVELOPE_OVERSIZED')
})

test('a peer id and a Solana key are two spellings of one key', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (publicKey) => {
      try {
        assert.equal([...solanaKeyOf(peerIdFromSolanaKey(publicKey))], [...publicKey])
      } catch (error) {
        // not every 32 bytes are a point on the curve
        assert.not.instance(error, assert.Assertion)
      }
    }),
  )
  assert.equal(solanaKeyOf(peerIdFromSolanaKey(key.publicKey.raw)), key.publicKey.raw)
  assert.ok(isPeer(peerIdFromSolanaKey(key.publicKey.raw)))
})

test('what is no ed25519 peer id is not taken for one', () => {
  for (const text of ['', 'nobody', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N']) {
    assert.not(isPeer(text), text)
    assert.throws(() => solanaKeyOf(text))
  }
  assert.throws(() => peerIdFromSolanaKey(new Uint8Array(31)))
})

test.run()
