import * as assert from 'uvu/assert'
import { refusalReason } from '../../node/net/failure.js'
import type { Network } from '../../node/net/ports.js'
import type { Session } from '../../node/net/session.js'
import type { ProtocolDescriptor } from '../../protocols/descriptor.js'
import { codeOf } from '../../protocols/errors.js'
import { eventually, startNetwork, textProtocol } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('engine: sessions over real sockets')

let server: Network
let client: Network

test.before(async () => {
  server = await startNetwork()
  client = await startNetwork()
  await client.dial(server.addresses()[0]!)
})
test.after(async () => {
  await Promise.all([server, client, ...others].map((network) => network.stop()))
})

const others: Network[] = []
async function another(): Promise<Network> {
  const network = await startNetwork()
  others.push(network)
  return network
}

let words = 0
/** A protocol of its own for each test, so that quotas and metrics do not mix. */
function fresh(change: Partial<ProtocolDescriptor<string, string>> = {}): ProtocolDescriptor<string, string> {
  return textProtocol({ word: `echo-${words++}`, ...change })
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.unreachable('this should have been rejected'),
    (error) => error,
  )
}

async function echo(session: Session<string, string>): Promise<void> {
  for await (const text of session) await session.send(text)
}

function openSessions(network: Network, word: string): number {
  const { inbound, outbound } = network.engine.metrics().protocols[word]!
  return inbound.open + outbound.open
}

async function bothReleased(word: string): Promise<void> {
  await eventually(() => openSessions(client, word) === 0 && openSessions(server, word) === 0)
}

test('a request gets its response', async () => {
  const protocol = fresh()
  await server.engine.handle(protocol, echo)
  assert.is(await client.engine.request(protocol, server.peer, 'hello'), 'hello')
  await bothReleased(protocol.word)
  assert.is(client.engine.metrics().protocols[protocol.word]?.outbound.outcomes.ok, 1)
  assert.is(server.engine.metrics().protocols[protocol.word]?.inbound.outcomes.ok, 1)
})

test('messages of a conversation arrive in order, both ways, and end in order', async () => {
  const protocol = fresh()
  await server.engine.handle(protocol, echo)
  const session = await client.engine.open(protocol, server.peer)
  assert.is(session.peer, server.peer)
  const said = Array.from({ length: 200 }, (_, index) => `${index}`.repeat(1 + (index % 50)))
  const heard: string[] = []
  const listening = (async () => {
    for await (const text of session) heard.push(text)
  })()
  for (const text of said) await session.send(text)
  await session.end()
  await listening
  assert.equal(heard, said)
  await bothReleased(protocol.word)
})

test('an empty message and one of exactly the largest size pass', async () => {
  const protocol = fresh({ maxRequestBytes: 1000, maxResponseBytes: 1000 })
  await server.engine.handle(protocol, echo)
  assert.is(await client.engine.request(protocol, server.peer, ''), '')
  assert.is(await client.engine.request(protocol, server.peer, 'x'.repeat(1000)), 'x'.repeat(1000))
})

test('a message above the limit is not sent', async () => {
  const protocol = fresh({ maxRequestBytes: 1000 })
  await server.engine.handle(protocol, echo)
  const error = await errorOf(client.engine.request(protocol, server.peer, 'x'.repeat(1001)))
  assert.is(codeOf(error), 'MESSAGE_TOO_LARGE')
  await bothReleased(protocol.word)
})

test('a peer with a larger limit is told that its message is too large', async () => {
  const protocol = fresh({ maxRequestBytes: 1000 })
  let seen: unknown
  await server.engine.handle(protocol, async (session) => {
    seen = await errorOf(session.receive())
  })
  const loose = { ...protocol, maxRequestBytes: 60_000 }
  const error = await errorOf(client.engine.request(loose, server.peer, 'x'.repeat(50_000)))
  assert.is(refusalReason(error), 'FRAME_TOO_LARGE')
  await eventually(() => seen !== undefined)
  assert.is(codeOf(seen), 'FRAME_TOO_LARGE')
  await bothReleased(protocol.word)
})

test('bytes that are no message break the session off with a code on each side', async () => {
  const protocol = fresh()
  let seen: unknown
  await server.engine.handle(protocol, async (session) => {
    seen = await errorOf(session.receive())
  })
  const garbled = { ...protocol, request: { encode: () => Uint8Array.of(0xff, 0xfe), decode: () => '' } }
  const error = await errorOf(client.engine.request(garbled, server.peer, ''))
  assert.is(refusalReason(error), 'MESSAGE_UNDECODABLE')
  assert.is(codeOf(seen), 'MESSAGE_UNDECODABLE')
  await bothReleased(protocol.word)
})

test('a handler that throws tells the peer only that it failed', async () => {
  const protocol = fresh()
  await server.engine.handle(protocol, async () => {
    throw new Error('a secret of the handler')
  })
  const error = (await errorOf(client.engine.request(protocol, server.peer, 'hello'))) as Error
  assert.is(refusalReason(error), 'HANDLER_FAILED')
  assert.not.match(error.message, 'secret')
  await bothReleased(protocol.word)
})

test('a handler that returns without an answer leaves the caller with PEER_SILENT', async () => {
  const protocol = fresh()
  await server.engine.handle(protocol, async () => {})
  assert.is(codeOf(await errorOf(client.engine.request(protocol, server.peer, 'hello'))), 'PEER_SILENT')
  await bothReleased(protocol.word)
})

test('a protocol that the peer does not offer is unsupported', async () => {
  const error = await errorOf(client.engine.request(fresh(), server.peer, 'hello'))
  assert.is(codeOf(error), 'PROTOCOL_UNSUPPORTED')
})

test('a peer that nobody knows cannot be reached', async () => {
  const stranger = await another()
  await stranger.stop()
  const error = await errorOf(client.engine.request(fresh(), stranger.peer, 'hello'))
  assert.is(codeOf(error), 'PEER_UNREACHABLE')
})

test('sessions above the quota of a peer are refused, and admitted again when others have ended', async () => {
  const protocol = fresh({ quota: { concurrentPerPeer: 2, opensPerMinute: 600 } })
  await server.engine.handle(protocol, echo)
  const held = [
    await client.engine.open(protocol, server.peer),
    await client.engine.open(protocol, server.peer),
  ]
  for (const session of held) {
    await session.send('held')
    assert.is(await session.receive(), 'held')
  }
  const refused = await errorOf(client.engine.request(protocol, server.peer, 'one too many'))
  assert.is(refusalReason(refused), 'QUOTA_EXCEEDED')
  for (const session of held) await session.close()
  await bothReleased(protocol.word)
  assert.is(await client.engine.request(protocol, server.peer, 'again'), 'again')
  assert.is(server.engine.metrics().protocols[protocol.word]?.inbound.outcomes.QUOTA_EXCEEDED, 1)
})

test('a peer that opens sessions too often is refused', async () => {
  const protocol = fresh({ quota: { concurrentPerPeer: 16, opensPerMinute: 5 } })
  await server.engine.handle(protocol, echo)
  for (let count = 0; count < 5; count++) await client.engine.request(protocol, server.peer, 'hello')
  const refused = await errorOf(client.engine.request(protocol, server.peer, 'hello'))
  assert.is(refusalReason(refused), 'QUOTA_EXCEEDED')
})

test('a peer that sends nothing is stalled after the idle time', async () => {
  const protocol = fresh({ idleTimeoutMs: 200 })
  let seen: unknown
  await server.engine.handle(protocol, async (session) => {
    seen = await errorOf(session.receive())
  })
  const session = await client.engine.open({ ...protocol, idleTimeoutMs: 10_000 }, server.peer)
  const error = await errorOf(session.receive())
  assert.is(refusalReason(error), 'PEER_STALLED')
  assert.is(codeOf(seen), 'PEER_STALLED')
  await bothReleased(protocol.word)
})

test('a peer that stops reading is stalled after the time-out of a frame, though the session may idle for long', async () => {
  const protocol = fresh({ idleTimeoutMs: 60_000, frameTimeoutMs: 300 })
  let seen: unknown
  await server.engine.handle(protocol, async (session) => {
    const flood = async () => {
      for (;;) await session.send('x'.repeat(60_000))
    }
    seen = await errorOf(flood())
  })
  const session = await client.engine.open(protocol, server.peer)
  await eventually(() => seen !== undefined)
  assert.is(codeOf(seen), 'PEER_STALLED')
  session.abort(new Error('done'))
  await bothReleased(protocol.word)
})

test('a session that lives too long is timed out, however busy it is', async () => {
  const protocol = fresh({ totalTimeoutMs: 300, quota: { concurrentPerPeer: 1, opensPerMinute: 60 } })
  await server.engine.handle(protocol, echo)
  const session = await client.engine.open({ ...protocol, totalTimeoutMs: 60_000 }, server.peer)
  const talk = async () => {
    for (;;) {
      await session.send('still here')
      await session.receive()
    }
  }
  assert.is(refusalReason(await errorOf(talk())), 'SESSION_TIMEOUT')
  await bothReleased(protocol.word)
})

test('cancelling on the opening side ends both sides', async () => {
  const protocol = fresh()
  let seen: unknown
  await server.engine.handle(protocol, async (session) => {
    await session.send(`heard ${await session.receive()}`)
    seen = await errorOf(session.receive())
    assert.ok(session.signal.aborted)
  })
  const cancel = new AbortController()
  const session = await client.engine.open(protocol, server.peer, { signal: cancel.signal })
  await session.send('hello')
  assert.is(await session.receive(), 'heard hello')
  const waiting = errorOf(session.receive())
  cancel.abort(new Error('changed my mind'))
  const error = await waiting
  assert.is(codeOf(error), 'SESSION_CANCELLED')
  assert.match(String((error as Error).cause), 'changed my mind')
  await eventually(() => seen !== undefined)
  assert.is(refusalReason(seen), 'SESSION_CANCELLED')
  await bothReleased(protocol.word)
})

test('aborting on the handling side ends both sides', async () => {
  const protocol = fresh()
  await server.engine.handle(protocol, async (session) => {
    await session.receive()
    session.abort(new Error('the owner came back'))
  })
  const session = await client.engine.open(protocol, server.peer)
  await session.send('hello')
  assert.is(refusalReason(await errorOf(session.receive())), 'SESSION_CANCELLED')
  assert.is(codeOf(await errorOf(session.send('more'))), 'PEER_REFUSED')
  await bothReleased(protocol.word)
})

test('a call that was cancelled before it began does not dial', async () => {
  const error = await errorOf(
    client.engine.request(fresh(), server.peer, 'hello', {
      signal: AbortSignal.abort(new Error('too late')),
    }),
  )
  assert.is(codeOf(error), 'SESSION_CANCELLED')
})

test('a peer that hangs up in the middle leaves the other side with PEER_GONE, not with an end in order', async () => {
  const protocol = fresh()
  const leaving = await another()
  await leaving.engine.handle(protocol, async (session) => {
    await session.send('the first of many')
    await session.receive()
  })
  await client.dial(leaving.addresses()[0]!)
  const session = await client.engine.open(protocol, leaving.peer)
  assert.is(await session.receive(), 'the first of many')
  const waiting = errorOf(session.receive())
  await leaving.hangUp(client.peer)
  assert.is(codeOf(await waiting), 'PEER_GONE')
})

test('a node that stops tells its peers', async () => {
  const protocol = fresh()
  const leaving = await another()
  await leaving.engine.handle(protocol, async (session) => {
    await session.send('hello')
    await session.receive()
  })
  await client.dial(leaving.addresses()[0]!)
  const session = await client.engine.open(protocol, leaving.peer)
  await session.receive()
  const waiting = errorOf(session.receive())
  await leaving.stop()
  assert.is(refusalReason(await waiting), 'NETWORK_STOPPED')
})

test('frames above the rate are read later, and none is lost', async () => {
  const protocol = fresh({ quota: { concurrentPerPeer: 4, opensPerMinute: 60, framesPerSecond: 100 } })
  let heard = 0
  const beganMs = performance.now()
  await server.engine.handle(protocol, async (session) => {
    for await (const _ of session) heard++
    await session.send(`${heard}`)
  })
  const session = await client.engine.open(protocol, server.peer)
  for (let count = 0; count < 150; count++) await session.send('tick')
  await session.end()
  assert.is(await session.receive(), '150')
  assert.ok(performance.now() - beganMs >= 450, 'the last 50 frames had to wait for half a second')
})

test('thousands of requests at once are all answered', async () => {
  const protocol = fresh({ quota: { concurrentPerPeer: 200, opensPerMinute: 100_000 } })
  await server.engine.handle(protocol, echo)
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        client.engine.request(protocol, server.peer, `${round}.${index}`),
      ),
    )
    assert.equal(
      answers,
      Array.from({ length: 100 }, (_, index) => `${round}.${index}`),
    )
  }
  await bothReleased(protocol.word)
})

test.run()
