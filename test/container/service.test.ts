import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { listen } from '../../node/net/listener.js'
import type { Listener } from '../../node/net/ports.js'
import { createContainerRuntime } from '../../node/runtime/container/runtime.js'
import type { Execution, InputFile, Run, RunEvent, Runtime, ServiceEvent } from '../../node/runtime/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import { ENGINES, missingFor, nodeImage, startEngine, type TestEngine } from '../support/engines.js'
import { suite } from '../support/suite.js'

const MIB = 2 ** 20
const LIMITS = {
  memoryBytes: 1_024 * MIB,
  cpus: 2,
  processes: 256,
  diskBytes: 1_024 * MIB,
  imageBytes: 512 * MIB,
  cacheBytes: 0,
  logLinesPerSecond: 100,
}
const LIMIT = { timeoutMs: 120_000 }

/** HTTP, websockets and plain TCP on three ports; a file says whether it is healthy. */
const SERVER = `
const http = require('node:http'), net = require('node:net'), fs = require('node:fs'), crypto = require('node:crypto')
const { WebSocketServer } = require('/app/node_modules/ws')
let served = 0, sockets = new Set()
const server = http.createServer((request, response) => {
  sockets.add(request.socket)
  if (request.url === '/health') return response.writeHead(fs.existsSync('/tmp/ill') ? 503 : 200).end()
  if (request.url === '/ill') { fs.writeFileSync('/tmp/ill', ''); return response.end() }
  if (request.url === '/exit') process.exit(3)
  if (request.url === '/count') return response.end(JSON.stringify({ served: ++served, sockets: sockets.size }))
  if (request.url.startsWith('/bytes/')) {
    const wanted = Number(request.url.slice(7)), piece = Buffer.alloc(65536, 'nightshift')
    let left = wanted
    const more = () => {
      while (left > 0) {
        const part = piece.subarray(0, Math.min(left, piece.length)); left -= part.length
        if (!response.write(part)) return response.once('drain', more)
      }
      response.end()
    }
    return more()
  }
  const hash = crypto.createHash('sha256'); let bytes = 0
  request.on('data', (piece) => { bytes += piece.length; hash.update(piece) })
  request.on('end', () => response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') })))
})
new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
server.listen(8080, '127.0.0.1', () => console.log('listening'))
// Answers only when the other side has ended, and has half a second to itself.
net.createServer({ allowHalfOpen: true }, (socket) => {
  const pieces = []
  socket.on('data', (piece) => pieces.push(piece))
  socket.on('end', () => setTimeout(() => socket.end(Buffer.concat(pieces).toString().toUpperCase()), 100))
}).listen(9090, '127.0.0.1')
net.createServer(() => {}).listen(7070, '127.0.0.1')
process.on('SIGTERM', () => { fs.writeFileSync(process.env.NIGHTSHIFT_OUT + '/last', String(served)); process.exit(0) })
`

function fileOf(name: string, bytes: Uint8Array): InputFile {
  return {
    name,
    bytes: bytes.length,
    read: async function* () {
      yield bytes
    },
  }
}

for (const name of ENGINES) {
  const test = suite(`service: ${name}`)
  const missing = missingFor(name)
  if (missing !== undefined) {
    test.skip('services', missing)
    test.run()
    continue
  }
  let started: TestEngine
  let runtime: Runtime
  let image: Uint8Array
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-services-'))
  let jobs = 0
  const forwarded = new Map<Run, Listener>()

  /** As the node does when it starts. */
  const open = () =>
    createContainerRuntime({
      engine: started.engine,
      node: 'a1'.repeat(32),
      folder,
      limits: LIMITS,
      gpus: [],
      clock: systemClock,
      log: silentLog,
    })

  test.before(async () => {
    started = await startEngine(name)
    image = await nodeImage()
    runtime = await open()
  }, LIMIT)
  test.after(async () => {
    await started.stop()
    rmSync(folder, { recursive: true, force: true })
  }, LIMIT)

  async function prepare(more: Record<string, unknown> = {}) {
    const events: RunEvent[] = []
    const run = await runtime.prepare(
      {
        id: (++jobs).toString(16).padStart(64, '0'),
        declared: {
          archive: 'image',
          entrypoint: ['/bin/node', '/job/in/server.cjs'],
          env: { PATH: '/bin' },
          grace: '5s',
          expose: [8080, 9090],
          health: { http: '/health', interval: '1s', timeout: '5s', retries: 1, start: '60s' },
          exec: true,
          ...more,
        },
        inputs: [fileOf('image', image), fileOf('server.cjs', Buffer.from(SERVER))],
        devices: [0],
        onEvent: (event) => events.push(event),
      },
      { signal: new AbortController().signal },
    )
    const told = () => events.filter((event): event is ServiceEvent => event.kind === 'service')
    const logged = () => events.flatMap((event) => (event.kind === 'log' ? [event.line] : [])).join('\n')
    return { run, told, logged }
  }

  async function until(what: string, holds: () => boolean, detail: () => string = () => '') {
    for (const end = Date.now() + 90_000; !holds(); await systemClock.sleep(50)) {
      if (Date.now() > end) throw new Error(`${what}: not in 90 s; ${detail()}`)
    }
  }

  /** Starts a service, waits until it is healthy, and leaves nothing behind. */
  async function serving(
    more: Record<string, unknown>,
    act: (running: { run: Run; told: () => ServiceEvent[]; ended: Promise<unknown> }) => Promise<void>,
  ) {
    const { run, told, logged } = await prepare(more)
    let failure: unknown
    const ended = run.start().catch((error) => (failure = error))
    try {
      await until(
        'healthy',
        () => failure !== undefined || told().some(({ status }) => status === 'HEALTHY'),
        () => `${JSON.stringify(told())} ${logged()}`,
      )
      assert.is(failure, undefined, String(failure))
      await act({ run, told, ended })
    } catch (error) {
      throw new Error(`${String(error)}; ${JSON.stringify(told())} ${logged()}`, { cause: error })
    } finally {
      await forwarded.get(run)?.close()
      forwarded.delete(run)
      await run.close()
    }
    assert.equal(await left(), [])
  }

  async function left() {
    const { api } = started.engine
    const filters = { label: ['org.nightshift.node'] }
    const containers = await api.listContainers({ all: true, filters })
    const { Volumes } = await api.listVolumes({ filters })
    const tags = (await api.listImages()).flatMap(({ RepoTags }) => RepoTags ?? [])
    return [...containers.map(({ Id }) => Id), ...(Volumes ?? []).map(({ Name }) => Name), ...tags]
  }

  /** Through a port of this machine, as a renter's programs reach it. */
  async function http(run: Run, path: string, options: { agent?: Agent; body?: Iterable<Uint8Array> } = {}) {
    const listener = forwarded.get(run) ?? (await forward(run))
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(
        {
          host: listener.host,
          port: listener.port,
          path,
          method: options.body === undefined ? 'GET' : 'POST',
          agent: options.agent ?? false,
        },
        resolve,
      )
      sent.once('error', reject)
      for (const piece of options.body ?? []) sent.write(piece)
      sent.end()
    })
    return { status: answer.statusCode, body: await buffer(answer) }
  }

  async function forward(run: Run): Promise<Listener> {
    const join = async (one: Duplex, other: Duplex) => {
      await Promise.all([pipeline(one, other), pipeline(other, one)])
    }
    const listener = await listen(
      { host: '127.0.0.1', port: 0 },
      async (socket) => join(socket, await run.connect!(8080)),
      () => {},
    )
    forwarded.set(run, listener)
    return listener
  }

  async function outputOf({ output, errors, ended }: Execution) {
    const [out, err, code] = await Promise.all([buffer(output), buffer(errors), ended])
    return { out: out.toString(), err: err.toString(), code }
  }

  test(
    'HTTP with kept connections, large bodies, fifty at once, websockets and half-closed connections pass through',
    () =>
      serving({}, async ({ run, ended }) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        for (let count = 1; count <= 5; count++) {
          const { body } = await http(run, '/count', { agent })
          assert.is(JSON.parse(body.toString()).served, count)
        }
        const last = JSON.parse((await http(run, '/count', { agent })).body.toString())
        // Those of the health checks are the others.
        assert.ok(last.sockets < last.served + 3, JSON.stringify(last))
        agent.destroy()

        const sent = Buffer.alloc(20 * MIB, 'abcdefg')
        const { body } = await http(run, '/', { body: [sent] })
        assert.equal(JSON.parse(body.toString()), {
          bytes: sent.length,
          sha256: createHash('sha256').update(sent).digest('hex'),
        })
        const got = await http(run, `/bytes/${20 * MIB}`)
        assert.is(got.body.length, 20 * MIB)
        assert.ok(got.body.subarray(0, 65_536).equals(Buffer.alloc(65_536, 'nightshift')))

        const many = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            http(run, '/', { body: [Buffer.alloc(100_000, `${index} `)] }),
          ),
        )
        assert.is(new Set(many.map((each) => each.body.toString())).size, 50)

        const socket = new WebSocket(`ws://127.0.0.1:${forwarded.get(run)!.port}/`)
        await new Promise((resolve, reject) => {
          socket.once('open', resolve)
          socket.once('error', reject)
        })
        for (const message of ['one', 'x'.repeat(300_000)]) {
          socket.send(message)
          assert.is(String(await new Promise((resolve) => socket.once('message', resolve))), message)
        }
        socket.terminate()

        const half = await run.connect!(9090)
        half.write('half ')
        half.end('closed')
        assert.is((await buffer(half as Readable)).toString(), 'HALF CLOSED')

        await run.stop()
        const files = (await ended) as Array<{ name: string; read(): AsyncIterable<Uint8Array> }>
        assert.equal(
          files.map((file) => file.name),
          ['last'],
        )
        assert.is((await buffer(files[0]!.read())).toString(), '6')
      }),
    LIMIT,
  )

  test(
    'a reader that is slow holds the job up, and no memory fills',
    () =>
      serving({}, async ({ run }) => {
        const wire = await run.connect!(8080)
        wire.write(`GET /bytes/${200 * MIB} HTTP/1.1\r\nhost: job\r\n\r\n`)
        await systemClock.sleep(1_000)
        assert.ok(wire.readableLength < MIB, `${wire.readableLength} bytes wait here`)
        wire.destroy()
        assert.is((await http(run, '/count')).status, 200)
      }),
    LIMIT,
  )

  test(
    'only declared ports are reached, and one on which nothing listens says so',
    () =>
      serving({ expose: [8080, 6060] }, async ({ run }) => {
        const codes = []
        for (const port of [7070, 6060]) codes.push(await run.connect!(port).catch(codeOf))
        assert.equal(codes, ['PORT_NOT_EXPOSED', 'PORT_REFUSED'])
        const { out } = await outputOf(await run.exec!(['ls', '/sys/class/net'], {}))
        assert.is(out.trim(), 'lo')
      }),
    LIMIT,
  )

  test(
    'a service that ends or falls ill is started again after a wait, which nobody pays for, and given up in the end',
    () =>
      serving({ restart: { policy: 'on-failure', max: 2, backoff: '1s' } }, async ({ run, told, ended }) => {
        const before = run.idleMs()
        await http(run, '/exit').catch(() => {})
        await until('healthy again', () => told().filter(({ status }) => status === 'HEALTHY').length === 2)
        assert.ok(run.idleMs() >= before + 1_000, `${run.idleMs()} ms after ${before} ms`)
        const healthy = run.idleMs()
        await systemClock.sleep(300)
        assert.is(run.idleMs(), healthy, 'healthy time is charged')
        await http(run, '/ill')
        await until(
          'healthy a third time',
          () => told().filter(({ status }) => status === 'HEALTHY').length === 3,
        )
        await http(run, '/exit').catch(() => {})
        assert.is(codeOf(await ended), 'JOB_FAILED')
        assert.equal(
          told().map(({ status, restarts }) => `${status} ${restarts}`),
          ['HEALTHY 0', 'RESTARTING 1', 'HEALTHY 1', 'UNHEALTHY 1', 'RESTARTING 2', 'HEALTHY 2'],
        )
        assert.match(told()[1]!.detail, /exit code 3; again in 1 s/)
        assert.match(told()[3]!.detail, /503/)
      }),
    LIMIT,
  )

  test(
    'programs run beside the job with input, both outputs and an exit code, as confined as the job',
    () =>
      serving({}, async ({ run }) => {
        const sha = await run.exec!(['sh', '-c', 'wc -c; echo wrong >&2; exit 7'], {})
        sha.input.write(Buffer.alloc(5 * MIB, 'x'))
        sha.input.end()
        const { out, err, code } = await outputOf(sha)
        assert.is(out.trim(), String(5 * MIB))
        assert.is(err, 'wrong\n')
        assert.is(code, 7)
        const status = await outputOf(
          await run.exec!(
            ['sh', '-c', "id -u; grep -E 'Cap(Eff|Bnd|Prm)|NoNewPrivs|Seccomp:' /proc/self/status"],
            {},
          ),
        )
        assert.is(status.out.split('\n')[0], '65534')
        assert.is(status.out.match(/0000000000000000/g)?.length, 3, status.out)
        assert.match(status.out, /NoNewPrivs:\s+1/)
        assert.match(status.out, /Seccomp:\s+2/)
        const unknown = await run.exec!(['/bin/none'], {}).then(outputOf, (error) => error)
        assert.ok(
          codeOf(unknown) === 'EXEC_FAILED' || [126, 127].includes(unknown.code),
          JSON.stringify(unknown),
        )
      }),
    LIMIT,
  )

  test(
    'a terminal has the size that it is given, also when that changes',
    () =>
      serving({}, async ({ run }) => {
        const shell = await run.exec!(['sh'], { terminal: { rows: 40, columns: 100 } })
        let said = ''
        shell.output.on('data', (text) => (said += String(text)))
        shell.input.write('stty size\n')
        await until(
          'its size',
          () => said.includes('40 100'),
          () => said,
        )
        await shell.resize({ rows: 50, columns: 132 })
        shell.input.write('stty size\n')
        await until(
          'its new size',
          () => said.includes('50 132'),
          () => said,
        )
        shell.input.write('exit 3\n')
        assert.is(await shell.ended, 3)
      }),
    LIMIT,
  )

  test(
    'without `exec` no program runs beside the job',
    () =>
      serving({ exec: false }, async ({ run }) => {
        assert.is(await run.exec!(['true'], {}).catch(codeOf), 'EXEC_NOT_ALLOWED')
      }),
    LIMIT,
  )

  test(
    'what a killed node left of a service is removed at its next start',
    async () => {
      const { run } = await prepare()
      void run.start().catch(() => {})
      await systemClock.sleep(500)
      assert.is(await runtime.clean(), 0, 'its own jobs run')
      assert.ok((await (await open()).clean()) >= 3)
      assert.equal(await left(), [])
      await run.close()
    },
    LIMIT,
  )

  test.run()
}
