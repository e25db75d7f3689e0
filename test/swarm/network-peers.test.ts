import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { hostOf } from '../../node/net/hosts.js'
import { systemRandom } from '../../node/system/random.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import {
  eventually,
  startNetwork,
  temporaryDirectory,
  textProtocol,
  withNetworks,
} from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('network: peers, identity and storage')

async function errorOf(promise: Promise<unknown>): Promise<NightshiftError> {
  try {
    await promise
  } catch (error) {
    assert.instance(error, NightshiftError)
    return error as NightshiftError
  }
  throw new Error('this should have been rejected')
}

/** The TCP port of a multiaddr. */
function portOf(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1])
}

test('one seed is the peer and the Solana key', async () => {
  await withNetworks(1, async (network) => {
    assert.equal(solanaKeyOf(network.peer), network.publicKey)
  })
})

test('peers see each other come and go', async () => {
  await withNetworks(2, async (left, right) => {
    const events: string[] = []
    const stopListening = left.onPeer(({ kind, peer }) => events.push(`${kind} ${peer}`))
    await left.hangUp(right!.peer)
    await eventually(() => events.includes(`disconnected ${right!.peer}`))
    assert.is(await right!.dial(left.addresses()[0]!), left.peer)
    await eventually(() => events.includes(`connected ${right!.peer}`))
    assert.ok(left.peers().includes(right!.peer))
    stopListening()
    assert.ok((await left.roundTripMs(right!.peer)) >= 0)
  })
})

test('where a peer is seen to be does not depend on what it announces', async () => {
  const claimed = '/ip4/93.184.216.34/tcp/4001'
  const left = await startNetwork()
  const right = await startNetwork({ announce: [claimed] })
  try {
    assert.ok(right.addresses().every((address) => address.startsWith(claimed)))
    await right.dial(left.addresses()[0]!)
    await eventually(() => left.peers().includes(right.peer))
    const seen = left.remotes(right.peer)
    assert.ok(seen.length > 0)
    assert.ok(
      seen.every((address) => address.startsWith('/ip4/127.0.0.1/tcp/')),
      seen.join(' '),
    )
    assert.equal(left.remotes(left.peer), [])
  } finally {
    await Promise.all([left.stop(), right.stop()])
  }
})

test('an address where nobody listens, and one that is none, cannot be reached', async () => {
  await withNetworks(1, async (network) => {
    assert.is((await errorOf(network.dial('/ip4/127.0.0.1/tcp/1'))).code, 'PEER_UNREACHABLE')
    assert.is((await errorOf(network.dial('no address'))).code, 'PEER_UNREACHABLE')
    const cancelled = network.dial('/ip4/127.0.0.1/tcp/1', { signal: AbortSignal.abort() })
    assert.is((await errorOf(cancelled)).code, 'SESSION_CANCELLED')
  })
})

test('private addresses are not dialled on a public network', async () => {
  const target = await startNetwork()
  const network = await startNetwork({ allowPrivateAddresses: false })
  try {
    assert.is((await errorOf(network.dial(target.addresses()[0]!))).code, 'PEER_UNREACHABLE')
  } finally {
    await Promise.all([network.stop(), target.stop()])
  }
})

test('a flood of identities from one host takes the places of one host', async () => {
  const node = await startNetwork({ maxConnectionsPerHost: 3 })
  const listening = startNetwork()
  const identities = await Promise.all(Array.from({ length: 10 }, () => startNetwork({ listen: [] })))
  try {
    const [address] = node.addresses()
    await Promise.allSettled(identities.map((identity) => identity.dial(address!)))
    await eventually(() => identities.filter(({ peers }) => peers().length > 0).length <= 3)
    assert.is(node.peers().length, 3)
    const [inside] = identities.filter(({ peer }) => node.peers().includes(peer))
    await node.hangUp(inside!.peer)
    const outside = identities.find(({ peer }) => !node.peers().includes(peer) && peer !== inside!.peer)
    await eventually(async () => {
      await outside!.dial(address!).catch(() => {})
      return node.peers().includes(outside!.peer)
    })
    const own = await node.dial((await listening).addresses()[0]!)
    assert.ok(node.peers().includes(own), 'whom this node dials itself is not counted')
  } finally {
    await Promise.all([node, await listening, ...identities].map((network) => network.stop()))
  }
})

test('hosts are counted by IPv4 address, and by the first half of an IPv6 address', () => {
  assert.is(hostOf('/ip4/192.0.2.7/tcp/4001/p2p/x'), '192.0.2.7')
  const household = '2001:db8:0:1'
  assert.is(hostOf('/ip6/2001:db8:0:1::7/tcp/4001'), household)
  assert.is(hostOf('/ip6/2001:0db8:0000:0001:ffff:1:2:3/tcp/4001'), household)
  assert.is(hostOf('/ip6/2001:db8::1:0:0:0:9/tcp/1'), household)
  assert.is(hostOf('/ip6/::1/tcp/1'), '0:0:0:0')
  assert.is.not(hostOf('/ip6/2001:db8:0:2::7/tcp/4001'), household)
  assert.is(hostOf('/memory/x'), undefined)
})

test('a port in use is an error that says so', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const directory = temporaryDirectory()
  try {
    const init = {
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      dataDir: directory.path,
      seed: systemRandom.bytes(32),
    }
    const error = await errorOf(startNetwork(init))
    assert.is(error.code, 'PORT_IN_USE')
    assert.match(error.advice, 'port')
    await new Promise((resolve) => server.close(resolve))
    const network = await startNetwork(init)
    await network.stop()
  } finally {
    server.close()
    directory.remove()
  }
})

test('an address that is not this machine cannot be listened on', async () => {
  assert.is((await errorOf(startNetwork({ listen: ['/ip4/192.0.2.1/tcp/4001'] }))).code, 'LISTEN_FAILED')
})

test('a data directory belongs to one key and to one process at a time', async () => {
  const directory = temporaryDirectory()
  const seed = systemRandom.bytes(32)
  const network = await startNetwork({ dataDir: directory.path, seed })
  try {
    assert.is((await errorOf(startNetwork({ dataDir: directory.path, seed }))).code, 'DATA_DIR_LOCKED')
    await network.stop()
    const other = await errorOf(startNetwork({ dataDir: directory.path }))
    assert.is(other.code, 'DATA_DIR_OF_ANOTHER_NODE')
    assert.match(other.advice, 'data directory')
    const again = await startNetwork({ dataDir: directory.path, seed })
    assert.is(again.peer, network.peer)
    await again.stop()
  } finally {
    await network.stop()
    directory.remove()
  }
})

test('a data directory that cannot be made is an error that says so', async () => {
  assert.is((await errorOf(startNetwork({ dataDir: '/dev/null/node' }))).code, 'DATA_DIR_UNUSABLE')
})

test('a bootstrap peer may be down at the start and restarted later', async () => {
  const seed = systemRandom.bytes(32)
  const first = await startNetwork({ seed })
  const address = first.addresses()[0]!
  const listen = [`/ip4/127.0.0.1/tcp/${portOf(address)}`]
  await first.stop()
  const network = await startNetwork({ bootstrap: [address] })
  try {
    assert.equal(network.peers(), [])
    for (let round = 0; round < 2; round++) {
      const bootstrap = await startNetwork({ seed, listen, role: 'bootstrap' })
      await eventually(() => network.peers().includes(bootstrap.peer))
      await bootstrap.stop()
      await eventually(() => network.peers().length === 0)
    }
  } finally {
    await network.stop()
  }
})

test('a network stops twice, and while it is busy', async () => {
  await withNetworks(2, async (left, right) => {
    const protocol = textProtocol()
    await left.engine.handle(protocol, async (session) => {
      for await (const text of session) await session.send(text)
    })
    const session = await right!.engine.open(protocol, left.peer)
    await session.send('hello')
    const waiting = right!.engine.request(protocol, left.peer, 'hello').catch(codeOf)
    await Promise.all([left.stop(), left.stop(), right!.stop()])
    await waiting
    assert.is((await errorOf(right!.engine.open(protocol, left.peer))).code, 'NETWORK_STOPPED')
  })
})

test('a killed process frees its data directory and its sessions', async () => {
  const directory = temporaryDirectory()
  const script = fileURLToPath(new URL('../support/echo.js', import.meta.url))
  const start = async () => {
    const child = spawn(process.execPath, [script, directory.path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    return { child, address: (await lines.next()).value as string }
  }
  const network = await startNetwork()
  try {
    const before = await start()
    const peer = await network.dial(before.address)
    const session = await network.engine.open(textProtocol(), peer)
    await session.send('hello')
    assert.is(await session.receive(), 'hello')
    const waiting = errorOf(session.receive())
    before.child.kill('SIGKILL')
    assert.is((await waiting).code, 'PEER_GONE')
    assert.ok(session.signal.aborted)
    const after = await start()
    assert.is(await network.dial(after.address), peer, 'it is the same node after its restart')
    assert.is(await network.engine.request(textProtocol(), peer, 'again'), 'again')
    after.child.kill('SIGKILL')
  } finally {
    await network.stop()
    directory.remove()
  }
})

test('a message limit above what the engine carries is a bug, said at once', async () => {
  await withNetworks(1, async (network) => {
    const protocol = textProtocol({ maxRequestBytes: 2 ** 30 })
    try {
      await network.engine.handle(protocol, async () => {})
      assert.unreachable('it was taken')
    } catch (error) {
      assert.instance(error, RangeError)
    }
  })
})

test.run()
