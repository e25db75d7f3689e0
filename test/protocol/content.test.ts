import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createContent } from '../../node/content/content.js'
import type { Content, WantedContent } from '../../node/content/port.js'
import { openFolder, sourceOf } from '../../node/files/folder.js'
import type { Files } from '../../node/files/port.js'
import type { Network } from '../../node/net/ports.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { CHUNK_BYTES } from '../../protocols/job/content.js'
import { contentProtocol } from '../../protocols/job/protocol.js'
import { type Holding, holdContent } from '../support/content.js'
import { eventually, startNetwork } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('content over sockets')
const folder = mkdtempSync(join(tmpdir(), 'nightshift-content-'))
const files: Files = openFolder(folder)
const never = new AbortController().signal

const networks: Network[] = []
let content: Content
let client: Network
/** Two others that give what they are told to. */
let one: { hold: Holding; peer: string }
let two: { hold: Holding; peer: string }

test.before(async () => {
  client = await startNetwork()
  content = createContent({ network: client, clock: systemClock, random: systemRandom, log: silentLog })
  await content.serve()
  const join = async () => {
    const network = await startNetwork()
    networks.push(network)
    await client.dial(network.addresses()[0]!)
    return { hold: await holdContent(network), peer: network.peer }
  }
  one = await join()
  two = await join()
  networks.push(client)
})
test.after(async () => {
  await content.stop()
  await Promise.all(networks.map((network) => network.stop()))
  if (mounted) execFileSync('umount', [mount])
  rmSync(folder, { recursive: true, force: true })
})

let names = 0
const blobOf = (bytes: number) =>
  new Uint8Array(bytes).map((_, index) => (index * 7 + (index >> 8) * 13 + names) % 256)

function wantedOf(bytes: Uint8Array, change: Partial<WantedContent> = {}): WantedContent {
  const { sha256 } = sourceOf('x', bytes)
  const file = `blob-${names++}`
  return {
    sha256,
    bytes: bytes.length,
    peers: [one.peer],
    files,
    partial: `${file}.partial`,
    file,
    ...change,
  }
}

const read = (wanted: WantedContent) => files.read(wanted.file, 0, wanted.bytes)

async function failureOf(act: Promise<unknown>): Promise<NightshiftError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, NightshiftError)
  return error as NightshiftError
}

/** Chunks that were asked for of a holder, in any order. */
const askedOf = (hold: Holding, wanted: WantedContent) =>
  hold.asked
    .filter(({ root, count }) => count > 0 && toHex(root) === toHex(wanted.sha256))
    .flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index))

test('blobs of every size come whole, and leave nothing beside them', async () => {
  for (const bytes of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 20 * CHUNK_BYTES + 9]) {
    const blob = blobOf(bytes)
    one.hold.give(blob)
    const wanted = wantedOf(blob)
    await content.fetch(wanted, never)
    assert.equal(await read(wanted), blob)
    assert.is(await files.size(wanted.partial), 0)
    assert.is(await files.size(`${wanted.partial}.leaves`), 0)
  }
})

test('a chunk with a flipped bit is found at that chunk, its peer named, and the chunk asked of the other', async () => {
  const blob = blobOf(100 * CHUNK_BYTES)
  let sent = 0
  one.hold.give(blob, {
    chunk: (chunk, index) => {
      sent++
      if (index === 3) chunk[1_000]! ^= 4
      return chunk
    },
  })
  const alone = wantedOf(blob)
  const error = await failureOf(content.fetch(alone, never))
  assert.is(error.code, 'CONTENT_CORRUPT')
  assert.is(error.context.peer, one.peer)
  assert.is(error.context.chunk, 3)
  assert.ok(sent < 60, `it did not go on to the end: ${sent} of 100 chunks were sent`)
  two.hold.give(blob)
  const both = wantedOf(blob, { peers: [one.peer, two.peer] })
  await content.fetch(both, never)
  assert.equal(await read(both), blob)
  assert.ok(askedOf(two.hold, both).includes(3))
})

test('hashes of something else, a chunk that is too long, and a refusal end it with a code', async () => {
  const blob = blobOf(2 * CHUNK_BYTES)
  one.hold.give(blob, { leaves: (leaves) => leaves.fill(3) })
  assert.is((await failureOf(content.fetch(wantedOf(blob), never))).code, 'CONTENT_CORRUPT')
  one.hold.give(blob, { chunk: (chunk) => Buffer.concat([chunk, Buffer.of(1)]) })
  assert.is((await failureOf(content.fetch(wantedOf(blob), never))).code, 'CONTENT_CORRUPT')
  one.hold.refuse(blob, 'UNPAID')
  const refused = await failureOf(content.fetch(wantedOf(blob), never))
  assert.is(refused.code, 'CONTENT_REFUSED')
  assert.is(refused.context.reason, 'UNPAID')
})

test('after a cut in mid-transfer it goes on by itself, and nothing that was stored is asked for again', async () => {
  const blob = blobOf(60 * CHUNK_BYTES)
  let isCut = false
  const sent: number[] = []
  one.hold.give(blob, {
    chunk: async (chunk, index) => {
      sent.push(index)
      if (isCut || index < 30) return chunk
      isCut = true
      // The connection itself: both sides lose every stream.
      await client.hangUp(one.peer)
      return chunk
    },
  })
  const wanted = wantedOf(blob)
  await content.fetch(wanted, never)
  assert.ok(isCut)
  assert.equal(await read(wanted), blob)
  // What was on the way when the line was cut comes twice: three streams of at most a window and a write each.
  assert.ok(sent.length < 60 + 3 * 12, `${sent.length} chunks were sent`)
})

test('what a broken attempt has left is checked, and only what is missing or damaged is asked for', async () => {
  const blob = blobOf(12 * CHUNK_BYTES)
  one.hold.give(blob)
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 12 * CHUNK_BYTES }), fc.nat({ max: 11 }), async (bytes, damaged) => {
      const wanted = wantedOf(blob)
      const left = blob.slice(0, bytes)
      const at = damaged * CHUNK_BYTES + 5
      if (at < bytes) left[at]! ^= 1
      if (bytes > 0) await files.append(wanted.partial, left)
      const before = one.hold.asked.length
      await content.fetch(wanted, never)
      assert.equal(await read(wanted), blob)
      const asked = one.hold.asked
        .slice(before)
        .flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index))
      const whole = Math.floor(bytes / CHUNK_BYTES)
      const expected = Array.from({ length: 12 }, (_, index) => index).filter(
        (index) => index >= whole || index === damaged,
      )
      assert.equal(
        [...new Set(asked)].sort((a, b) => a - b),
        expected,
      )
      runs++
    }),
    { numRuns: 8 },
  )
  assert.ok(runs >= 8)
})

test('a blob comes from all who have it, and from those that are found by its name', async () => {
  const blob = blobOf(80 * CHUNK_BYTES)
  one.hold.give(blob)
  two.hold.give(blob)
  const both = wantedOf(blob, { peers: [one.peer, two.peer] })
  await content.fetch(both, never)
  assert.equal(await read(both), blob)
  for (const { hold } of [one, two]) assert.ok(askedOf(hold, both).length >= 16, 'each had a part in it')
})

test('a shared blob comes from another peer when the one who named it is gone', async () => {
  const blob = blobOf(5 * CHUNK_BYTES)
  const source = sourceOf('x', blob)
  const holder = networks[0]!
  const far = await startNetwork()
  try {
    await far.dial(client.addresses()[0]!)
    await far.dial(holder.addresses()[0]!)
    const theirs = createContent({
      network: far,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    })
    await theirs.serve()
    theirs.offer((root) => (toHex(root) === toHex(source.sha256) ? source : undefined))
    assert.ok(theirs.announce(source.sha256))
    const seen = async () => {
      for await (const { peer } of client.dht.findProviders(`content/${toHex(source.sha256)}`)) {
        if (peer === far.peer) return true
      }
      return false
    }
    await eventually(seen)
    one.hold.refuse(blob, 'UNKNOWN_BLOB')
    const private_ = await failureOf(content.fetch(wantedOf(blob), never))
    assert.is(private_.code, 'CONTENT_REFUSED', 'what is not shared is not looked for')
    const wanted = wantedOf(blob, { shared: true })
    await content.fetch(wanted, never)
    assert.equal(await read(wanted), blob)
    await theirs.stop()
  } finally {
    await far.stop()
  }
})

test('a stranger that takes a part of a shared blob upon itself and sends nothing holds nobody up', async () => {
  const blob = blobOf(80 * CHUNK_BYTES)
  const { sha256 } = sourceOf('x', blob)
  const stranger = await startNetwork()
  const name = `content/${toHex(sha256)}`
  const over = Promise.withResolvers<Uint8Array>()
  try {
    await stranger.dial(client.addresses()[0]!)
    await stranger.dial(networks[0]!.addresses()[0]!)
    const theirs = await holdContent(stranger)
    theirs.give(blob, { chunk: () => over.promise })
    await stranger.dht.provide(name)
    await eventually(async () => {
      for await (const { peer } of client.dht.findProviders(name)) if (peer === stranger.peer) return true
      return false
    })
    const wanted = wantedOf(blob, { shared: true })
    const isAsked = () => askedOf(theirs, wanted).length > 0
    one.hold.give(blob, {
      chunk: async (chunk) => {
        await eventually(isAsked)
        return chunk
      },
    })
    await content.fetch(wanted, never)
    assert.ok(isAsked())
    assert.equal(await read(wanted), blob)
  } finally {
    over.resolve(new Uint8Array())
    await stranger.stop()
  }
})

test('the leaves of a shared blob are made once, whoever asks for however many', async () => {
  const blobs = Array.from({ length: 20 }, () => blobOf(100 + names++))
  const reads: number[] = blobs.map(() => 0)
  const roots = blobs.map((blob) => sourceOf('x', blob).sha256)
  const stop = content.offer((root) => {
    const at = roots.findIndex((each) => toHex(each) === toHex(root))
    if (at === -1) return undefined
    const read = async (offset: number, length: number) => {
      reads[at]!++
      return blobs[at]!.subarray(offset, offset + length)
    }
    return { bytes: blobs[at]!.length, read }
  })
  const session = await networks[0]!.engine.open(contentProtocol, client.peer)
  for (let round = 0; round < 3; round++) {
    for (const root of roots) {
      await session.send({ root, first: 0, count: 0, held: 0 })
      await session.receive()
      assert.is((await session.receive())?.length, 32)
    }
  }
  await session.close()
  stop()
  assert.equal(
    reads,
    blobs.map(() => 1),
  )
})

test('nobody announces more than 64 blobs', async () => {
  const roots = Array.from({ length: 65 }, (_, index) => new Uint8Array(32).fill(index + 1))
  const quiet = createContent({
    network: {
      engine: { ...client.engine, handle: async () => {}, unhandle: async () => {} },
      dht: { ...client.dht, provide: async () => {}, stopProviding: async () => {} },
    },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  })
  assert.is(roots.filter((root) => quiet.announce(root)).length, 64)
  quiet.withdraw(roots[0]!)
  assert.ok(quiet.announce(roots[64]!))
  await quiet.stop()
})

const mount = join(folder, 'small')
let mounted = false
try {
  mkdirSync(mount)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount], { stdio: 'ignore' })
  mounted = true
} catch {
  test.skip(
    'a full disk ends a transfer, which goes on when there is room',
    'mounting a small tmpfs needs root',
  )
}
if (mounted) {
  test('a full disk ends a transfer, which goes on when there is room', async () => {
    const small = openFolder(mount)
    const blob = blobOf(6 * CHUNK_BYTES)
    one.hold.give(blob)
    const wanted = wantedOf(blob, { files: small })
    await small.append('in-the-way', new Uint8Array(1_000_000))
    const error = await failureOf(content.fetch(wanted, never))
    assert.is(codeOf(error), 'DISK_FULL')
    await small.remove('in-the-way')
    await content.fetch(wanted, never)
    assert.equal(await small.read(wanted.file, 0, blob.length), blob)
  })
}

test.run()
