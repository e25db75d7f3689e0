import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { keyOf, type LeaseRecord, openLeaseBook } from '../../node/renter/lease.js'
import { createSettler } from '../../node/renter/settlement.js'
import { silentLog } from '../../node/system/log.js'
import { toHex } from '../../protocols/bytes.js'
import { earned } from '../../protocols/money.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { decodeVoucher, type Voucher } from '../../protocols/settlement/voucher.js'
import type { VoucherRequest, VoucherResponse } from '../../protocols/settlement/wire.js'
import { verifySignature } from '../../protocols/signature.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { fill, MARKET } from '../support/messages.js'
import { codeThrown, createMemoryEscrow, type Disk, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter settles')
const never = new AbortController().signal

let disk: Disk
let leases = 0
test.before(async () => {
  disk = await openDisk()
})
test.after(() => disk.remove())

const taken: VoucherResponse = { refused: '', detail: '', amount: 0n, sequence: 0n, closing: '' }
type Take = (voucher: Voucher, request: VoucherRequest) => VoucherResponse | Promise<VoucherResponse>

/** An open lease of 1,000 units a second for 100 s, in slices of a second, with a provider that takes vouchers as `take` says. */
async function begin(take: Take = () => taken) {
  const clock = createVirtualClock()
  const hub = createHub()
  const [network, provider] = [await hub.join(), await hub.join()]
  const escrow = createMemoryEscrow(clock)
  const vouchers: Voucher[] = []
  await provider.engine.handle(settlementProtocol, async (session) => {
    const request = (await session.receive())!
    assert.ok(await verifySignature(network.publicKey, request.voucher, request.signature))
    const voucher = decodeVoucher(request.voucher)
    vouchers.push(voucher)
    await session.send(await take(voucher, request))
  })
  const address = fill(32, ++leases)
  const terms = {
    market: MARKET,
    orderId: fill(32, 1),
    provider: provider.peer,
    renter: network.peer,
    wallet: fill(32, 3),
    pricePerHour: 3_600_000n,
    durationS: 100,
    sliceMs: 1_000,
    jobHash: fill(32, 4),
    devices: 1,
  }
  const proposal = {
    provider: solanaKeyOf(provider.peer),
    wallet: terms.wallet,
    sessionKey: network.publicKey,
    orderId: terms.orderId,
    termsHash: address,
    pricePerHour: terms.pricePerHour,
    durationS: terms.durationS,
  }
  const { transaction } = await escrow.proposeLease(proposal)
  await escrow.openLease(transaction, new Uint8Array(64))
  const lease: LeaseRecord = {
    address,
    peer: provider.peer,
    deployment: 'job',
    terms,
    deposit: 100_000n,
    state: 'open',
    proposedAtMs: clock.now(),
    serial: (await escrow.lease(address))!.serial,
  }
  const book = openLeaseBook(disk.store)
  await book.put(keyOf(address), lease)
  const settler = createSettler({ network, escrow, book, clock, log: silentLog })
  return { clock, escrow, vouchers, lease, book, settler, network, provider, address }
}

test('a voucher is signed when a slice is due, not before, and a crash makes none of them smaller', async () => {
  const { clock, settler, lease, vouchers, book, network, escrow, address } = await begin()
  assert.is(await drive(clock, settler.pay(lease, 999, never)), undefined)
  assert.equal(await drive(clock, settler.pay(lease, 1_000, never)), { amount: 1_000n, sequence: 1n })
  assert.is(await drive(clock, settler.pay(lease, 1_900, never)), undefined)
  assert.equal(await drive(clock, settler.pay(lease, 2_500, never)), { amount: 2_500n, sequence: 2n })
  // A new process knows only what the store kept.
  const kept = (await book.get(keyOf(address)))!
  assert.is(kept.voucher?.sequence, 2n)
  const next = createSettler({ network, escrow, book, clock, log: silentLog })
  await drive(clock, next.pay(kept, 3_600, never))
  assert.equal(
    vouchers.map(({ amount, sequence, final }) => [amount, sequence, final]),
    [
      [1_000n, 1n, false],
      [2_500n, 2n, false],
      [3_600n, 3n, false],
    ],
  )
})

test('the number of a voucher is stored before the voucher goes out', async () => {
  let stored: bigint | undefined
  const { clock, settler, lease, book, address } = await begin(async () => {
    stored = (await book.get(keyOf(address)))?.voucher?.sequence
    return taken
  })
  await drive(clock, settler.pay(lease, 5_000, never))
  assert.is(stored, 1n)
})

test('a voucher that gets lost is followed by another one at once, so that a waiting provider goes on', async () => {
  let lose = true
  const { clock, settler, lease, vouchers } = await begin((voucher) => {
    if (!lose) return taken
    lose = false
    return voucher.sequence > 0n ? new Promise<never>(() => {}) : taken
  })
  assert.is(await drive(clock, settler.pay(lease, 1_000, never), 200), undefined)
  assert.equal(await drive(clock, settler.pay(lease, 1_000, never)), { amount: 1_000n, sequence: 2n })
  assert.is(vouchers.length, 2)
})

test('a refused voucher is VOUCHER_REFUSED', async () => {
  const { clock, settler, lease } = await begin(() => ({ ...taken, refused: 'BAD_SIGNATURE' }))
  assert.is(await codeThrown(drive(clock, settler.pay(lease, 1_000, never))), 'VOUCHER_REFUSED')
})

test('a lease that is not open is not paid for', async () => {
  const { clock, settler, lease, vouchers } = await begin()
  delete lease.serial
  assert.is(await codeThrown(drive(clock, settler.pay(lease, 1_000, never))), 'LEASE_NOT_OPEN')
  assert.is(vouchers.length, 0)
})

test('the provider closes with the final voucher, and the outcome is kept', async () => {
  const begun = await begin(async (voucher, { voucher: bytes, signature }) => {
    const { escrow, address } = begun
    if (voucher.final) await escrow.closeLease(address, { ...voucher, bytes, signature })
    return taken
  })
  const { clock, settler, lease, book, address } = begun
  const outcome = await drive(clock, settler.finish(lease, 40_000, never))
  assert.equal([outcome.deposited, outcome.paid, outcome.refunded], [100_000n, 40_000n, 60_000n])
  const kept = await book.get(keyOf(address))
  assert.is(kept?.state, 'closed')
  assert.equal(kept?.outcome, outcome)
})

test('a provider that takes the final voucher and never closes keeps nobody from a refund', async () => {
  const { clock, settler, lease, escrow } = await begin()
  const outcome = await drive(clock, settler.finish(lease, 40_000, never), 400)
  assert.is(outcome.refunded, 100_000n)
  assert.equal(escrow.sent, ['open', 'cancel', 'expire'])
})

test('what a provider settled within the dispute window is not refunded', async () => {
  const { clock, settler, lease, escrow, address } = await begin()
  const reclaiming = settler.reclaim(lease, never)
  await clock.advance(1_000)
  escrow.leases.get(toHex(address))!.paid = 7_000n
  const outcome = await drive(clock, reclaiming, 200)
  assert.equal([outcome?.paid, outcome?.refunded], [7_000n, 93_000n])
})

test('a lease whose deadline has passed is not cancelled any more, only ended', async () => {
  const { clock, settler, lease, escrow } = await begin()
  await clock.advance(120_000)
  const outcome = await drive(clock, settler.reclaim(lease, never))
  assert.is(outcome?.refunded, 100_000n)
  assert.equal(escrow.sent, ['open', 'expire'])
})

test('a provider that closes in the moment of the cancelling has ended the lease as well', async () => {
  const { clock, settler, lease, escrow, address } = await begin()
  escrow.before = (call) => {
    if (call !== 'cancel') return
    escrow.leases.delete(toHex(address))
    escrow.outcomes.set(toHex(address), {
      transactions: [],
      deposited: 100_000n,
      paid: 1n,
      refunded: 99_999n,
    })
  }
  const outcome = await drive(clock, settler.reclaim(lease, never))
  assert.is(outcome?.paid, 1n)
})

test('reconciling ends every lease that is left, side by side, and one that fails holds up none', async () => {
  const { clock, settler, lease, book, escrow } = await begin()
  const other: LeaseRecord = { ...lease, address: fill(32, 200) }
  await book.put(keyOf(other.address), other)
  escrow.leases.set(toHex(other.address), {
    ...escrow.leases.get(toHex(lease.address))!,
    address: other.address,
  })
  const old: LeaseRecord = {
    ...lease,
    address: fill(32, 201),
    state: 'proposed',
    proposedAtMs: clock.now() - 300_000,
  }
  await book.put(keyOf(old.address), old)
  const fresh: LeaseRecord = { ...old, address: fill(32, 202), proposedAtMs: clock.now() }
  await book.put(keyOf(fresh.address), fresh)
  let failures = 1
  escrow.before = (call) => {
    if (call === 'cancel' && failures-- > 0) throw new Error('chain down')
  }
  const closed: string[] = []
  const reconcile = () =>
    settler.reconcile(
      () => false,
      async ({ address }) => void closed.push(keyOf(address)),
      never,
    )
  const startedMs = clock.elapsed()
  await drive(clock, Promise.all([reconcile(), reconcile()]), 100)
  assert.ok(clock.elapsed() - startedMs < 25_000, 'one dispute window, not one after the other')
  const before = closed.length
  await drive(clock, reconcile(), 100)
  assert.is(new Set(closed).size, closed.length, 'each is told once')
  assert.ok(before < closed.length, 'the one that failed at first')
  assert.is((await book.get(keyOf(lease.address)))?.state, 'closed')
  assert.is((await book.get(keyOf(other.address)))?.state, 'closed')
  assert.is((await book.get(keyOf(old.address)))?.state, 'dropped', 'the chain never saw it')
  assert.is((await book.get(keyOf(fresh.address)))?.state, 'proposed', 'the chain may see it yet')
})

test('whatever time is claimed in whatever order, vouchers only grow and never exceed deposit or price × time', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 15 }), async (times) => {
      runs++
      const { clock, settler, lease, vouchers } = await begin()
      for (const ms of times) await drive(clock, settler.pay(lease, ms, never))
      const most = earned(lease.terms.pricePerHour, Math.max(0, ...times), lease.deposit)
      for (const [at, { amount, sequence }] of vouchers.entries()) {
        assert.ok(amount <= most && amount >= (vouchers[at - 1]?.amount ?? 1n), `${amount}`)
        assert.is(sequence, BigInt(at + 1))
      }
    }),
    { numRuns: 20 },
  )
  assert.is(runs, 20)
})

test.run()
