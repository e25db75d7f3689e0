import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TransferReport } from '../support/transfer.js'
import { type Figure, median } from './figure.js'

/**
 * A gibibyte between two processes on loopback: as content (noise, yamux, frames, each chunk checked against the tree, written to
 * the disk and flushed), and for reference over a bare TCP socket and over TLS (AES-128-GCM), which check and store nothing.
 * Rounds of the three take turns, so that a busy machine slows all of them; the median counts.
 */
const BYTES = 1024 * 1024 * 1024
const ROUNDS = 3
const MEBIBYTE = 1024 * 1024

type Pair = { received: { bytes: number; ms: number }; reports: TransferReport[] }

function start(script: string, args: string[]) {
  const path = fileURLToPath(new URL(`../support/${script}`, import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', path, '--bytes', `${BYTES}`, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`${script} ${args.join(' ')} ended without a report`)
    return JSON.parse(value)
  }
  return { child, next }
}

/** What is told on the way is passed over. */
async function reportOf(
  next: () => Promise<TransferReport & { progress?: unknown }>,
): Promise<TransferReport> {
  for (;;) {
    const line = await next()
    if (line.progress === undefined) return line
  }
}

async function overSession(): Promise<Pair> {
  const children: ChildProcess[] = []
  try {
    const sender = start('transfer.js', [])
    children.push(sender.child)
    const { address, root, warm } = await sender.next()
    const receiver = start('transfer.js', ['--address', address, '--root', root, '--warm', warm])
    children.push(receiver.child)
    const received: TransferReport = await reportOf(receiver.next)
    const sent: TransferReport = await reportOf(sender.next)
    return { received, reports: [received, sent] }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

async function overSocket(kind: 'tcp' | 'tls'): Promise<Pair> {
  const children: ChildProcess[] = []
  try {
    const sender = start('socket-transfer.js', ['--kind', kind])
    children.push(sender.child)
    const { port } = await sender.next()
    const receiver = start('socket-transfer.js', ['--kind', kind, '--port', `${port}`])
    children.push(receiver.child)
    const received = await receiver.next()
    if (received.bytes !== BYTES) throw new Error(`${kind}: ${received.bytes} of ${BYTES} bytes arrived`)
    return { received, reports: [] }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

export async function run(): Promise<Figure[]> {
  const speeds = { session: [] as number[], tcp: [] as number[], tls: [] as number[] }
  const peaks: number[] = []
  const note = (kind: keyof typeof speeds, { received }: Pair) =>
    speeds[kind].push(received.bytes / 1e6 / (received.ms / 1000))
  for (let round = 0; round < ROUNDS; round++) {
    const session = await overSession()
    note('session', session)
    peaks.push(...session.reports.map(({ peakRss }) => peakRss))
    note('tcp', await overSocket('tcp'))
    note('tls', await overSocket('tls'))
  }
  const speed = median(speeds.session)
  return [
    {
      name: 'transfer.vs_tcp',
      value: speed,
      unit: 'MB/s',
      reference: 'node:net, bare socket',
      ratio: speed / median(speeds.tcp),
    },
    {
      name: 'transfer.vs_tls',
      value: speed,
      unit: 'MB/s',
      reference: 'node:tls, AES-128-GCM',
      ratio: speed / median(speeds.tls),
    },
    { name: 'transfer.peak_rss_mb', value: Math.max(...peaks) / MEBIBYTE, unit: 'MiB' },
  ]
}
