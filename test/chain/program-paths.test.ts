import * as assert from 'uvu/assert'
import * as escrow from '../../chain/client/instructions.js'
import { freeStake } from '../../chain/client/layouts.js'
import { MarketWorld, type Outcome } from '../support/escrow.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program: a lease from opening to end')
const units = new Map<string, number>()

function spent(name: string, outcome: Outcome): Outcome {
  units.set(name, Math.max(units.get(name) ?? 0, outcome.units))
  return outcome
}

test('a job takes two transactions: opened by both, closed with the final voucher, all rent returned', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const supply = world.supply(world.mint)
  const before = world.lamports(renter.wallet.publicKey)
  const opening = world.opening(provider, renter)
  const opened = world.expect(
    spent('open_lease', world.send([escrow.openLease(opening)], [renter.wallet, provider.node])),
  )
  const event = opened.events[0]!
  assert.is(event.name, 'LeaseOpened')
  const lease = { ...world.open(provider, renter), opening }
  assert.is(world.provider(provider.address).openLeases, 2)
  assert.is(world.provider(provider.address).bound, 2n * 720_000n)
  assert.is(freeStake(world.provider(provider.address)), 10_000_000n - 1_440_000n)
  assert.is(world.tokens(lease.vault), 3_600_000n)

  const voucher = world.voucher(lease, { amount: 1_000_000n, sequence: 7n, final: true })
  const closed = world.expect(
    spent('close_lease', world.send(world.closing(lease, { voucher }), [provider.owner, provider.node])),
  )
  const values = closed.events[0]!
  assert.is(values.name, 'LeaseClosed')
  assert.equal({ ...values.values }, { paid: 1_000_000n, amount: 1_000_000n, fee: 0n, refunded: 2_600_000n })
  assert.is(world.tokens(provider.payout), 1_000_000n)
  assert.is(world.account(lease.address), null)
  assert.is(world.account(lease.vault), null)
  assert.is(world.provider(provider.address).openLeases, 1)
  assert.is(world.supply(world.mint), supply)
  assert.ok(world.lamports(renter.wallet.publicKey) < before)
})

test.run()
