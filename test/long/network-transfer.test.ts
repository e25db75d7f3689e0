import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.js'
import type { TransferReport } from '../support/transfer.js'

const test = suite('a gibibyte to a slow reader')

const MEBIBYTE = 1024 * 1024
const BYTES = 1024 * MEBIBYTE
const MEMORY_LIMIT = 64 * MEBIBYTE

const children: ChildProcess[] = []
test.after(() => {
  for (const child of children) child.kill('SIGKILL')
})

function start(...args: string[]) {
  const script = fileURLToPath(new URL('../support/transfer.js', import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', script, '--bytes', `${BYTES}`, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return async () => JSON.parse((await lines.next()).value as string)
}

test(
  'costs neither process more than 64 MiB',
  async () => {
    const sender = start()
    const { address } = await sender()
    const receiver = start('--address', address, '--pauseMs', '20')
    const reports: TransferReport[] = [await receiver(), await sender()]
    for (const { bytes, startRss, peakRss } of reports) {
      assert.is(bytes, BYTES)
      const grown = peakRss - startRss
      assert.ok(grown < MEMORY_LIMIT, `${Math.round(grown / MEBIBYTE)} MiB`)
    }
  },
  { timeoutMs: 600_000 },
)

test.run()
