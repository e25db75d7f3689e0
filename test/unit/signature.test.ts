import { generateKeyPairSync, sign } from 'node:crypto'
import * as assert from 'uvu/assert'
import { isOwnWallet, walletStatement } from '../../protocols/auction/wallet.js'
import { hasSmallOrder, verifySignature } from '../../protocols/signature.js'
import { makeOrder } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('signatures')
const PUBLIC_PREFIX_BYTES = 12

function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX_BYTES)
  return { publicKey: raw, sign: (message: Uint8Array) => sign(null, message, privateKey) }
}

// Bytes off the wire are Buffers, whose `slice` shares memory. Half of all keys and signatures have the bit that tells x and -x.
test('a check changes none of the bytes that it is given, whatever their class', async () => {
  const message = new TextEncoder().encode('a message')
  let withSign = 0
  while (withSign < 4) {
    const key = newKey()
    const signature = key.sign(message)
    if (key.publicKey[31]! >= 0x80 && signature[31]! >= 0x80) withSign++
    for (const classOf of [Buffer, Uint8Array]) {
      const given = [key.publicKey, message, signature].map((bytes) => classOf.from(bytes))
      assert.is(await verifySignature(given[0]!, given[1]!, given[2]!), true)
      assert.equal(
        given.map(String),
        [key.publicKey, message, signature].map((bytes) => String(classOf.from(bytes))),
      )
    }
  }
})

test('a point of small order is one with either sign of x, and is not changed', () => {
  for (const top of [0, 0x80]) {
    const point = Buffer.alloc(32)
    point[31] = top
    assert.is(hasSmallOrder(point), true)
    assert.is(point[31], top)
  }
})

test('the consent of any wallet is taken, as bytes off the wire', async () => {
  const peer = 'a peer'
  for (let count = 0; count < 32; count++) {
    const key = newKey()
    const wallet = Buffer.from(key.publicKey)
    const bare = makeOrder({ wallet })
    const order = { ...bare, walletProof: key.sign(walletStatement(bare.market, peer)) }
    assert.is(await isOwnWallet(order, peer), true)
    assert.is(await isOwnWallet(order, 'another peer'), false)
  }
})

test.run()
