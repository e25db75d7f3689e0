import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { toHex } from '../../protocols/bytes.js'
import { JobState } from '../../protocols/job/wire.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { createVirtualClock, until } from '../support/clock.js'
import { nextEvent, type OpenLease, type ScriptedRenter, upload } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { type World, withWorld } from '../support/world.js'

const test = suite('what a provider is paid')
const DATA = { name: 'data', bytes: new Uint8Array(1_000).fill(1) }
/** Price for 600 s: the deposit of the leases here. */
const DEPOSIT = 600_000n

const kinds = ({ chain }: World) => chain.transactions.map(({ kind }) => kind)

async function startJob(world: World, lease: OpenLease) {
  const talk = await world.renter.startJob(lease, [DATA])
  await upload(talk, [DATA])
  await until(() => world.house.device.isRunning())
  return talk
}

test('a voucher of a stranger, by another key, of another lease or serial, or too high is refused', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const lease = await renter.lease(house.network.peer)
    const mallory = await renterToo()
    const refused = async (by: ScriptedRenter, ...args: Parameters<ScriptedRenter['pay']>) =>
      (await by.pay(...args)).refused
    assert.is(await refused(mallory, lease, 5n, 1n, { signer: renter.network }), 'UNKNOWN_LEASE')
    assert.is(await refused(renter, lease, 5n, 1n, { signer: mallory.network }), 'BAD_SIGNATURE')
    assert.is(await refused(renter, { ...lease, address: new Uint8Array(32) }, 5n, 1n), 'UNKNOWN_LEASE')
    assert.is(await refused(renter, lease, 5n, 1n, { serial: 77n }), 'UNKNOWN_LEASE')
    assert.is(await refused(renter, lease, DEPOSIT + 1n, 1n), 'ABOVE_DEPOSIT')
    for (const voucher of [new Uint8Array(), new Uint8Array(88), new Uint8Array(500)]) {
      const request = { voucher: voucher.slice(0, 400), signature: new Uint8Array(64) }
      const answer = await renter.network.engine.request(settlementProtocol, house.network.peer, request)
      assert.is(answer.refused, 'MALFORMED')
    }
    assert.is(house.provider.status().leases[0]?.voucher, undefined)
    assert.is(house.provider.status().counters.vouchers, 0)
    assert.is(await refused(renter, lease, DEPOSIT, 1n), '')
  }))

test('only the best voucher is kept, the same one again is answered again, and a final one ends it', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    assert.is((await renter.pay(lease, 100n, 1n)).amount, 100n)
    assert.is((await renter.pay(lease, 200n, 2n)).amount, 200n)
    assert.is((await renter.pay(lease, 200n, 2n)).amount, 200n, 'a lost answer')
    assert.is((await renter.pay(lease, 150n, 3n)).refused, 'NOT_HIGHER')
    assert.is((await renter.pay(lease, 300n, 1n)).refused, 'NOT_HIGHER')
    assert.is(
      (await renter.pay(lease, 100n, 9n, { final: true })).refused,
      'NOT_HIGHER',
      'a final one below the best',
    )
    assert.equal(house.provider.status().leases[0]?.voucher, { amount: '200', sequence: '2', final: false })
    const closed = await renter.pay(lease, 200n, 2n, { final: true })
    assert.ok(closed.closing.startsWith('close'))
    const again = await renter.pay(lease, 200n, 2n, { final: true })
    assert.is(again.closing, closed.closing, 'a lost answer is given again')
    assert.is((await renter.pay(lease, 300n, 3n)).refused, 'NOT_HIGHER')
    assert.equal(kinds(world), ['open', 'close'])
    assert.is(world.chain.total(), 0n)
  }))

test('vouchers that come all at once leave the best one, in whatever order they are taken', async () => {
  let runs = 0
  await withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    let best = 0n
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
        async (steps) => {
          runs++
          const claims = steps.map((step) => best + BigInt(step))
          await Promise.all(claims.map((claim) => renter.pay(lease, claim, claim)))
          best = claims.toSorted((a, b) => Number(a - b)).at(-1)!
          assert.is(house.provider.status().leases[0]?.voucher?.amount, String(best))
        },
      ),
      { numRuns: 30 },
    )
  })
  assert.ok(runs >= 30)
})

test('a voucher that could not be stored is not taken', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    house.store.fail(new Error('the disk is full'))
    const answer = await renter.pay(lease, 100n, 1n).then(
      () => 'taken',
      () => 'failed',
    )
    house.store.fail(undefined)
    assert.is(answer, 'failed')
    assert.is(house.provider.status().leases[0]?.voucher, undefined)
    assert.is((await renter.pay(lease, 100n, 1n)).refused, '')
  }))

test('with the chain down the final voucher is kept, and the lease is closed when it is back', () => {
  const clock = createVirtualClock()
  return withWorld(
    async (world) => {
      const { chain, house, renter } = world
      const leasing = renter.lease(house.network.peer)
      let lease: OpenLease | undefined
      void leasing.then((opened) => (lease = opened))
      while (lease === undefined) await clock.advance(5)
      chain.isDown = true
      let answer: { refused: string; closing: string; amount: bigint } | undefined
      void renter.pay(lease, 50n, 1n, { final: true }).then((got) => (answer = got))
      while (answer === undefined) await clock.advance(1_000)
      assert.equal([answer.refused, answer.closing, answer.amount], ['', '', 50n])
      chain.isDown = false
      while (house.provider.status().leases[0]?.state !== 'closed') await clock.advance(1_000)
      assert.equal(kinds(world), ['open', 'close'])
      assert.is(chain.total(), 0n)
    },
    { clock, reconcilePeriodMs: 1_000 },
  )
})

test('a lease that is cancelled is settled within the dispute window, and its job stops', () =>
  withWorld(async (world) => {
    const { chain, house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const talk = await startJob(world, lease)
    await renter.pay(lease, 700n, 1n)
    await chain.escrow().cancelLease(lease.address)
    const ended = await nextEvent(talk, ({ state }) => (state?.state === JobState.FAILED ? state : undefined))
    assert.is(ended.reason, 'LEASE_CANCELLED')
    await until(() => kinds(world).includes('settle'))
    await until(() => house.provider.status().leases[0]?.paid === '700')
    assert.is(chain.leases.get(toHex(lease.address))?.paid, 700n)
  }))

test('a lease that somebody else has ended is finished here too', () =>
  withWorld(async ({ chain, house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    chain.aheadS = 700
    await chain.escrow().expireLease(lease.address)
    await until(() => house.provider.status().leases[0]?.state === 'closed')
    assert.is(house.provider.status().leases[0]?.because, 'CLOSED_ON_CHAIN')
    assert.is(house.provider.status().availability, 'FREE')
  }))

test('near the deadline the best voucher is paid out, though the renter is gone', () =>
  withWorld(async (world) => {
    const { chain, house, renter } = world
    const lease = await renter.lease(house.network.peer)
    await renter.pay(lease, 900n, 1n)
    chain.aheadS = 585
    await until(() => kinds(world).includes('settle'))
    chain.aheadS = 610 + 3_700
    await until(() => house.provider.status().leases[0]?.state === 'closed')
    assert.equal(kinds(world), ['open', 'settle', 'expire'])
    assert.is(chain.outcomes.get(toHex(lease.address))?.paid, 900n)
    assert.is(chain.total(), 0n)
  }))

test('what was delivered is posted near the deadline when the renter is gone; what was not delivered is not', () =>
  withWorld(async (world) => {
    const { chain, house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const talk = await startJob(world, lease)
    house.device.finish([{ name: 'model', bytes: new Uint8Array(10) }])
    await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
    await talk.close()
    await until(() => house.provider.status().availability === 'FREE')
    const other = await renter.lease(house.network.peer)
    await startJob(world, other)
    house.device.fail(new Error('broken'))
    await until(() => house.provider.status().jobs.length === 0)
    await house.restart()
    assert.is(kinds(world).includes('complete'), false)
    chain.aheadS = 585
    await until(() => chain.completions.size > 0)
    chain.aheadS = 610 + 3_700
    await until(() => chain.leases.size === 0)
    assert.equal([...chain.completions.keys()], [toHex(lease.address)])
    assert.is(kinds(world).filter((kind) => kind === 'complete').length, 1)
    assert.is(chain.total(), 0n)
  }))

test('a provider that stops pays out what it holds', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    await startJob(world, lease)
    await renter.pay(lease, 400n, 1n)
    await house.provider.stop()
    assert.equal(kinds(world), ['open', 'settle'])
    assert.not.ok(house.device.isRunning())
  }))

test('after kill -9 in the middle of a job the lease and the voucher are still known, and the job goes on', () =>
  withWorld(async (world) => {
    const { chain, house, renter } = world
    const lease = await renter.lease(house.network.peer)
    await startJob(world, lease)
    await renter.pay(lease, 400n, 1n)
    await house.restart()
    const [kept] = house.provider.status().leases
    assert.is(kept?.state, 'open')
    assert.is(kept?.voucher?.amount, '400')
    assert.is(house.provider.status().availability, 'BUSY')
    await until(() => house.device.isRunning())
    const talk = await renter.startJob(lease, [DATA], 3)
    house.device.finish([])
    await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
    const closed = await renter.pay(lease, 400n, 2n, { final: true })
    assert.ok(closed.closing.startsWith('close'))
    assert.is(chain.total(), 0n)
  }))

test('after kill -9 a finished result can still be fetched', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const before = await startJob(world, lease)
    house.device.finish([{ name: 'model', bytes: new Uint8Array(70_000).fill(4) }])
    await nextEvent(before, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
    await house.restart()
    const talk = await renter.startJob(lease, [DATA])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    assert.equal(await talk.hold.take(talk.peer, output!), new Uint8Array(70_000).fill(4))
    assert.is(house.device.jobs.length, 0, 'it is not run again')
  }))

test('after kill -9 between a final voucher and its transaction the lease is closed at the next start', () =>
  withWorld(async (world) => {
    const { chain, house, renter } = world
    const lease = await renter.lease(house.network.peer)
    chain.isDown = true
    void renter.pay(lease, 250n, 1n, { final: true }).catch(() => {})
    await until(() => house.provider.status().leases[0]?.voucher?.final === true)
    house.kill()
    chain.isDown = false
    await house.restart()
    await until(() => house.provider.status().leases[0]?.state === 'closed')
    assert.equal(kinds(world), ['open', 'close'])
    assert.is(chain.total(), 0n)
  }))

test.run()
