import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { connectToNode, findNode } from '../../node/control/client.js'
import type { ControlledNode, OfferQuery } from '../../node/control/port.js'
import { type ControlServer, startControlServer } from '../../node/control/server.js'
import type { Json } from '../../node/control/view.js'
import { createDashboardNode } from '../../node/daemon/dashboard.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('control')

const REQUIREMENTS = {
  devices: 1,
  memoryBytes: 2n ** 60n,
  gpu: false,
  models: [],
  runtime: 'tfjs',
  locations: ['DE'],
  minimumStake: 2n ** 63n,
  minimumGflops: 0.5,
  allow: [],
  deny: [],
  attesters: [],
  choices: [],
}

interface Scene {
  dataDir: string
  server: ControlServer
  token: string
  calls: string[]
  asked: OfferQuery[]
  /** Whether the caller of the last stream has gone. */
  streams: AbortSignal[]
}

function unknown(id: string): NightshiftError {
  return new NightshiftError('JOB_UNKNOWN', `there is no job ${id}`, { advice: 'list them', context: { id } })
}

/** Plays the node behind the server: it notes what it is asked. */
function playNode(scene: Pick<Scene, 'calls' | 'asked' | 'streams'>): ControlledNode {
  const note = (name: string) => async () => {
    scene.calls.push(name)
  }
  return {
    status: async () => ({ version: '1', pid: 7 }) as never,
    offers: async (query) => {
      scene.asked.push(query)
      return []
    },
    watchOffers: async (query, signal) => {
      if (query.search === 'nonsense') {
        throw new NightshiftError('SEARCH_INVALID', 'column 1', { advice: 'write a term' })
      }
      scene.asked.push(query)
      scene.streams.push(signal)
      return (async function* () {
        yield { kind: 'appeared', offer: { peer: 'p' } as never } as const
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      })()
    },
    verify: async (peer) => ({ peer, ok: true }) as never,
    reputation: async (peer) => ({ peer, reliability: 0.5 }) as never,
    postJob: async ({ manifest }) => ({ id: manifest, isWorkflow: false }),
    workflows: async () => [],
    workflow: async (id) => {
      throw unknown(id)
    },
    workflowEvents: async function* () {},
    stopWorkflow: async () => {},
    jobs: async () => [],
    job: async (id) => {
      if (id !== 'known') throw unknown(id)
      return { id } as never
    },
    jobEvents: async function* (_id, { from, follow, signal }) {
      scene.streams.push(signal)
      for (let index = from; index < 3; index++) {
        yield { atMs: index, kind: 'log', line: `line ${index}` } as Json<DeploymentEvent>
      }
      if (follow) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
    audit: async (orderId) => [{ orderId, verdict: 'fair' } as never],
    stopJob: async (id) => {
      scene.calls.push(`stop ${id}`)
    },
    forward: async (_id, { port, localPort = 0 }, signal) => {
      scene.streams.push(signal)
      return (async function* () {
        yield { kind: 'forwarding', host: '127.0.0.1', port: localPort } as const
        yield { kind: 'failed', code: 'PORT_REFUSED', message: `port ${port}` } as const
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      })()
    },
    exec: async (id, command, options) => {
      scene.asked.push({ command, options } as never)
      if (id !== 'known') throw unknown(id)
      const output = new PassThrough()
      const input = new PassThrough()
      let size = ''
      const ended = buffer(input).then((said) => {
        output.end(`${size}${said.length} bytes`)
        return 7
      })
      return {
        input,
        output,
        errors: Readable.from([Buffer.from('wrong')]),
        ended,
        resize: async ({ rows, columns }) => void (size = `${rows} × ${columns}, `),
        close: () => scene.calls.push('left'),
      }
    },
    price: async ({ devices, strategy = 'fixed' }) => ({ strategy, devices }) as never,
    pause: async ({ forMs, noticeMs }) => {
      scene.calls.push(`pause ${forMs} ${noticeMs}`)
      return { verdict: { kind: 'away', because: 'paused by its owner' }, watched: [], blind: [] }
    },
    resume: async () => {
      scene.calls.push('resume')
      return { verdict: { kind: 'free' }, watched: [], blind: [] }
    },
    stop: note('stop'),
  }
}

async function withServer(act: (scene: Scene) => Promise<void>, port = 0): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-control-'))
  const notes = { calls: [] as string[], asked: [] as OfferQuery[], streams: [] as AbortSignal[] }
  try {
    const server = await startControlServer({
      node: playNode(notes),
      dashboard: createDashboardNode({
        node: playNode(notes),
        network: { gossip: { topics: () => [], peers: () => [] } },
        providerStatus: undefined,
        memoryBytes: () => 1,
      }),
      dataDir,
      host: '127.0.0.1',
      port,
      version: '1',
      pid: process.pid,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    })
    try {
      const token = readFileSync(join(dataDir, 'control.token'), 'utf8')
      await act({ dataDir, server, token, ...notes })
    } finally {
      await server.stop()
    }
    assert.equal(readdirSync(dataDir), [], 'address and token are taken away')
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

interface Answer {
  status: number
  body: { error?: { code: string } }
}

function ask(
  { server }: Scene,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(new URL(path, server.url), { method, headers, agent: false }, async (answer) => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk as Buffer)
      resolve({
        status: answer.statusCode ?? 0,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Answer['body'],
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function rejection(act: Promise<unknown>): Promise<NightshiftError> {
  try {
    await act
  } catch (error) {
    if (error instanceof NightshiftError) return error
    throw error
  }
  throw new Error('it did not reject')
}

test('only the owner can read the token, and the address is found through it', () =>
  withServer(async ({ dataDir, server }) => {
    if (process.platform !== 'win32') {
      assert.is(statSync(join(dataDir, 'control.token')).mode & 0o777, 0o600)
      assert.is(statSync(join(dataDir, 'control.json')).mode & 0o777, 0o600)
    }
    const client = await findNode(dataDir)
    assert.is(client?.url, server.url)
    assert.is((await client!.status()).pid, 7)
  }))

test('a request without the token, of a web page, or under another host name is refused', () =>
  withServer(async (scene) => {
    const authorization = `Bearer ${scene.token}`
    const cases: Array<[Record<string, string>, number, string]> = [
      [{}, 401, 'CONTROL_DENIED'],
      [{ authorization: 'Bearer 00' }, 401, 'CONTROL_DENIED'],
      [{ authorization: `Basic ${scene.token}` }, 401, 'CONTROL_DENIED'],
      [{ authorization: `${authorization}00` }, 401, 'CONTROL_DENIED'],
      [{ authorization, origin: 'http://127.0.0.1' }, 403, 'CONTROL_FOREIGN'],
      [{ authorization, origin: 'null' }, 403, 'CONTROL_FOREIGN'],
      [{ authorization, host: 'rebound.example' }, 403, 'CONTROL_FOREIGN'],
      [{ authorization, host: '127.0.0.1.rebound.example' }, 403, 'CONTROL_FOREIGN'],
    ]
    for (const [headers, status, code] of cases) {
      for (const path of ['/v1/status', '/v1/nothing']) {
        const answer = await ask(scene, path, headers)
        assert.is(answer.status, status)
        assert.is(answer.body.error?.code, code)
      }
    }
    assert.is((await ask(scene, '/v1/status', { authorization })).status, 200)
  }))

test('what is malformed, too large or unknown is answered with an error of ours', () =>
  withServer(async (scene) => {
    const headers = { authorization: `Bearer ${scene.token}`, 'content-type': 'application/json' }
    const cases: Array<[string, string | undefined, number, string]> = [
      ['/v1/nothing', undefined, 404, 'ROUTE_UNKNOWN'],
      ['/v1/jobs/none', undefined, 404, 'JOB_UNKNOWN'],
      ['/v1/jobs/none/events', undefined, 404, 'JOB_UNKNOWN'],
      ['/v1/jobs/known/events?from=-1', undefined, 400, 'BAD_REQUEST'],
      ['/v1/jobs', '{', 400, 'BAD_REQUEST'],
      ['/v1/jobs', '{"manifest":5}', 400, 'BAD_REQUEST'],
      ['/v1/jobs', JSON.stringify({ manifest: 'x', more: 1 }), 400, 'BAD_REQUEST'],
      ['/v1/jobs', JSON.stringify({ manifest: 'x'.repeat(70_000) }), 400, 'BAD_REQUEST'],
      ['/v1/offers', '{}', 400, 'BAD_REQUEST'],
    ]
    for (const [path, body, , code] of cases) {
      const answer = await ask(scene, path, headers, body)
      assert.is(answer.body.error?.code, code, path)
      assert.ok(answer.status >= 400 && answer.status < 500, path)
    }
  }))

test('amounts and sizes beyond what a JSON number holds arrive whole', () =>
  withServer(async ({ dataDir, asked }) => {
    const client = await connectToNode(dataDir)
    await client.offers({ requirements: REQUIREMENTS, ceilingPricePerHour: 2n ** 62n + 1n })
    assert.equal(asked, [{ requirements: REQUIREMENTS, ceilingPricePerHour: 2n ** 62n + 1n }])
  }))

test('reputation and price are asked for by peer and by order', () =>
  withServer(async ({ dataDir }) => {
    const node = await connectToNode(dataDir)
    const peer = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
    assert.equal(await node.reputation(peer), { peer, reliability: 0.5 } as never)
    assert.equal(await node.price({ devices: 2, strategy: 'surge' }), {
      strategy: 'surge',
      devices: 2,
    } as never)
    assert.equal(await node.price({ devices: 1 }), { strategy: 'fixed', devices: 1 } as never)
    for (const peer of ['', '../etc', 'x'.repeat(200)]) {
      assert.is(codeOf(await node.reputation(peer).catch((error: unknown) => error)), 'BAD_REQUEST', peer)
    }
    for (const query of [{ devices: 0 }, { devices: 1, strategy: 'free' }]) {
      assert.is(codeOf(await node.price(query as never).catch((error: unknown) => error)), 'BAD_REQUEST')
    }
  }))

test('an error of the node arrives as what it was', () =>
  withServer(async ({ dataDir }) => {
    const client = await connectToNode(dataDir)
    const error = await rejection(client.job('none'))
    assert.is(error.code, 'JOB_UNKNOWN')
    assert.is(error.message, 'there is no job none')
    assert.is(error.advice, 'list them')
    assert.equal(error.context, { id: 'none' })
  }))

test('events come one by one, from where they are asked for, and the node learns that nobody listens any more', () =>
  withServer(async ({ dataDir, streams }) => {
    const client = await connectToNode(dataDir)
    const lines: string[] = []
    for await (const event of client.jobEvents('known', { from: 1, follow: false })) {
      lines.push((event as { line: string }).line)
    }
    assert.equal(lines, ['line 1', 'line 2'])
    for await (const event of client.jobEvents('known', { follow: true })) {
      if ((event as { line: string }).line === 'line 1') break
    }
    const signal = streams.at(-1)!
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    assert.is(streams.length, 2)
  }))

test('offers are watched with the query as it was written, until nobody listens; a wrong one is told before', () =>
  withServer(async ({ dataDir, asked, streams }) => {
    const client = await connectToNode(dataDir)
    const query: OfferQuery = {
      requirements: REQUIREMENTS,
      search: 'price<1',
      sort: '-price',
      limit: 5,
      all: false,
    }
    for await (const { kind, offer } of await client.watchOffers(query)) {
      assert.equal([kind, offer.peer], ['appeared', 'p'])
      break
    }
    assert.equal(asked, [query])
    const signal = streams.at(-1)!
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    const wrong = await client.watchOffers({ requirements: REQUIREMENTS, search: 'nonsense' })
    assert.is((await rejection(wrong[Symbol.asyncIterator]().next())).code, 'SEARCH_INVALID')
    const unknown = client.offers({ requirements: REQUIREMENTS, sort: 'beauty' as never })
    assert.is((await rejection(unknown)).code, 'BAD_REQUEST')
  }))

test('a stream that is followed ends when the node stops', () =>
  withServer(async ({ dataDir, server }) => {
    const client = await connectToNode(dataDir)
    let seen = 0
    const follow = async () => {
      for await (const _ of client.jobEvents('known', { follow: true })) {
        if (++seen === 3) void server.stop()
      }
    }
    await follow().catch(() => {}) // the end of the process is no order to its readers
    assert.is(seen, 3)
  }))

test('commands reach the node by their names', () =>
  withServer(async ({ dataDir, calls }) => {
    const client = await connectToNode(dataDir)
    assert.is((await client.pause({ forMs: 60_000, noticeMs: 0 })).verdict.kind, 'away')
    assert.is((await client.resume()).verdict.kind, 'free')
    assert.equal(await client.audit('7f3a'), [{ orderId: '7f3a', verdict: 'fair' }])
    await client.stopJob('known')
    await client.stop()
    assert.equal(calls, ['pause 60000 0', 'resume', 'stop known', 'stop'])
  }))

test('a directory without a node, with the traces of one that was killed, or with a stranger on its port, has none', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-control-'))
  const stranger: Server = createServer((socket) =>
    socket.resume().end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno'),
  )
  try {
    assert.is(await findNode(dataDir), undefined)
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const { port } = stranger.address() as { port: number }
    const leave = (url: string) => {
      writeFileSync(join(dataDir, 'control.json'), JSON.stringify({ url, pid: 1, version: '1' }))
      writeFileSync(join(dataDir, 'control.token'), 'ab')
    }
    leave(`http://127.0.0.1:${port}`)
    assert.is(await findNode(dataDir), undefined)
    await new Promise((resolve) => stranger.close(resolve))
    assert.is(await findNode(dataDir), undefined)
    assert.is((await rejection(connectToNode(dataDir))).code, 'NODE_NOT_RUNNING')
  } finally {
    stranger.close()
    rmSync(dataDir, { recursive: true })
  }
})

test('a forwarded port is told, then what fails, until the caller goes', () =>
  withServer(async ({ dataDir, streams }) => {
    const node = await connectToNode(dataDir)
    const left = new AbortController()
    const told = []
    for await (const event of node.forward('known', { port: 80, localPort: 8080 }, left.signal)) {
      told.push(event)
      if (event.kind === 'failed') break
    }
    assert.equal(told, [
      { kind: 'forwarding', host: '127.0.0.1', port: 8080 },
      { kind: 'failed', code: 'PORT_REFUSED', message: 'port 80' },
    ])
    while (streams.at(-1)?.aborted !== true) await new Promise((resolve) => setImmediate(resolve))
    const wrong = node.forward('known', { port: 0 }, left.signal)[Symbol.asyncIterator]()
    assert.is((await rejection(wrong.next())).code, 'BAD_REQUEST')
  }))

test('a program’s streams, its terminal and its exit code pass through the control server', () =>
  withServer(async ({ dataDir, asked }) => {
    const node = await connectToNode(dataDir)
    const program = await node.exec('known', ['wc', '-c'], { terminal: { rows: 24, columns: 80 } })
    assert.equal(asked.at(-1), { command: ['wc', '-c'], options: { terminal: { rows: 24, columns: 80 } } })
    await program.resize({ rows: 50, columns: 132 })
    const data = Buffer.alloc(3 * 2 ** 20, 'x')
    program.input.end(data)
    const [output, errors, code] = await Promise.all([
      buffer(program.output),
      buffer(program.errors),
      program.ended,
    ])
    assert.is(output.toString(), `50 × 132, ${data.length} bytes`)
    assert.is(errors.toString(), 'wrong')
    assert.is(code, 7)
    assert.is((await rejection(node.exec('unknown', ['true'], {}))).code, 'JOB_UNKNOWN')
  }))

test('a program is run for nobody without the token, nor for a web page', () =>
  withServer(async ({ server, token, asked }) => {
    const refused = (headers: Record<string, string>) =>
      new Promise<string>((resolve) => {
        const url = new URL('/v1/jobs/known/exec', server.url)
        url.protocol = 'ws:'
        const socket = new WebSocket(url, { headers })
        socket.once('open', () => resolve('open'))
        socket.once('error', (error) => resolve(String(error)))
      })
    assert.match(await refused({}), /socket hang up/)
    assert.match(await refused({ authorization: `Bearer ${'0'.repeat(64)}` }), /socket hang up/)
    assert.match(
      await refused({ authorization: `Bearer ${token}`, origin: 'http://x.example' }),
      /socket hang up/,
    )
    assert.equal(asked, [])
  }))

test('a path that is no encoding of anything ends one request and not the node', () =>
  withServer(async ({ server, token, dataDir, asked }) => {
    const url = new URL('/v1/jobs/%E0%A4%A/exec', server.url)
    url.protocol = 'ws:'
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } })
    const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve))
    socket.once('open', () => socket.send(Buffer.from('\0{"command":["true"]}')))
    assert.match((await answer).toString(), 'error')
    assert.equal(asked, [])
    const node = await connectToNode(dataDir)
    assert.is((await rejection(node.exec('unknown', ['true'], {}))).code, 'JOB_UNKNOWN')
  }))

test('a port in use is told with what to do', () =>
  withServer(async ({ server }) => {
    const error = await withServer(async () => {}, Number(new URL(server.url).port)).catch((thrown) => thrown)
    assert.is(codeOf(error), 'PORT_IN_USE')
    assert.match(error.advice, '--control-port')
  }))

test.run()
