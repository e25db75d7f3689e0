import * as assert from 'uvu/assert'
import type { Network, ProviderPeer } from '../../node/net/ports.js'
import { systemRandom } from '../../node/system/random.js'
import { codeOf } from '../../protocols/errors.js'
import { eventually, startNetwork, temporaryDirectory } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('network: distributed hash table over six nodes')

const COUNT = 6
const networks: Network[] = []

/** Records are numbers as text; the higher one is the better one. */
const rules = {
  validate: (_key: string, value: Uint8Array) => /^\d+$/.test(new TextDecoder().decode(value)),
  select: (_key: string, values: Uint8Array[]) => {
    const numbers = values.map((value) => Number(new TextDecoder().decode(value)))
    return numbers.indexOf(Math.max(...numbers))
  },
}

test.before(async () => {
  networks.push(await startNetwork())
  const bootstrap = networks[0]!.addresses()
  for (let index = 1; index < COUNT; index++) networks.push(await startNetwork({ bootstrap }))
  await eventually(() => networks[0]!.peers().length === COUNT - 1)
  for (const network of networks) network.dht.registerRecord('number', rules)
})
test.after(async () => {
  await Promise.all(networks.map((network) => network.stop()))
})

async function providersOf(network: Network, key: string): Promise<ProviderPeer[]> {
  const found: ProviderPeer[] = []
  for await (const provider of network.dht.findProviders(key)) found.push(provider)
  return found
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

async function codeOfRejection(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
  } catch (error) {
    return codeOf(error)
  }
  throw new Error('this should have been rejected')
}

test('who provides a key is found by all others, once, and can be dialled', async () => {
  const [, first, second] = networks
  await first!.dht.provide('market/24g/EU')
  await second!.dht.provide('market/24g/EU')
  for (const network of networks.slice(3)) {
    const found = await providersOf(network, 'market/24g/EU')
    assert.equal(found.map(({ peer }) => peer).sort(), [first!.peer, second!.peer].sort())
    for (const { addresses } of found) assert.ok(addresses.length > 0)
  }
  await networks[5]!.dial(first!.peer)
  assert.ok(networks[5]!.peers().includes(first!.peer))
})

test('a search ends at its limit, and without providers', async () => {
  await Promise.all(networks.slice(1).map((network) => network.dht.provide('popular')))
  let found = 0
  for await (const _ of networks[0]!.dht.findProviders('popular', { limit: 2 })) found++
  assert.is(found, 2)
  assert.equal(await providersOf(networks[0]!, 'nobody has this'), [])
})

test('a node does not find itself', async () => {
  await networks[1]!.dht.provide('mine alone')
  assert.equal(await providersOf(networks[1]!, 'mine alone'), [])
})

test('a value put by one is got by all, and the better of two wins', async () => {
  await networks[1]!.dht.put('number/of-stars', encode('7'))
  assert.equal(await networks[4]!.dht.get('number/of-stars'), encode('7'))
  await networks[2]!.dht.put('number/of-stars', encode('12'))
  for (const network of networks) assert.equal(await network.dht.get('number/of-stars'), encode('12'))
})

test('a key that nobody put has no value', async () => {
  assert.is(await networks[3]!.dht.get('number/of-nothing'), undefined)
})

test('a value that its rules refuse, too large, or of no namespace, is not put', async () => {
  const { dht } = networks[1]!
  assert.is(await codeOfRejection(dht.put('number/x', encode('seven'))), 'RECORD_INVALID')
  assert.is(await codeOfRejection(dht.put('number/x', encode('1'.repeat(20_000)))), 'RECORD_INVALID')
  assert.is(await codeOfRejection(dht.put('letter/x', encode('7'))), 'RECORD_INVALID')
  assert.is(await codeOfRejection(dht.put('number', encode('7'))), 'RECORD_INVALID')
})

test('a value that a careless node puts is not taken by others', async () => {
  const careless = await startNetwork({ bootstrap: networks[0]!.addresses() })
  try {
    await eventually(() => careless.peers().length > 0)
    careless.dht.registerRecord('number', { ...rules, validate: () => true })
    await careless.dht.put('number/poisoned', encode('not a number')).catch(() => {})
    assert.is(await networks[2]!.dht.get('number/poisoned'), undefined)
  } finally {
    await careless.stop()
  }
})

test('a query can be cancelled', async () => {
  const search = async () => {
    for await (const _ of networks[0]!.dht.findProviders('anything', { signal: AbortSignal.abort() }));
  }
  assert.is(await codeOfRejection(search()), 'DHT_FAILED')
})

test('what a node stored survives its restart', async () => {
  const directory = temporaryDirectory()
  const init = { dataDir: directory.path, seed: systemRandom.bytes(32), bootstrap: networks[0]!.addresses() }
  try {
    const before = await startNetwork(init)
    before.dht.registerRecord('number', rules)
    await eventually(() => before.peers().length > 0)
    await before.dht.put('number/kept', encode('42'))
    await before.stop()
    const after = await startNetwork(init)
    after.dht.registerRecord('number', rules)
    await eventually(() => after.peers().length > 0)
    assert.equal(await after.dht.get('number/kept'), encode('42'))
    await after.stop()
  } finally {
    directory.remove()
  }
})

test.run()
