import * as assert from 'uvu/assert'
import { createHeartbeatService } from '../../node/provider/heartbeat.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { digest, equal } from '../../protocols/bytes.js'
import { challengeProtocol, MAX_OPENINGS } from '../../protocols/challenge/protocol.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import type { Ask, ChallengeResponse } from '../../protocols/challenge/wire.js'
import { Availability } from '../../protocols/heartbeat/wire.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { verifySignature } from '../../protocols/signature.js'
import { createVirtualClock, until } from '../support/clock.js'
import { createMemoryStore, type ScriptedRenter } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('what a provider says of itself')
const SEED = digest(new Uint8Array(1))

async function ask(
  renter: ScriptedRenter,
  peer: string,
  fields: Partial<Ask>,
): Promise<ChallengeResponse | undefined> {
  const session = await renter.network.engine.open(challengeProtocol, peer)
  const market = digest(new TextEncoder().encode('market'))
  await session.send({
    ask: {
      market,
      lease: new Uint8Array(),
      seed: SEED,
      params: { n: 64, rounds: 1 },
      resident: false,
      ...fields,
    },
  })
  const answer = await session.receive()
  await session.close()
  return answer
}

test('a proof is signed with the node key and its entries are opened; then it is released', () =>
  withWorld(async ({ chain, house, renter }) => {
    const session = await renter.network.engine.open(challengeProtocol, house.network.peer)
    await session.send({
      ask: {
        market: chain.market,
        lease: new Uint8Array(),
        seed: SEED,
        params: { n: 64, rounds: 2 },
        resident: false,
      },
    })
    const { receipt, signature } = (await session.receive())!.receipt!
    assert.ok(await verifySignature(house.network.publicKey, receipt, signature))
    const decoded = decodeReceipt(receipt)!
    assert.ok(equal(decoded.asker, renter.network.publicKey))
    assert.ok(equal(decoded.lease, new Uint8Array(32)))
    assert.equal(decoded.params, { n: 64, rounds: 2 })
    const entries = [
      { round: 1, row: 63, column: 15 },
      { round: 0, row: 0, column: 0 },
    ]
    await session.send({ open: { entries } })
    const { openings } = (await session.receive())!.openings!
    assert.equal(
      openings.map(({ round, row, column }) => ({ round, row, column })),
      entries,
    )
    await until(() => house.device.proofs.open === 0)
  }))

test('an ask that is malformed, too large, of another market or of no own lease is declined without any work', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const { peer } = house.network
    const lease = await renter.lease(peer)
    const mallory = await renterToo()
    const cases: Array<[ScriptedRenter, Partial<Ask>, string]> = [
      [renter, { lease: lease.address, params: { n: 63, rounds: 1 } }, 'MALFORMED'],
      [renter, { lease: lease.address, params: { n: 2 ** 20, rounds: 1 } }, 'MALFORMED'],
      [renter, { lease: lease.address, params: { n: 32_768, rounds: 256 } }, 'TOO_LARGE'],
      [renter, { lease: lease.address, seed: new Uint8Array(5) }, 'MALFORMED'],
      [renter, { lease: lease.address, market: new Uint8Array(32) }, 'FOREIGN_MARKET'],
      [renter, { lease: new Uint8Array(32) }, 'UNKNOWN_LEASE'],
      [mallory, { lease: lease.address }, 'UNKNOWN_LEASE'],
      [mallory, {}, 'BUSY'],
    ]
    for (const [by, fields, reason] of cases) {
      assert.is((await ask(by, peer, fields))?.declined?.reason, reason, JSON.stringify(fields))
    }
    assert.is(house.device.proofs.made, 0)
    assert.ok((await ask(renter, peer, { lease: lease.address }))?.receipt !== undefined)
  }))

test('strangers may ask an idle provider now and then, not as often as they like, and not while it is paused', () =>
  withWorld(async ({ house, renter }) => {
    const { peer } = house.network
    const reasons = new Set<string>()
    for (let index = 0; index < 10; index++)
      reasons.add((await ask(renter, peer, {}))?.declined?.reason ?? 'proved')
    assert.equal([...reasons].sort(), ['TOO_OFTEN', 'proved'])
    assert.is(house.device.proofs.made, 6)
    await house.provider.pause('a game')
    assert.is((await ask(renter, peer, {}))?.declined?.reason, 'PAUSED')
    await until(() => house.device.proofs.open === 0)
  }))

test('one proof at a time; too many entries, or ones outside the proof, are not opened, and nothing is kept', () =>
  withWorld(async ({ chain, house, renter, renterToo }) => {
    const { peer } = house.network
    const other = await renterToo()
    const open = async (entries: Array<{ round: number; row: number; column: number }>) => {
      const session = await renter.network.engine.open(challengeProtocol, peer)
      await session.send({
        ask: {
          market: chain.market,
          lease: new Uint8Array(),
          seed: SEED,
          params: { n: 64, rounds: 1 },
          resident: false,
        },
      })
      await session.receive()
      assert.is((await ask(other, peer, {}))?.declined?.reason, 'BUSY')
      await session.send({ open: { entries } })
      return (await session.receive())?.declined?.reason
    }
    const entry = { round: 0, row: 0, column: 0 }
    assert.is(await open([]), 'MALFORMED')
    assert.is(await open(new Array(MAX_OPENINGS + 1).fill(entry)), 'MALFORMED')
    assert.is(await open([{ ...entry, row: 64 }]), 'MALFORMED')
    assert.is(await open([{ ...entry, column: 16 }]), 'MALFORMED')
    assert.is(await open([{ ...entry, round: 1 }]), 'MALFORMED')
    await until(() => house.device.proofs.open === 0)
  }))

test('a stranger who never opens its proof does not keep a renter with a lease from asking', () =>
  withWorld(async ({ chain, house, renter, renterToo }) => {
    const { peer } = house.network
    const stranger = await renterToo()
    const held = await stranger.network.engine.open(challengeProtocol, peer)
    await held.send({
      ask: {
        market: chain.market,
        lease: new Uint8Array(),
        seed: SEED,
        params: { n: 64, rounds: 1 },
        resident: false,
      },
    })
    assert.ok((await held.receive())?.receipt !== undefined)
    const lease = await renter.lease(peer)
    assert.ok((await ask(renter, peer, { lease: lease.address }))?.receipt !== undefined)
    await held.send({ open: { entries: [{ round: 0, row: 0, column: 0 }] } }).catch(() => {})
    assert.is(await held.receive().catch(() => undefined), undefined, 'it is not served any more')
    await until(() => house.device.proofs.open === 0)
  }))

test('a lease whose job has ended gives no right to device time that another renter pays for', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const { peer } = house.network
    const old = await renter.lease(peer)
    await house.provider.pause('a game')
    await house.provider.resume()
    assert.is(house.provider.status().leases[0]?.state, 'open')
    const other = await renterToo()
    const paid = await other.lease(peer)
    assert.is((await ask(renter, peer, { lease: old.address }))?.declined?.reason, 'UNKNOWN_LEASE')
    assert.ok((await ask(other, peer, { lease: paid.address }))?.receipt !== undefined)
  }))

test('an asker that leaves before it opens anything leaves nothing behind', () =>
  withWorld(async ({ chain, house, renter }) => {
    const session = await renter.network.engine.open(challengeProtocol, house.network.peer)
    await session.send({
      ask: {
        market: chain.market,
        lease: new Uint8Array(),
        seed: SEED,
        params: { n: 64, rounds: 1 },
        resident: false,
      },
    })
    await session.receive()
    session.abort(new Error('gone'))
    await until(() => house.device.proofs.open === 0)
    assert.is((await ask(renter, house.network.peer, {}))?.declined, undefined)
  }))

test('the inventory answers with the newest heartbeat, as it was signed', () =>
  withWorld(async ({ house, renter }) => {
    const answer = await renter.network.engine.request(inventoryProtocol, house.network.peer, {})
    assert.equal(answer.heartbeat, renter.heartbeats.newest(house.network.peer)?.envelope)
    assert.equal(answer.benchmarks, [{ backend: 'cpu', ok: true, gflops: 10, reason: '' }])
    assert.is(answer.runningJobs, 0)
  }))

test('what the sources on a host do not agree on is told to everybody, cut to what a heartbeat may say', () =>
  withWorld(
    async ({ house, renter }) => {
      const told = () => renter.heartbeats.newest(house.network.peer)?.heartbeat.disagreement
      await until(() => told() !== undefined)
      assert.is(told()?.length, 512)
      assert.match(told()!, /^two names; x/)
    },
    { disagreements: ['two names', 'x'.repeat(600)] },
  ))

test('what a provider says is plain JSON', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    await renter.pay(lease, 5n, 1n)
    const status = house.provider.status()
    assert.equal(JSON.parse(JSON.stringify(status)), status)
    assert.equal(status.stake, { stake: '100000', bound: '0' })
    assert.is(status.counters.bids, 1)
    assert.is(status.counters.won, 1)
    assert.is(status.counters.vouchers, 1)
  }))

test('heartbeat numbers only grow: over restarts, when the clock is set back, and before a beat is heard', async () => {
  const clock = createVirtualClock()
  const store = createMemoryStore()
  const sequences: bigint[] = []
  let isStored = true
  const start = async (time = clock) => {
    const service = createHeartbeatService({
      topic: {
        publish: async ({ sequence }) => {
          const kept = await store.collection<{ last: bigint }>('provider-heartbeat').get('sequence')
          isStored &&= kept?.last === sequence
          sequences.push(sequence)
          return { envelope: new Uint8Array(), recipients: 0 }
        },
        onHeartbeat: () => () => {},
        newest: () => undefined,
        seek: async () => {},
        all: () => [],
        ofShard: () => [],
        members: () => 1,
        close: () => {},
      },
      store,
      clock: time,
      log: silentLog,
      periodMs: 1_000,
      describe: () => ({
        market: new Uint8Array(32),
        availability: Availability.FREE,
        devices: [],
        pricePerHour: 1n,
        location: '',
        runtimes: [],
        addresses: [],
        version: '',
      }),
    })
    await service.start()
    return service
  }
  const first = await start()
  await clock.advance(3_000)
  for (let index = 0; index < 50; index++) first.changed()
  await clock.advance(2_500)
  await first.stop()
  const early = createVirtualClock(1_000)
  const second = await start(early)
  await early.advance(2_000)
  await second.stop()
  assert.ok(sequences.length >= 7 && sequences.length <= 12, String(sequences.length))
  assert.ok(isStored)
  assert.ok(sequences.every((sequence, index) => index === 0 || sequence > sequences[index - 1]!))
})

test('a change is told soon, and the time between two tests of it is the clock of the machine', () =>
  withWorld(async ({ house, renter }) => {
    const availability = () => renter.heartbeats.newest(house.network.peer)?.heartbeat.availability
    await until(() => availability() === Availability.FREE)
    const startedAt = systemClock.elapsed()
    await house.provider.pause('a game')
    await until(() => availability() === Availability.PAUSED)
    assert.ok(systemClock.elapsed() - startedAt < 10_000, 'long before the period of a minute')
  }))

test.run()
