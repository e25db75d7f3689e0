import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { openSource } from '../../node/files/folder.js'
import { toHex } from '../../protocols/bytes.js'
import { suite } from '../support/suite.js'
import type { TransferReport } from '../support/transfer.js'

const test = suite('transfers between processes')

const MEBIBYTE = 1024 * 1024
/** What a transfer adds to a process, whatever its size: three streams of a window, a chunk and a write each, and garbage. */
const MEMORY_LIMIT = 128 * MEBIBYTE

const folder = mkdtempSync(join(tmpdir(), 'nightshift-transfer-'))
const children: ChildProcess[] = []
test.after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

type Line = Partial<TransferReport> & {
  address?: string
  root?: string
  progress?: { bytes: number; totalBytes: number; bytesPerSecond: number }
}

function start(...args: string[]) {
  const script = fileURLToPath(new URL('../support/transfer.js', import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<Line> => JSON.parse((await lines.next()).value as string)
  const until = async (holds: (line: Line) => boolean): Promise<Line> => {
    for (;;) {
      const line = await next()
      if (holds(line)) return line
    }
  }
  return { child, next, until }
}

async function killed({ child }: { child: ChildProcess }): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

test(
  'a gibibyte costs neither process more than 128 MiB',
  async () => {
    const bytes = 1024 * MEBIBYTE
    const sender = start('--bytes', `${bytes}`)
    const { address, root } = await sender.next()
    const receiver = start('--bytes', `${bytes}`, '--address', address!, '--root', root!)
    const isReport = (line: Line) => line.peakRss !== undefined
    for (const report of [await receiver.until(isReport), await sender.until(isReport)]) {
      assert.is(report.bytes, bytes)
      const grown = report.peakRss! - report.startRss!
      assert.ok(grown < MEMORY_LIMIT, `${Math.round(grown / MEBIBYTE)} MiB`)
    }
  },
  { timeoutMs: 600_000 },
)

test(
  'kill -9 of the receiver, then of the sender, in mid-transfer: it goes on from what was stored',
  async () => {
    const bytes = 96 * MEBIBYTE
    const port = `${20_000 + (process.pid % 20_000)}`
    const serve = () => start('--bytes', `${bytes}`, '--port', port)
    const slow = (address: string, root: string) =>
      start(
        '--bytes',
        `${bytes}`,
        '--address',
        address,
        '--root',
        root,
        '--folder',
        folder,
        '--rate',
        `${12 * MEBIBYTE}`,
      )
    const half = (line: Line) => (line.progress?.bytes ?? 0) > bytes / 3
    let sender = serve()
    const { address, root } = await sender.next()

    const first = slow(address!, root!)
    await first.until(half)
    await killed(first)
    const second = slow(address!, root!)
    const { progress } = await second.until((line) => line.progress !== undefined)
    assert.ok(progress!.bytes > bytes / 4, `it began at ${progress!.bytes}`)

    await killed(sender)
    sender = serve()
    assert.is((await sender.next()).root, root)
    await second.until((line) => line.bytes === bytes)
    assert.is(toHex((await openSource(join(folder, root!))).sha256), root)
  },
  { timeoutMs: 300_000 },
)

test.run()
