import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { hasSmallOrder, verifySignature } from '../../protocols/signature.js'
import { suite } from '../support/suite.js'

const test = suite('signatures')

const MESSAGE = new TextEncoder().encode('to whom it may concern')

test('Buffers, which messages are decoded to, are checked as they are and left as they are', async () => {
  let withSign = 0
  for (let number = 1; number <= 32; number++) {
    const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(number))
    const publicKey = Buffer.from(key.publicKey.raw)
    const signature = Buffer.from(await key.sign(MESSAGE))
    if (publicKey[31]! > 127 || signature[31]! > 127) withSign++
    const [keyBefore, signatureBefore] = [publicKey.toString('hex'), signature.toString('hex')]
    assert.is(await verifySignature(publicKey, MESSAGE, signature), true)
    assert.is(publicKey.toString('hex'), keyBefore)
    assert.is(signature.toString('hex'), signatureBefore)
  }
  assert.ok(withSign > 8, 'half of all points have the bit of the sign set')
})

test('a point of small order is one with either sign', () => {
  const point = new Uint8Array(32)
  point[0] = 1
  assert.is(hasSmallOrder(Buffer.from(point)), true)
  point[31] = 0x80
  assert.is(hasSmallOrder(Buffer.from(point)), true)
  point[0] = 2
  assert.is(hasSmallOrder(Buffer.from(point)), false)
})

test.run()
