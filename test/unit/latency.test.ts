import * as assert from 'uvu/assert'
import { createLatencyMeter } from '../../node/market/latency.js'
import { createRoundTripTeller, openRoundTrips } from '../../node/market/sightings.js'
import { silentLog } from '../../node/system/log.js'
import { seal } from '../../protocols/envelope.js'
import { ROUND_TRIPS_LIMITS, ROUND_TRIPS_WORD } from '../../protocols/inventory/sightings.js'
import { RoundTrips } from '../../protocols/inventory/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { fill, MARKET, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('round trips')

/** A network whose peers answer as the script says; undefined: never. */
function scene(answers: Record<string, Array<number | undefined>>, neighbours: string[] = []) {
  const clock = createVirtualClock(NOW)
  const asked: string[] = []
  let atOnce = 0
  let most = 0
  const meter = createLatencyMeter({
    network: {
      peer: 'self',
      peers: () => neighbours,
      roundTripMs: async (peer, { signal } = {}) => {
        asked.push(peer)
        most = Math.max(most, ++atOnce)
        try {
          const ms = answers[peer]?.shift()
          if (ms !== undefined) return ms
          return await new Promise((_, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
          })
        } finally {
          atOnce--
        }
      },
    },
    clock,
    log: silentLog,
  })
  return { clock, meter, asked, most: () => most }
}

test('the shortest of several pings counts, and is remembered for ten minutes', async () => {
  const { clock, meter, asked } = scene({ near: [9, 4, 7, 5, 5, 5] })
  assert.is(await meter.measure('near'), 4)
  assert.equal(asked, ['near', 'near', 'near'])
  assert.is(await meter.measure('near'), 4)
  assert.is(asked.length, 3, 'what is known is not asked again')
  assert.equal(meter.table(), [{ peer: 'near', ms: 7 }], 'a single odd one makes no sighting')
  await clock.advance(601_000)
  assert.is(meter.latencyOf('near'), undefined)
  assert.is(await meter.measure('near'), 5)
  assert.is(meter.latencyOf('self'), 0)
  meter.stop()
})

test('who does not answer is not waited for long, nor asked again at once', async () => {
  const { clock, meter, asked } = scene({})
  const waiting = meter.measure('silent')
  await clock.advance(3_000)
  assert.is(await waiting, undefined)
  assert.is(await meter.measure('silent'), undefined)
  assert.is(asked.length, 1)
  assert.equal(meter.table(), [])
  meter.stop()
  assert.is(clock.pending(), 0)
})

test('whoever stops waiting leaves the measurement to the others', async () => {
  const { clock, meter } = scene({})
  const impatient = new AbortController()
  const left = meter.measure('silent', impatient.signal).catch((error: unknown) => String(error))
  const stayed = meter.measure('silent')
  impatient.abort(new Error('enough'))
  assert.match(String(await left), 'enough')
  await clock.advance(3_000)
  assert.is(await stayed, undefined)
  meter.stop()
})

test('in the background few are measured at once, and not all of very many', async () => {
  const peers = Array.from({ length: 500 }, (_, at) => `peer${at}`)
  const { clock, meter, asked, most } = scene(Object.fromEntries(peers.map((peer) => [peer, [1, 1, 1]])))
  meter.consider(peers)
  for (let turn = 0; turn < 200 && meter.table().length < 64; turn++) await clock.advance(1)
  const known = meter.table().length
  assert.ok(known >= 64 && known <= 70, `${known} of 500`)
  assert.ok(most() <= 4, `${most()} at once`)
  assert.is(asked.length, known * 3)
  meter.stop()
})

test('neighbours are measured without being asked for', async () => {
  const { clock, meter } = scene({ friend: [3, 3, 3] }, ['friend', 'self'])
  await clock.advance(60_000)
  for (let turn = 0; turn < 50 && meter.table().length === 0; turn++) await clock.advance(1)
  assert.equal(meter.table(), [{ peer: 'friend', ms: 3 }])
  meter.stop()
})

async function observer() {
  const network = await createHub().join()
  const other = (await createHub().join()).peer
  const clock = createVirtualClock(NOW)
  const facts = { market: MARKET, location: 'DE-Berlin', key: network.privateKey, clock }
  const tell = createRoundTripTeller({ ...facts, meter: { table: () => [{ peer: other, ms: 12.5 }] } })
  return { network, other, clock, tell }
}

test('a table of round trips is read as it was signed, and signed once a minute', async () => {
  const { network, other, clock, tell } = await observer()
  const bytes = await tell()
  const facts = { observer: network.peer, market: MARKET, now: NOW }
  const table = await openRoundTrips(bytes, facts)
  assert.is(table?.location, 'DE-Berlin')
  assert.equal([...table!.peers], [[other, 12.5]])
  assert.is(await tell(), bytes)
  await clock.advance(60_001)
  assert.is.not(await tell(), bytes)
})

test('a table of somebody else, of another market, an old one and what is none are not believed', async () => {
  const { network, other, tell } = await observer()
  const bytes = await tell()
  const facts = { observer: network.peer, market: MARKET, now: NOW }
  const sealed = (changes: Partial<RoundTrips>) => {
    const peers = [{ peer: solanaKeyOf(other), ms: 5 }]
    const payload = RoundTrips.encode({ market: MARKET, timeMs: NOW, location: 'DE', peers, ...changes })
    return seal({ word: ROUND_TRIPS_WORD, payload, key: network.privateKey })
  }
  const limits = ROUND_TRIPS_LIMITS
  const peer = solanaKeyOf(other)
  const disbelieved = [
    openRoundTrips(bytes, { ...facts, observer: other }),
    openRoundTrips(bytes, { ...facts, market: fill(32, 9) }),
    openRoundTrips(bytes, { ...facts, now: NOW + limits.maxAgeMs + 1 }),
    openRoundTrips(bytes, { ...facts, now: NOW - limits.maxSkewMs - 1 }),
    openRoundTrips(await sealed({ peers: [{ peer, ms: -1 }] }), facts),
    openRoundTrips(await sealed({ peers: [{ peer, ms: Number.NaN }] }), facts),
    openRoundTrips(await sealed({ peers: [{ peer: peer.slice(1), ms: 1 }] }), facts),
    openRoundTrips(await sealed({ peers: Array(limits.maxPeers + 1).fill({ peer, ms: 1 }) }), facts),
    openRoundTrips(await sealed({ location: 'x'.repeat(limits.maxLocationChars + 1) }), facts),
    openRoundTrips(await sealed({ location: 'DE\u001b[2J' }), facts),
    openRoundTrips(new Uint8Array(10), facts),
    openRoundTrips(await seal({ word: 'heartbeat', payload: fill(8, 1), key: network.privateKey }), facts),
  ]
  assert.equal(
    (await Promise.all(disbelieved)).map((table) => table === undefined),
    disbelieved.map(() => true),
  )
  assert.ok(await openRoundTrips(await sealed({}), facts))
})

test.run()
