import '../../node/polyfill.js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createContent } from '../../node/content/content.js'
import type { OfferedContent } from '../../node/content/port.js'
import { openFolder } from '../../node/files/folder.js'
import { nativeSha256 } from '../../node/files/hash.js'
import type { Network } from '../../node/net/ports.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { fromHex, toHex } from '../../protocols/bytes.js'
import { CHUNK_BYTES, chunkCount, joinLeaves, leafOf, rootOf } from '../../protocols/job/content.js'
import { startNetwork } from './network.js'

/**
 * One side of a transfer, as a process of its own, so that its memory can be measured alone and it can be killed. The serving
 * side prints its address and the name of `--bytes` that it has; the fetching side dials `--address`, fetches `--root` into
 * `--folder`, and prints a report. `--rate` limits it, in bytes a second.
 */
export interface TransferReport {
  bytes: number
  ms: number
  /** Processor time of this process, user and system. */
  cpuMs: number
  /** Memory when the transfer began, and at its highest, bytes. */
  startRss: number
  peakRss: number
}

/** Often enough to see a peak; to read it is itself a tenth of a percent of a core. */
const SAMPLE_MS = 100
const WARM_BYTES = 2 ** 20

/** Chunks that differ from one another, without a gigabyte to hold: a number is written into each. */
export function madeUp(bytes: number): OfferedContent & { root: Uint8Array; leaves: Uint8Array } {
  const chunkAt = (index: number) => {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - index * CHUNK_BYTES)).fill(7)
    if (chunk.length >= 4) new DataView(chunk.buffer).setUint32(0, index)
    return chunk
  }
  const leaves = joinLeaves(
    Array.from({ length: chunkCount(bytes) }, (_, index) => leafOf(chunkAt(index), nativeSha256)),
  )
  return {
    bytes,
    leaves,
    root: rootOf(leaves, bytes, nativeSha256),
    read: async (offset, length) => {
      if (offset % CHUNK_BYTES !== 0) throw new RangeError(`${offset} is not the beginning of a chunk`)
      const count = Math.ceil(length / CHUNK_BYTES)
      const pieces = Array.from({ length: count }, (_, index) => chunkAt(offset / CHUNK_BYTES + index))
      return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces)
    },
  }
}

/** Watches this process's memory until the returned function is called. */
function measure(bytes: number): () => TransferReport {
  globalThis.gc?.()
  const startRss = process.memoryUsage.rss()
  let peakRss = startRss
  const stopSampling = systemClock.every(SAMPLE_MS, () => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  })
  const beganMs = performance.now()
  const beganCpu = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(beganCpu)
    stopSampling()
    return { bytes, ms: performance.now() - beganMs, cpuMs: (user + system) / 1000, startRss, peakRss }
  }
}

function print(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`)
}

const openContent = (network: Network, downBytesPerSecond?: number) =>
  createContent({
    network,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    ...(downBytesPerSecond === undefined ? {} : { rates: { downBytesPerSecond } }),
  })

async function serve(bytes: number, port: string): Promise<void> {
  const network = await startNetwork({
    listen: [`/ip4/127.0.0.1/tcp/${port}`],
    seed: new Uint8Array(32).fill(9),
  })
  const content = openContent(network)
  await content.serve()
  const [warm, real] = [madeUp(WARM_BYTES), madeUp(bytes)]
  let report: (() => TransferReport) | undefined
  let sent = 0
  content.offer((root) => {
    if (toHex(root) === toHex(warm.root)) return warm
    if (toHex(root) !== toHex(real.root)) return undefined
    report ??= measure(bytes)
    return {
      ...real,
      onSent: ({ bytes: more }) => {
        sent += more
        if (sent === bytes) print(report?.())
      },
    }
  })
  print({ address: network.addresses()[0], root: toHex(real.root), warm: toHex(warm.root) })
  process.stdin.on('end', () => void network.stop().then(() => process.exit(0)))
  process.stdin.resume()
}

async function fetch(address: string, bytes: number): Promise<void> {
  const network = await startNetwork({ listen: [] })
  const content = openContent(network, values.rate === undefined ? undefined : Number(values.rate))
  const peer = await network.dial(address)
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'nightshift-transfer-'))
  const take = (root: string, size: number) =>
    content.fetch(
      {
        sha256: fromHex(root),
        bytes: size,
        peers: [peer],
        files: openFolder(folder),
        partial: `${root}.partial`,
        file: root,
        onProgress: (progress) => print({ progress }),
      },
      new AbortController().signal,
    )
  if (values.warm !== undefined) await take(values.warm, WARM_BYTES)
  const report = measure(bytes)
  await take(values.root as string, bytes)
  print(report())
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true })
  await network.stop()
  process.exit(0)
}

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    bytes: { type: 'string', default: `${WARM_BYTES}` },
    root: { type: 'string' },
    warm: { type: 'string' },
    folder: { type: 'string' },
    rate: { type: 'string' },
    port: { type: 'string', default: '0' },
  },
})
if (values.address === undefined) await serve(Number(values.bytes), values.port)
else await fetch(values.address, Number(values.bytes))
