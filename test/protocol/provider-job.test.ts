import * as assert from 'uvu/assert'
import { equal } from '../../protocols/bytes.js'
import { codeOf } from '../../protocols/errors.js'
import { contentOf } from '../../protocols/job/content.js'
import { jobProtocol } from '../../protocols/job/protocol.js'
import { type Blob, JobState } from '../../protocols/job/wire.js'
import { until } from '../support/clock.js'
import { holdContent } from '../support/content.js'
import { type JobTalk, nextEvent, PRICE, upload } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider and its jobs')
const DATA = { name: 'data', bytes: new Uint8Array(200_000).map((_, index) => index % 251) }

const LARGE = { name: 'data', bytes: new Uint8Array(700_000).map((_, index) => index % 241) }

const state = (talk: JobTalk, wanted: JobState) =>
  nextEvent(talk, ({ state }) => (state?.state === wanted ? state : undefined))

const refusalOf = (talk: JobTalk) => nextEvent(talk, ({ refused }) => refused?.reason)

const fetch = (talk: JobTalk, blob: Blob) => talk.hold.take(talk.peer, blob)

/** The reason why it is not given. */
const refusalFor = (talk: JobTalk, blob: Blob) =>
  fetch(talk, blob).then(
    () => 'given',
    (error: Error) => error.message,
  )

test('an order becomes a bid, a lease, a job, a result and a closed lease', () =>
  withWorld(async ({ chain, house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    assert.is(house.provider.status().availability, 'BUSY')
    assert.is(house.provider.status().leases[0]?.state, 'open')
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await state(talk, JobState.RUNNING)
    await until(house.device.isRunning)
    assert.ok(equal(house.device.jobs[0]!.inputs.data, DATA.bytes))
    house.device.say({ kind: 'log', line: 'hello' })
    house.device.say({ kind: 'progress', step: 1, steps: 2, loss: 0.5 })
    assert.is(await nextEvent(talk, ({ log }) => log?.line), 'hello')
    assert.equal(await nextEvent(talk, ({ progress }) => progress?.metrics), [{ name: 'loss', value: 0.5 }])
    assert.is((await renter.pay(lease, 100n, 1n)).refused, '')
    const weights = new Uint8Array(150_000).fill(3)
    house.device.finish([{ name: 'model', bytes: weights }])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    await state(talk, JobState.COMPLETED)
    assert.is(output?.name, 'model')
    assert.equal(await fetch(talk, output!), weights)
    assert.is(house.provider.status().availability, 'FREE')
    await talk.send({ accepted: {} })
    const closed = await renter.pay(lease, 500n, 2n, { final: true })
    assert.is(closed.refused, '')
    assert.is(closed.closing, 'close-2')
    assert.equal(
      chain.transactions.map(({ kind, amount }) => [kind, amount]),
      [
        ['open', undefined],
        ['close', 500n],
      ],
    )
    assert.is(chain.total(), 0n)
    assert.is(house.provider.status().leases[0]?.state, 'closed')
  }))

test('a renter that never pays gets no result, however short the work was', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer, { sliceMs: 1_500 })
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    // Unpaid work is broken off a second later.
    await until(() => (house.provider.status().jobs[0]?.workedMs ?? 0) > 5_500)
    house.device.finish([{ name: 'model', bytes: DATA.bytes }])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    const refused = refusalFor(talk, output!)
    await renter.pay(lease, 1n, 1n, { final: true })
    assert.is(await refused, 'UNPAID')
    const paid = house.provider.status().leases[0]
    assert.is(paid?.state, 'closed')
  }))

test('a result is held back until the vouchers for it have come', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer, { sliceMs: 1_500 })
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    await until(() => (house.provider.status().jobs[0]?.workedMs ?? 0) > 5_500)
    house.device.finish([{ name: 'model', bytes: DATA.bytes }])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    const given = fetch(talk, output!)
    await renter.pay(lease, 4_000n, 1n)
    assert.ok(equal(await given, DATA.bytes))
  }))

test('a renter that comes back is told what it has not heard, and sends what is not there yet', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const first = await renter.startJob(lease, [LARGE])
    let isCut = true
    const cut = new Promise<Uint8Array>(() => {})
    first.hold.give(LARGE.bytes, { chunk: (chunk, index) => (isCut && index > 0 ? cut : chunk) })
    await until(() => first.hold.asked.some(({ count }) => count > 0))
    await first.end()
    first.abort(new Error('the line is cut'))
    isCut = false
    const before = first.hold.asked.length
    const second = await renter.startJob(lease, [LARGE])
    await until(house.device.isRunning)
    house.device.say({ kind: 'log', line: 'one' })
    const index = await nextEvent(second, (event) => (event.log ? event.index : undefined))
    second.abort(new Error('the line is cut'))
    house.device.say({ kind: 'log', line: 'two' })
    const again = second.hold.asked.slice(before)
    assert.ok(again.length > 0)
    assert.ok(
      again.every(({ first, count }) => first > 0 && count > 0),
      'what had arrived is not asked for again',
    )
    assert.ok(equal(house.device.jobs[0]!.inputs.data, LARGE.bytes))
    const third = await renter.startJob(lease, [LARGE], index + 1)
    assert.is(await nextEvent(third, ({ log }) => log?.line), 'two')
    assert.is(house.device.jobs.length, 1)
  }))

test('two Starts for one lease at once run one job, and the newer stream takes over', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const [one, two] = await Promise.all([renter.startJob(lease, [DATA]), renter.startJob(lease, [DATA])])
    await upload(two, [DATA])
    await until(house.device.isRunning)
    house.device.finish([])
    await state(two, JobState.COMPLETED)
    assert.is(house.device.jobs.length, 1)
    const error = await nextEvent(one, ({ output }) => output).catch((thrown: unknown) => thrown)
    assert.is(codeOf(error), 'SUPERSEDED')
  }))

test('a stranger, another specification, an unknown lease and unsound inputs are refused before anything is stored', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const lease = await renter.lease(house.network.peer)
    const mallory = await renterToo()
    const data = [DATA]
    assert.is(await refusalOf(await mallory.startJob(lease, data)), 'UNKNOWN_LEASE')
    const unknown = { ...lease, address: new Uint8Array(32) }
    assert.is(await refusalOf(await renter.startJob(unknown, data)), 'UNKNOWN_LEASE')
    const other = { ...lease, ordered: { ...lease.ordered, spec: new TextEncoder().encode('{}') } }
    assert.is(await refusalOf(await renter.startJob(other, data)), 'SPEC_DIFFERS')
    assert.is(await refusalOf(await renter.startJob(lease, [])), 'SPEC_MALFORMED', 'it needs data')
    for (const name of ['../../etc/passwd', '/abs', 'a/b', '.hidden', '', 'x\0']) {
      const evil = await renter.startJob(lease, [{ name, bytes: DATA.bytes }])
      assert.is(await refusalOf(evil), 'MALFORMED', name)
    }
    const session = await renter.network.engine.open(jobProtocol, house.network.peer)
    await session.send({ stop: { reason: 'no start' } })
    assert.is((await session.receive())?.refused?.reason, 'MALFORMED')
    assert.equal(house.provider.status().jobs, [])
  }))

test('inputs that are too large for this provider are refused', () =>
  withWorld(
    async ({ house, renter }) => {
      const lease = await renter.lease(house.network.peer)
      assert.is(await refusalOf(await renter.startJob(lease, [DATA])), 'INPUTS_TOO_LARGE')
    },
    { maxInputBytes: 1_000 },
  ))

test('bytes of another digest are thrown away and may be sent again', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    talk.hold.give(DATA.bytes, { chunk: (chunk) => chunk.fill(0) })
    const error = await nextEvent(talk, ({ output }) => output).catch((thrown: unknown) => thrown)
    assert.is(codeOf(error), 'CONTENT_CORRUPT')
    assert.not.ok(house.device.isRunning())
    const again = await renter.startJob(lease, [DATA])
    await upload(again, [DATA])
    await until(house.device.isRunning)
  }))

test('the renter stops its job; devices are free and the job stays stopped', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    await talk.send({ stop: { reason: 'changed my mind' } })
    assert.is((await state(talk, JobState.STOPPED)).reason, 'STOPPED_BY_RENTER')
    assert.not.ok(house.device.isRunning())
    assert.is(house.provider.status().availability, 'FREE')
    const again = await renter.startJob(lease, [DATA])
    await state(again, JobState.STOPPED)
    assert.is(house.device.jobs.length, 1)
  }))

test('a device that fails ends the job with its own code', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    house.device.fail(new Error('it burns'))
    assert.is((await state(talk, JobState.FAILED)).reason, 'DEVICE_FAILED')
    assert.is(house.provider.status().availability, 'FREE')
  }))

test('when the owner comes back the job ends, the lease is settled, and no order is bid for until he leaves', () =>
  withWorld(async ({ chain, house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    await renter.pay(lease, 300n, 1n)
    await house.provider.pause('a game')
    assert.is((await state(talk, JobState.FAILED)).reason, 'PROVIDER_PAUSED')
    assert.is(house.provider.status().availability, 'PAUSED')
    await renter.order()
    await until(() => house.provider.status().counters.passed.PAUSED === 1)
    await renter.pay(lease, 400n, 2n, { final: true })
    assert.equal(chain.transactions.at(-1)?.amount, 400n)
    await house.provider.resume()
    assert.is(house.provider.status().availability, 'FREE')
  }))

const checkpointOf = (talk: JobTalk) => nextEvent(talk, ({ checkpoint }) => checkpoint)

test('checkpoints are told when they are stored, the last two are kept, and each is handed over whole', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    const contents = [1, 2, 3].map((step) => new Uint8Array(100_000).fill(step))
    const told: Blob[] = []
    for (const [at, bytes] of contents.entries()) {
      house.device.say({ kind: 'checkpoint', step: 10 * (at + 1), bytes })
      const { step, blob } = await checkpointOf(talk)
      assert.is(step, 10 * (at + 1))
      assert.ok(equal(blob!.sha256, contentOf(bytes)))
      told.push(blob!)
    }
    assert.equal(await fetch(talk, told[1]!), contents[1])
    assert.equal(await fetch(talk, told[2]!), contents[2])
    assert.is(await refusalFor(talk, told[0]!), 'UNKNOWN_BLOB')
    // A renter that comes back hears of those that it can fetch.
    const again = await renter.startJob(lease, [DATA])
    assert.is((await checkpointOf(again)).step, 20)
    assert.is((await checkpointOf(again)).step, 30)
  }))

test('a job begins from the checkpoint that its renter names, which is asked for like an input', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const bytes = new Uint8Array(70_000).fill(9)
    const checkpoint = { name: 'checkpoint', sha256: contentOf(bytes), bytes: bytes.length }
    const talk = await renter.startJob(lease, [DATA], 0, checkpoint)
    await upload(talk, [DATA])
    assert.not.ok(house.device.isRunning())
    await upload(talk, [{ name: 'checkpoint', bytes }])
    await until(house.device.isRunning)
    const { inputs } = house.device.jobs[0]!
    assert.equal('checkpoint' in inputs && inputs.checkpoint, bytes)
  }))

test('a checkpoint that is empty, too large or without a digest is refused before anything is stored', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const sha256 = contentOf(DATA.bytes)
    for (const change of [
      { bytes: 0 },
      { bytes: 2 ** 31 },
      { sha256: new Uint8Array(3) },
      { name: '../x' },
    ]) {
      const talk = await renter.startJob(lease, [DATA], 0, {
        name: 'checkpoint',
        sha256,
        bytes: 1,
        ...change,
      })
      assert.is(await refusalOf(talk), 'MALFORMED')
    }
    assert.equal(house.provider.status().jobs, [])
  }))

test('before an owner’s pause ends a job it is asked for a last checkpoint, which is told before the end', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    const bytes = new Uint8Array(1_000).fill(4)
    house.device.onAsked = () => house.device.say({ kind: 'checkpoint', step: 7, bytes })
    await house.provider.pause('a game')
    assert.not.ok(house.device.isRunning())
    const { step, blob } = await checkpointOf(talk)
    assert.is(step, 7)
    assert.is((await state(talk, JobState.FAILED)).reason, 'PROVIDER_PAUSED')
    assert.equal(await fetch(talk, blob!), bytes)
  }))

test('a job that gives no checkpoint does not keep the owner waiting', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    let asked = 0
    house.device.onAsked = () => asked++
    await house.provider.pause('a game')
    assert.is(asked, 1)
    assert.not.ok(house.device.isRunning())
    assert.is((await state(talk, JobState.FAILED)).reason, 'PROVIDER_PAUSED')
  }))

test('a provider that is not paid stops working', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer, { sliceMs: 100 })
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    assert.is((await state(talk, JobState.FAILED)).reason, 'UNPAID')
    assert.not.ok(house.device.isRunning())
  }))

test('a provider that is paid goes on until the time that was paid for is up', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer, { sliceMs: 200, durationS: 1 })
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    await renter.pay(lease, PRICE / 3_600n, 1n)
    assert.is((await state(talk, JobState.FAILED)).reason, 'TIME_IS_UP')
  }))

test('a disk that is full when a job ends delays the result, and loses nothing', () =>
  withWorld(async ({ house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    house.store.fail(new Error('the disk is full'))
    house.device.finish([{ name: 'model', bytes: new Uint8Array(10) }])
    await until(() => !house.device.isRunning())
    assert.is(house.provider.status().availability, 'BUSY')
    house.store.fail(undefined)
    await state(talk, JobState.COMPLETED)
    assert.is(house.provider.status().availability, 'FREE')
  }))

test('what may be kept is not sent again for a renter’s next job, nor after a restart, and is not another renter’s', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const kept = { ...DATA, keep: true }
    const finish = async (by: typeof renter) => {
      const lease = await by.lease(house.network.peer)
      const talk = await by.startJob(lease, [kept])
      const asked = talk.hold.asked.length
      await upload(talk, [kept])
      await until(house.device.isRunning)
      assert.ok(equal(house.device.jobs.at(-1)!.inputs.data, DATA.bytes))
      house.device.finish([])
      await state(talk, JobState.COMPLETED)
      await talk.send({ accepted: {} })
      await by.pay(lease, 1n, 1n, { final: true })
      await until(() => house.provider.status().leases.every((each) => each.state === 'closed'))
      return talk.hold.asked.length - asked
    }
    assert.ok((await finish(renter)) > 0)
    assert.is(await finish(renter), 0, 'nothing was asked for')
    await house.restart()
    assert.is(await finish(renter), 0, 'nor after a restart')
    assert.ok((await finish(await renterToo())) > 0, 'to know a name is no right to the data')
  }))

test('a result that is the same as that of a lease before is given, though that one was taken and thrown away', () =>
  withWorld(async ({ house, renter }) => {
    const model = new Uint8Array(1_000).fill(7)
    const finish = async () => {
      const lease = await renter.lease(house.network.peer)
      const talk = await renter.startJob(lease, [DATA])
      await upload(talk, [DATA])
      await until(house.device.isRunning)
      house.device.finish([{ name: 'model', bytes: model }])
      const [output] = await nextEvent(talk, (event) => event.output?.blobs)
      assert.equal(await fetch(talk, output!), model)
      await talk.send({ accepted: {} })
      await renter.pay(lease, 1n, 1n, { final: true })
      await until(() => house.provider.status().leases.every((each) => each.state === 'closed'))
    }
    await finish()
    await finish()
    await finish()
  }))

test('what is no output is not given, nor what lies beyond the end of one, nor anything to strangers', () =>
  withWorld(async ({ hub, house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    house.device.finish([{ name: 'model', bytes: new Uint8Array(10) }])
    const [output] = await nextEvent(talk, (event) => event.output?.blobs)
    assert.is(await refusalFor(talk, talk.blobs[0]!), 'UNKNOWN_BLOB', 'an input is the renter’s to give')
    assert.is(await refusalFor(talk, { ...output!, bytes: 300_000 }), 'MALFORMED')
    assert.is(await refusalFor(talk, { ...output!, sha256: new Uint8Array(2) }), 'MALFORMED')
    const stranger = await holdContent(await hub.join())
    assert.is(await stranger.take(talk.peer, output!).catch((error: Error) => error.message), 'UNKNOWN_BLOB')
    assert.is((await fetch(talk, output!)).length, 10)
  }))

test.run()
