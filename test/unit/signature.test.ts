import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { verifySignature } from '../../protocols/signature.js'
import { suite } from '../support/suite.js'

const test = suite('signatures')

test('a check changes nothing of what it looks at, in whatever kind of bytes that is', async () => {
  const message = new TextEncoder().encode('nightshift')
  // Half of all keys, and half of all signatures, have the topmost bit that is the sign of x.
  let signed = 0
  for (let number = 0; number < 32; number++) {
    const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(number))
    const signature = await key.sign(message)
    const raw = key.publicKey.raw
    const [bytes, of] = [Buffer.from(raw), Buffer.from(signature)]
    assert.is(await verifySignature(bytes, message, of), true, `key ${number}`)
    assert.ok(bytes.equals(raw) && of.equals(signature), `key ${number} as it was`)
    if (((raw[31] ?? 0) | (signature[31] ?? 0)) & 0x80) signed++
  }
  assert.ok(signed > 10, `${signed} of 32 with that bit`)
})

test.run()
