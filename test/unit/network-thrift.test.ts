import * as assert from 'uvu/assert'
import { COMPANY, choosePartings, type Neighbour } from '../../node/net/company.js'
import { calmTable } from '../../node/net/table.js'
import { widened } from '../../node/renter/matching.js'
import { systemRandom } from '../../node/system/random.js'
import { createVirtualClock } from '../support/clock.js'
import { suite } from '../support/suite.js'

const test = suite('what a node spends on others')

const OLD_MS = 60_000

function neighbour(index: number, change: Partial<Neighbour> = {}): Neighbour {
  return {
    peer: `peer-${index}`,
    openedAtMs: 0,
    isInUse: false,
    isKept: false,
    isOfOurTopics: true,
    ...change,
  }
}

test('a node with few neighbours hangs up on nobody', () => {
  const few = Array.from({ length: COMPANY.most }, (_, index) => neighbour(index))
  assert.equal(choosePartings(few, OLD_MS, systemRandom), [])
})

test('of a hundred neighbours twenty are left, those that are needed among them, those of other topics gone first', () => {
  const many = Array.from({ length: 100 }, (_, index) =>
    neighbour(index, {
      isInUse: index < 5,
      isKept: index >= 5 && index < 10,
      isOfOurTopics: index < 50,
      openedAtMs: index === 99 ? OLD_MS - 1 : 0,
    }),
  )
  const gone = choosePartings(many, OLD_MS, systemRandom)
  assert.is(gone.length, 100 - COMPANY.fewest)
  for (let index = 0; index < 10; index++) assert.not.ok(gone.includes(`peer-${index}`))
  for (let index = 50; index < 99; index++) assert.ok(gone.includes(`peer-${index}`), `peer-${index}`)
  assert.not.ok(gone.includes('peer-99'), 'it was opened just now')
})

test('neighbours that are all needed stay, however many', () => {
  const many = Array.from({ length: 100 }, (_, index) => neighbour(index, { isKept: true }))
  assert.equal(choosePartings(many, OLD_MS, systemRandom), [])
})

test('a peer that the hash table names again and again is looked at once a minute, and at once with a new address', async () => {
  const clock = createVirtualClock()
  const told: string[] = []
  const kad = {
    routingTable: { closestPeerTagger: { peerSetSize: 20 } },
    network: {
      safeDispatchEvent: (
        type: string,
        init?: { detail?: { id: unknown; multiaddrs: readonly unknown[] } },
      ) => {
        told.push(`${type} ${init?.detail?.id ?? ''}`)
        return true
      },
    },
  }
  calmTable(kad, clock)
  const name = (id: string, ...multiaddrs: string[]) =>
    kad.network.safeDispatchEvent('peer', { detail: { id, multiaddrs } })
  assert.is(kad.routingTable.closestPeerTagger.peerSetSize, 4)
  for (let count = 0; count < 100; count++) name('a', '/ip4/1.2.3.4/tcp/1')
  assert.equal(told, ['peer a'])
  name('b', '/ip4/1.2.3.4/tcp/1')
  name('a', '/ip4/1.2.3.4/tcp/2')
  assert.equal(told, ['peer a', 'peer b', 'peer a'])
  await clock.advance(60_000)
  name('b', '/ip4/1.2.3.4/tcp/1')
  kad.network.safeDispatchEvent('other')
  kad.network.safeDispatchEvent('other')
  assert.equal(told.slice(3), ['peer b', 'other ', 'other '])
  const endless = Array.from({ length: 1_000 }, (_, port) => `/ip4/1.2.3.4/tcp/${port}`)
  name('c', ...endless)
  name('c', ...endless)
  assert.equal(told.slice(6), ['peer c', 'peer c'], 'a name as long as a message is not remembered')
})

test('windows double with every auction in vain, up to twelve seconds together, and never shrink', () => {
  const asked = { commitMs: 800, revealMs: 600 }
  assert.equal(widened(asked, 0), asked)
  assert.equal(widened(asked, 1), { commitMs: 1_600, revealMs: 1_200 })
  const last = widened(asked, 40)
  assert.equal(last, widened(asked, 4))
  assert.ok(last.commitMs + last.revealMs <= 12_000)
  assert.ok(last.commitMs + last.revealMs > 11_990)
  const long = { commitMs: 60_000, revealMs: 20_000 }
  assert.equal(widened(long, 3), long)
})

test.run()
