import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import * as assert from 'uvu/assert'
import { encodeFrame, FrameKind, FrameReader } from '../../node/net/frame.js'
import type { Network } from '../../node/net/ports.js'
import { type ProtocolDescriptor, protocolId } from '../../protocols/descriptor.js'
import { codeOf } from '../../protocols/errors.js'
import { eventually, startNetwork, startRawPeer, textProtocol } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('engine: a peer that breaks the rules')

let server: Network
let attacker: Awaited<ReturnType<typeof startRawPeer>>

test.before(async () => {
  server = await startNetwork()
  attacker = await startRawPeer()
})
test.after(async () => {
  await Promise.all([server.stop(), attacker.stop()])
})

let words = 0

/** A handler that reads to the end, and what it met there. */
async function serve(change: Partial<ProtocolDescriptor<string, string>> = {}) {
  const protocol = textProtocol({ word: `hostile-${words++}`, maxRequestBytes: 1000, ...change })
  const met: { texts: string[]; code?: string; done: boolean } = { texts: [], done: false }
  await server.engine.handle(protocol, async (session) => {
    try {
      for await (const text of session) met.texts.push(text)
    } catch (error) {
      met.code = codeOf(error)
      throw error
    } finally {
      met.done = true
    }
  })
  const open = async () => {
    const connection = await attacker.dial(multiaddr(server.addresses()[0]!))
    return connection.newStream(protocolId('testing', protocol.word))
  }
  const released = () =>
    eventually(() => met.done && server.engine.metrics().protocols[protocol.word]?.inbound.open === 0)
  return { protocol, met, open, released }
}

/** The code in the refusal that comes back on a stream. */
async function refusalOn(stream: Stream): Promise<string | undefined> {
  const reader = new FrameReader(64 * 1024)
  try {
    for await (const bytes of stream) {
      reader.push(bytes)
      if (reader.refusal !== undefined) break
    }
  } catch {
    // a reset after the refusal is as good as an end
  }
  stream.abort(new Error('seen enough'))
  return reader.refusal?.code
}

function textFrame(text: string): Uint8Array {
  return encodeFrame(FrameKind.message, new TextEncoder().encode(text)).subarray()
}

test('a malformed length is refused, and the stream closed', async () => {
  const { met, open, released } = await serve()
  const stream = await open()
  stream.send(textFrame('fine so far'))
  stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff))
  assert.is(await refusalOn(stream), 'FRAME_MALFORMED')
  await released()
  assert.is(met.code, 'FRAME_MALFORMED')
})

test('a frame that announces too much is refused before its body comes', async () => {
  const { met, open, released } = await serve()
  const stream = await open()
  stream.send(Uint8Array.of(0xff, 0xff, 0x7f, FrameKind.message))
  assert.is(await refusalOn(stream), 'FRAME_TOO_LARGE')
  await released()
  assert.is(met.code, 'FRAME_TOO_LARGE')
})

test('a stream that ends in the middle of a frame is truncated', async () => {
  const { met, open, released } = await serve()
  const stream = await open()
  stream.send(textFrame('whole'))
  stream.send(textFrame('cut off').subarray(0, 5))
  await stream.close()
  await released()
  assert.equal(met.texts, ['whole'])
  assert.is(met.code, 'FRAME_TRUNCATED')
})

test('a stream that ends without saying so is a peer that is gone', async () => {
  const { met, open, released } = await serve()
  const stream = await open()
  stream.send(textFrame('whole'))
  await stream.close()
  await released()
  assert.equal(met.texts, ['whole'])
  assert.is(met.code, 'PEER_GONE')
})

test('a stall in the middle of a frame is ended by the idle time', async () => {
  const { met, open, released } = await serve({ idleTimeoutMs: 200 })
  const stream = await open()
  stream.send(textFrame('never finished').subarray(0, 5))
  assert.is(await refusalOn(stream), 'PEER_STALLED')
  await released()
  assert.is(met.code, 'PEER_STALLED')
})

test('a byte now and then does not keep a frame alive', async () => {
  const { met, open, released } = await serve({ idleTimeoutMs: 60_000, frameTimeoutMs: 300 })
  const stream = await open()
  const drips = textFrame('x'.repeat(900))
  let at = 0
  let isOver = false
  const refused = refusalOn(stream).finally(() => {
    isOver = true
  })
  await eventually(() => {
    if (!isOver && at < drips.byteLength) stream.send(drips.subarray(at, ++at))
    return isOver
  })
  assert.is(await refused, 'PEER_STALLED')
  assert.ok(at < drips.byteLength, 'the frame was not finished')
  await released()
  assert.is(met.code, 'PEER_STALLED')
})

test('a reset is told from an end', async () => {
  const { met, open, released } = await serve()
  const stream = await open()
  stream.send(textFrame('first'))
  await eventually(() => met.texts.length === 1)
  stream.abort(new Error('changed my mind'))
  await released()
  assert.is(met.code, 'PEER_RESET')
})

test('a peer that never closes its side does not keep a session that has ended', async () => {
  const { met, open, released } = await serve({ idleTimeoutMs: 300 })
  const stream = await open()
  stream.send(textFrame('first'))
  stream.send(encodeFrame(FrameKind.end, new Uint8Array()))
  await released()
  assert.is(met.code, undefined)
  await eventually(() => stream.status !== 'open')
})

test('a hundred streams of one peer meet the quota, and leave nothing behind', async () => {
  const quota = { concurrentPerPeer: 4, opensPerMinute: 1000 }
  const { protocol, open } = await serve({ quota, idleTimeoutMs: 500 })
  const opened = await Promise.allSettled(Array.from({ length: 100 }, open))
  assert.is(opened.length, 100)
  const inbound = () => server.engine.metrics().protocols[protocol.word]?.inbound
  assert.ok(inbound()!.open <= 4)
  await eventually(() => inbound()!.open === 0)
  await eventually(() => attacker.getConnections().every(({ streams }) => streams.length < 10))
})

test('a flood of frames that nobody reads is held back by the window', async () => {
  const protocol = textProtocol({ word: `hostile-${words++}`, maxRequestBytes: 1000, idleTimeoutMs: 20_000 })
  let finish = () => {}
  await server.engine.handle(protocol, (session) => {
    void session
    return new Promise((resolve) => {
      finish = resolve
    })
  })
  const connection = await attacker.dial(multiaddr(server.addresses()[0]!))
  const stream = await connection.newStream(protocolId('testing', protocol.word))
  const frames = Buffer.concat(Array.from({ length: 1000 }, () => textFrame('x'.repeat(990))))
  for (let count = 0; count < 20; count++) stream.send(frames)
  // 20 MB were queued; what the server's window takes is about a megabyte, the rest stays with the attacker
  await eventually(() => stream.writeBufferLength > 15_000_000 && stream.writableNeedsDrain)
  assert.is(stream.status, 'open')
  stream.abort(new Error('enough'))
  finish()
  await eventually(() => server.engine.metrics().protocols[protocol.word]?.inbound.open === 0)
})

test.run()
