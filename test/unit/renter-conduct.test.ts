import * as assert from 'uvu/assert'
import { createConductWatch } from '../../node/renter/conduct.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import { EXPERIENCES } from '../../protocols/inventory/reputation.js'
import { JobState } from '../../protocols/job/wire.js'
import { suite } from '../support/suite.js'

const test = suite('what a job says of its providers')

type Body = DeploymentEvent extends infer Event
  ? Event extends DeploymentEvent
    ? Omit<Event, 'atMs'>
    : never
  : never

/** Every note that a story leads to, as "peer what". */
function read(...story: Body[]): string[] {
  const watch = createConductWatch()
  return story.flatMap((event) =>
    watch({ atMs: 0, ...event } as DeploymentEvent).map(({ peer, what }) => `${peer} ${what}`),
  )
}

const ordered: Body = {
  kind: 'ordered',
  orderId: '00',
  ceilingPricePerHour: 5n,
  commitUntilMs: 1,
  revealUntilMs: 2,
}
const committed = (peer: string): Body => ({ kind: 'committed', peer })
const bid = (peer: string, outcome: 'won' | 'lost' | 'failed' | 'refused' | 'unqualified'): Body => {
  return { kind: 'bid', bid: { peer, pricePerHour: 1n, outcome } }
}
const awarded = (peer: string): Body => ({ kind: 'awarded', peer, pricePerHour: 1n, round: 0 })
const leased = (peer: string): Body => {
  return { kind: 'leased', peer, lease: '01', transaction: 't', deposit: 1n, orderToLeaseMs: 1 }
}
const challenged = (peer: string, reason?: string): Body => ({
  kind: 'challenged',
  challenge: {
    peer,
    ok: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    provingMs: 1,
    checkingMs: 1,
  },
})
const lost = (peer: string, reason: string): Body => ({ kind: 'standing-lost', peer, reason })

test('a job that is done speaks for the one that did it, and for nobody else', () => {
  assert.equal(
    read(
      ordered,
      committed('a'),
      committed('b'),
      bid('a', 'lost'),
      bid('b', 'lost'),
      awarded('a'),
      leased('a'),
      challenged('a'),
      bid('a', 'won'),
    ),
    ['a challenge-passed', 'a completed'],
  )
})

test('a pause that was told costs a little, once; a job that breaks off costs more', () => {
  const ended = (reason: string): Body => ({
    kind: 'bid',
    bid: { peer: 'a', pricePerHour: 1n, outcome: 'failed', reason },
  })
  const story = [ordered, committed('a'), bid('a', 'lost'), awarded('a'), leased('a'), challenged('a')]
  assert.equal(read(...story, ended('PROVIDER_PAUSED')), ['a challenge-passed', 'a paused'])
  assert.equal(read(...story, lost('a', 'STREAM_RESET'), ended('STREAM_RESET')), [
    'a challenge-passed',
    'a failed',
  ])
  assert.ok(EXPERIENCES.paused.bad < EXPERIENCES.failed.bad / 4)
})

const withheld = (peer: string, reason = 'BID_WITHHELD'): Body => {
  return { kind: 'bid', bid: { peer, pricePerHour: 0n, outcome: 'refused', reason } }
}

test('who commits and does not reveal is noted, once, when somebody else has revealed', () => {
  const story = [ordered, committed('a'), committed('b'), bid('a', 'lost')]
  assert.equal(read(...story, withheld('b'), awarded('a')), ['b withheld'])
  assert.equal(read(...story, withheld('b'), awarded('a'), bid('a', 'failed'), awarded('a')), [
    'b withheld',
    'a unsigned',
  ])
})

test('who was not waited for has withheld nothing', () => {
  const story = [ordered, committed('a'), committed('b'), bid('a', 'lost')]
  assert.equal(read(...story, withheld('b', 'NOT_REVEALED'), awarded('a')), [])
})

test('when nobody got through it was us who could not be reached', () => {
  const ended: Body = { kind: 'state', state: JobState.FAILED }
  const story = [ordered, committed('a'), committed('b'), withheld('a'), withheld('b')]
  assert.equal(read(...story, ordered, committed('a'), ended), [])
})

test('a bid that was refused was no bid withheld', () => {
  assert.equal(
    read(ordered, committed('a'), committed('b'), bid('b', 'refused'), bid('a', 'lost'), awarded('a')),
    [],
  )
})

test('a failed challenge is noted once, though the standing is lost and the bid fails for it as well', () => {
  const after = (reason: string) =>
    read(
      ordered,
      bid('a', 'lost'),
      awarded('a'),
      leased('a'),
      challenged('a', reason),
      lost('a', reason),
      bid('a', 'failed'),
    )
  assert.equal(after('DECLINED'), ['a challenge-failed'])
  assert.equal(after('OPENING_DIFFERS'), ['a lied'])
})

test('a job that breaks off after the lease is a failure, one before it a lease that was never signed', () => {
  const story = [ordered, bid('a', 'lost'), awarded('a')]
  assert.equal(read(...story, leased('a'), challenged('a'), lost('a', 'PEER_GONE'), bid('a', 'failed')), [
    'a challenge-passed',
    'a failed',
  ])
  assert.equal(read(...story, lost('a', 'PROVIDER_SILENT'), bid('a', 'failed')), ['a unsigned'])
})

test('the next provider is judged by what it does itself', () => {
  assert.equal(
    read(
      ordered,
      bid('a', 'lost'),
      bid('b', 'lost'),
      awarded('a'),
      leased('a'),
      lost('a', 'PEER_GONE'),
      bid('a', 'failed'),
      awarded('b'),
      bid('b', 'failed'),
    ),
    ['a failed', 'b unsigned'],
  )
})

test('of several providers at once each is judged by what it does itself', () => {
  assert.equal(
    read(
      ordered,
      bid('a', 'lost'),
      bid('b', 'lost'),
      awarded('a'),
      awarded('b'),
      leased('a'),
      leased('b'),
      lost('a', 'PEER_GONE'),
      challenged('b'),
      bid('a', 'failed'),
      bid('b', 'won'),
    ),
    ['a failed', 'b challenge-passed', 'b completed'],
  )
})

test.run()
