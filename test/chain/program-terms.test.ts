import type { Keypair } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import * as escrow from '../../chain/client/instructions.js'
import { termsAt } from '../../chain/client/layouts.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { type LeaseParty, MarketWorld } from '../support/escrow.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program: new terms of a market, longer leases')

const DAY = 86_400

function announce(world: MarketWorld, change: Partial<escrow.NewTerms>, signer: Keypair = world.governance) {
  const terms = { ...termsAt(world.market(world.address), world.time), ...change }
  const update = escrow.updateMarket({
    programId: world.programId,
    market: world.address,
    governance: signer.publicKey,
    terms,
  })
  return world.send([update], [world.payer, signer])
}

test('new terms take effect after the delay, by themselves, and open leases keep theirs', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const old = world.open(provider, renter)
  const outcome = world.expect(
    announce(world, { bondBps: 5_000, disputeWindowSeconds: 900, slashBps: 10_000 }),
  )
  assert.is((outcome.events[0]!.values as { from: bigint }).from, BigInt(world.time + DAY))
  console.log(`cu.updateMarket ${outcome.units}`)
  assert.ok(outcome.units < COMPUTE_UNITS.updateMarket)
  world.open(provider, renter)
  world.advance(DAY - 1)
  assert.is(termsAt(world.market(world.address), world.time).bondBps, 2_000)
  world.open(provider, renter)
  world.advance(1)
  assert.is(termsAt(world.market(world.address), world.time).bondBps, 5_000)
  const stale = world.send(
    [escrow.openLease(world.opening(provider, renter))],
    [renter.wallet, provider.node],
  )
  assert.is(stale.code, 'ESCROW_TERMS_CHANGED', 'the old terms are no longer taken')
  const fresh = world.open(provider, renter, { bondBps: 5_000, disputeWindowSeconds: 900 })
  assert.is(world.lease(fresh.address).bond, 1_800_000n)
  assert.is(world.lease(fresh.address).slashBps, 10_000)
  assert.is(world.lease(old.address).slashBps, 5_000)
  assert.is(world.lease(old.address).disputeWindowSeconds, 600)
})

test('a later announcement replaces one that is not yet in force, and keeps one that is', () => {
  const world = new MarketWorld()
  world.expect(announce(world, { feeBps: 100 }))
  world.advance(DAY / 2)
  world.expect(announce(world, { feeBps: 200 }))
  world.advance(DAY / 2)
  assert.is(termsAt(world.market(world.address), world.time).feeBps, 0)
  world.advance(DAY / 2)
  assert.is(termsAt(world.market(world.address), world.time).feeBps, 200)
  world.expect(announce(world, { feeBps: 300 }))
  const market = world.market(world.address)
  assert.is(market.terms.feeBps, 200)
  assert.is(market.announced?.terms.feeBps, 300)
})

test('governance passes on after the delay; the old key has then no say, and no key has any say at once', () => {
  const world = new MarketWorld()
  const next = world.wallet('next governance')
  assert.is(announce(world, { feeBps: 1 }, next).code, 'ESCROW_WRONG_AUTHORITY')
  assert.is(announce(world, { feeBps: 1 }, world.base).code, 'ESCROW_WRONG_AUTHORITY')
  assert.is(announce(world, { feeBps: 1 }, world.payer).code, 'ESCROW_WRONG_AUTHORITY')
  world.expect(announce(world, { governance: next.publicKey }))
  assert.is(announce(world, { feeBps: 1 }, next).code, 'ESCROW_WRONG_AUTHORITY')
  world.advance(DAY)
  assert.is(announce(world, { feeBps: 1 }).code, 'ESCROW_WRONG_AUTHORITY')
  world.expect(announce(world, { feeBps: 1 }, next))
})

test('announcements without signature, out of bounds, or for another account are refused', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  for (const change of [
    { minimumStake: 0n },
    { feeBps: 1_001 },
    { bondBps: 10_001 },
    { coolDownSeconds: 1 },
  ]) {
    assert.is(announce(world, change).code, 'ESCROW_PARAMETER_OUT_OF_RANGE')
  }
  const update = () =>
    escrow.updateMarket({
      programId: world.programId,
      market: world.address,
      governance: world.governance.publicKey,
      terms: world.market(world.address).terms,
    })
  const unsigned = update()
  unsigned.keys[0]!.isSigner = false
  assert.is(world.send([unsigned], [world.payer]).code, 'ESCROW_MISSING_SIGNATURE')
  const readonly = update()
  readonly.keys[1]!.isWritable = false
  assert.is(world.send([readonly], [world.payer, world.governance]).code, 'ESCROW_NOT_WRITABLE')
  const wrong = update()
  wrong.keys[1]!.pubkey = provider.address
  assert.is(world.send([wrong], [world.payer, world.governance]).code, 'ESCROW_WRONG_KIND')
  const longer = update()
  longer.data = Buffer.concat([longer.data, Buffer.alloc(1)])
  assert.is(world.send([longer], [world.payer, world.governance]).code, 'ESCROW_MALFORMED_INSTRUCTION')
})

function extension(world: MarketWorld, lease: LeaseParty, change: Partial<escrow.ExtendLease> = {}) {
  return escrow.extendLease({
    programId: world.programId,
    lease: lease.address,
    parties: world.lease(lease.address),
    node: lease.provider.node.publicKey,
    source: lease.renter.source,
    seconds: 1_801,
    bondBps: 2_000,
    ...change,
  })
}

test('both sides make a lease longer: more deposit, more bond, a later deadline', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter(), { pricePerHour: 3_601n })
  const before = world.lease(lease.address)
  assert.is(before.deposit, 3_601n)
  const signers = [world.payer, lease.renter.wallet, lease.provider.node]
  const outcome = world.expect(world.send([extension(world, lease)], signers))
  console.log(`cu.extendLease ${outcome.units}`)
  assert.ok(outcome.units < COMPUTE_UNITS.extendLease)
  const after = world.lease(lease.address)
  assert.is(after.deposit, 5_403n, 'the whole time at the price, rounded up once')
  assert.is(after.bond, before.bond + 361n)
  assert.is(after.deadline, before.deadline + 1_801)
  assert.is(world.tokens(lease.vault), 5_403n)
  assert.is(world.provider(lease.provider.address).bound, after.bond)
  const voucher = world.voucher(lease, { amount: 5_403n, final: true })
  world.expect(world.send(world.closing(lease, { voucher }), [world.payer, lease.provider.node]))
  assert.is(world.provider(lease.provider.address).bound, 0n)
})

test('an extension that one side did not sign, at other amounts, too long, too late or without stake is refused', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const other = world.open(world.newProvider(), world.newRenter())
  const { wallet } = lease.renter
  const all = [world.payer, wallet, provider.node]
  const patched = (at: number, value: bigint) => {
    const changed = extension(world, lease)
    changed.data.writeBigUInt64LE(value, at)
    return changed
  }
  const paidByOther = extension(world, lease, { source: other.renter.source })
  paidByOther.keys[0]!.pubkey = other.renter.wallet.publicKey
  const cases: [string, string, ReturnType<typeof extension>, Keypair[]?][] = [
    ['no time', 'ESCROW_AMOUNT_OUT_OF_RANGE', patched(1, 0n)],
    ['ages', 'ESCROW_AMOUNT_OUT_OF_RANGE', patched(1, 2n ** 64n - 1n)],
    ['more than 90 days', 'ESCROW_AMOUNT_OUT_OF_RANGE', patched(1, 90n * 86_400n)],
    ['less deposit', 'ESCROW_TERMS_CHANGED', patched(9, 1n)],
    ['more deposit', 'ESCROW_TERMS_CHANGED', patched(9, 2n ** 64n - 1n)],
    ['less bond', 'ESCROW_TERMS_CHANGED', patched(17, 0n)],
    ['another bond share', 'ESCROW_TERMS_CHANGED', extension(world, lease, { bondBps: 1 })],
    ['more bond than stake', 'ESCROW_INSUFFICIENT_STAKE', extension(world, lease, { seconds: 60_000 })],
    [
      'the other node',
      'ESCROW_WRONG_AUTHORITY',
      extension(world, lease, { node: other.provider.node.publicKey }),
      [world.payer, wallet, other.provider.node],
    ],
    ["somebody else's tokens", 'CHAIN_TOKEN_OWNER', extension(world, lease, { source: other.renter.source })],
    [
      'another wallet, at its own cost',
      'ESCROW_WRONG_AUTHORITY',
      paidByOther,
      [world.payer, other.renter.wallet, provider.node],
    ],
    ['its own vault as source', 'ESCROW_DUPLICATE_ACCOUNT', extension(world, lease, { source: lease.vault })],
  ]
  for (const [what, code, instruction, signers] of cases) {
    assert.is(world.send([instruction], signers ?? all).code, code, what)
  }
  const swaps: [number, typeof world.address, string][] = [
    [2, other.address, 'ESCROW_WRONG_KIND'],
    [2, world.anotherMarket(), 'ESCROW_WRONG_MARKET'],
    [3, other.provider.address, 'ESCROW_WRONG_PROVIDER'],
    [4, other.address, 'ESCROW_WRONG_PROVIDER'],
    [5, other.vault, 'ESCROW_WRONG_ADDRESS'],
    [7, world.programId, 'ESCROW_WRONG_PROGRAM'],
  ]
  for (const [index, pubkey, code] of swaps) {
    const swapped = extension(world, lease)
    swapped.keys[index]!.pubkey = pubkey
    assert.is(world.send([swapped], all).code, code, `account ${index}`)
  }
  for (const index of [0, 1]) {
    const unsigned = extension(world, lease)
    const { pubkey } = unsigned.keys[index]!
    unsigned.keys[index]!.isSigner = false
    const signers = all.filter((signer) => !signer.publicKey.equals(pubkey))
    assert.is(world.send([unsigned], signers).code, 'ESCROW_MISSING_SIGNATURE', `account ${index}`)
  }
  for (const index of [3, 4, 5, 6]) {
    const readonly = extension(world, lease)
    readonly.keys[index]!.isWritable = false
    assert.is(world.send([readonly], all).code, 'ESCROW_NOT_WRITABLE', `account ${index}`)
  }
  world.expect(world.send([extension(world, lease)], all))
  const signer = lease.renter.session
  const cancel = escrow.cancelLease({
    programId: world.programId,
    lease: lease.address,
    signer: signer.publicKey,
  })
  world.expect(world.send([cancel], [world.payer, signer]))
  assert.is(world.send([extension(world, lease)], all).code, 'ESCROW_LEASE_ENDED')
  world.advance(3600 + 600)
  const late = extension(world, other)
  assert.is(
    world.send([late], [world.payer, other.renter.wallet, other.provider.node]).code,
    'ESCROW_LEASE_ENDED',
  )
})

test.run()
