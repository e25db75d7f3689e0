import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Key } from 'interface-datastore'
import * as assert from 'uvu/assert'
import { RationedDatastore, RationedMemory } from '../../node/net/ration.js'
import { suite } from '../support/suite.js'

const test = suite('what others may put on the disk')

const SELF = 'self'

async function open(folder: string) {
  const db = new ClassicLevel<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' })
  await db.open()
  const store = new RationedDatastore(db as never, SELF, { '/dht/record/': 3 })
  await store.count()
  const keys = async () => {
    const found: string[] = []
    for await (const key of store.queryKeys({})) found.push(key.toString())
    return found.sort()
  }
  return { store, keys, close: () => db.close() }
}

test('entries of peers are read from memory and written later, but not those that are made up by the megabyte', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ration-'))
  try {
    const db = new ClassicLevel<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' })
    await db.open()
    const store = new RationedDatastore(db as never, SELF)
    const [small, large] = [new Uint8Array(200).fill(1), new Uint8Array(100_000).fill(2)]
    const onDisk = async (name: string) => (await db.get(name))?.length ?? 0
    await store.put(new Key('/peers/a'), small)
    await store.put(new Key('/peers/b'), large)
    assert.equal([await onDisk('/peers/a'), await onDisk('/peers/b')], [0, 100_000])
    await store.put(new Key('/peers/a'), large)
    await store.put(new Key('/peers/b'), small)
    await store.save()
    assert.equal([await onDisk('/peers/a'), await onDisk('/peers/b')], [100_000, 200])
    assert.equal(
      [(await store.get(new Key('/peers/a'))).length, (await store.get(new Key('/peers/b'))).length],
      [100_000, 200],
    )
    await db.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('made-up records make room for one another, and for nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ration-'))
  try {
    const first = await open(folder)
    const put = (name: string, into = first) => into.store.put(new Key(name), new Uint8Array(1))
    await put(`/dht/record/0/${SELF}`)
    for (const name of ['/peers/a', '/dht/record/a', '/dht/record/b', '/dht/record/c']) await put(name)
    await put('/dht/record/a')
    await put('/dht/record/d')
    const kept = ['/dht/record/0/self', '/dht/record/a', '/dht/record/c', '/dht/record/d', '/peers/a']
    assert.equal(await first.keys(), kept)
    await first.store.delete(new Key('/dht/record/d'))
    await put('/dht/record/e')
    assert.is((await first.keys()).length, 5)
    await first.close()

    const second = await open(folder)
    for (const name of ['/dht/record/f', '/dht/record/g']) await put(name, second)
    const after = await second.keys()
    assert.is(after.length, 5)
    for (const name of ['/dht/record/f', '/dht/record/g', '/dht/record/0/self', '/peers/a']) {
      assert.ok(after.includes(name), name)
    }
    await second.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('addresses of peers are in memory at once, and on the disk when they are asked for all together or saved', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ration-'))
  try {
    const first = await open(folder)
    const value = (store: RationedDatastore, name: string) =>
      store.get(new Key(name)).then((found) => found[0])
    for (const name of ['/peers/a', '/peers/b', '/peers/c']) {
      await first.store.put(new Key(name), Uint8Array.of(1))
      await first.store.put(new Key(name), Uint8Array.of(2))
    }
    assert.is(await value(first.store, '/peers/a'), 2)
    await first.store.delete(new Key('/peers/b'))
    assert.equal(await first.keys(), ['/peers/a', '/peers/c'])
    await first.store.put(new Key('/peers/c'), Uint8Array.of(3))
    await first.store.put(new Key('/peers/d'), Uint8Array.of(4))
    await first.store.save()
    await first.close()

    const second = await open(folder)
    assert.is(await value(second.store, '/peers/a'), 2)
    assert.is(await value(second.store, '/peers/c'), 3)
    assert.is(await value(second.store, '/peers/d'), 4)
    assert.ok(await value(second.store, '/peers/b').catch((error: Error) => error.name === 'NotFoundError'))
    await second.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('more peers than are kept in memory are all on the disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ration-'))
  try {
    const { store, keys, close } = await open(folder)
    const many = Array.from({ length: 3_000 }, (_, index) => new Key(`/peers/${index}`))
    for (const [index, key] of many.entries()) await store.put(key, Uint8Array.of(index % 256))
    for (const [index, key] of many.entries()) assert.is((await store.get(key))[0], index % 256)
    assert.is((await keys()).length, many.length)
    await close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a node without a disk keeps no more of what others put', async () => {
  const store = new RationedMemory(SELF, { '/dht/record/': 3 })
  for (let count = 0; count < 1_000; count++)
    await store.put(new Key(`/dht/record/${count}`), new Uint8Array(1))
  await store.put(new Key(`/dht/record/0/${SELF}`), new Uint8Array(1))
  await store.put(new Key('/peers/a'), new Uint8Array(1))
  const keys: string[] = []
  for await (const key of store.queryKeys({})) keys.push(key.toString())
  const kept = ['/dht/record/0/self', '/dht/record/997', '/dht/record/998', '/dht/record/999', '/peers/a']
  assert.equal(keys.sort(), kept)
})

test.run()
