import * as assert from 'uvu/assert'
import type { DeploymentEvent, DeploymentReport } from '../../node/renter/event.js'
import { createJournal, type Journal } from '../../node/renter/journal.js'
import { silentLog } from '../../node/system/log.js'
import { JobState } from '../../protocols/job/wire.js'
import { settle } from '../support/clock.js'
import { type Disk, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the journal of jobs')

let disk: Disk
test.before(async () => {
  disk = await openDisk()
})
test.after(() => disk.remove())

const open = () => createJournal({ store: disk.store, log: silentLog })
const line = (text: string): DeploymentEvent => ({ atMs: 1, kind: 'log', line: text })
const fact = (peer: string): DeploymentEvent => ({ atMs: 2, kind: 'committed', peer })
const step = (at: number): DeploymentEvent => ({ atMs: 3, kind: 'progress', step: at, steps: 9, metrics: {} })
const report = (id: string, state = JobState.RUNNING): DeploymentReport => ({
  id,
  name: id,
  state,
  createdAtMs: 1,
  bids: [],
  challenges: [],
  settlements: [],
  slashes: [],
  outputs: [],
})

async function collect(events: AsyncIterable<DeploymentEvent>): Promise<DeploymentEvent[]> {
  const all: DeploymentEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

const follow = (journal: Journal, id: string) => collect(journal.events(id, { follow: true }))

test('followers get every event once and in order, whenever they join', async () => {
  const journal = open()
  await journal.save(report('a'))
  const early = follow(journal, 'a')
  await settle()
  journal.append('a', line('1'))
  journal.append('a', fact('2'))
  await settle()
  const late = follow(journal, 'a')
  journal.append('a', line('3'))
  assert.equal(await collect(journal.events('a')), [line('1'), fact('2'), line('3')], 'without following')
  await journal.end('a')
  const all = [line('1'), fact('2'), line('3')]
  assert.equal(await early, all)
  assert.equal(await late, all)
  assert.equal(await follow(journal, 'a'), all, 'after the end, from the store')
})

test('a slow follower gets what was said before the end too', async () => {
  const journal = open()
  await journal.save(report('slow'))
  const events = journal.events('slow', { follow: true })[Symbol.asyncIterator]()
  const first = events.next()
  journal.append('slow', line('1'))
  journal.append('slow', line('2'))
  await journal.end('slow')
  assert.equal((await first).value, line('1'))
  assert.equal((await events.next()).value, line('2'))
  assert.is((await events.next()).done, true)
})

test('a follower that is no longer interested ends, also when it never was', async () => {
  const journal = open()
  await journal.save(report('b'))
  const abort = new AbortController()
  const following = collect(journal.events('b', { follow: true, signal: abort.signal }))
  await settle()
  abort.abort()
  assert.equal(await following, [])
  assert.equal(await collect(journal.events('b', { follow: true, signal: abort.signal })), [])
  await journal.end('b')
})

test('reports and events survive a restart, and what is added then comes after them', async () => {
  const first = open()
  await first.save({ ...report('c'), settlements: [] })
  first.append('c', fact('1'))
  await first.end('c')
  await disk.reopen()
  const second = open()
  assert.is((await second.report('c'))?.state, JobState.RUNNING)
  await Promise.all([second.amend('c', fact('2')), second.amend('c', fact('3'))])
  assert.equal(await collect(second.events('c')), [fact('1'), fact('2'), fact('3')])
  assert.is(
    (await second.reports()).some(({ id }) => id === 'c'),
    true,
  )
  assert.equal(await collect(second.events('unknown')), [])
})

test(
  'a provider that talks without end fills neither the memory nor the disk, and hides nothing',
  async () => {
    const journal = open()
    await journal.save(report('d'))
    journal.append('d', fact('first'))
    for (let at = 0; at < 2_000; at++) journal.append('d', step(at))
    const stored = async () => (await disk.store.collection<DeploymentEvent>('events/d').list()).length
    journal.append('d', fact('last'))
    for (let at = 0; at < 30_000; at++) journal.append('d', step(at))
    const inMemory = await collect(journal.events('d'))
    assert.ok(inMemory.length <= 1_102, `${inMemory.length} in memory`)
    assert.equal(inMemory.at(-1), step(29_999), 'the newest are kept')
    assert.equal(
      inMemory.filter(({ kind }) => kind === 'committed'),
      [fact('first'), fact('last')],
    )
    await journal.end('d')
    assert.equal(await collect(journal.events('d')), inMemory, 'in the store as in memory')
    assert.is(await stored(), inMemory.length)
  },
  { timeoutMs: 60_000 },
)

test(
  'of a log the newest lines are kept, and one line says how many older ones are not, also after a restart',
  async () => {
    const first = open()
    await first.save(report('e'))
    const slow = first.events('e', { follow: true })[Symbol.asyncIterator]()
    first.append('e', fact('begun'))
    await slow.next()
    for (let at = 0; at < 12_500; at++) first.append('e', line(String(at)))
    const told = (await collect(first.events('e'))).flatMap((event) => (event.kind === 'log' ? [event] : []))
    const gone = told[0]!.dropped ?? 0
    assert.is(told[0]!.line, `(${gone} older lines are not kept)`)
    assert.ok(gone >= 1_000 && told.length <= 11_001, `${gone} gone, ${told.length} kept`)
    assert.equal(
      told.slice(1).map((event) => event.line),
      Array.from({ length: 12_500 - gone }, (_, at) => String(gone + at)),
    )
    assert.equal((await slow.next()).value, told[0], 'who reads slowly is told too')
    await first.end('e')
    await disk.reopen()
    const second = open()
    assert.is((await second.restore('e')).length, told.length + 1)
    for (let at = 12_500; at < 14_000; at++) second.append('e', line(String(at)))
    const [again] = (await collect(second.events('e'))).flatMap((event) =>
      event.kind === 'log' ? [event] : [],
    )
    assert.ok(again!.dropped! > gone, `${again!.dropped} after ${gone}`)
    const lines = (await collect(second.events('e'))).length - 2
    assert.is(again!.dropped! + lines, 14_000)
  },
  { timeoutMs: 120_000 },
)

test.run()
