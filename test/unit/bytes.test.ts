import { createHash } from 'node:crypto'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { digest, equal, hash, toHex } from '../../protocols/bytes.js'
import { suite } from '../support/suite.js'

const test = suite('bytes')
const parts = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 5 })

test('the hash is SHA-256 over each part with its length before it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 20 }), parts, (domain, given) => {
      const reference = createHash('sha256')
      for (const part of [Buffer.from(domain, 'utf8'), ...given]) {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(part.length)
        reference.update(length).update(part)
      }
      assert.is(toHex(hash(domain, ...given)), reference.digest('hex'))
    }),
  )
})

test('parts that run together differently have different hashes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (bytes, a, b) => {
      const [x, y] = [a % (bytes.length + 1), b % (bytes.length + 1)]
      const cut = (at: number) => toHex(hash('domain', bytes.subarray(0, at), bytes.subarray(at)))
      assert.is(cut(x) === cut(y), x === y)
      assert.is.not(cut(x), toHex(hash('domain', bytes)))
    }),
  )
})

test('an empty part counts', () => {
  assert.is.not(toHex(hash('a')), toHex(hash('a', new Uint8Array(0))))
  assert.is.not(toHex(hash('', new Uint8Array([97]))), toHex(hash('a', new Uint8Array(0))))
})

test('a domain that begins like another is another', () => {
  const payload = new TextEncoder().encode('1payload')
  assert.is.not(toHex(hash('order/1', payload)), toHex(hash('order/', payload)))
  assert.is.not(toHex(hash('order/', payload)), toHex(hash('order/1', payload.subarray(1))))
})

test('the digest is plain SHA-256', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.is(toHex(digest(bytes)), createHash('sha256').update(bytes).digest('hex'))
    }),
  )
})

test('equal means the same length and the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }), (a, b) => {
      assert.is(equal(a, b), Buffer.compare(a, b) === 0)
      assert.ok(equal(a, a.slice()))
    }),
  )
})

test('hexadecimal of a view shows the view, not the buffer behind it', () => {
  assert.is(toHex(new Uint8Array([1, 2, 255, 4]).subarray(1, 3)), '02ff')
})

test.run()
