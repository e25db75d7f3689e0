import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openCache } from '../../node/content/cache.js'
import { createPace } from '../../node/content/pace.js'
import type { TransferProgress } from '../../node/content/port.js'
import { createThrottle } from '../../node/content/throttle.js'
import { openFolder } from '../../node/files/folder.js'
import { nativeSha256 } from '../../node/files/hash.js'
import { silentLog } from '../../node/system/log.js'
import { equal, toHex } from '../../protocols/bytes.js'
import {
  areLeavesOf,
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  contentOf,
  createContentHasher,
  findMalformedRequest,
  isChunkOf,
  leafOf,
} from '../../protocols/job/content.js'
import { createVirtualClock } from '../support/clock.js'
import { fill } from '../support/messages.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('content')

const counting = (bytes: number) => new Uint8Array(bytes).map((_, index) => index % 251)

/** Computed by another program (Python's hashlib) from the definition in protocols/job/content.ts. */
const VECTORS: Array<[bytes: number, root: string]> = [
  [0, '4322fd2bc0a137d1375b37b3b2e2b4715b3d3dd7ca9682438d4fea0f8437fad3'],
  [1, 'ee8acb9cb20eaf4b807ef586e552774d803cc3dd837bf26e9f509500cc2604bd'],
  [262_143, 'adb5c0d42e1baf9b7d83826bfb19e4a6daeb61b1ad00122aacd7e49a01a42b3a'],
  [262_144, '76f273df2a4fcd5ce84584741994735ce58c759bc10168e2770f3b0d75257593'],
  [262_145, 'd9b47d928ab6f1476341974f572778a85ae63cc998a0d10c6273bb7aeee8d560'],
  [524_288, '649378c06aba9663aa6f036ed1b6929c47dda31f420cb588c73b889512e6d0e7'],
  [786_437, '9776a6cbcab54af8feaeeefe5fbed1f0e5a20d9f03529308fc8efc8e2dd391ab'],
  [1_310_720, '7a7d960bc3d8a8ff0d3c8ba05893114a3ebdbddbc327dc01d3cd797a67c28792'],
]

test('blobs have the names that another program computes', () => {
  for (const [bytes, root] of VECTORS) {
    assert.is(toHex(contentOf(counting(bytes), nativeSha256)), root, `${bytes} bytes`)
  }
  const [bytes, root] = VECTORS[4]!
  assert.is(toHex(contentOf(counting(bytes))), root, 'in plain JavaScript too')
  assert.is(VECTORS.length, 8)
})

test('the pieces in which a blob comes do not change its name', () => {
  const blob = counting(2 * CHUNK_BYTES + 77)
  const root = toHex(contentOf(blob, nativeSha256))
  let runs = 0
  fc.assert(
    fc.property(fc.array(fc.nat({ max: blob.length }), { maxLength: 8 }), (cuts) => {
      const hasher = createContentHasher(nativeSha256)
      const places = [0, ...cuts.sort((a, b) => a - b), blob.length]
      for (const [index, place] of places.slice(1).entries()) {
        const piece = blob.slice(places[index], place)
        hasher.update(piece)
        // Whoever reads a file uses one buffer again and again.
        piece.fill(0)
      }
      const named = hasher.end()
      assert.is(toHex(named.root), root)
      assert.is(named.bytes, blob.length)
      assert.ok(areLeavesOf(named.leaves, { sha256: named.root, bytes: blob.length }, nativeSha256))
      runs++
    }),
    { numRuns: 30 },
  )
  assert.ok(runs >= 30)
})

test('any flipped bit shows at its own chunk and at no other', () => {
  const blob = counting(3 * CHUNK_BYTES + 5)
  const hasher = createContentHasher(nativeSha256)
  hasher.update(blob)
  const { leaves } = hasher.end()
  let runs = 0
  fc.assert(
    fc.property(fc.nat({ max: blob.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
      const damaged = blob.slice()
      damaged[at]! ^= 1 << bit
      for (let index = 0; index < chunkCount(blob.length); index++) {
        const chunk = damaged.subarray(
          index * CHUNK_BYTES,
          index * CHUNK_BYTES + chunkLength(index, blob.length),
        )
        assert.is(isChunkOf(chunk, index, leaves, nativeSha256), index !== Math.floor(at / CHUNK_BYTES))
      }
      runs++
    }),
    { numRuns: 20 },
  )
  assert.ok(runs >= 20)
})

test('another length, another order, a leaf too many and a node taken for a leaf are other names', () => {
  const blob = counting(3 * CHUNK_BYTES)
  const hasher = createContentHasher(nativeSha256)
  hasher.update(blob)
  const { root, leaves } = hasher.end()
  const named = { sha256: root, bytes: blob.length }
  assert.ok(areLeavesOf(leaves, named, nativeSha256))
  assert.not.ok(
    areLeavesOf(leaves, { ...named, bytes: blob.length - 1 }, nativeSha256),
    'the same three leaves',
  )
  assert.not.ok(areLeavesOf(leaves.subarray(0, 64), named, nativeSha256))
  assert.not.ok(areLeavesOf(Buffer.concat([leaves, leaves.subarray(64)]), named, nativeSha256))
  const swapped = Buffer.concat([leaves.subarray(32, 64), leaves.subarray(0, 32), leaves.subarray(64)])
  assert.not.ok(areLeavesOf(swapped, named, nativeSha256))
  const node = nativeSha256(Uint8Array.of(1), leaves.subarray(0, 32), leaves.subarray(32, 64))
  assert.not.ok(equal(leafOf(leaves.subarray(0, 64), nativeSha256), node))
})

test('requests name a blob, and chunks that it has', () => {
  const request = { root: fill(32, 1), first: 0, count: 2, held: 0 }
  assert.is(findMalformedRequest(request, 2 * CHUNK_BYTES), undefined)
  assert.is(findMalformedRequest({ ...request, count: 0 }), undefined)
  for (const changes of [{ root: fill(31, 1) }, { count: 65 }, { first: 1 }, { first: 2 ** 32 - 1 }]) {
    assert.type(findMalformedRequest({ ...request, ...changes }, 2 * CHUNK_BYTES), 'string')
  }
})

test('a rate is kept on average, whatever is sent through it', async () => {
  const clock = createVirtualClock()
  const throttle = createThrottle(1_000_000, clock)
  const began = clock.elapsed()
  const work = Promise.all(
    [1, 2, 3].map(async () => {
      for (let sent = 0; sent < 2_000_000; sent += 250_000)
        await throttle.pass(250_000, new AbortController().signal)
    }),
  )
  await drive(clock, work, 20)
  const seconds = (clock.elapsed() - began) / 1_000
  assert.ok(seconds >= 5.5 && seconds < 7, `${seconds} s for 6 MB at 1 MB/s`)
})

test('progress is told once a second with the rate of the last seconds and the time left', async () => {
  const clock = createVirtualClock()
  const told: TransferProgress[] = []
  const pace = createPace(clock, 10_000_000, (progress) => told.push(progress))
  pace.reach(1_000_000)
  for (let step = 0; step < 40; step++) {
    await clock.advance(100)
    pace.reach(1_000_000 + (step + 1) * 100_000)
  }
  assert.is(told.length, 4)
  assert.equal(told.at(-1), {
    bytes: 5_000_000,
    totalBytes: 10_000_000,
    bytesPerSecond: 1_000_000,
    secondsLeft: 5,
  })
  pace.reach(10_000_000)
  assert.is(told.at(-1)?.secondsLeft, 0, 'the end is told')
  const quick: TransferProgress[] = []
  const fast = createPace(clock, 100, (progress) => quick.push(progress))
  fast.reach(0)
  fast.reach(100)
  assert.is(quick.length, 0, 'what takes less than a second is not told of')
})

const root = mkdtempSync(join(tmpdir(), 'nightshift-content-'))
test.after(() => rmSync(root, { recursive: true, force: true }))
let folders = 0

/** A cache over real files, with what it announces. */
async function openStore(maxBytes: number, folder = `${folders++}`) {
  const files = openFolder(join(root, folder))
  const clock = createVirtualClock(1_700_000_000_000)
  const announced = new Set<string>()
  const cache = await openCache({
    files,
    content: {
      offer: () => () => {},
      announce: (name) => announced.add(toHex(name)).size > 0,
      withdraw: (name) => void announced.delete(toHex(name)),
    },
    maxBytes,
    clock,
    log: silentLog,
  })
  const blobOf = (seed: number, bytes = 1_000) => {
    const content = fill(bytes, seed)
    return { content, blob: { sha256: contentOf(content), bytes } }
  }
  /** As a lease does: a file of its own, kept, and given up. */
  const use = async (scope: string, seed: number) => {
    const { content, blob } = blobOf(seed)
    await files.append(`leases/${seed}`, content)
    await cache.keep(scope, blob, `leases/${seed}`)
    await clock.advance(1_000)
    return blob
  }
  const has = (scope: string, seed: number) => cache.take(scope, blobOf(seed).blob, `out/${folders++}`)
  return { files, cache, clock, use, has, blobOf, announced, folder }
}

test('the least recently used gives way, and what a lease uses does not', async () => {
  const { files, cache, use, has } = await openStore(3_000)
  for (const seed of [1, 2, 3]) await use('a', seed)
  await files.remove('leases')
  assert.ok(await has('a', 1))
  await files.remove('out')
  await use('a', 4)
  assert.not.ok(await has('a', 2), 'the oldest')
  assert.ok(await has('a', 1), 'used since')
  assert.ok(await has('a', 4))
  // Now 1 and 4 are in use, by `out`.
  assert.is(await cache.clear(), 1_000, 'only the third is free to go')
  assert.ok(await has('a', 1))
})

test('it survives a restart, keeps renters apart, and throws away what is damaged', async () => {
  const before = await openStore(10_000)
  const blob = await before.use('one', 1)
  await before.use('shared', 2)
  assert.is(before.announced.size, 1)
  const after = await openStore(10_000, before.folder)
  assert.is(after.announced.size, 1, 'announced again')
  assert.not.ok(await after.has('two', 1), 'knowing a name is no right to the data')
  assert.ok(await after.has('one', 1))
  writeFileSync(after.files.path(`cache/one/${toHex(blob.sha256)}`), fill(1_000, 9))
  assert.not.ok(await after.has('one', 1))
  assert.is(await after.files.size(`cache/one/${toHex(blob.sha256)}`), 0)
  const smaller = await openStore(0, before.folder)
  assert.ok(await smaller.has('shared', 2), 'a lease still has it')
  await smaller.files.remove('leases')
  await smaller.files.remove('out')
  const none = await openStore(0, before.folder)
  assert.not.ok(await none.has('shared', 2))
})

test.run()
