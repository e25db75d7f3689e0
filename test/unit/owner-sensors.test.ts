import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readWord } from '../../node/owner/command.js'
import { othersBetween, readTotals } from '../../node/owner/cpu.js'
import { createHwmonSensor, findDrmCards, parseFdinfo, usedBetween } from '../../node/owner/drm.js'
import { IOREG, LOGIND, MUTTER, XPRINTIDLE } from '../../node/owner/input.js'
import { createPmonReader } from '../../node/owner/nvidia.js'
import { openWatch, type WatchOptions } from '../../node/owner/open.js'
import { createProcesses } from '../../node/owner/own.js'
import type { Seen } from '../../node/owner/port.js'
import { createWindowsReader } from '../../node/owner/windows.js'
import { readActiveWindow, readClass, readFullscreen } from '../../node/owner/x11.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { createVirtualClock, until } from '../support/clock.js'
import { suite } from '../support/suite.js'

const test = suite('owner sensors')

// Recorded outputs, each from where it says; the ids of processes and windows are those of the recordings.

/** `nvidia-smi pmon` of driver 470, from a lab's guide to a GeForce RTX 3060 Ti; a desktop's lines added in its format. */
const PMON_470 = `# gpu        pid  type    sm   mem   enc   dec   command
# Idx          #   C/G     %     %     %     %   name
    0       1021     G     3     1     -     -   Xorg
    0      22010     C    98    56     -     -   python3
    0      22044   C+G     -     -     -     -   game window.exe`
/** `nvidia-smi pmon -s um` of driver 418, from the sources of a media server that reads it: one column more. */
const PMON_418 = `# gpu        pid  type    sm   mem   enc   dec    fb   command
# Idx          #   C/G     %     %     %     %    MB   name
    0      12176     C     5     2     3     7   782   ffmpeg`
/** One where nothing runs, driver 535. */
const PMON_IDLE = `# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command
# Idx           #    C/G      %      %      %      %      %      %    name
    0          -      -      -      -      -      -      -      -    -`

test('what programs do with NVIDIA’s cards is read by the columns that the driver has', () => {
  const read = createPmonReader()
  const uses = [PMON_470, PMON_418, PMON_IDLE].flatMap((text) =>
    text.split('\n').flatMap((line) => read(line) ?? []),
  )
  assert.equal(uses, [
    { gpu: 0, pid: 1021, percent: 3, program: 'Xorg' },
    { gpu: 0, pid: 22010, percent: 98, program: 'python3' },
    { gpu: 0, pid: 22044, program: 'game window.exe' },
    { gpu: 0, pid: 12176, percent: 5, program: 'ffmpeg' },
  ])
})

/** The kernel's documentation of DRM client usage stats has both shapes: nanoseconds (amdgpu, i915) and cycles (xe). */
const AMDGPU = `pos:\t0\nflags:\t02100002\nmnt_id:\t28\nino:\t1234\ndrm-driver:\tamdgpu\ndrm-client-id:\t42\ndrm-pdev:\t0000:03:00.0
drm-memory-vram:\t1048576 KiB\ndrm-engine-gfx:\t1000000000 ns\ndrm-engine-compute:\t0 ns\n`
const XE = `drm-driver:\txe\ndrm-client-id:\t7\ndrm-pdev:\t0000:03:00.0\ndrm-cycles-rcs:\t500\ndrm-total-cycles-rcs:\t1000\n`

test('what the kernel tells of an open card becomes a share of its time', () => {
  const before = parseFdinfo(AMDGPU)!
  const after = parseFdinfo(AMDGPU.replace('1000000000', '1250000000'))!
  assert.is(before.id, '0000:03:00.0/42')
  assert.is(usedBetween(before, after, 500), 50)
  assert.is(usedBetween(before, before, 500), 0)
  const later = parseFdinfo(XE.replace('500', '800').replace('1000', '2000'))!
  assert.is(usedBetween(parseFdinfo(XE)!, later, 500), 30)
  assert.is(parseFdinfo('pos:\t0\nflags:\t02\nmnt_id:\t28\n'), undefined)
})

test('each way to learn how long nobody has typed is read, and nothing is made of another answer', () => {
  assert.is(XPRINTIDLE.read('73520\n', 0), 73_520)
  assert.is(MUTTER.read('(uint64 5124,)\n', 0), 5_124)
  assert.is(LOGIND.read('IdleHint=yes\nIdleSinceHint=1732100000000000\n', 1_732_100_300_000), 300_000)
  assert.is(LOGIND.read('IdleHint=no\nIdleSinceHint=0\n', 1_732_100_300_000), 0)
  const ioreg =
    '+-o IOHIDSystem\n{\n"HIDIdleTime" = 4500000000\n}\n+-o IOHIDSystem1\n{\n"HIDIdleTime" = 9000000000\n}'
  assert.is(IOREG.read(ioreg, 0), 4_500)
  for (const source of [XPRINTIDLE, MUTTER, LOGIND, IOREG]) {
    assert.is(source.read('couldn’t open display\n', 0), undefined)
  }
})

test('what xprop prints of a window is read', () => {
  assert.is(readActiveWindow('_NET_ACTIVE_WINDOW(WINDOW): window id # 0x1a00003'), '0x1a00003')
  assert.is(readActiveWindow('_NET_ACTIVE_WINDOW(WINDOW): window id # 0x0'), undefined)
  assert.is(readActiveWindow('_NET_ACTIVE_WINDOW:  not found.'), undefined)
  assert.is(readFullscreen('_NET_WM_STATE(ATOM) = _NET_WM_STATE_FOCUSED, _NET_WM_STATE_FULLSCREEN'), true)
  assert.is(readFullscreen('_NET_WM_STATE(ATOM) = _NET_WM_STATE_MAXIMIZED_VERT'), false)
  assert.is(readFullscreen('WM_CLASS(STRING) = "a", "_NET_WM_STATE_FULLSCREEN"'), undefined)
  assert.is(readClass('WM_CLASS(STRING) = "navigator", "Firefox"'), 'Firefox')
})

test('one look of the PowerShell that watches Windows is told at its end, without what this node has started', () => {
  const read = createWindowsReader(400)
  const lines = ['input 1500', 'screen 3', 'gpu 90 977,400,4 node.exe', 'gpu 35 500,12 game one.exe', 'end']
  assert.equal(lines.map(read).at(-1), {
    inputAgoMs: 1_500,
    fullscreen: '',
    gpu: { percent: 35, program: 'game one.exe' },
  })
  assert.equal(['input 4294967295', 'screen 5', 'end'].map(read).at(-1), {
    inputAgoMs: undefined,
    fullscreen: undefined,
    gpu: undefined,
  })
})

test('the owner’s own program says busy and idle, and nothing else is heard', () => {
  assert.equal(readWord('busy a render\n'), { busy: 'a render' })
  assert.equal(readWord('busy'), { busy: '' })
  assert.equal(readWord('idle'), { busy: undefined })
  assert.is(readWord('business as usual'), undefined)
})

test('processors count without what this node does, and idle ones wait for nobody', () => {
  const stat = (user: number, idle: number) =>
    readTotals(`cpu  ${user} 0 100 ${idle} 50 0 0 0 0 0\ncpu0 1 2 3 4\n`)!
  const before = { ...stat(1_000, 9_000), own: new Map([[7, 100]]) }
  const after = {
    ...stat(1_500, 9_500),
    own: new Map([
      [7, 300],
      [8, 100],
    ]),
  }
  assert.is(othersBetween(before, after), 20)
})

function withFolder(act: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-owner-'))
  return Promise.resolve(act(folder)).finally(() => rmSync(folder, { recursive: true, force: true }))
}

test('cards of AMD and Intel are found with their sensors, in the units of hwmon', () =>
  withFolder(async (sys) => {
    for (const [card, vendor] of [
      ['card0', '0x1002'],
      ['card1', '0x10de'],
      ['card0-HDMI-A-1', '0x1002'],
    ] as const) {
      mkdirSync(join(sys, 'class/drm', card, 'device/hwmon/hwmon3'), { recursive: true })
      writeFileSync(join(sys, 'class/drm', card, 'device/vendor'), `${vendor}\n`)
    }
    const [card, second] = findDrmCards(sys)
    assert.is(card?.card, 'card0')
    assert.is(second, undefined)
    writeFileSync(join(card!.hwmon!, 'temp1_input'), '71000\n')
    writeFileSync(join(card!.hwmon!, 'power1_average'), '203000000\n')
    const clock = createVirtualClock()
    const told: Seen[] = []
    const sensor = createHwmonSensor({ folders: [card!.hwmon!], clock })
    sensor.start((seen) => void told.push(seen))
    await clock.advance(2_000)
    await sensor.stop()
    assert.equal(told, [{ celsius: 71, watts: 203 }])
  }))

/** What a machine is to be asked, with the programs of one folder only. */
function options(path: string, change: Partial<WatchOptions> = {}): WatchOptions {
  return {
    watch: [],
    command: [],
    platform: 'linux',
    env: { PATH: path },
    pid: process.pid,
    containers: () => [],
    clock: systemClock,
    log: silentLog,
    ...change,
  }
}

const isLinux = process.platform === 'linux'
const skipped = isLinux ? undefined : `no /proc on ${process.platform}`

if (skipped !== undefined) test.skip('sensors on a real system', skipped)
else {
  test('our own processes and those of our containers are told from others', async () => {
    const child = spawn('sleep', ['60'])
    try {
      const processes = createProcesses({ pid: process.pid, proc: '/proc', containers: () => [] })
      assert.ok(processes.isOurs(child.pid!))
      assert.not.ok(processes.isOurs(process.ppid))
      assert.ok(processes.exists(process.ppid))
      assert.not.ok(processes.exists(2 ** 22 + 1))
    } finally {
      child.kill('SIGKILL')
    }
    await withFolder((proc) => {
      mkdirSync(join(proc, '70'))
      writeFileSync(join(proc, '70/stat'), '70 (a (b) c) S 1 70 70 0\n')
      writeFileSync(join(proc, '70/cgroup'), '0::/system.slice/docker-abcdef.scope\n')
      const of = (names: string[]) => createProcesses({ pid: 5, proc, containers: () => names }).isOurs(70)
      assert.ok(of(['abcdef']))
      assert.not.ok(of(['123456']))
    })
  })

  test('a game is told within a second of its first line, a program of ours never, and what ends is taken back', () =>
    withFolder(async (folder) => {
      // A driver's program that nobody here has: it prints what a recording has, with the pids of this test.
      const [game, own] = [process.ppid, process.pid]
      const script = `#!/bin/sh
case "$1" in
pmon) echo '# gpu        pid  type    sm   mem   enc   dec   command'
  for i in 1 2 3; do echo "    0      ${own}     C    98    56     -     -   node"; echo "    0      ${game}     G    4${'$'}i    12     -     -   game"; sleep 0.2; done
  while :; do echo "    0          -     -     -     -     -     -   -"; sleep 0.2; done;;
*) while :; do echo '0, GPU-1, NVIDIA GeForce RTX 4090, 00000000:01:00.0, 550.54, 24564, 24000, 3, 61.5, 450.00, 54'; sleep 0.2; done;;
esac`
      writeFileSync(join(folder, 'nvidia-smi'), script)
      chmodSync(join(folder, 'nvidia-smi'), 0o755)
      symlinkSync('/bin/sleep', join(folder, 'sleep'))
      const watch = await openWatch(options(folder, { watch: ['gpu', 'card'], sys: folder }))
      assert.equal(
        watch.sensors.map(({ name }) => name),
        ['gpu', 'card'],
      )
      let seen: Seen = {}
      for (const sensor of watch.sensors) sensor.start((told) => void (seen = { ...seen, ...told }))
      try {
        await until(() => (seen.gpu?.percent ?? 0) > 40)
        assert.is(seen.gpu?.program, 'game')
        await until(() => seen.celsius === 54 && seen.watts === 61.5)
        assert.is(
          watch.latestCards?.()?.[0]?.model,
          'NVIDIA GeForce RTX 4090',
          'the price of power reads the same',
        )
        await until(() => seen.gpu === undefined)
      } finally {
        await Promise.all(watch.sensors.map((sensor) => sensor.stop()))
      }
    }))

  test('the owner’s program is heard, its end takes back what it said, and it is started again', () =>
    withFolder(async (folder) => {
      const told: Seen[] = []
      const command = ['/bin/sh', '-c', 'echo busy a render; sleep 0.2']
      const watch = await openWatch(options(process.env.PATH ?? '', { command, sys: folder }))
      watch.sensors[0]!.start((seen) => void told.push(seen))
      try {
        await until(() => told.length >= 3)
      } finally {
        await watch.sensors[0]!.stop()
      }
      assert.equal(told.slice(0, 3), [
        { command: 'a render' },
        { command: undefined },
        { command: 'a render' },
      ])
    }))

  test('what cannot be watched here is said with the reason, and is not guessed', () =>
    withFolder(async (folder) => {
      const watch = await openWatch(
        options(folder, { watch: ['gpu', 'fullscreen', 'input', 'cpu', 'card'], sys: folder, proc: folder }),
      )
      assert.equal(
        watch.sensors.map(({ name }) => name),
        ['cpu'],
      )
      assert.equal(
        watch.blind.map(({ name, reason }) => `${name}: ${reason}`),
        [
          'gpu: no card of NVIDIA, AMD or Intel was found',
          'fullscreen: no display',
          'input: no display',
          'card: no card tells its temperature and power',
        ],
      )
    }))

  test('what others do on these processors is seen, and what this node starts is not', async () => {
    const clock = createVirtualClock()
    const watch = await openWatch(options('', { watch: ['cpu'], clock }))
    const told: number[] = []
    watch.sensors[0]!.start(({ cpuPercent }) => void told.push(cpuPercent ?? -1))
    // The processors go on meanwhile, whatever this clock says.
    await until(async () => {
      await clock.advance(5_000)
      return told.length > 0
    })
    await watch.sensors[0]!.stop()
    assert.ok(told[0]! >= 0 && told[0]! <= 100)
  })
}

test.run()
