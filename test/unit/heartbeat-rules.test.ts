import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { HEARTBEAT_LIMITS, type HeartbeatRefusal, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Availability, Heartbeat } from '../../protocols/heartbeat/wire.js'
import { fill, MARKET, makeDevice, makeHeartbeat, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('heartbeat rules')
const FACTS = { now: NOW, market: MARKET, seen: { sequence: 4n } }
const L = HEARTBEAT_LIMITS

test('a sane heartbeat is believed, the first as well as the next', () => {
  assert.is(judgeHeartbeat(makeHeartbeat(), FACTS), undefined)
  assert.is(judgeHeartbeat(makeHeartbeat(), { now: NOW, market: MARKET }), undefined)
})

test('everything at its limit is believed', () => {
  const device = makeDevice({
    model: 'x'.repeat(L.maxTextChars),
    free: 0,
    gflops: 0,
    memoryBytes: 2n ** 64n - 1n,
  })
  const full = makeHeartbeat({
    devices: Array.from({ length: L.maxDevices }, () => device),
    addresses: Array.from({ length: L.maxAddresses }, () => 'x'.repeat(L.maxAddressChars)),
    runtimes: Array.from({ length: L.maxRuntimes }, () => 'x'.repeat(L.maxTextChars)),
    sequence: 2n ** 64n - 1n,
    pricePerHour: 2n ** 64n - 1n,
  })
  assert.is(judgeHeartbeat(full, FACTS), undefined)
  assert.is(judgeHeartbeat(makeHeartbeat({ timeMs: NOW - L.maxAgeMs }), FACTS), undefined)
  assert.is(judgeHeartbeat(makeHeartbeat({ timeMs: NOW + L.maxSkewMs }), FACTS), undefined)
})

const REFUSED: Readonly<Record<HeartbeatRefusal, ReadonlyArray<Partial<Heartbeat>>>> = {
  MALFORMED: [
    { market: fill(31, 7) },
    { market: fill(33, 7) },
    { market: new Uint8Array(0) },
    { timeMs: Number.NaN },
    { timeMs: Number.POSITIVE_INFINITY },
    { timeMs: 2 ** 53 },
    { timeMs: NOW + 0.5 },
    { availability: Availability.UNKNOWN },
    { devices: [] },
    { devices: Array.from({ length: L.maxDevices + 1 }, () => makeDevice()) },
    { devices: [makeDevice({ count: 0, free: 0 })] },
    { devices: [makeDevice(), makeDevice({ count: 1, free: 2 })] },
    { devices: [makeDevice({ gflops: Number.NaN })] },
    { devices: [makeDevice({ gflops: Number.POSITIVE_INFINITY })] },
    { devices: [makeDevice({ gflops: -1 })] },
    { devices: [makeDevice({ model: 'x'.repeat(L.maxTextChars + 1) })] },
    { devices: [makeDevice({ backend: 'x'.repeat(L.maxTextChars + 1) })] },
    { devices: [makeDevice({ driver: 'x'.repeat(L.maxTextChars + 1) })] },
    { devices: [makeDevice({ cudaVersion: 'x'.repeat(L.maxTextChars + 1) })] },
    { location: 'x'.repeat(L.maxTextChars + 1) },
    { version: 'x'.repeat(L.maxTextChars + 1) },
    { runtimes: ['x'.repeat(L.maxTextChars + 1)] },
    { runtimes: Array.from({ length: L.maxRuntimes + 1 }, () => 'tfjs') },
    { addresses: Array.from({ length: L.maxAddresses + 1 }, () => '/ip4/127.0.0.1') },
    { addresses: ['x'.repeat(L.maxAddressChars + 1)] },
  ],
  FOREIGN_MARKET: [{ market: fill(32, 8) }, { market: Uint8Array.of(...fill(31, 7), 8) }],
  STALE: [{ timeMs: NOW - L.maxAgeMs - 1 }, { timeMs: 0 }, { timeMs: -0 }],
  FROM_THE_FUTURE: [{ timeMs: NOW + L.maxSkewMs + 1 }, { timeMs: Number.MAX_SAFE_INTEGER }],
  REPLAYED: [{ sequence: 4n }, { sequence: 0n }],
}
for (const [reason, rows] of Object.entries(REFUSED)) {
  test(`${reason} is what ${rows.length} heartbeats are refused for`, () => {
    assert.ok(rows.length > 0)
    for (const changes of rows) {
      const refusal = judgeHeartbeat(makeHeartbeat(changes), FACTS)
      assert.is(refusal?.refused, reason, Object.keys(changes).join())
      assert.ok(refusal!.detail.length < 200)
    }
  })
}

test('a market that we know by a shorter or longer name is foreign', () => {
  for (const market of [new Uint8Array(0), fill(31, 7), fill(33, 7)]) {
    assert.is(judgeHeartbeat(makeHeartbeat(), { now: NOW, market })?.refused, 'FOREIGN_MARKET')
  }
})

test('of any beats of one author each is believed once, and none after a newer one', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 20n), { maxLength: 30 }), (sequences) => {
      const believed: bigint[] = []
      for (const sequence of sequences) {
        const last = believed.at(-1)
        const seen = last === undefined ? undefined : { sequence: last }
        if (judgeHeartbeat(makeHeartbeat({ sequence }), { now: NOW, market: MARKET, seen }) === undefined) {
          believed.push(sequence)
        }
      }
      assert.equal(
        believed,
        [...new Set(believed)].sort((a, b) => (a < b ? -1 : 1)),
      )
    }),
  )
})

test('no bytes make reading and judging do anything but refuse, believe, or fail to decode', () => {
  const sane = Heartbeat.encode(makeHeartbeat())
  let decoded = 0
  fc.assert(
    fc.property(fc.nat(sane.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = sane.slice()
      bytes[at] = byte
      let heartbeat: Heartbeat
      try {
        heartbeat = Heartbeat.decode(bytes)
      } catch {
        return
      }
      decoded++
      judgeHeartbeat(heartbeat, FACTS)
    }),
    { numRuns: 2_000 },
  )
  assert.ok(decoded > 100, `${decoded} decoded`)
})

test('what is said of disagreements and attestations is bounded like everything else', () => {
  const judge = (fields: Partial<Heartbeat>) => judgeHeartbeat(makeHeartbeat(fields), FACTS)
  const fine = { disagreement: 'x'.repeat(512), attestations: 32, attestationsDigest: new Uint8Array(32) }
  assert.is(judge(fine), undefined)
  for (const fields of [
    { disagreement: 'x'.repeat(513) },
    { attestations: 33 },
    { attestationsDigest: new Uint8Array(31) },
  ]) {
    assert.is(judge(fields)?.refused, 'MALFORMED', JSON.stringify(fields))
  }
})

test('an availability that this version does not know is not decoded', () => {
  const field = Uint8Array.of(4 << 3, 9)
  assert.throws(() => Heartbeat.decode(Uint8Array.of(...Heartbeat.encode(makeHeartbeat()), ...field)))
})

test.run()
