import * as assert from 'uvu/assert'
import type { DemandState, FraudEvidence, OpeningDemand } from '../../node/escrow/port.js'
import { createProsecutor, type FraudRecord } from '../../node/renter/fraud.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { encodeReceipt } from '../../protocols/challenge/receipt.js'
import { NightshiftError } from '../../protocols/errors.js'
import { createVirtualClock } from '../support/clock.js'
import { fill, MARKET, NOW } from '../support/messages.js'
import { createMemoryStore } from '../support/provider.js'
import { createMemoryEscrow } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter brings lies and silences before the chain')

const SIGNAL = new AbortController().signal
const PROVIDER = fill(32, 9)
const PENALTY = { transactions: ['tx'], slashed: 100n, compensation: 0n, bounty: 0n }

function receiptOf(index: number): Uint8Array {
  return encodeReceipt({
    market: MARKET,
    lease: fill(32, index),
    provider: PROVIDER,
    asker: fill(32, 2),
    seed: fill(32, index),
    params: { n: 16, rounds: 1 },
    root: fill(32, 4),
    startedMs: NOW,
    endedMs: NOW,
  })
}

const entry = { round: 0, row: 1, column: 1 }
const withheld = (index: number): OpeningDemand => ({
  receipt: receiptOf(index),
  signature: fill(64, 1),
  entry,
})
const lie = (index: number): FraudEvidence => ({
  receipt: receiptOf(index),
  signature: fill(64, 1),
  opening: { ...entry, segment: fill(8, 0), path: [] },
})

function setUp() {
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const store = createMemoryStore()
  const calls: string[] = []
  escrow.before = (call) => void calls.push(call)
  const open = () => createProsecutor({ store, escrow, clock, random: systemRandom, log: silentLog })
  const prosecutor = open()
  const found = (index: number, evidence: FraudRecord['evidence']) =>
    prosecutor.keep({ peer: 'peer', deployment: `job ${index}`, lease: fill(32, index), evidence })
  const slashed: string[] = []
  const reconcile = (by = prosecutor) =>
    by.reconcile(
      () => false,
      async ({ deployment }) => void slashed.push(deployment),
      SIGNAL,
    )
  const state = async () => (await prosecutor.records()).map((record) => record.state)
  return { clock, escrow, calls, prosecutor, found, reconcile, slashed, state, open }
}

test('while the chain is down the pauses grow, up to an hour, and are kept over a restart', async () => {
  const { clock, escrow, calls, found, reconcile, open } = setUp()
  escrow.stakes.set(Buffer.from(PROVIDER).toString('hex'), 1_000n)
  escrow.before = (call) => {
    calls.push(call)
    throw new NightshiftError('CHAIN_UNREACHABLE', 'down', { advice: 'none' })
  }
  await found(1, lie(1))
  const pauses: number[] = []
  for (let at = clock.now(), tries = 0; pauses.length < 12; ) {
    await reconcile(pauses.length % 2 === 0 ? open() : undefined)
    if (calls.length > tries) {
      tries = calls.length
      pauses.push(clock.now() - at)
      at = clock.now()
    }
    await clock.advance(5_000)
  }
  const [, second = 0, third = 0] = pauses
  assert.ok(second >= 5_000 && second <= 15_000, `${second} ms after the first failure`)
  assert.ok(third >= 10_000 && third <= 25_000, `${third} ms after the second`)
  for (const pause of pauses.slice(-2)) assert.ok(pause >= 1_800_000 && pause <= 3_605_000, `${pause} ms`)
  assert.ok(new Set(pauses.slice(-4)).size > 1, 'they are not all alike')
})

test('a demand is made once, looked at until it is answered, and then never again', async () => {
  const { clock, escrow, calls, found, reconcile, slashed, state } = setUp()
  await found(1, withheld(1))
  await reconcile()
  assert.equal(await state(), ['asked'])
  assert.equal(escrow.sent, ['demand'])
  for (let step = 0; step < 100; step++) {
    await reconcile()
    await clock.advance(10_000)
  }
  const looks = calls.length
  assert.ok(looks > 3 && looks < 12, `${looks} looks in 1,000 s`)
  for (const key of escrow.demandStates.keys()) escrow.demandStates.set(key, { state: 'answered' })
  await clock.advance(3_600_000)
  await reconcile()
  assert.equal(await state(), ['answered'])
  await clock.advance(10 * 3_600_000)
  await reconcile()
  assert.is(calls.length, looks + 1)
  assert.equal(slashed, [])
})

test('when the answer is overdue the silence is punished at once, and told', async () => {
  const { clock, escrow, found, reconcile, slashed, state } = setUp()
  await found(1, withheld(1))
  await reconcile()
  const silent: DemandState = { state: 'slashed', slash: PENALTY }
  for (const key of escrow.demandStates.keys()) escrow.demandStates.set(key, silent)
  // Looks become rare, and none is later than the end of the provider's time.
  await clock.advance(3_600_000 - 1_000)
  await reconcile()
  await clock.advance(1_000)
  await reconcile()
  assert.equal(await state(), ['slashed'])
  assert.equal(slashed, ['job 1'])
})

test('at most four openings are demanded at once; the others follow', async () => {
  const { clock, escrow, prosecutor, found, reconcile, state } = setUp()
  for (let index = 1; index <= 6; index++) await found(index, withheld(index))
  const records = await prosecutor.records()
  await Promise.all(records.slice(0, 3).map((record) => prosecutor.prosecute(record, SIGNAL)))
  await reconcile()
  assert.is((await state()).filter((each) => each === 'asked').length, 4)
  assert.is(escrow.sent.length, 4)
  for (const key of escrow.demandStates.keys()) escrow.demandStates.set(key, { state: 'answered' })
  for (let hour = 0; hour < 4; hour++) {
    await clock.advance(3_600_000)
    await reconcile()
  }
  assert.equal((await state()).filter((each) => each === 'found').length, 0)
  assert.is(escrow.sent.length, 6)
})

test('a lie that was slashed is followed until the rent of its verdict is back', async () => {
  const { clock, escrow, calls, found, reconcile, slashed, prosecutor } = setUp()
  escrow.stakes.set(Buffer.from(PROVIDER).toString('hex'), 1_000n)
  await found(1, lie(1))
  await reconcile()
  assert.equal(slashed, ['job 1'])
  for (let day = 0; day < 3; day++) {
    await clock.advance(24 * 3_600_000)
    await reconcile()
  }
  assert.is(calls.filter((call) => call === 'verdict').length, 3)
  escrow.areRegistrationsOver = true
  await clock.advance(24 * 3_600_000)
  await reconcile()
  assert.is((await prosecutor.records())[0]?.isRentBack, true)
  const before = calls.length
  await clock.advance(24 * 3_600_000)
  await reconcile()
  assert.is(calls.length, before)
  assert.equal(slashed, ['job 1'], 'told once')
})

test('evidence that is refused for good is left alone', async () => {
  const { clock, escrow, calls, found, reconcile, state } = setUp()
  escrow.demandOpening = async () => {
    calls.push('demand')
    return { refused: 'LEASE_GONE', detail: 'it has ended' }
  }
  await found(1, withheld(1))
  await reconcile()
  assert.equal(await state(), ['refused'])
  await clock.advance(24 * 3_600_000)
  await reconcile()
  assert.equal(calls, ['demand'])
})

test.run()
