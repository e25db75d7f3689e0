import { Duplex, PassThrough } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { listen } from '../../node/net/listener.js'
import { serveReach } from '../../node/provider/reach.js'
import { createReach } from '../../node/renter/reach.js'
import { createRelay } from '../../node/runtime/container/relay.js'
import type { Execution, Run } from '../../node/runtime/port.js'
import { silentLog } from '../../node/system/log.js'
import { NightshiftError } from '../../protocols/errors.js'
import { forwardProtocol } from '../../protocols/job/port/protocol.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { suite } from '../support/suite.js'

/** Renter and provider ends of connections and programs; what runs in the middle is played, containers have a suite. */
const test = suite('reaching into a job')

const LEASE = new Uint8Array(32).fill(7)

function refusal(code: string) {
  return Promise.reject(new NightshiftError(code, 'no', { advice: 'none' }))
}

/** Answers in capitals, when the other side has ended. */
function shout(): Duplex {
  const said = new PassThrough()
  const answer = new PassThrough()
  void text(said).then((words) => answer.end(words.toUpperCase()))
  return Duplex.from({ readable: answer, writable: said })
}

function program(command: readonly string[]): Execution {
  const input = new PassThrough()
  const output = new PassThrough()
  const errors = new PassThrough()
  const ended = buffer(input).then((said) => {
    output.end(`${command.join(' ')}: ${said.length}`)
    errors.end('wrong')
    return 3
  })
  return { input, output, errors, ended, resize: async () => {}, close: () => {} }
}

const RUN: Partial<Run> = {
  connect: async (port) => (port === 80 ? shout() : refusal('PORT_NOT_EXPOSED')),
  exec: async (command) => (command[0] === 'wc' ? program(command) : refusal('EXEC_NOT_ALLOWED')),
}

async function meet(run: Partial<Run> | undefined, whose: 'mine' | 'other' = 'mine') {
  const hub = createHub()
  const [renter, provider, other] = [await hub.join(), await hub.join(), await hub.join()]
  const clock = createVirtualClock()
  const record = { renter: (whose === 'mine' ? renter : other).peer, state: 'open' }
  await serveReach({
    engine: provider.engine,
    ledger: { get: () => record as never },
    runOf: () => run as Run | undefined,
    clock,
  })
  const lease = {
    deployment: 'job',
    state: 'open',
    begunAtMs: 1,
    proposedAtMs: 1,
    peer: provider.peer,
    address: LEASE,
  }
  const book = { list: async () => [{ key: '', value: lease }] } as never
  const failures: string[] = []
  const reach = createReach({ engine: renter.engine, book, listen, clock, log: silentLog })
  const onFailure = (error: unknown) => failures.push((error as NightshiftError).code)
  const open = () => renter.engine.open(forwardProtocol, provider.peer)
  return { reach, failures, onFailure, open, clock }
}

/** What comes back from the forwarded port. */
async function say(port: number, words: string): Promise<string> {
  const { connect } = await import('node:net')
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.end(words)
  return text(socket).catch((error) => String(error.code))
}

test('a connection passes through in both directions, each with its own end', async () => {
  const { reach, failures, onFailure } = await meet(RUN)
  await using forward = await reach.forward('job', { port: 80, onFailure })
  assert.is(forward.address, `127.0.0.1:${forward.port}`)
  const long = 'abc'.repeat(100_000)
  assert.equal(await Promise.all(['one', 'two', long].map((words) => say(forward.port, words))), [
    'ONE',
    'TWO',
    long.toUpperCase(),
  ])
  assert.equal(failures, [])
})

const REFUSED: ReadonlyArray<[string, Partial<Run> | undefined, 'mine' | 'other', number]> = [
  ['PORT_NOT_EXPOSED', RUN, 'mine', 81],
  ['PORTS_NOT_OFFERED', {}, 'mine', 80],
  ['NOT_RUNNING', undefined, 'mine', 80],
  ['UNKNOWN_LEASE', RUN, 'other', 80],
]
for (const [code, run, whose, port] of REFUSED) {
  test(`a connection is refused with ${code}, and the renter's program sees it closed`, async () => {
    const { reach, failures, onFailure } = await meet(run, whose)
    await using forward = await reach.forward('job', { port, onFailure })
    assert.is.not(await say(forward.port, 'one'), 'ONE')
    assert.equal(failures, [code])
  })
}

test('a connection that was made after its renter has left is ended', async () => {
  const made = new PassThrough()
  const connecting = Promise.withResolvers<Duplex>()
  let isAsked = () => {}
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve
  })
  const connect = () => {
    isAsked()
    return connecting.promise
  }
  const { open } = await meet({ connect })
  const session = await open()
  await session.send({ open: { lease: LEASE, port: 80 } })
  await asked
  const gone = new Promise<void>((resolve) => made.once('close', resolve))
  session.abort(new Error('away'))
  await new Promise((resolve) => setImmediate(resolve))
  connecting.resolve(made)
  await gone
  assert.ok(made.destroyed)
})

test('a stream on which nobody says whose it is does not keep its place for a day', async () => {
  const { open, clock } = await meet(RUN)
  const session = await open()
  const ended = session.receive().catch((error: NightshiftError) => error.code)
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(31_000)
  assert.ok(await ended)
})

test('what the relay says beyond its own frames ends it, and is not waited for', async () => {
  const said = new PassThrough()
  const relay = createRelay(Duplex.from({ readable: said, writable: new PassThrough().resume() }))
  const frame = Buffer.from([2, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f])
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, frame.length])
  said.write(Buffer.concat([header, frame]))
  await relay.ended
  const refused = await relay.connect(80).catch((error: NightshiftError) => error.code)
  assert.is(refused, 'RELAY_GONE')
})

test('a program gets its input, and its outputs and exit code come back; what is not allowed is refused', async () => {
  const { reach } = await meet(RUN)
  const running = await reach.exec('job', ['wc', '-c'])
  running.input.end(Buffer.alloc(300_000))
  const [output, errors, code] = await Promise.all([
    text(running.output),
    text(running.errors),
    running.ended,
  ])
  assert.equal([output, errors, code], ['wc -c: 300000', 'wrong', 3])
  const codeOf = async (command: string[], given = reach) =>
    given.exec('job', command).then(
      () => 'it runs',
      (error: NightshiftError) => error.code,
    )
  assert.is(await codeOf(['rm']), 'EXEC_NOT_ALLOWED')
  assert.is(await codeOf([]), 'MALFORMED')
  assert.is(await codeOf(['wc'], (await meet({})).reach), 'EXEC_NOT_ALLOWED')
  assert.is(await codeOf(['wc'], (await meet(RUN, 'other')).reach), 'UNKNOWN_LEASE')
})

test('a job that does not run is not reached, and a port in use is named as such', async () => {
  const { reach } = await meet(RUN)
  const unknown = await reach.exec('another', ['wc']).catch((error: NightshiftError) => error.code)
  assert.is(unknown, 'NOT_RUNNING')
  await using forward = await reach.forward('job', { port: 80 })
  const taken = await reach.forward('job', { port: 80, localPort: forward.port }).catch((error) => error.code)
  assert.is(taken, 'PORT_IN_USE')
})

test.run()
