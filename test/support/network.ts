import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noise } from '@chainsafe/libp2p-noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { createNetwork, type NetworkInit } from '../../node/net/network.js'
import type { Network } from '../../node/net/ports.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import type { Codec, ProtocolDescriptor } from '../../protocols/descriptor.js'

/** A network on loopback with a key of its own and any free port. */
export function startNetwork(init: Partial<NetworkInit> = {}): Promise<Network> {
  return createNetwork({
    network: 'testing',
    seed: systemRandom.bytes(32),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    allowPrivateAddresses: true,
    ...init,
  })
}

/** Runs `body` with `count` networks, all connected to the first, and stops them whatever happens. */
export async function withNetworks(
  count: number,
  body: (...networks: Network[]) => Promise<void>,
  init: (index: number) => Partial<NetworkInit> = () => ({}),
): Promise<void> {
  const networks: Network[] = []
  try {
    for (let index = 0; index < count; index++) networks.push(await startNetwork(init(index)))
    for (const network of networks.slice(1)) await network.dial(networks[0]!.addresses()[0]!)
    // the side that dials is done a moment before the side that is dialled
    await eventually(() => networks[0]!.peers().length === count - 1)
    await body(...networks)
  } finally {
    await Promise.all(networks.map((network) => network.stop()))
  }
}

/** Checks `condition` until it holds; the test's own time-out ends it. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(10)
}

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'nightshift-net-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export const textCodec: Codec<string> = {
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
}

export function textProtocol(
  change: Partial<ProtocolDescriptor<string, string>> = {},
): ProtocolDescriptor<string, string> {
  return {
    word: 'echo',
    version: '1.0.0',
    request: textCodec,
    response: textCodec,
    maxRequestBytes: 64 * 1024,
    maxResponseBytes: 64 * 1024,
    idleTimeoutMs: 5_000,
    quota: { concurrentPerPeer: 16, opensPerMinute: 600 },
    ...change,
  }
}

/** A bare libp2p node that keeps to none of our rules: it says whatever bytes a test wants to say. */
export async function startRawPeer() {
  return createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
}
