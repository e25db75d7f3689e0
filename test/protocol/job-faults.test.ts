import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { createContent } from '../../node/content/content.js'
import { openFolder } from '../../node/files/folder.js'
import { runJobThrough } from '../../node/renter/returning.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { contentOf } from '../../protocols/job/content.js'
import { jobProtocol } from '../../protocols/job/protocol.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import { until } from '../support/clock.js'
import { holdContent } from '../support/content.js'
import { honestJob, PLAN, sum, withRenter } from '../support/deployment.js'
import { createHub } from '../support/memory.js'
import { fill } from '../support/messages.js'
import { nextEvent, upload } from '../support/provider.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('faults under a job')
const DATA = { name: 'data', bytes: fill(1_000, 1) }
const DAY_MS = 86_400_000
const OUTPUT = fill(300_000, 6)

/** A clock whose time of day the operator sets, and whose stop watch goes on. */
function createJumpingClock(clock: Clock) {
  const jump = { ms: 0 }
  return { clock: { ...clock, now: () => clock.now() + jump.ms } as Clock, jump }
}

for (const [which, jumpMs] of [
  ['forward', DAY_MS],
  ['back', -DAY_MS],
] as const) {
  const provider = createJumpingClock(systemClock)
  test(`the provider’s clock jumps ${which} by a day: job, voucher and lease go on`, () =>
    withWorld(
      async ({ chain, house, renter }) => {
        const lease = await renter.lease(house.network.peer)
        provider.jump.ms = jumpMs
        const talk = await renter.startJob(lease, [DATA])
        await upload(talk, [DATA])
        await until(house.device.isRunning)
        assert.is((await renter.pay(lease, 400n, 1n)).refused, '')
        provider.jump.ms = 0
        await until(() => house.provider.status().jobs[0]!.workedMs > 200)
        provider.jump.ms = jumpMs
        const { workedMs } = house.provider.status().jobs[0]!
        assert.ok(workedMs < 60_000, `${workedMs} ms are charged`)
        await house.restart()
        await until(house.device.isRunning)
        const again = await renter.startJob(lease, [DATA])
        house.device.finish([])
        await nextEvent(again, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
        const closed = await renter.pay(lease, 500n, 2n, { final: true })
        assert.is(closed.refused, '')
        assert.is(chain.total(), 0n)
        assert.is(house.provider.status().leases[0]?.state, 'closed')
      },
      { providerClock: provider.clock },
    ))

  test(`the renter’s clock jumps ${which} by a day: it pays for the time that it has seen, and gets its result`, async () => {
    const jump = { ms: 0 }
    await withRenter(
      [
        {
          pricePerHour: 1_000_000n,
          job: async (session, hold) => {
            jump.ms = jumpMs
            await honestJob(session, hold)
          },
        },
      ],
      async ({ renter, clock }) => {
        const posted = await renter.post(PLAN)
        const report = await drive(clock, posted.result(), 100)
        assert.is(report.state, JobState.COMPLETED)
        sum(report)
        const [settled] = report.settlements
        // 400 ms at this price, and never more than has passed on its stop watch.
        assert.ok(settled!.paid > 0n && settled!.paid < 1_000n, `${settled!.paid}`)
      },
      (clock) => ({ ...clock, now: () => clock.now() + jump.ms }),
    )
  })
}

const root = mkdtempSync(join(tmpdir(), 'nightshift-full-'))
const mounts: string[] = []
function mount(name: string, size = '512k'): string {
  const path = join(root, name)
  execFileSync('mkdir', [path])
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' })
  mounts.push(path)
  return path
}

/** Takes all of the disk but a little; resolves to what gives it back. */
function fillUp(path: string): () => void {
  const filler = join(path, 'filler')
  for (let kib = 512; kib >= 4; kib /= 2) {
    try {
      writeFileSync(filler, new Uint8Array(kib * 1_024), { flag: 'a' })
    } catch {
      // Full: a smaller piece may still fit.
    }
  }
  return () => rmSync(filler)
}

const PROVIDER_FULL =
  'the provider’s disk is full: checkpoints are left out, and the result waits until there is room'
const RENTER_FULL =
  'the renter’s disk is full: what has arrived stays, and the rest is fetched when there is room'
let canMount = true
try {
  mount('try')
} catch {
  canMount = false
  test.skip(PROVIDER_FULL, 'mounting a small tmpfs needs root')
  test.skip(RENTER_FULL, 'mounting a small tmpfs needs root')
}

if (canMount) {
  const dataDir = mount('provider')
  test(PROVIDER_FULL, () =>
    withWorld(
      async ({ house, renter }) => {
        const lease = await renter.lease(house.network.peer)
        const talk = await renter.startJob(lease, [DATA], 0, undefined, fill(32, 7))
        await upload(talk, [DATA])
        await until(house.device.isRunning)
        const makeRoom = fillUp(dataDir)
        house.device.say({ kind: 'checkpoint', step: 1, bytes: OUTPUT })
        house.device.say({ kind: 'log', line: 'goes on' })
        assert.is(await nextEvent(talk, ({ log }) => log?.line), 'goes on')
        house.device.finish([{ name: 'model', bytes: OUTPUT }])
        await until(() => !house.device.isRunning())
        await systemClock.sleep(300)
        assert.is(house.provider.status().jobs.length, 1, 'it has not ended')
        makeRoom()
        const [output] = await nextEvent(talk, (event) => event.output?.blobs)
        await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
        assert.equal(Buffer.from(await talk.hold.take(talk.peer, output!)), Buffer.from(OUTPUT))
      },
      { dataDir },
    ),
  )

  const folder = mount('renter', '1200k')
  test(RENTER_FULL, async () => {
    const hub = createHub()
    const [renter, provider] = [await hub.join(), await hub.join()]
    const large = fill(900_000, 6)
    const blob = { name: 'model', sha256: contentOf(large), bytes: large.length }
    const hold = await holdContent(provider)
    hold.give(large)
    const content = createContent({
      network: renter,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    })
    await provider.engine.handle(jobProtocol, async (session) => {
      await session.receive()
      const say = (kind: object) => session.send({ index: 0, workedMs: 0, ...kind })
      await say({ state: { state: JobState.RUNNING, reason: '', detail: '' } })
      await say({ output: { blobs: [blob] } })
      await say({ state: { state: JobState.COMPLETED, reason: '', detail: '' } })
      await session.receive()
    })
    const makeRoom = fillUp(folder)
    rmSync(join(folder, 'filler'))
    writeFileSync(join(folder, 'filler'), new Uint8Array(500_000))
    let complaints = 0
    const result = await runJobThrough(
      { engine: renter.engine, content, files: openFolder(folder), clock: systemClock },
      {
        peer: provider.peer,
        lease: fill(32, 1),
        spec: fill(10, 2),
        inputs: [],
        outputs: 'outputs',
        durationMs: 3_600_000,
      },
      {
        onBegun: () => {},
        onLog: () => {},
        onProgress: () => {},
        onCheckpoint: async () => {},
        onCheckpointLost: () => {},
        onTransfer: () => {},
        onWorked: () => {},
        onService: () => {},
        onLeaving: () => {},
        onReturned: () => {},
        onDiskFull: () => {
          complaints++
          makeRoom()
        },
      },
      new AbortController().signal,
    )
    assert.is(complaints, 1)
    assert.ok(hold.asked.at(-1)!.first > 0, 'what had arrived was kept')
    assert.equal(
      result.outputs.map(({ bytes }) => bytes),
      [large.length],
    )
    await renter.stop()
  })
}

test.after(() => {
  for (const path of mounts) execFileSync('umount', [path])
  rmSync(root, { recursive: true, force: true })
})

test.run()
