import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { sourceOf } from '../../node/files/folder.js'
import type { LeaseRecord } from '../../node/renter/lease.js'
import { describeInputs, recover, requireSame } from '../../node/renter/ongoing.js'
import type { NightshiftError } from '../../protocols/errors.js'
import { makeOrder, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('what a renter goes on with')

const order = makeOrder({ timeMs: NOW })
const job = { plan: { count: 1 } as JobPlan, inputs: [], matchUntilMs: NOW + 60_000, order }

test('an order that still takes bids is held again, but not one whose result went out', () => {
  const facts = { leases: [], events: [], nowMs: NOW + 1 }
  assert.is(recover(job, { ...facts, isDecided: () => false }).order, order)
  assert.is(recover(job, { ...facts, isDecided: (asked) => asked === order }).order, undefined)
})

test('work that was delivered and paid is not ordered again, closed as its lease may be', () => {
  const voucher = { amount: 5n, sequence: 2n, final: true }
  for (const state of ['open', 'ending', 'closed'] as const) {
    const lease = { peer: 'a', address: new Uint8Array(32), state, voucher, proposedAtMs: 1 } as LeaseRecord
    const found = recover(job, { leases: [lease], events: [], nowMs: NOW + 1, isDecided: () => true })
    assert.equal(
      found.leases.map(({ isDelivered }) => isDelivered),
      [true],
    )
    assert.equal(found.failed, [])
    const unpaid = { ...lease, voucher: { ...voucher, final: false } }
    const other = recover(job, { leases: [unpaid], events: [], nowMs: NOW + 1, isDecided: () => true })
    assert.is(other.leases.length, state === 'open' ? 1 : 0)
  }
})

test('an input that has changed is named with its file', async () => {
  const prepare = (text: string, held: string) => ({
    sources: [sourceOf('data', new TextEncoder().encode(text))],
    heldBack: new Map([['data', new TextEncoder().encode(held)]]),
  })
  const kept = describeInputs(prepare('rows', 'others'), [{ name: 'data', path: '/home/klaus/digits.csv' }])
  requireSame(kept, prepare('rows', 'others'))
  for (const [text, held, told] of [
    ['row', 'others', /data \(\/home\/klaus\/digits\.csv\) is not .*: it had 4 bytes and has 3/],
    ['rows', 'changed', /data \(\/home\/klaus\/digits\.csv\) is not/],
  ] as const) {
    assert.throws(
      () => requireSame(kept, prepare(text, held)),
      (error: NightshiftError) => error.code === 'INPUT_CHANGED' && told.test(error.message),
    )
  }
})

test.run()
