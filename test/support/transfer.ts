import '../../node/polyfill.js'
import { parseArgs } from 'node:util'
import { DEFAULT_CHUNK_BYTES, receiveBlob, sendBlob } from '../../node/net/transfer.js'
import { systemClock } from '../../node/system/clock.js'
import { bytesProtocol, startNetwork } from './network.js'

/**
 * One side of a transfer, as a process of its own, so that its memory can be measured alone. The serving side prints its
 * address, sends `--bytes` to whoever asks, and prints a report; the fetching side dials `--address`, reads at the pace of
 * `--pauseMs` every mebibyte, and prints a report.
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

const MEBIBYTE = 1024 * 1024
const SAMPLE_MS = 20

const protocol = bytesProtocol({
  word: 'blob',
  maxResponseBytes: 1024 * 1024,
  idleTimeoutMs: 30_000,
})

async function* produce(bytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(DEFAULT_CHUNK_BYTES).fill(7)
  for (let left = bytes; left > 0; left -= piece.byteLength)
    yield piece.subarray(0, Math.min(left, piece.byteLength))
}

/** Watches this process's memory while `body` runs. */
async function measure(bytes: number, body: () => Promise<unknown>): Promise<TransferReport> {
  globalThis.gc?.()
  const startRss = process.memoryUsage.rss()
  let peakRss = startRss
  const stopSampling = systemClock.every(SAMPLE_MS, () => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  })
  const beganMs = performance.now()
  const beganCpu = process.cpuUsage()
  await body()
  const { user, system } = process.cpuUsage(beganCpu)
  stopSampling()
  return { bytes, ms: performance.now() - beganMs, cpuMs: (user + system) / 1000, startRss, peakRss }
}

function print(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`)
}

async function serve(bytes: number): Promise<void> {
  const network = await startNetwork()
  await network.engine.handle(protocol, async (session) => {
    const asked = new TextDecoder().decode(await session.receive())
    if (asked === 'warm') return sendBlob(session, produce(MEBIBYTE), { totalBytes: MEBIBYTE })
    print(await measure(bytes, () => sendBlob(session, produce(bytes), { totalBytes: bytes })))
  })
  print({ address: network.addresses()[0] })
  process.stdin.on('end', () => void network.stop().then(() => process.exit(0)))
  process.stdin.resume()
}

async function fetchOnce(
  network: Awaited<ReturnType<typeof startNetwork>>,
  peer: string,
  kind: 'warm' | 'real',
  maxBytes: number,
  pauseMs: number,
): Promise<void> {
  const session = await network.engine.open(protocol, peer)
  await session.send(new TextEncoder().encode(kind))
  await session.end()
  let unpaused = 0
  await receiveBlob(session, {
    maxBytes,
    write: async (bytes) => {
      unpaused += bytes.byteLength
      if (pauseMs === 0 || unpaused < MEBIBYTE) return
      unpaused = 0
      await systemClock.sleep(pauseMs)
    },
  })
  await session.close()
}

async function fetch(address: string, bytes: number, pauseMs: number): Promise<void> {
  const network = await startNetwork({ listen: [] })
  const peer = await network.dial(address)
  await fetchOnce(network, peer, 'warm', MEBIBYTE, 0)
  print(await measure(bytes, () => fetchOnce(network, peer, 'real', bytes, pauseMs)))
  await network.stop()
  process.exit(0)
}

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    bytes: { type: 'string', default: `${MEBIBYTE}` },
    pauseMs: { type: 'string', default: '0' },
  },
})
if (values.address === undefined) await serve(Number(values.bytes))
else await fetch(values.address, Number(values.bytes), Number(values.pauseMs))
