import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import * as assert from 'uvu/assert'
import { openWatch } from '../../node/owner/open.js'
import type { Seen } from '../../node/owner/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { until } from '../support/clock.js'
import { suite } from '../support/suite.js'

/** A real X server, window manager and windows: Debian's xvfb, openbox, x11-utils, xterm, xprintidle and xdotool. */
const test = suite('a real desktop')

function has(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const needed = ['Xvfb', 'openbox', 'xprop', 'xterm', 'xprintidle', 'xdotool'].filter(
  (program) => !has(program),
)
if (needed.length > 0) test.skip('a real desktop', `there is no ${needed.join(', ')} here`)
else {
  test(
    'on a real desktop a window that fills the screen is seen, its end too, and so is a key',
    async () => {
      const running: ChildProcess[] = []
      const start = (program: string, ...args: string[]) => {
        const child = spawn(program, args, {
          stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
          env: { ...process.env, DISPLAY: display },
        })
        running.push(child)
        return child
      }
      let display = ''
      const server = start('Xvfb', '-displayfd', '3', '-screen', '0', '640x480x24', '-nolisten', 'tcp')
      display = await new Promise<string>((resolve) =>
        server.stdio[3]!.once('data', (number: Buffer) => resolve(`:${number.toString().trim()}`)),
      )
      start('openbox')
      const env = { PATH: process.env.PATH, DISPLAY: display }
      const watch = await openWatch({
        watch: ['fullscreen', 'input'],
        command: [],
        platform: 'linux',
        env,
        pid: process.pid,
        containers: () => [],
        clock: systemClock,
        log: silentLog,
      })
      assert.equal(
        watch.sensors.map(({ name }) => name),
        ['fullscreen', 'input'],
      )
      let seen: Seen = {}
      for (const sensor of watch.sensors) sensor.start((told) => void (seen = { ...seen, ...told }))
      try {
        await until(() => (seen.inputAgoMs ?? 0) > 1_000)
        const game = start('xterm', '-fullscreen', '-class', 'Game', '-e', 'sleep', '60')
        await until(() => seen.fullscreen === 'Game')
        start('xdotool', 'key', 'a')
        const before = seen.inputAgoMs ?? 0
        await until(() => (seen.inputAgoMs ?? before) < before)
        game.kill('SIGKILL')
        await until(() => seen.fullscreen === undefined)
      } finally {
        await Promise.all(watch.sensors.map((sensor) => sensor.stop()))
        for (const child of running.reverse()) child.kill('SIGKILL')
      }
    },
    { timeoutMs: 60_000 },
  )
}

test.run()
