import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openLog } from '../../node/content/draft.js'
import { openFolder, sourceOf } from '../../node/files/folder.js'
import { nativeSha256 } from '../../node/files/hash.js'
import { sealFiles } from '../../node/files/sealed.js'
import { openVault } from '../../node/files/vault.js'
import { createCheckpoints } from '../../node/provider/checkpoints.js'
import { emptyRecord, type JobRecord, openJobs, storedEvents } from '../../node/provider/jobs.js'
import { startWork } from '../../node/provider/work.js'
import type { Run } from '../../node/runtime/port.js'
import { writeDocument } from '../../node/store/document.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'
import { CHUNK_BYTES } from '../../protocols/job/content.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { due } from '../../protocols/settlement/rules.js'
import { createVirtualClock, until } from '../support/clock.js'
import { fill } from '../support/messages.js'
import {
  createMemoryStore,
  nextEvent,
  type OpenLease,
  type ProviderHouse,
  upload,
} from '../support/provider.js'
import { openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'
import { type World, withWorld } from '../support/world.js'

const test = suite('a provider that is started again')
const DATA = { name: 'data', bytes: new Uint8Array(1_000).fill(1) }
const KEY = fill(32, 7)
const MARKER = 'only the renter may read this'
const secret = (step: number) => new TextEncoder().encode(`${MARKER} ${step} `.repeat(5_000))

/** For tests of what a job leaves: nothing is fetched for it. */
const NOTHING_GIVEN: Parameters<typeof openVault>[2] = {
  received: openFolder('/nonexistent'),
  content: { fetch: () => Promise.reject(new Error('nothing is given')) },
  cache: { take: async () => false, keep: async () => {}, clear: async () => 0 },
  sha256: nativeSha256,
}

const runs = (house: ProviderHouse) => until(() => house.device.isRunning())

async function startJob({ house, renter }: World, lease: OpenLease, key?: Uint8Array) {
  const talk = await renter.startJob(lease, [DATA], 0, undefined, key)
  await upload(talk, [DATA])
  await runs(house)
  return talk
}

async function keepCheckpoint(
  house: ProviderHouse,
  talk: Awaited<ReturnType<typeof startJob>>,
  step: number,
) {
  house.device.say({ kind: 'checkpoint', step, bytes: secret(step) })
  return nextEvent(talk, ({ checkpoint }) => (checkpoint?.step === step ? checkpoint.blob : undefined))
}

function blobFiles({ dataDir }: ProviderHouse): string[] {
  return ['blobs', 'content']
    .map((folder) => join(dataDir, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

/** The checkpoint that its one job began from. */
function begunFrom({ device }: ProviderHouse): Buffer | undefined {
  assert.is(device.jobs.length, 1)
  const { inputs } = device.jobs[0]!
  return 'checkpoint' in inputs && inputs.checkpoint !== undefined
    ? Buffer.from(inputs.checkpoint)
    : undefined
}

const isMarked = (bytes: Uint8Array) => Buffer.from(bytes).includes(MARKER)

test('goes on by itself from the last checkpoint, with the time that this stood for, under the same lease', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const before = await startJob(world, lease)
    await keepCheckpoint(house, before, 10)
    await keepCheckpoint(house, before, 20)
    const lines = await nextEvent(before, ({ index }) => index)
    const worked = house.provider.status().jobs[0]!.workedMs
    await renter.pay(lease, 400n, 1n)
    await until(() => house.provider.status().jobs[0]!.workedMs > worked + 300)
    await house.restart()
    await runs(house)
    assert.is(house.provider.status().availability, 'BUSY')
    assert.equal(begunFrom(house), Buffer.from(secret(20)))
    const [job] = house.provider.status().jobs
    assert.ok(job!.workedMs < worked + 300, `${job!.workedMs} ms are charged: ${worked} ms were kept`)
    const talk = await renter.startJob(lease, [DATA], lines + 1)
    const told = await nextEvent(talk, ({ state, index }) =>
      state?.state === JobState.RUNNING ? index : undefined,
    )
    assert.ok(told > lines, 'numbers go on')
    house.device.finish([{ name: 'model', bytes: fill(100, 3) }])
    await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
    await talk.send({ accepted: {} })
    const closed = await renter.pay(lease, 400n, 2n, { final: true })
    assert.ok(closed.closing.startsWith('close'))
  }))

test('begins anew what has no checkpoint, and charges nothing for what is lost', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    await startJob(world, lease)
    await until(() => house.provider.status().jobs[0]!.workedMs > 300)
    await house.restart()
    await runs(house)
    assert.is(begunFrom(house), undefined)
    assert.ok(house.provider.status().jobs[0]!.workedMs < 300)
  }))

test('gives a job up that takes its process down again and again, and keeps the devices no longer', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    await startJob(world, lease)
    for (let restart = 1; restart <= JOB_LIMITS.maxRestarts; restart++) {
      await house.restart()
      await runs(house)
    }
    await house.restart()
    const talk = await renter.startJob(lease, [DATA])
    const ended = await nextEvent(talk, ({ state }) => (state?.state === JobState.FAILED ? state : undefined))
    assert.is(ended.reason, 'PROVIDER_RESTARTED')
    assert.is(house.provider.status().availability, 'FREE')
    assert.is(house.device.jobs.length, 0)
  }))

test('waits with a sealed job for its renter’s key, tells a wrong one, and opens its checkpoint with the right one', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const before = await startJob(world, lease, KEY)
    await keepCheckpoint(house, before, 10)
    await house.restart()
    const refusal = async (key?: Uint8Array) => {
      const talk = await renter.startJob(lease, [DATA], 0, undefined, key)
      return nextEvent(talk, ({ refused }) => refused?.reason)
    }
    assert.is(await refusal(), 'KEY_MISSING')
    assert.is(await refusal(fill(32, 8)), 'KEY_DIFFERS')
    assert.is(await refusal(fill(31, 7)), 'MALFORMED')
    assert.is(house.device.jobs.length, 0)
    await renter.startJob(lease, [DATA], 0, undefined, KEY)
    await runs(house)
    assert.equal(begunFrom(house), Buffer.from(secret(10)))
  }))

test('no byte of a sealed job’s input, log, checkpoint or output stands on the disk in plain, before, during or after', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const input = { name: 'data', bytes: new TextEncoder().encode(`${MARKER} `.repeat(30_000)) }
    const seen = { files: 0 }
    const look = async () => {
      for (const path of blobFiles(house)) {
        seen.files++
        assert.not.ok(isMarked(readFileSync(path)), path)
      }
      for (const { value } of await house.store.collection('provider-jobs').list()) {
        assert.not.ok(writeDocument(value).includes(MARKER))
      }
    }
    const first = await renter.startJob(lease, [input], 0, undefined, KEY)
    let isCut = true
    const cut = new Promise<Uint8Array>(() => {})
    first.hold.give(input.bytes, { chunk: (chunk, index) => (isCut && index > 1 ? cut : chunk) })
    await until(() => first.hold.asked.filter(({ count }) => count > 0).length > 0)
    await first.end()
    first.abort(new Error('the line is cut'))
    isCut = false
    const asked = first.hold.asked.length
    const talk = await renter.startJob(lease, [input], 0, undefined, KEY)
    await look()
    await runs(house)
    assert.equal(Buffer.from(house.device.jobs[0]!.inputs.data!), Buffer.from(input.bytes))
    const resumed = first.hold.asked.slice(asked)
    assert.ok(resumed.length > 0 && resumed.every(({ first: from }) => from > 0), 'it went on')
    house.device.say({ kind: 'log', line: MARKER })
    await keepCheckpoint(house, talk, 1)
    await look()
    house.device.finish([{ name: 'model', bytes: secret(2) }])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
    await look()
    assert.ok(seen.files >= 4, `${seen.files} files were looked at`)
    await house.restart()
    const again = await renter.startJob(lease, [input], 0, undefined, KEY)
    assert.equal(Buffer.from(await again.hold.take(again.peer, output!)), Buffer.from(secret(2)))
    await look()
  }))

test('a flipped bit in the newest checkpoint is found, and the one before it used', () =>
  withWorld(async (world) => {
    const { house, renter } = world
    const lease = await renter.lease(house.network.peer)
    const before = await startJob(world, lease, KEY)
    await keepCheckpoint(house, before, 10)
    const newest = await keepCheckpoint(house, before, 20)
    house.kill()
    const path = blobFiles(house).find((file) => file.endsWith(toHex(newest!.sha256)))!
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(path, bytes)
    await house.restart()
    await renter.startJob(lease, [DATA], 0, undefined, KEY)
    await runs(house)
    assert.equal(begunFrom(house), Buffer.from(secret(10)))
  }))

test('a sealed file can be read from anywhere, and every bit of it, its end and its place count', async () => {
  const disk = await openDisk()
  try {
    const { keys, blobs } = openVault(disk.path, systemRandom, NOTHING_GIVEN)
    const plain = openFolder(disk.path)
    const lease = fill(32, 1)
    keys.set(lease, KEY)
    const whole = systemRandom.bytes(300_000)
    const blob = await blobs.add(lease, 'model', pieces(whole, 77_777), 1e6)
    const name = `${toHex(lease)}/${toHex(blob.sha256)}`
    await fc.assert(
      fc.asyncProperty(fc.nat(299_999), fc.integer({ min: 1, max: 100_000 }), async (offset, size) => {
        const { value } = await blobs.read(lease, blob, offset, size)[Symbol.asyncIterator]().next()
        assert.equal(Buffer.from(value), Buffer.from(whole.subarray(offset, offset + size)))
      }),
      { numRuns: 50 },
    )
    const bytes = readFileSync(plain.path(name))
    const fails = async (changed: Uint8Array, key = KEY) => {
      writeFileSync(plain.path(name), changed)
      const fresh = openVault(disk.path, systemRandom, NOTHING_GIVEN)
      fresh.keys.set(lease, key)
      return fresh.blobs.load(lease, blob).then(
        () => undefined,
        (error: { code?: string }) => error.code,
      )
    }
    assert.is(await fails(bytes), undefined)
    assert.is(await fails(bytes, fill(32, 8)), 'SEALED_FILE_DAMAGED')
    for (const at of [0, 8, 24, 28, 40, 100, 150_000, bytes.length - 1]) {
      const flipped = Uint8Array.from(bytes)
      flipped[at]! ^= 1
      assert.is(await fails(flipped), 'SEALED_FILE_DAMAGED', `a flipped bit at ${at}`)
    }
    for (const cut of [1, 32, 33, 66_000, bytes.length - 24]) {
      const code = await fails(bytes.subarray(0, bytes.length - cut))
      assert.is(code, 'SEALED_FILE_DAMAGED', `${cut} bytes are cut off`)
    }
    const record = 65_536 + 32
    const swapped = Uint8Array.from(bytes)
    swapped.set(bytes.subarray(24, 24 + record), 24 + record)
    swapped.set(bytes.subarray(24 + record, 24 + 2 * record), 24)
    assert.is(await fails(swapped), 'SEALED_FILE_DAMAGED', 'two records in each other’s place')
    keys.erase(lease)
    keys.lock(lease)
    const locked = await blobs.load(lease, blob).catch((error: { code?: string }) => error.code)
    assert.is(locked, 'SEALED_KEY_MISSING')
  } finally {
    await disk.remove()
  }
})

test('a write that was torn off in the middle costs what it was to add, and nothing before it', async () => {
  const disk = await openDisk()
  try {
    const source = sourceOf('data', systemRandom.bytes(900_000))
    const chunkAt = (index: number) => source.read(index * CHUNK_BYTES, CHUNK_BYTES)
    const open = () => sealFiles(openFolder(disk.path), { keyOf: () => KEY, random: systemRandom })
    const goOn = () => {}
    const first = await openLog(open(), 'lease/blob.partial', source, systemClock)
    assert.equal(await first.begin(source.leaves!), [0, 1, 2, 3])
    await first.write(0, [await chunkAt(0), await chunkAt(1)], goOn)
    const path = openFolder(disk.path).path('lease/blob.partial')
    writeFileSync(path, readFileSync(path).subarray(0, -10))
    const files = open()
    const second = await openLog(files, 'lease/blob.partial', source, systemClock)
    assert.equal(await second.begin(second.leaves!), [1, 2, 3])
    // In any order: each waits for its turn.
    await Promise.all([
      second.write(3, [await chunkAt(3)], goOn),
      second.write(1, [await chunkAt(1), await chunkAt(2)], goOn),
    ])
    await second.finish('lease/blob')
    const whole = await files.read('lease/blob', 0, 900_000)
    assert.equal(Buffer.from(whole), Buffer.from(await source.read(0, 900_000)))
  } finally {
    await disk.remove()
  }
})

/** Amounts are cumulative, so nothing is paid twice; and of what was lost with a process nothing is charged again. */
test('whatever sequence of work, checkpoints and deaths, what is charged is the work that the result stands on', async () => {
  const meter = { pricePerHour: 3_600_000n, deposit: 10n ** 12n, sliceMs: 1_000 }
  const step = fc.oneof(
    fc.record({ kind: fc.constant('work' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ kind: fc.constant('checkpoint' as const) }),
    fc.record({ kind: fc.constant('death' as const) }),
  )
  let deaths = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const clock = createVirtualClock()
      const store = createMemoryStore()
      const lease = fill(32, 1)
      let record: JobRecord = emptyRecord({
        lease,
        spec: new Uint8Array(),
        inputs: [],
        fromEvent: 0,
        key: new Uint8Array(),
      })
      const begin = async () => {
        const jobs = openJobs(store)
        const [loaded] = await jobs.load()
        const { journal } = loaded!
        record = { ...loaded!.record, state: JobState.RUNNING }
        await jobs.put(record)
        const work = startWork({
          run: endless(),
          clock,
          meter,
          paid: () => meter.deposit,
          beforeMs: record.workedMs,
          maxMs: 1e12,
        })
        const checkpoints = createCheckpoints({
          blobs: {
            add: async () => ({ name: 'c', sha256: systemRandom.bytes(32), bytes: 1 }),
            drop: async () => {},
          } as never,
          lease,
          journal,
          workedMs: work.workedMs,
          before: record.kept ?? [],
          keep: async (kept) => {
            record = { ...record, ...storedEvents(record, journal), kept, restarts: 0 }
            await jobs.put(record)
          },
          log: silentLog,
        })
        return { work, checkpoints }
      }
      await openJobs(store).put(record)
      let { work, checkpoints } = await begin()
      let standing = 0
      let sinceCheckpoint = 0
      let all = 0
      let paid = 0n
      for (const each of steps) {
        if (each.kind === 'work') {
          await clock.advance(each.ms)
          sinceCheckpoint += each.ms
          all += each.ms
        } else if (each.kind === 'checkpoint') {
          checkpoints.take({ kind: 'checkpoint', step: standing + sinceCheckpoint, bytes: fill(1, 1) })
          await checkpoints.settled()
          standing += sinceCheckpoint
          sinceCheckpoint = 0
        } else if ((record.restarts ?? 0) < JOB_LIMITS.maxRestarts) {
          deaths++
          work.stop('PROVIDER_STOPPED')
          ;({ work, checkpoints } = await begin())
          sinceCheckpoint = 0
        }
        assert.is(Math.floor(work.workedMs()), standing + sinceCheckpoint)
        const owed = due(meter, work.workedMs())
        const before = paid
        paid = owed > paid ? owed : paid
        assert.ok(paid >= before && paid <= due(meter, all), 'never more than the time that was worked')
      }
      assert.ok(due(meter, work.workedMs()) <= paid)
      work.stop('PROVIDER_STOPPED')
    }),
    { numRuns: 60 },
  )
  assert.ok(deaths > 20, `${deaths} deaths`)
})

async function* pieces(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size)
}

function endless(): Run {
  let end = () => {}
  return {
    start: () => new Promise((resolve) => (end = () => resolve([]))),
    idleMs: () => 0,
    checkpoint: async () => {},
    pause: async () => {},
    resume: async () => {},
    stop: async () => end(),
    close: async () => {},
  }
}

test.run()
