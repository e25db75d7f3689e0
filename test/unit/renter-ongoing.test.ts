import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { recover } from '../../node/renter/ongoing.js'
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

test.run()
