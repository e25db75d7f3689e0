import * as assert from 'uvu/assert'
import type { BackendReport } from '../../kernels/backend/backend.js'
import { chooseCards } from '../../kernels/devices/cards.js'
import { type Device, type DeviceOptions, openDevice } from '../../kernels/worker/device.js'
import { openDevices } from '../../node/device/open.js'
import type { Rack } from '../../node/device/port.js'
import { createRack } from '../../node/device/rack.js'
import { serveChallenges } from '../../node/provider/challenge.js'
import { challengeProvider } from '../../node/renter/challenge.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { DUTY_SHARE } from '../../protocols/challenge/duty.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import type { Ask } from '../../protocols/challenge/wire.js'
import { JobState } from '../../protocols/job/wire.js'
import { createVirtualClock, until, type VirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { fill, MARKET } from '../support/messages.js'
import { createFakeDevice, nextEvent, type ScriptedRenter, upload } from '../support/provider.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider with several devices')

const card = (model: string, memoryGib = 24) => ({
  source: 'nvidia-smi' as const,
  model,
  memoryBytes: memoryGib * 2 ** 30,
})

test('the largest group of equal cards is chosen, in the order of their slots', () => {
  const [big, small] = ['NVIDIA GeForce RTX 4090', 'NVIDIA GeForce RTX 3060']
  assert.equal(chooseCards([]), [])
  assert.equal(chooseCards([card(small), card(big), card(big)]), [
    { index: 1, model: big },
    { index: 2, model: big },
  ])
  assert.equal(chooseCards([card(big, 24), card(big, 48)]), [{ index: 0, model: big }])
})

/** What was asked to be opened, and devices that claim what `report` says. */
function createOpener(report: (options: DeviceOptions, at: number) => Partial<BackendReport> | Error) {
  const asked: DeviceOptions[] = []
  const closed: number[] = []
  const open = async (options: DeviceOptions): Promise<Device> => {
    const at = asked.push(options) - 1
    const said = report(options, at)
    if (said instanceof Error) throw said
    const { backend } = options
    const base = {
      backend: backend === 'auto' ? 'wasm' : backend,
      ok: true,
      gpu: false,
      model: 'Any',
    } as const
    return { report: { ...base, ...said }, close: async () => void closed.push(at) } as unknown as Device
  }
  return { asked, closed, open }
}

const options: DeviceOptions = { backend: 'auto', clock: systemClock, log: silentLog }

test('every NVIDIA card gets a process that sees it alone; WebGPU, which goes by names, gets one', async () => {
  const nvidia = [card('RTX 4090'), card('RTX 4090'), card('RTX 4090')]
  const tensorflow = createOpener(() => ({ backend: 'tensorflow-gpu', gpu: true, model: 'RTX 4090' }))
  const devices = await openDevices(options, { nvidia, softwareCount: 1 }, tensorflow.open)
  assert.is(devices.length, 3)
  assert.equal(
    tensorflow.asked.map(({ backend, card }) => [backend, card?.index]),
    [
      ['auto', 0],
      ['tensorflow-gpu', 1],
      ['tensorflow-gpu', 2],
    ],
  )
  const webgpu = createOpener(() => ({ backend: 'webgpu', gpu: true, model: 'RTX 4090' }))
  assert.is((await openDevices(options, { nvidia, softwareCount: 4 }, webgpu.open)).length, 1)
  const single = createOpener(() => ({ backend: 'webgpu', gpu: true, model: 'RTX 4090' }))
  await openDevices(options, { nvidia: nvidia.slice(0, 1), softwareCount: 1 }, single.open)
  assert.is(single.asked[0]?.card, undefined, 'nothing to choose')
})

test('software devices are as many as were asked for; what does not open or is another one is left out', async () => {
  const software = createOpener(() => ({}))
  assert.is((await openDevices(options, { nvidia: [], softwareCount: 3 }, software.open)).length, 3)
  assert.equal(
    software.asked.map(({ backend }) => backend),
    ['auto', 'wasm', 'wasm'],
  )
  const mixed = createOpener((_, at) => [{}, new Error('no memory'), { model: 'Another' }, {}][at]!)
  assert.is((await openDevices(options, { nvidia: [], softwareCount: 4 }, mixed.open)).length, 2)
  assert.equal(mixed.closed, [2])
  const broken = createOpener(() => new Error('no driver'))
  await openDevices(options, { nvidia: [], softwareCount: 2 }, broken.open).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'no driver'),
  )
})

test('a lease keeps its devices as long as it occupies them, and no two leases share one', () => {
  const leases = new Map<string, number>()
  const rack = createRack({
    devices: [1, 2, 3].map(() => createFakeDevice()),
    clock: systemClock,
    occupied: () => [...leases].map(([lease, devices]) => ({ lease, devices })),
  })
  const placesOf = (at: number) => rack.unitsOf(fill(32, at)).map(({ place }) => place)
  const hex = (at: number) => Buffer.from(fill(32, at)).toString('hex')
  assert.equal(placesOf(1), [])
  leases.set(hex(1), 1).set(hex(2), 2)
  assert.equal(placesOf(2), [0, 1])
  assert.equal(placesOf(1), [2])
  leases.delete(hex(2))
  leases.set(hex(3), 1)
  assert.equal(placesOf(3), [0])
  assert.equal(placesOf(1), [2], 'another lease’s end does not move it')
  assert.equal(placesOf(2), [])
})

test('the time that a device spends on proofs is counted while one is made, and two at once are one', async () => {
  const clock = createVirtualClock()
  const device = createFakeDevice()
  const slow = {
    ...device,
    prove: async (...ask: Parameters<Device['prove']>) => {
      await clock.sleep(1_000)
      return device.prove(...ask)
    },
  }
  const [unit] = createRack({ devices: [slow], clock, occupied: () => [] }).units
  const ask = { seed: fill(32, 1), params: { n: 64, rounds: 1 } }
  const proofs = [unit!.prove(ask)]
  await clock.advance(400)
  proofs.push(unit!.prove(ask))
  assert.is(unit!.provedMs(), 400)
  await clock.advance(2_000)
  await Promise.all(proofs)
  assert.is(unit!.provedMs(), 1_400)
})

const DATA = { name: 'data', bytes: fill(100, 1) }

async function startJob(renter: ScriptedRenter, peer: string) {
  const lease = await renter.lease(peer)
  const talk = await renter.startJob(lease, [DATA])
  await upload(talk, [DATA])
  await nextEvent(talk, ({ state }) => (state?.state === JobState.RUNNING ? state : undefined))
  return { lease, talk }
}

test('two renters’ jobs run on two devices at the same time, and a third finds none', () => {
  const devices = [createFakeDevice(), createFakeDevice()]
  return withWorld(
    async ({ house, renter, renterToo }) => {
      const { peer } = house.network
      const told = () => renter.heartbeats.newest(peer)?.heartbeat.devices[0]
      await until(() => told() !== undefined)
      assert.is(told()?.count, 2)
      assert.is(told()?.free, 2)
      const other = await renterToo()
      await startJob(renter, peer)
      await startJob(other, peer)
      await until(() => devices.every((device) => device.isRunning()))
      assert.equal(
        devices.map(({ jobs }) => jobs.length),
        [1, 1],
      )
      await until(() => told()?.free === 0)
      assert.is(house.provider.status().availability, 'BUSY')
      devices[0]!.finish([])
      await until(() => house.provider.status().availability === 'FREE')
      assert.ok(devices[1]!.isRunning(), 'the other goes on')
    },
    { devices },
  )
})

async function ask(renter: ScriptedRenter, peer: string, market: Uint8Array, fields: Partial<Ask>) {
  const session = await renter.network.engine.open(challengeProtocol, peer)
  const base = {
    market,
    lease: new Uint8Array(),
    seed: fill(32, 1),
    params: { n: 64, rounds: 1 },
    resident: false,
  }
  await session.send({ ask: { ...base, ...fields } })
  return { session, answer: await session.receive() }
}

test('strangers and renters ask for one device by its number, each within what is theirs', () => {
  const devices = [createFakeDevice(), createFakeDevice()]
  return withWorld(
    async ({ chain, house, renter }) => {
      const { peer } = house.network
      const declined = async (fields: Partial<Ask>) => {
        const { session, answer } = await ask(renter, peer, chain.market, fields)
        session.abort(new Error('enough'))
        return answer?.declined?.reason
      }
      const both = await Promise.all([0, 1].map((device) => ask(renter, peer, chain.market, { device })))
      for (const { answer } of both) assert.ok(answer?.receipt !== undefined)
      assert.equal(
        devices.map(({ proofs }) => proofs.made),
        [1, 1],
      )
      assert.is(await declined({ device: 1 }), 'BUSY')
      assert.is(await declined({ device: 2 }), 'MALFORMED')
      assert.is(await declined({ kernel: 9 }), 'OTHER_KERNEL')
      for (const { session } of both) session.abort(new Error('enough'))
      const { address } = await renter.lease(peer)
      assert.is(await declined({ lease: address, device: 1 }), 'MALFORMED', 'the lease has one device')
      assert.is(await declined({ lease: address, device: 0 }), undefined)
      assert.is(await declined({ device: 1 }), 'BUSY', 'strangers wait until all devices are idle')
    },
    { devices },
  )
})

/** A provider that nobody has a lease with, on a clock that the test moves. */
async function askAlone(rack: Rack, clock: VirtualClock) {
  const hub = createHub()
  const [asker, provider] = [await hub.join(), await hub.join()]
  await serveChallenges({
    network: provider,
    rack,
    market: MARKET,
    ledger: { get: () => undefined, all: () => [] } as never,
    attestations: { take: async () => undefined },
    clock,
    log: silentLog,
    pausedBecause: () => undefined,
  })
  return async () => {
    const session = await asker.engine.open(challengeProtocol, provider.peer)
    const params = { n: 64, rounds: 1 }
    await session.send({
      ask: { market: MARKET, lease: new Uint8Array(), seed: fill(32, 1), params, resident: false },
    })
    const answer = await drive(clock, session.receive(), 1_000)
    session.abort(new Error('enough'))
    await clock.advance(1)
    return answer?.declined?.reason
  }
}

test('strangers who have used up their share of the time are BUSY, until time has passed', async () => {
  const device = createFakeDevice()
  const clock = createVirtualClock()
  const slow = {
    ...device,
    prove: async (...request: Parameters<Device['prove']>) => {
      await clock.sleep(16_000)
      return device.prove(...request)
    },
  }
  const rack = createRack({ devices: [slow], clock, occupied: () => [] })
  const declined = await askAlone(rack, clock)
  assert.is(await declined(), undefined)
  assert.is(await declined(), undefined, 'half a minute may be saved up')
  assert.is(await declined(), 'BUSY')
  await clock.advance(3_000 / DUTY_SHARE)
  assert.is(await declined(), undefined, 'a hundredth of the time is theirs')
})

test('a challenge of several devices gives each a seed of its own, all at the same time', () => {
  const devices = [createFakeDevice(), createFakeDevice(), createFakeDevice()]
  const seeds = new Set<string>()
  let [atOnce, most] = [0, 0]
  const watched = devices.map((device) => ({
    ...device,
    prove: async (...request: Parameters<Device['prove']>) => {
      seeds.add(Buffer.from(request[0].seed).toString('hex'))
      most = Math.max(most, ++atOnce)
      await until(() => most === 3)
      atOnce--
      return device.prove(...request)
    },
  }))
  return withWorld(
    async ({ chain, house, renter }) => {
      const terms = {
        market: chain.market,
        lease: new Uint8Array(),
        n: 64,
        rounds: 1,
        openings: 4,
        devices: 3,
        timeoutMs: 15_000,
      }
      const parts = { network: renter.network, clock: systemClock, random: systemRandom }
      const verdict = await challengeProvider(parts, house.network.peer, terms, new AbortController().signal)
      assert.is(verdict.devices, 3)
      assert.is(verdict.reason, 'OPENING_MALFORMED', 'these devices compute nothing')
      assert.match(verdict.detail!, /^device 0: /)
      assert.is(seeds.size, 3)
      assert.is(most, 3)
    },
    { devices: watched },
  )
})

test(
  'two real devices, each a process of its own, prove both phases at the same time',
  async () => {
    const real = await openDevices(
      { backend: 'wasm', clock: systemClock, log: silentLog, memoryBytes: 2 ** 28 },
      { nvidia: [], softwareCount: 2 },
      openDevice,
    )
    try {
      assert.is(new Set(real.map(({ pid }) => pid)).size, 2)
      const devices = real.map(({ report, prove, run }) => ({ report, prove, run }))
      await withWorld(
        async ({ chain, house, renter }) => {
          const terms = {
            market: chain.market,
            lease: new Uint8Array(),
            n: 256,
            rounds: 2,
            openings: 20,
            folds: 8,
            devices: 2,
            timeoutMs: 30_000,
          }
          const parts = { network: renter.network, clock: systemClock, random: systemRandom }
          const { signal } = new AbortController()
          const verdict = await challengeProvider(parts, house.network.peer, terms, signal)
          assert.is(verdict.ok, true, verdict.detail)
          assert.ok(verdict.recallMs !== undefined)
        },
        { devices },
      )
    } finally {
      await Promise.all(real.map((device) => device.close()))
    }
  },
  { timeoutMs: 60_000 },
)

test.run()
