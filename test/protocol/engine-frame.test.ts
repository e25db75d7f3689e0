import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { encodeFrame, encodeRefusal, FrameKind, FrameReader } from '../../node/net/frame.js'
import { suite } from '../support/suite.js'

const test = suite('engine: frames')

const body = fc.uint8Array({ maxLength: 400 })

function concat(parts: { subarray(): Uint8Array }[]): Uint8Array {
  return Buffer.concat(parts.map((part) => part.subarray()))
}

/** Cuts `bytes` at the given places, which wrap around. */
function cut(bytes: Uint8Array, sizes: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1)
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

test('messages come out as they went in, however the bytes were cut', () => {
  let runs = 0
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }),
      (bodies, sizes) => {
        const frames = [
          ...bodies.map((each) => encodeFrame(FrameKind.message, each)),
          encodeFrame(FrameKind.end, new Uint8Array()),
        ]
        const reader = new FrameReader(400)
        const out: Uint8Array[] = []
        for (const piece of cut(concat(frames), sizes)) {
          reader.push(piece)
          for (let next = reader.take(); next !== undefined; next = reader.take()) out.push(next.body)
        }
        assert.equal(
          out.map((each) => [...each]),
          bodies.map((each) => [...each]),
        )
        assert.ok(reader.ended)
        assert.not(reader.isPartial)
        assert.is(reader.fault, undefined)
        runs++
      },
    ),
  )
  assert.ok(runs >= 100)
})

test('messages can be left unread and be taken later', () => {
  fc.assert(
    fc.property(fc.array(body, { minLength: 1, maxLength: 100 }), (bodies) => {
      const reader = new FrameReader(400)
      for (const each of bodies) reader.push(encodeFrame(FrameKind.message, each))
      assert.is(reader.ready, bodies.length)
      const out = bodies.map(() => [...reader.take()!.body])
      assert.equal(
        out,
        bodies.map((each) => [...each]),
      )
      assert.is(reader.take(), undefined)
      assert.is(reader.bufferedBytes, 0)
    }),
  )
})

test('no bytes whatever make the reader throw, or hold more than they are', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
      const reader = new FrameReader(100)
      let pushed = 0
      for (const piece of pieces) {
        reader.push(piece)
        pushed += piece.byteLength
        assert.ok(reader.bufferedBytes <= pushed)
      }
      while (reader.fault === undefined && reader.take() !== undefined);
    }),
  )
})

test('a length in more than four bytes, or not in its shortest form, or of nothing, is malformed', () => {
  for (const bytes of [[0xff, 0xff, 0xff, 0xff, 0x01], [0x82, 0x00], [0x00]]) {
    const reader = new FrameReader(1000)
    reader.push(Uint8Array.from(bytes))
    assert.is(reader.fault?.code, 'FRAME_MALFORMED', bytes.join())
  }
})

test('an unknown kind of frame, and bytes after the end, are malformed', () => {
  const unknown = new FrameReader(1000)
  unknown.push(Uint8Array.of(2, 9, 0))
  assert.is(unknown.fault?.code, 'FRAME_MALFORMED')
  const after = new FrameReader(1000)
  after.push(encodeFrame(FrameKind.end, new Uint8Array()))
  after.push(encodeFrame(FrameKind.message, Uint8Array.of(1)))
  assert.is(after.fault?.code, 'FRAME_MALFORMED')
  assert.is(after.take(), undefined)
})

test('a frame above the limit is refused at its header, before its body has come', () => {
  const reader = new FrameReader(1000)
  reader.push(encodeFrame(FrameKind.message, new Uint8Array(2000)).sublist(0, 3))
  assert.is(reader.fault?.code, 'FRAME_TOO_LARGE')
})

test('an end with a body is refused', () => {
  const reader = new FrameReader(1000)
  reader.push(encodeFrame(FrameKind.end, Uint8Array.of(1)))
  assert.is(reader.fault?.code, 'FRAME_TOO_LARGE')
})

test('a refusal is seen at once, behind messages that nobody has read', () => {
  const reader = new FrameReader(1000)
  reader.push(encodeFrame(FrameKind.message, new Uint8Array(100)))
  reader.push(encodeRefusal('QUOTA_EXCEEDED', 'not so fast'))
  assert.equal(reader.refusal, { code: 'QUOTA_EXCEEDED', detail: 'not so fast' })
})

test('a refusal in no known form has the code UNSPECIFIED and printable text', () => {
  for (const code of ['', 'lower', 'A'.repeat(65), 'A B']) {
    const reader = new FrameReader(0)
    reader.push(encodeRefusal(code, 'bell \u0007'))
    assert.equal(reader.refusal, { code: 'UNSPECIFIED', detail: 'bell ?' })
  }
})

test('a hundred thousand tiny frames, a byte at a time, cost little more memory than their bytes', () => {
  const reader = new FrameReader(1000)
  const frame = encodeFrame(FrameKind.message, Uint8Array.of(1)).subarray()
  const before = process.memoryUsage()
  for (let count = 0; count < 100_000; count++) for (const byte of frame) reader.push(Uint8Array.of(byte))
  const after = process.memoryUsage()
  assert.is(reader.ready, 100_000)
  const grown = after.heapUsed + after.external - before.heapUsed - before.external
  assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes`)
  let taken = 0
  while (reader.take() !== undefined) taken++
  assert.is(taken, 100_000)
})

test.run()
