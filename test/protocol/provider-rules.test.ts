import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { LeaseAccount } from '../../node/escrow/port.js'
import { createCapacity } from '../../node/provider/capacity.js'
import { createJournal } from '../../node/provider/journal.js'
import type { LeaseRecord } from '../../node/provider/ledger.js'
import { FORFEIT_S, nextStep, SIGNED_MS, type Step, stopReason } from '../../node/provider/plan.js'
import { createTurns } from '../../node/provider/turns.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { suite } from '../support/suite.js'

const test = suite('rules of a provider')

type CapacityEvent =
  | { kind: 'reserve'; id: string; devices: number; ms: number }
  | { kind: 'bind'; id: string }
  | { kind: 'unbind'; id: string }
  | { kind: 'release'; id: string }
  | { kind: 'advance'; ms: number }
  | { kind: 'sweep' }

const id = fc.constantFrom('a', 'b', 'c', 'd')
const capacityEvent: fc.Arbitrary<CapacityEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('reserve' as const),
    id,
    devices: fc.integer({ min: -1, max: 5 }),
    ms: fc.integer({ min: 0, max: 100 }),
  }),
  fc.record({ kind: fc.constant('bind' as const), id }),
  fc.record({ kind: fc.constant('unbind' as const), id }),
  fc.record({ kind: fc.constant('release' as const), id }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 80 }) }),
  fc.constant({ kind: 'sweep' as const }),
)

test(
  'whatever happens, devices are never promised twice, and all are free when all is over',
  async () => {
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(capacityEvent, { maxLength: 40 }),
        async (total, events) => {
          runs++
          const clock = createVirtualClock()
          const bound = new Map<string, number>()
          const promised = new Map<string, { devices: number; until: number }>()
          const capacity = createCapacity({
            total,
            clock,
            occupied: () => [...bound].map(([key, devices]) => ({ id: key, devices })),
          })
          const alive = () =>
            [...promised].filter(([key, { until }]) => until > clock.now() && !bound.has(key))
          for (const event of events) {
            if (event.kind === 'reserve') {
              const until = clock.now() + event.ms
              const held = bound.get(event.id)
              const isTaken = capacity.reserve(event.id, event.devices, until)
              if (held !== undefined) assert.is(isTaken, event.devices >= 1 && held >= event.devices)
              else if (isTaken) promised.set(event.id, { devices: event.devices, until })
            } else if (event.kind === 'bind') {
              // Only what was promised becomes a lease.
              const promise = alive().find(([key]) => key === event.id)
              if (promise !== undefined) bound.set(event.id, promise[1].devices)
            } else if (event.kind === 'unbind') {
              if (bound.delete(event.id)) {
                promised.delete(event.id)
                capacity.release(event.id)
              }
            } else if (event.kind === 'release') {
              capacity.release(event.id)
              promised.delete(event.id)
            } else if (event.kind === 'advance') await clock.advance(event.ms)
            else capacity.sweep()
            const inUse = [...bound.values(), ...alive().map(([, { devices }]) => devices)]
            const sum = inUse.reduce((all, devices) => all + devices, 0)
            assert.ok(sum <= total, `${sum} of ${total}`)
            assert.is(capacity.free(), total - sum)
          }
          bound.clear()
          await clock.advance(1_000)
          capacity.sweep()
          assert.is(capacity.free(), total)
        },
      ),
      { numRuns: 150 },
    )
    assert.ok(runs >= 150)
  },
  { timeoutMs: 60_000 },
)

test('a device that is asked for in no number, or in a broken one, is not promised', () => {
  const capacity = createCapacity({ total: 4, clock: createVirtualClock(), occupied: () => [] })
  for (const devices of [0, -1, 1.5, Number.NaN, 5]) assert.not.ok(capacity.reserve('x', devices, Infinity))
  assert.is(capacity.free(), 4)
})

test('a promise ends after its time, also when the time of day is set back meanwhile', async () => {
  const clock = createVirtualClock()
  let setBackMs = 0
  const capacity = createCapacity({
    total: 1,
    clock: { ...clock, now: () => clock.now() - setBackMs },
    occupied: () => [],
  })
  assert.ok(capacity.reserve('x', 1, clock.now() + 15_000))
  setBackMs = 7_200_000
  assert.is(capacity.free(), 0)
  await clock.advance(15_001)
  assert.is(capacity.free(), 1)
})

const NOW = 1_000_000
const record: LeaseRecord = {
  lease: new Uint8Array(32),
  orderId: new Uint8Array(32),
  terms: {} as LeaseRecord['terms'],
  termsHash: new Uint8Array(32),
  renter: '',
  state: 'open',
  signedAtMs: NOW,
  serial: 7n,
  deposit: 100n,
  paid: 0n,
  deadline: 2_000,
  occupies: true,
}
const account = {
  serial: 7n,
  deposit: 100n,
  paid: 0n,
  openedAt: 1_000,
  deadline: 2_000,
  cancelled: false,
  completed: false,
} as LeaseAccount
const best = { amount: 50n, sequence: 1n, final: false } as NonNullable<LeaseRecord['best']>
const final = { ...best, final: true }
const output = new Uint8Array(32)

test('what is due for a lease follows from what is stored and what the chain says', () => {
  const cases: Array<
    [string, Partial<LeaseRecord>, Partial<LeaseAccount> | undefined, number, number, Step]
  > = [
    ['signed, not on the chain yet', { state: 'signed' }, undefined, NOW + SIGNED_MS, 1_000, 'wait'],
    ['signed, and too old to appear', { state: 'signed' }, undefined, NOW + SIGNED_MS + 1, 1_000, 'drop'],
    ['signed, and on the chain', { state: 'signed' }, {}, NOW + SIGNED_MS + 1, 1_000, 'open'],
    ['open, nothing to do', {}, {}, NOW, 1_500, 'wait'],
    ['open, a voucher, far from the end', { best }, {}, NOW, 1_500, 'wait'],
    ['gone from the chain', { best }, undefined, NOW, 1_500, 'finish'],
    ['another lease at the same address', { best }, { serial: 8n }, NOW, 1_500, 'finish'],
    ['a final voucher', { best: final }, {}, NOW, 1_500, 'close'],
    ['a final voucher after the deadline', { best: final }, {}, NOW, 3_000, 'close'],
    ['a final voucher that was paid out before', { best: final }, { paid: 50n }, NOW, 1_500, 'close'],
    ['cancelled, a voucher', { best }, { cancelled: true }, NOW, 1_500, 'settle'],
    ['cancelled, the voucher paid', { best }, { cancelled: true, paid: 50n }, NOW, 1_500, 'wait'],
    ['near the deadline', { best }, {}, NOW, 1_970, 'settle'],
    ['after the deadline, not paid out', { best }, {}, NOW, 2_500, 'settle'],
    ['near the deadline, paid out', { best }, { paid: 50n }, NOW, 1_990, 'wait'],
    ['near the deadline, no voucher', {}, {}, NOW, 1_990, 'wait'],
    ['the job has just ended', { best, endedAtMs: NOW }, {}, NOW + 59_999, 1_500, 'wait'],
    ['the job ended long ago', { best, endedAtMs: NOW }, {}, NOW + 60_000, 1_500, 'settle'],
    ['delivered, far from the end', { output }, {}, NOW, 1_500, 'wait'],
    ['delivered, near the deadline, and the renter is gone', { output }, {}, NOW, 1_970, 'complete'],
    ['delivered, a voucher not paid out: the bond first', { output, best }, {}, NOW, 1_970, 'complete'],
    ['delivered, and posted', { output, best }, { completed: true }, NOW, 1_975, 'settle'],
    ['delivered, and cancelled', { output }, { cancelled: true }, NOW, 1_990, 'wait'],
    ['delivered, and paid in full', { output, best }, { paid: 100n }, NOW, 1_990, 'wait'],
    ['delivered, a final voucher is there', { output, best: final }, {}, NOW, 1_990, 'close'],
    ['delivered, too late to post it', { output }, {}, NOW, 2_000, 'wait'],
    ['after the deadline, with the completion posted', { output }, { completed: true }, NOW, 2_060, 'expire'],
    ['after the deadline the renter comes first', {}, { cancelled: true }, NOW, 2_010, 'wait'],
    ['after the deadline nobody came', {}, { cancelled: true }, NOW, 2_060, 'expire'],
    ['paid in full, nobody came', { best }, { paid: 100n }, NOW, 2_060, 'expire'],
    ['an end that burns the bond is left to others', {}, {}, NOW, 2_060, 'wait'],
    ['but not for ever', {}, {}, NOW, 2_000 + FORFEIT_S, 'expire'],
    ['closed', { state: 'closed', best: final }, {}, NOW, 1_500, 'wait'],
  ]
  for (const [name, change, chain, nowMs, chainNow, step] of cases) {
    const there = chain && { ...account, ...chain }
    assert.is(nextStep({ ...record, ...change }, { account: there, nowMs, chainNow }), step, name)
  }
})

test('a job stops when its lease is cancelled, or early enough before its deadline to be paid', () => {
  assert.is(stopReason(account, 1_500), undefined)
  assert.is(stopReason(undefined, 1_500), undefined)
  assert.is(stopReason({ ...account, cancelled: true }, 1_500), 'LEASE_CANCELLED')
  assert.is(stopReason(account, 1_984), undefined)
  assert.is(stopReason(account, 1_985), 'LEASE_EXPIRED')
})

test('a journal keeps states and outputs, drops the oldest lines and says how many, and numbers go on', () => {
  const journal = createJournal([], 0)
  journal.append({ state: { state: JobState.RUNNING, reason: '', detail: '' } }, 0)
  for (let index = 0; index < JOB_LIMITS.maxEvents + 10; index++) {
    journal.append({ log: { line: String(index) } }, index)
  }
  const kept = journal.from(0)
  assert.ok(kept.length <= JOB_LIMITS.maxEvents, `${kept.length} events are kept`)
  assert.is(kept[0]?.state?.state, JobState.RUNNING)
  const dropped = kept[1]?.log?.dropped ?? 0
  assert.is(kept[1]?.log?.line, `(${dropped} older lines are not kept)`)
  assert.is(kept[2]?.log?.line, String(dropped))
  assert.is(kept.length - 2, JOB_LIMITS.maxEvents + 10 - dropped, 'every line is kept or counted')
  assert.is(kept.at(-1)?.index, JOB_LIMITS.maxEvents + 10)
  assert.is(journal.next(), JOB_LIMITS.maxEvents + 11)
})

test('signs of life take the place of one another in a journal', () => {
  const journal = createJournal([], 0)
  journal.append({ state: { state: JobState.RUNNING, reason: '', detail: '' } }, 0)
  for (let index = 0; index < 100; index++) journal.beat(index)
  assert.is(journal.from(0).length, 2)
  assert.is(journal.from(0).at(-1)?.workedMs, 99)
  assert.is(journal.from(0).at(-1)?.state?.state, JobState.RUNNING)
})

test('long lines cannot fill the memory', () => {
  const journal = createJournal([], 0)
  const line = 'x'.repeat(JOB_LIMITS.maxLogLineChars)
  for (let index = 0; index < 3_000; index++) journal.append({ log: { line } }, index)
  assert.ok(journal.from(0).length < 1_100, String(journal.from(0).length))
})

test('turns of one name follow one another, also after one has failed', async () => {
  const turns = createTurns()
  const order: string[] = []
  const slow = turns.take('a', async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    order.push('a1')
    throw new Error('no')
  })
  const next = turns.take('a', async () => order.push('a2'))
  const other = turns.take('b', async () => order.push('b1'))
  await Promise.allSettled([slow, next, other])
  assert.equal(order, ['b1', 'a1', 'a2'])
})

test.run()
