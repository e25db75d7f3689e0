import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { readDocument, writeDocument } from '../../node/store/document.js'
import { openStore } from '../../node/store/level.js'
import { codeOf } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('store')
const WRITER = fileURLToPath(new URL('../support/writer.js', import.meta.url))

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-store-'))
  try {
    await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function codeFrom(attempt: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    return codeOf(error) ?? String(error)
  }
}

const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('document'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('$bigint', '$bytes', '$', '$$number')),
      tie('document'),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
}))

test('a document that is written and read again is the same', () => {
  fc.assert(
    fc.property(document, (value) => {
      assert.equal(readDocument(writeDocument(value)), value)
      assert.is(writeDocument(readDocument(writeDocument(value))), writeDocument(value))
    }),
  )
})

test('a key that a peer chose is never taken for a type', () => {
  const hostile = { metrics: { $bigint: 'not a number', $bytes: 1, $number: {}, $$: 2 } }
  assert.equal(readDocument(writeDocument(hostile)), hostile)
})

test('bytes come back as plain bytes, whatever kind of view they were', () => {
  const view = new Uint8Array([0, 1, 2, 3]).subarray(1, 3)
  for (const bytes of [Buffer.from([1, 2]), view]) {
    assert.equal(readDocument(writeDocument({ bytes })), { bytes: new Uint8Array([1, 2]) })
  }
})

test('a field without a value is left out', () => {
  assert.equal(readDocument(writeDocument({ a: undefined, b: 1 })), { b: 1 })
})

test('what would come back as something else is not written', () => {
  const values = [new Date(0), new Map(), new Set(), () => 1, Symbol('a'), undefined, new (class Odd {})()]
  for (const value of values) {
    for (const place of [value, { value }, [value]]) {
      if (value === undefined && place !== value && !Array.isArray(place)) continue
      assert.throws(
        () => writeDocument(place),
        (error: unknown) => codeOf(error) === 'DOCUMENT_UNWRITABLE',
      )
    }
  }
})

test('documents are found by key, listed in order, and do not mix with those of other collections', () =>
  inFolder(async (folder) => {
    const store = await openStore(folder)
    const jobs = store.collection<{ price: bigint }>('job')
    const others = store.collection<{ price: bigint }>('job/b')
    await jobs.put('b/1', { price: 2n })
    await jobs.put('a', { price: 1n })
    await jobs.put('', { price: 0n })
    await others.put('c', { price: 3n })
    await jobs.put('gone', { price: 9n })
    await jobs.delete('gone')
    await jobs.delete('never there')
    assert.equal(await jobs.get('b/1'), { price: 2n })
    assert.is(await jobs.get('c'), undefined)
    assert.equal(
      (await jobs.list()).map(({ key, value }) => [key, value.price]),
      [
        ['', 0n],
        ['a', 1n],
        ['b/1', 2n],
      ],
    )
    assert.is((await others.list()).length, 1)
    assert.throws(() => store.collection('job:2'), /no name of a collection/)
    await store.close()
  }))

test('a store is there again after it was closed', () =>
  inFolder(async (folder) => {
    const first = await openStore(join(folder, 'made', 'on', 'the', 'way'))
    await first.collection('job').put('a', { bytes: new Uint8Array([1]) })
    await first.close()
    const second = await openStore(join(folder, 'made', 'on', 'the', 'way'))
    assert.equal(await second.collection('job').get('a'), { bytes: new Uint8Array([1]) })
    await second.close()
  }))

/** Kills the writer with SIGKILL once it has acknowledged `count` writes; resolves to the numbers that it acknowledged. */
async function killWriter(folder: string, count: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let acknowledged = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') continue
    assert.is(Number(line), acknowledged++)
    if (acknowledged === count) child.kill('SIGKILL')
  }
  const [, signal] = await ended
  assert.is(signal, 'SIGKILL')
  return acknowledged
}

test(
  'what was acknowledged is there after kill -9, and nothing half-written is',
  () =>
    inFolder(async (folder) => {
      for (const count of [1, 40, 200]) {
        const acknowledged = await killWriter(folder, count)
        assert.ok(acknowledged >= count)
        const store = await openStore(folder)
        const numbers = store.collection<{ number: bigint }>('numbers')
        for (let number = 0; number < acknowledged; number++) {
          assert.equal(await numbers.get(String(number)), { number: BigInt(number) })
        }
        for (const { key, value } of await numbers.list()) assert.equal(value, { number: BigInt(key) })
        await store.close()
      }
    }),
  { timeoutMs: 60_000 },
)

test('a second opener is told that the folder is in use, and the first goes on', () =>
  inFolder(async (folder) => {
    const store = await openStore(folder)
    assert.is(await codeFrom(() => openStore(folder)), 'DATA_DIR_IN_USE')
    await store.collection('job').put('a', 1)
    assert.is(await store.collection('job').get('a'), 1)
    await store.close()
    await (await openStore(folder)).close()
  }))

test('another process that opens the folder is told the same', () =>
  inFolder(async (folder) => {
    const child = spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'close')
    await once(child.stdout, 'data')
    assert.is(await codeFrom(() => openStore(folder)), 'DATA_DIR_IN_USE')
    child.kill('SIGKILL')
    await ended
  }))

test('a damaged store is called damaged, not in use, even in a folder called "lock"', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'lock')
    await (await openStore(folder)).close()
    writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-999999\n')
    assert.is(await codeFrom(() => openStore(folder)), 'DATA_DIR_UNREADABLE')
  }))

test('a file in the place of the folder is no store', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '')
    assert.is(await codeFrom(() => openStore(join(folder, 'file'))), 'DATA_DIR_UNREADABLE')
  }))

test('a closed store refuses with a code', () =>
  inFolder(async (folder) => {
    const store = await openStore(folder)
    const jobs = store.collection('job')
    await store.close()
    assert.is(await codeFrom(() => jobs.put('a', 1)), 'STORE_WRITE_FAILED')
    assert.is(await codeFrom(() => jobs.get('a')), 'STORE_READ_FAILED')
    assert.is(await codeFrom(() => jobs.list()), 'STORE_READ_FAILED')
  }))

/** Mounts a file system of `bytes` over the folder; false where this user may not. */
function mountSmall(folder: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const probe = mkdtempSync(join(tmpdir(), 'nightshift-mount-'))
const MOUNTS = mountSmall(probe, 'size=64k')
if (MOUNTS) execFileSync('umount', [probe])
rmSync(probe, { recursive: true, force: true })

async function onSmallDisk(body: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    assert.ok(mountSmall(folder, 'size=1m'))
    try {
      await body(folder)
    } finally {
      execFileSync('umount', ['--lazy', folder])
    }
  })
}

const FULL = 'a full disk fails the write with a code, and nothing that was acknowledged is lost'
const READ_ONLY = 'a disk that cannot be written to fails at the opening, with a code'
if (MOUNTS) {
  test(FULL, () =>
    onSmallDisk(async (folder) => {
      const store = await openStore(folder)
      const blobs = store.collection<Uint8Array>('blob')
      const blob = new Uint8Array(10_000).map((_, index) => (index * 7919) % 251)
      let acknowledged = 0
      let code: string | undefined
      for (; code === undefined && acknowledged < 1_000; acknowledged += code === undefined ? 1 : 0) {
        code = await codeFrom(() => blobs.put(String(acknowledged), blob))
      }
      assert.is(code, 'STORE_WRITE_FAILED')
      assert.ok(acknowledged > 5 && acknowledged < 1_000, `${acknowledged} writes`)
      await store.close()
      execFileSync('mount', ['-o', 'remount,size=16m', folder])
      const again = await openStore(folder)
      for (let index = 0; index < acknowledged; index++) {
        assert.equal(await again.collection<Uint8Array>('blob').get(String(index)), blob)
      }
      await again.collection<Uint8Array>('blob').put('after', blob)
      await again.close()
    }),
  )

  test(READ_ONLY, () =>
    onSmallDisk(async (folder) => {
      await (await openStore(join(folder, 'store'))).close()
      execFileSync('mount', ['-o', 'remount,ro', folder])
      assert.is(await codeFrom(() => openStore(join(folder, 'store'))), 'DATA_DIR_UNREADABLE')
      assert.is(await codeFrom(() => openStore(join(folder, 'new'))), 'DATA_DIR_UNREADABLE')
      assert.equal(readdirSync(folder), ['store'])
    }),
  )
} else {
  test.skip(FULL, 'this user may not mount a small file system')
  test.skip(READ_ONLY, 'this user may not mount a small file system')
}

test.run()
