import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import { createMemoryChain } from './chain.js'
import { createVirtualClock } from './clock.js'
import { createHub } from './memory.js'
import { fill, NOW } from './messages.js'
import { createRenter, type Ordered, PRICE, startProvider } from './provider.js'
import { drive } from './renter.js'

/** What may happen to a provider between an order and the end of its lease, in any order. */
export type Step =
  | { kind: 'order'; answer: 'taken' | 'TOO_EARLY' | 'ABOVE_CEILING' | 'silent' }
  | { kind: 'result'; of: number; winner: 'self' | 'other' | 'nobody'; round: number }
  | { kind: 'propose'; of: number }
  | { kind: 'open'; of: number }
  | { kind: 'restart' | 'pause' | 'resume' }
  | { kind: 'wait'; ms: number }
  /** Somebody sets the provider's time of day. */
  | { kind: 'clock'; ms: number }

const of = fc.nat(2)
const order: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('order'),
  answer: fc.constantFrom('taken', 'taken', 'taken', 'TOO_EARLY', 'ABOVE_CEILING', 'silent'),
})
const result: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('result'),
  of,
  winner: fc.constantFrom('self', 'self', 'self', 'other', 'nobody'),
  round: fc.nat(3),
})
const propose: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('propose'), of })
const open: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('open'), of })
const mishap: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('restart', 'pause', 'resume') }),
  fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(100, 1_500, 20_000, 70_000) }),
  fc.record({ kind: fc.constant('clock'), ms: fc.constantFrom(-3_600_000, -5_000, 5_000, 3_600_000) }),
) as fc.Arbitrary<Step>

const LIFE: ReadonlyArray<Step> = [
  { kind: 'order', answer: 'taken' },
  { kind: 'result', of: 0, winner: 'self', round: 0 },
  { kind: 'propose', of: 0 },
  { kind: 'open', of: 0 },
]

/** The beginning of an ordinary life of an order, or anything at any time. */
const part = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: LIFE.length }).map((length) => LIFE.slice(0, length)) },
  { weight: 3, arbitrary: fc.oneof(order, result, propose, open, mishap, mishap).map((step) => [step]) },
)
export const steps = fc.array(part, { minLength: 2, maxLength: 8 }).map((parts) => parts.flat())

const OTHER = peerIdFromSolanaKey(fill(32, 77))
/**
 * The longest promise is a signature's, two minutes; an award holds for one, and so does a lease after its dispute
 * window. One after the other, and a pass of the reconciler.
 */
const ALL_WINDOWS_MS = 120_000 + 60_000 + 60_000 + 10_000 + 2 * 30_000

/** How far the steps came: a property over sequences that reach nothing shows nothing. */
export interface Reached {
  bids: number
  won: number
  signed: number
  opened: number
}

/** Runs the steps on a real provider, lets all windows pass, and asks whether it bids again with all that it has. */
export async function leavesCapacityWhole(steps: readonly Step[]): Promise<Reached> {
  const clock = createVirtualClock(NOW)
  let setAhead = 0
  const own: Clock = { ...clock, now: () => clock.now() + setAhead }
  const hub = createHub()
  const chain = createMemoryChain(clock)
  const network = await hub.join()
  const house = await startProvider({
    network,
    rejoin: () => hub.join(network.privateKey),
    chain,
    clock: own,
    options: { reconcilePeriodMs: 30_000 },
  })
  const renter = await createRenter({ network: await hub.join(), chain, clock })
  const orders: Ordered[] = []
  const results = new Map<Ordered, Uint8Array>()
  const proposed = new Map<Ordered, Awaited<ReturnType<typeof renter.propose>>>()
  const self = network.peer
  let [signed, opened] = [0, 0]

  const order = async () => {
    const ordered = await renter.order()
    await clock.advance(500)
    return ordered
  }
  const act = async (each: Step): Promise<void> => {
    const chosen = 'of' in each ? orders.at(-1 - each.of) : undefined
    switch (each.kind) {
      case 'order':
        if (each.answer === 'silent') await renter.network.engine.unhandle(revealProtocol)
        renter.answerReveals(each.answer === 'taken' || each.answer === 'silent' ? '' : each.answer)
        orders.push(await order())
        return
      case 'result': {
        if (chosen === undefined) return
        const winner = { self, other: OTHER, nobody: '' }[each.winner]
        results.set(chosen, await renter.award(chosen, winner, PRICE, each.round))
        return
      }
      case 'propose': {
        const result = chosen && results.get(chosen)
        if (chosen === undefined || result === undefined) return
        const answered = await renter.propose(chosen, result, renter.terms(chosen, self))
        proposed.set(chosen, answered)
        if (answered.refused === '') signed++
        return
      }
      case 'open': {
        const found = chosen && proposed.get(chosen)
        if (found === undefined || found.refused !== '' || chain.leases.size > 0) return
        await chain.escrow().openLease(found.transaction, found.signature)
        opened++
        return
      }
      case 'restart':
        await house.restart()
        return
      case 'pause':
        return house.provider.pause('a game')
      case 'resume':
        return house.provider.resume()
      case 'wait':
        return clock.advance(each.ms)
      case 'clock':
        setAhead += each.ms
    }
  }
  try {
    for (const each of steps) await drive(clock, act(each))
    await house.provider.resume()
    for (const { address } of chain.leases.values()) await chain.escrow().cancelLease(address)
    await clock.advance(ALL_WINDOWS_MS)
    // The last thing that anybody does about a wrong clock.
    setAhead = 0
    const before = house.provider.status()
    const occupied = before.leases.filter(({ state }) => state !== 'closed')
    assert.equal(occupied, [], 'a lease is still kept')
    assert.is(before.devices[0]?.free, before.devices[0]?.count, 'a device is still occupied')
    const probe = createRenter({ network: await hub.join(), chain, clock })
    const fresh = await probe
    await fresh.order()
    await clock.advance(2_000)
    const { counters } = house.provider.status()
    assert.is(counters.bids, before.counters.bids + 1, `no bid: ${JSON.stringify(counters.passed)}`)
    fresh.close()
    return { bids: counters.bids, won: counters.won, signed, opened }
  } finally {
    renter.close()
    await drive(clock, house.remove(), 500)
  }
}
