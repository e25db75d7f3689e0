import { createTransferInstruction } from '@solana/spl-token'
import type { Keypair, TransactionInstruction } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { leaseAddress, vaultAddress } from '../../chain/client/addresses.js'
import * as escrow from '../../chain/client/instructions.js'
import { freeStake } from '../../chain/client/layouts.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { MarketWorld, type ProviderParty } from '../support/escrow.js'
import { hashOf, type Outcome } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program: a lease from opening to end')
const units = new Map<escrow.InstructionName, number>()

function measure(name: escrow.InstructionName, outcome: Outcome): Outcome {
  units.set(name, Math.max(units.get(name) ?? 0, outcome.units))
  return outcome
}

function succeed(
  world: MarketWorld,
  name: escrow.InstructionName,
  instructions: TransactionInstruction | TransactionInstruction[],
  signers: Keypair[],
): Outcome {
  return measure(name, world.expect(world.send([instructions].flat(), signers)))
}

function stakeIsCovered(world: MarketWorld, provider: ProviderParty): void {
  assert.ok(world.tokens(provider.vault) >= world.provider(provider.address).stake)
}

test('a job takes two transactions: opened by both, closed with the final voucher, all rent returned', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const supply = world.supply(world.mint)
  const before = world.lamports(renter.wallet.publicKey)
  const opening = world.opening(provider, renter)
  const signers = [world.payer, renter.wallet, provider.node]
  const opened = succeed(world, 'openLease', escrow.openLease(opening), signers)
  assert.is(opened.events[0]?.name, 'LeaseOpened')
  const address = leaseAddress(world.programId, { ...opening, provider: provider.address })
  const state = world.lease(address)
  assert.is(state.deposit, 3_600_000n)
  assert.is(state.bond, 720_000n)
  assert.is(state.deadline, world.time + 3600 + 600)
  assert.ok(state.payout.equals(provider.payout))
  assert.is(freeStake(world.provider(provider.address)), 10_000_000n - 720_000n)
  assert.is(world.tokens(vaultAddress(world.programId, address)), 3_600_000n)

  const lease = {
    address,
    vault: vaultAddress(world.programId, address),
    parties: state,
    provider,
    renter,
    opening,
  }
  const voucher = world.voucher(lease, { amount: 1_000_000n, sequence: 7n, final: true })
  const closed = succeed(world, 'closeLease', world.closing(lease, { voucher }), [world.payer, provider.node])
  const event = closed.events[0]!
  assert.is(event.name, 'LeaseClosed')
  assert.equal({ ...event.values }, { paid: 1_000_000n, amount: 1_000_000n, fee: 0n, refunded: 2_600_000n })
  assert.is(world.tokens(provider.payout), 1_000_000n)
  assert.is(world.tokens(renter.source), 1_000_000_000n - 1_000_000n)
  assert.is(world.account(address), null)
  assert.is(world.account(lease.vault), null)
  assert.is(world.provider(provider.address).openLeases, 0)
  assert.is(world.provider(provider.address).bound, 0n)
  assert.is(world.supply(world.mint), supply)
  assert.is(world.lamports(renter.wallet.publicKey), before, 'all rent comes back')
  stakeIsCovered(world, provider)
})

test('anyone settles vouchers, each pays the difference, the last one closes', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const stranger = world.wallet('stranger')
  for (const [amount, sequence] of [
    [10n, 1n],
    [500n, 9n],
    [3_600_000n, 10n],
  ] as const) {
    succeed(world, 'settle', world.settling(lease, world.voucher(lease, { amount, sequence })), [stranger])
    assert.is(world.tokens(provider.payout), amount)
  }
  const last = world.voucher(lease, { amount: 3_600_000n, sequence: 10n, final: true })
  succeed(world, 'closeLease', world.closing(lease, { voucher: last }), [world.payer, provider.node])
  assert.is(world.tokens(provider.payout), 3_600_000n)
})

test('a final voucher that somebody settled already still closes', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  const voucher = world.voucher(lease, { amount: 5n, sequence: 1n, final: true })
  succeed(world, 'settle', world.settling(lease, voucher), [world.payer])
  succeed(world, 'closeLease', world.closing(lease, { voucher }), [world.payer, lease.provider.node])
  assert.is(world.tokens(lease.provider.payout), 5n)
})

test('both sides close without a voucher, the renter by wallet or by session key', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  for (const key of [renter.wallet, renter.session]) {
    const lease = world.open(provider, renter)
    const close = world.closing(lease, { signer: key.publicKey })
    succeed(world, 'closeLease', close, [world.payer, provider.node, key])
    assert.is(world.account(lease.address), null)
  }
  assert.is(world.tokens(renter.source), 1_000_000_000n)
  assert.is(world.provider(provider.address).bound, 0n)
})

test('a renter that cancels gets the rest after the dispute window; the provider settles until then; nothing is burned', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const supply = world.supply(world.mint)
  for (const key of [renter.wallet, renter.session]) {
    const lease = world.open(provider, renter)
    world.advance(100)
    succeed(
      world,
      'cancelLease',
      escrow.cancelLease({ ...world, lease: lease.address, signer: key.publicKey }),
      [world.payer, key],
    )
    assert.is(world.lease(lease.address).deadline, world.time + 600)
    world.advance(599)
    assert.is(world.send([world.expiring(lease)], [world.payer]).code, 'ESCROW_LEASE_NOT_ENDED')
    world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 77n })), [world.payer]))
    world.advance(1)
    succeed(world, 'expireLease', world.expiring(lease), [world.payer])
  }
  assert.is(world.tokens(provider.payout), 2n * 77n)
  assert.is(world.tokens(renter.source), 1_000_000_000n - 2n * 77n)
  assert.is(world.supply(world.mint), supply)
  assert.is(world.provider(provider.address).stake, 10_000_000n)
})

test('cancelling late never moves the deadline back', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  world.advance(3600 + 500)
  const { deadline } = world.lease(lease.address)
  const signer = lease.renter.wallet.publicKey
  world.expect(
    world.send([escrow.cancelLease({ ...world, lease: lease.address, signer })], [lease.renter.wallet]),
  )
  assert.is(world.lease(lease.address).deadline, deadline)
})

test('a provider that falls silent loses part of its bond, which is burned, and the renter gets the rest of the deposit', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const supply = world.supply(world.mint)
  const lease = world.open(provider, renter)
  world.advance(3600 + 600)
  const expired = succeed(world, 'expireLease', world.expiring(lease), [world.payer])
  assert.equal({ ...expired.events[0]!.values }, { paid: 0n, burned: 360_000n, refunded: 3_600_000n })
  assert.is(world.supply(world.mint), supply - 360_000n)
  assert.is(world.provider(provider.address).stake, 10_000_000n - 360_000n)
  assert.is(world.provider(provider.address).lost, 360_000n)
  assert.is(world.provider(provider.address).bound, 0n)
  assert.is(world.tokens(renter.source), 1_000_000_000n)
  stakeIsCovered(world, provider)
})

test('a provider that posted its completion keeps its bond though the renter never answers', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const output = hashOf('output')
  const posted = escrow.complete({
    ...world,
    node: provider.node.publicKey,
    provider: provider.address,
    lease: lease.address,
    output,
  })
  succeed(world, 'complete', posted, [world.payer, provider.node])
  assert.equal(world.lease(lease.address).output, output)
  world.advance(3600 + 600)
  world.expect(world.send([world.expiring(lease)], [world.payer]))
  assert.is(world.provider(provider.address).stake, 10_000_000n)
})

test('a provider that was paid in full keeps its bond', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 3_600_000n })), [world.payer]))
  world.advance(3600 + 600)
  world.expect(world.send([world.expiring(lease)], [world.payer]))
  assert.is(world.provider(provider.address).stake, 10_000_000n)
})

test('vouchers are good after the deadline too, until somebody ends the lease', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  world.advance(1_000_000)
  world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 9n })), [world.payer]))
  assert.is(world.tokens(lease.provider.payout), 9n)
})

test('a lease opened again at the same address does not honour the vouchers of the first', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const termsHash = hashOf('the same terms')
  const first = world.open(provider, renter, { termsHash })
  const old = world.voucher(first, { amount: 3_000_000n, sequence: 50n, final: true })
  const none = world.voucher(first, { amount: 0n, sequence: 1n, final: true })
  world.expect(world.send(world.closing(first, { voucher: none }), [world.payer, provider.node]))
  const second = world.open(provider, renter, { termsHash })
  assert.ok(second.address.equals(first.address))
  assert.is(world.send(world.settling(second, old), [world.payer]).code, 'ESCROW_VOUCHER_FOREIGN')
  const close = world.closing(second, { voucher: old })
  assert.is(world.send(close, [world.payer, provider.node]).code, 'ESCROW_VOUCHER_FOREIGN')
})

test('neither lamports at the addresses before, nor tokens in the vault after, stand in the way', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const opening = world.opening(provider, renter)
  const address = leaseAddress(world.programId, { ...opening, provider: provider.address })
  world.fund(address, 1_000_000n)
  world.fund(vaultAddress(world.programId, address), 5_000_000n)
  world.expect(world.send([escrow.openLease(opening)], [renter.wallet, provider.node]))
  const vault = vaultAddress(world.programId, address)
  const lease = { address, vault, parties: world.lease(address), provider, renter, opening }
  const donor = world.newRenter()
  const dust = createTransferInstruction(donor.source, vault, donor.wallet.publicKey, 1n)
  world.expect(world.send([dust], [donor.wallet]))
  const voucher = world.voucher(lease, { amount: 4n, final: true })
  world.expect(world.send(world.closing(lease, { voucher }), [world.payer, provider.node]))
  assert.is(world.tokens(renter.source), 1_000_000_000n - 4n + 1n)
})

test('with a fee share, the market gets its part of each payment, rounded down', () => {
  const world = new MarketWorld({ feeBps: 250 })
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const settled = succeed(
    world,
    'settle',
    world.settling(lease, world.voucher(lease, { amount: 1_039n, sequence: 1n })),
    [world.payer],
  )
  assert.is((settled.events[0]!.values as { fee: bigint }).fee, 25n)
  const voucher = world.voucher(lease, { amount: 2_078n, sequence: 2n, final: true })
  succeed(world, 'closeLease', world.closing(lease, { voucher }), [world.payer, provider.node])
  assert.is(world.tokens(world.feeAccount), 50n)
  assert.is(world.tokens(provider.payout), 2_028n)
})

test('a stake is added, asked back, waited for and withdrawn, and the registration closes with its rent returned', () => {
  const world = new MarketWorld()
  const owner = world.wallet('funder')
  const provider = world.newProvider()
  const { programId, address: market } = world
  const { address, owner: holder, source } = provider
  measure('registerProvider', world.expect(registerAnother(world)))
  const add = escrow.addStake({
    programId,
    provider: address,
    owner: holder.publicKey,
    source,
    amount: 5_000_000n,
  })
  succeed(world, 'addStake', add, [world.payer, holder])
  assert.is(world.provider(address).stake, 15_000_000n)

  const request = (amount: bigint) =>
    escrow.requestUnstake({ programId, market, provider: address, owner: holder.publicKey, amount })
  const withdraw = escrow.withdrawStake({
    programId,
    provider: address,
    owner: holder.publicKey,
    destination: source,
  })
  succeed(world, 'requestUnstake', request(14_000_000n), [holder])
  assert.is(world.send([withdraw], [holder]).code, 'ESCROW_COOLING_DOWN')
  world.advance(3600)
  succeed(world, 'withdrawStake', withdraw, [holder])
  assert.is(world.provider(address).stake, 1_000_000n)
  assert.is(world.tokens(source), 1_000_000_000n - 15_000_000n + 14_000_000n)

  const newPayout = world.createTokenAccount(world.mint, owner.publicKey)
  const rename = escrow.setPayout({
    programId,
    market,
    provider: address,
    owner: holder.publicKey,
    payout: newPayout,
  })
  succeed(world, 'setPayout', rename, [holder])
  assert.ok(world.provider(address).payout.equals(newPayout))

  world.expect(world.send([request(1_000_000n)], [holder]))
  world.advance(3600)
  world.expect(world.send([withdraw], [holder]))
  const close = escrow.closeProvider({
    programId,
    provider: address,
    owner: holder.publicKey,
    destination: source,
  })
  const lamports = world.lamports(holder.publicKey)
  succeed(world, 'closeProvider', close, [world.payer, holder])
  assert.is(world.account(address), null)
  assert.is(world.account(provider.vault), null)
  assert.ok(world.lamports(holder.publicKey) > lamports)
})

test('a lease whose payout account is its own vault pays nothing out, and still ends', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const termsHash = hashOf('the same terms')
  const first = world.open(provider, renter, { termsHash })
  const { programId, address: market } = world
  const owner = provider.owner.publicKey
  const rename = escrow.setPayout({
    programId,
    market,
    provider: provider.address,
    owner,
    payout: first.vault,
  })
  world.expect(world.send([rename], [provider.owner]))
  const agreed = { signer: renter.session.publicKey }
  world.expect(world.send(world.closing(first, agreed), [world.payer, provider.node, renter.session]))
  const lease = world.open(provider, renter, { termsHash })
  assert.ok(lease.parties.payout.equals(lease.vault))
  const settle = world.settling(lease, world.voucher(lease, { amount: 5n }))
  assert.is(world.send(settle, [world.payer]).code, 'ESCROW_DUPLICATE_ACCOUNT')
  world.expect(world.send(world.closing(lease, agreed), [world.payer, provider.node, renter.session]))
  assert.is(world.tokens(renter.source), 1_000_000_000n)
})

test('in a market without bonds, a provider may withdraw its stake during a lease, but stays until the lease has ended', () => {
  const world = new MarketWorld({ bondBps: 0 })
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const { programId, address: market } = world
  const who = { programId, provider: provider.address, owner: provider.owner.publicKey }
  world.expect(world.send([escrow.requestUnstake({ ...who, market, amount: 10_000_000n })], [provider.owner]))
  world.advance(3600)
  const destination = provider.source
  world.expect(world.send([escrow.withdrawStake({ ...who, destination })], [provider.owner]))
  const close = escrow.closeProvider({ ...who, destination })
  assert.is(world.send([close], [provider.owner]).code, 'ESCROW_PROVIDER_BUSY')
  const voucher = world.voucher(lease, { amount: 3n, final: true })
  world.expect(world.send(world.closing(lease, { voucher }), [world.payer, provider.node]))
  world.expect(world.send([close], [provider.owner]))
})

function registerAnother(world: MarketWorld): Outcome {
  const owner = world.wallet('owner')
  const node = world.key('node')
  return world.send(
    [
      escrow.registerProvider({
        programId: world.programId,
        market: world.address,
        mint: world.mint,
        owner: owner.publicKey,
        node: node.publicKey,
        source: world.createTokenAccount(world.mint, owner.publicKey, 2_000_000n),
        payout: world.createTokenAccount(world.mint, owner.publicKey),
        stake: 2_000_000n,
      }),
    ],
    [owner, node],
  )
}

test('every measured cost is within what the client asks for, and below 50,000', () => {
  assert.ok(units.size >= 11)
  for (const [name, spent] of units) {
    console.log(`cu.${name} ${spent}`)
    assert.ok(spent <= COMPUTE_UNITS[name], `${name} took ${spent}`)
    assert.ok(spent <= 50_000, `${name} took ${spent}`)
  }
})

test.run()
