import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import type { EventView } from '../../node/cli/story.js'
import { connectToNode } from '../../node/control/client.js'
import { openLedger } from '../../node/demo/balances.js'
import type { Member } from '../../node/swarm/member.js'
import type { RunningProcess } from '../../node/swarm/process.js'
import { type NodePlan, parseEvent, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { ENGINES, missingFor, nodeImage, startEngine, type TestEngine } from '../support/engines.js'
import { runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

/**
 * The whole way with a real inference endpoint: posted, forwarded, asked over HTTP and a websocket, entered, its renter
 * killed and back, and ended; then the books balance and nothing is left on the engine.
 */
const CONFIG = fileURLToPath(new URL('../../../config/', import.meta.url))
const TOKENS = 1_000_000_000n
const PATIENCE_MS = 180_000

/** Beside the example's own program, since its answers are no websocket's. */
const ECHO = `
const { WebSocketServer } = require('/app/node_modules/ws')
new WebSocketServer({ host: '127.0.0.1', port: 8081 }).on('connection', (socket) => {
  socket.on('message', (data) => socket.send('heard ' + data))
})
setInterval(() => console.log('alive'), 500)
`

for (const name of ENGINES) {
  const test = suite(`a service in a swarm: ${name}`)
  const missing = missingFor(name)
  if (missing !== undefined) {
    test.skip('an inference endpoint is rented', missing)
    test.run()
    continue
  }
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-endpoint-'))
  let started: TestEngine
  let swarm: Swarm

  test.before(
    async () => {
      started = await startEngine(name)
      const signal = new AbortController().signal
      const parts = { clock: systemClock, random: systemRandom, environment: process.env, signal }
      swarm = await startSwarm({ folder, ...parts }, () => {})
    },
    { timeoutMs: 120_000 },
  )
  test.after(
    async () => {
      await swarm?.stop()
      await started?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
    { timeoutMs: 60_000 },
  )

  async function startRenter(member: Member): Promise<RunningProcess> {
    const node = swarm.run(member, 'renter', ['node', 'start', '--json'])
    await node.waitFor((line) => (parseEvent(line)?.event === 'ready' ? true : undefined), {
      timeoutMs: PATIENCE_MS,
      signal: new AbortController().signal,
    })
    return node
  }

  /** Listens as `job forward` does, in this process; `stop` is its Ctrl-C. */
  async function forward(run: typeof command, job: string, ports: string) {
    const leaving = new AbortController()
    const said: string[] = []
    let listening: (port: number) => void = () => {}
    const port = new Promise<number>((resolve) => {
      listening = resolve
    })
    const ran = run(['job', 'forward', job, ports, '--json'], {
      signal: leaving.signal,
      onOutput: (line) => {
        const event = JSON.parse(line) as { kind: string; port: number }
        if (event.kind === 'forwarding') listening(event.port)
        else said.push(line.trim())
      },
    })
    const early = ran.then(({ code, stderr }) => {
      throw new Error(`job forward ended with ${code}: ${stderr}`)
    })
    early.catch(() => {})
    return {
      port: await Promise.race([port, early]),
      /** What the command said of connections that failed. */
      said,
      stop: async () => {
        leaving.abort(new Error('Ctrl-C'))
        return (await ran).code
      },
    }
  }

  let member: Member
  const command = (args: readonly string[], options: Parameters<typeof runCommand>[1] = {}) =>
    runCommand([...args.slice(0, 2), '--config', member.configFile, ...args.slice(2)], {
      environment: { HOME: folder },
      ...options,
    })

  async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (const end = Date.now() + PATIENCE_MS; ; await systemClock.sleep(200)) {
      const found = await look()
      if (found !== undefined) return found
      if (Date.now() > end) throw new Error(`${what}: not in ${PATIENCE_MS / 1000} s`)
    }
  }

  async function classify(
    { port, said }: { port: number; said: string[] },
    row: readonly number[],
  ): Promise<number> {
    const answer = await new Promise<Readable>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: '/classify', method: 'POST' }, resolve)
      sent.once('error', async (error) => {
        // The command says why a moment later.
        await systemClock.sleep(2_000)
        reject(new Error(`${String(error)}; ${said.join('; ')}`))
      })
      sent.end(JSON.stringify({ pixels: row.slice(0, 64) }))
    })
    return (JSON.parse(await text(answer)) as { digit: number }).digit
  }

  test(
    'an inference endpoint is rented, reached, entered, found again after a kill, ended and paid for',
    async () => {
      const plans: NodePlan[] = [
        {
          name: 'provider',
          tokens: TOKENS,
          settings: {
            provider: {
              enabled: true,
              price_per_hour: '0.25',
              stake: '100',
              backend: 'wasm',
              runtimes: ['tfjs', 'container'],
              container: { socket: started.engine.socket },
            },
          },
        },
        // While the renter is down its provider waits for three slices.
        { name: 'renter', tokens: TOKENS, settings: { renter: { slice_ms: 30_000 } } },
      ]
      const members = await swarm.prepare(plans)
      member = members[1]!
      await swarm.start(plans.slice(0, 1), members)
      const ledger = openLedger(swarm.chain, systemClock)
      const { signal } = new AbortController()
      const total = async () =>
        [...(await ledger.read(members, signal)).wallets.values()].reduce((sum, each) => sum + each, 0n)
      const before = await total()
      let node = await startRenter(member)

      const work = join(folder, 'work')
      for (const each of ['examples', 'data']) mkdirSync(join(work, each), { recursive: true })
      for (const each of ['classifier.cjs', 'digits.csv.gz'])
        copyFileSync(join(CONFIG, 'data', each), join(work, 'data', each))
      writeFileSync(join(work, 'data/node.tar'), await nodeImage())
      const example = readFileSync(join(CONFIG, 'examples/service.yaml'), 'utf8')
      const program = readFileSync(join(CONFIG, 'data/classifier.cjs'), 'utf8')
      writeFileSync(join(work, 'data/classifier.cjs'), program + ECHO)
      const manifest = join(work, 'examples/service.yaml')
      writeFileSync(manifest, example.replace('- port: 8080', '- port: 8080\n      - port: 8081'))
      const posted = await command(['job', 'post', '-f', manifest, '--detach', '--json'])
      assert.is(posted.code, 0, posted.stderr)
      const { id } = JSON.parse(posted.stdout) as { id: string }

      const story = async () => {
        const { stdout } = await command(['job', 'logs', id, '--json'])
        return stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as EventView)
      }
      const isHealthy = (event: EventView) => event.kind === 'service' && event.status === 'HEALTHY'
      await until('healthy', async () => {
        const events = await story()
        const ended = events.find(
          (event) => event.kind === 'state' && ['FAILED', 'STOPPED'].includes(event.state),
        )
        assert.is(ended, undefined, JSON.stringify(ended))
        return events.find(isHealthy)
      })

      const rows = gunzipSync(readFileSync(join(CONFIG, 'data/digits.csv.gz')))
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split(',').map(Number))
      const http = await forward(command, id, '0:8080')
      const asked = rows.slice(0, 40)
      const answers = await Promise.all(asked.map((row) => classify(http, row)))
      const right = answers.filter((digit, index) => digit === asked[index]![64]).length
      assert.ok(right >= 34, `${right} of 40 digits were right`)

      const echo = await forward(command, id, '0:8081')
      const socket = new WebSocket(`ws://127.0.0.1:${echo.port}/`)
      await new Promise((resolve, reject) => {
        socket.once('open', resolve)
        socket.once('error', reject)
      })
      socket.send('a question')
      assert.is(String(await new Promise((resolve) => socket.once('message', resolve))), 'heard a question')
      socket.terminate()
      const taken = await command(['job', 'forward', id, `${http.port}:8080`, '--json'])
      assert.is(taken.code, 1)
      assert.match(taken.stdout + taken.stderr, /PORT_IN_USE/)
      assert.is(await echo.stop(), 0)
      await until('nothing listens any more', async () => {
        const code = await new Promise((resolve) => {
          const late = new WebSocket(`ws://127.0.0.1:${echo.port}/`)
          late.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
          late.once('open', () => resolve('open'))
        })
        return code === 'ECONNREFUSED' ? code : undefined
      })

      const entered = await command(['job', 'exec', id, '--', '/bin/busybox', 'wc', '-c'], {
        input: Readable.from([Buffer.alloc(1_000_000, 'x')]),
      })
      assert.equal([entered.code, entered.stdout.trim()], [0, '1000000'], entered.stderr)
      const failed = await command([
        'job',
        'exec',
        id,
        '--',
        '/bin/busybox',
        'sh',
        '-c',
        'echo no >&2; exit 9',
      ])
      assert.equal([failed.code, failed.stdout, failed.stderr], [9, '', 'no\n'])

      const heard = (await story()).filter(({ kind }) => kind === 'log').length
      node.kill('SIGKILL')
      await node.exited
      await http.stop()
      // What is said meanwhile is not lost.
      await systemClock.sleep(3_000)
      node = await startRenter(member)
      await until('the log goes on', async () => {
        const lines = (await story()).filter(({ kind }) => kind === 'log').length
        return lines >= heard + 6 ? lines : undefined
      })
      const again = await forward(command, id, '0:8080')
      // Where the machine is so slow that its provider gave the renter up, another lease begins.
      const digit = await until('it answers again', () => classify(again, rows[0]!).catch(() => undefined))
      assert.is(digit, rows[0]![64])
      let places: Array<number | undefined> = []
      for (const event of await story()) {
        if (event.kind === 'leased') places = []
        if (event.kind === 'log') places.push(event.index)
      }
      assert.ok(places.length > 0)
      assert.is(new Set(places).size, places.length, 'no line comes twice')
      await again.stop()

      const stopped = await command(['job', 'stop', id])
      assert.is(stopped.code, 0, stopped.stderr)
      const client = await connectToNode(member.dataDir)
      const report = await until('settled', async () => {
        const job = await client.job(id)
        return job.settlements.length > 0 ? job : undefined
      })
      assert.is(report.state, 'COMPLETED', `${report.reason}: ${report.detail}`)
      const [{ deposited, paid, refunded }] = report.settlements as [(typeof report.settlements)[0]]
      assert.ok(BigInt(paid) > 0n)
      assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded))
      await until('every lease has ended', async () =>
        (await ledger.bound(members, signal)) === 0n ? true : undefined,
      )
      assert.is(await total(), before)
      const late = await command(['job', 'exec', id, '--', 'true'])
      assert.match(late.stdout + late.stderr, /NOT_RUNNING/)

      const filters = { label: ['org.nightshift.node'] }
      assert.equal(await started.engine.api.listContainers({ all: true, filters }), [])
      assert.equal((await started.engine.api.listVolumes({ filters })).Volumes ?? [], [])
      const tags = (await started.engine.api.listImages()).flatMap(({ RepoTags }) => RepoTags ?? [])
      assert.equal(
        tags.filter((tag) => tag.startsWith('nightshift')),
        [],
      )
      await node.stop()
    },
    { timeoutMs: 600_000 },
  )

  test.run()
}
