import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import type { EventView } from '../../node/cli/story.js'
import type { Json } from '../../node/control/view.js'
import type { DeploymentReport } from '../../node/renter/event.js'
import type { Member } from '../../node/swarm/member.js'
import { type NodePlan, type RunningNode, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { type Ran, runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

/** One job for several providers, as real processes over real sockets and a real chain. */
const test = suite('several providers for one job')
const CONFIG = fileURLToPath(new URL('../../../config', import.meta.url))
const SLOW = { timeoutMs: 120_000 }
/** Enough to pause a provider between its commitment and its award, on a loaded machine too. */
const PAUSING_MS = 8_000
const TOKENS = 1_000_000_000n

const folder = mkdtempSync(join(tmpdir(), 'nightshift-several-'))
let swarm: Swarm
let providers: RunningNode[]
let renter: Member

const provider = (name: string, price: string): NodePlan => ({
  name,
  tokens: TOKENS,
  settings: {
    provider: { enabled: true, price_per_hour: price, stake: '100', backend: 'wasm', location: 'DE-Berlin' },
  },
})
const PLANS: NodePlan[] = [
  provider('cheapest', '0.20'),
  provider('second', '0.25'),
  provider('third', '0.30'),
  { name: 'renter', tokens: TOKENS, settings: { provider: { backend: 'wasm' } } },
]

/** The example, for so many providers, asked for once. */
function writeManifest(name: string, count: number, commitMs: number): string {
  const text = readFileSync(join(CONFIG, 'examples/digits.yaml'), 'utf8')
    .replace('../data/digits.csv.gz', 'digits.csv.gz')
    .replace('epochs: 30', 'epochs: 10')
    .replace('accuracy: 0.95', 'accuracy: 0.5')
    .replace('pricing: first-price', `commit_ms: ${commitMs}`)
    .replace('queue: 1m', 'queue: 1s')
    .replace(/profile: small\n$/, `profile: small\n      count: ${count}\n`)
  assert.match(text, `count: ${count}`)
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, text)
  return file
}

test.before(async () => {
  copyFileSync(join(CONFIG, 'data/digits.csv.gz'), join(folder, 'digits.csv.gz'))
  swarm = await startSwarm(
    {
      folder,
      clock: systemClock,
      random: systemRandom,
      environment: process.env,
      signal: new AbortController().signal,
    },
    () => {},
  )
  const members = await swarm.prepare(PLANS)
  renter = members[3]!
  providers = await swarm.start(PLANS.slice(0, 3), members.slice(0, 3))
}, SLOW)

test.after(async () => {
  await swarm?.stop()
  rmSync(folder, { recursive: true, force: true })
}, SLOW)

const on = (member: Member, ...args: string[]): Promise<Ran> =>
  runCommand([...args, '--config', member.configFile], { environment: { HOME: folder } })

async function statusOf(id: string): Promise<Json<DeploymentReport>> {
  return JSON.parse((await on(renter, 'job', 'status', id, '--json')).stdout)
}

test(
  'two of three do it; the cheapest, which wins and does not sign, is replaced before anything is opened',
  async () => {
    const posting = swarm.run(renter, 'post', [
      'job',
      'post',
      '-f',
      writeManifest('two', 2, PAUSING_MS),
      '--json',
    ])
    const events: EventView[] = []
    const heard = (line: string) => {
      if (line.startsWith('{')) events.push(JSON.parse(line))
      return events.some((event) => event.kind === 'committed' && event.peer === providers[0]!.peer)
        ? true
        : undefined
    }
    await posting.waitFor(heard, { timeoutMs: 60_000 })
    assert.is((await on(providers[0]!, 'node', 'pause')).code, 0)
    assert.equal(await posting.exited, { code: 0, signal: null })
    const [job] = JSON.parse((await on(renter, 'job', 'list', '--json')).stdout) as DeploymentReport[]
    const report = await statusOf(job!.id)
    assert.is(report.state, 'COMPLETED', `${report.reason} ${report.detail}`)
    const copies = new Map(report.copies?.map(({ peer, state, reason }) => [peer, reason ?? state]))
    assert.equal(
      providers.map(({ peer }) => copies.get(peer)),
      ['PAUSED', 'done', 'done'],
    )
    assert.equal(report.comparison, { agreed: true, odd: [] }, 'the same seed, the same backend')
    assert.is(report.outputs.length, 2)
    assert.is(report.settlements.length, 2)
    for (const { deposited, paid, refunded } of report.settlements) {
      assert.is(BigInt(paid) + BigInt(refunded), BigInt(deposited))
      assert.ok(BigInt(paid) > 0n)
    }
    const story = await on(renter, 'job', 'logs', report.id, '--json')
    const kinds = story.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as EventView)
    const lastSigned = kinds.findLastIndex((event) => event.kind === 'copy' && event.copy.state === 'signed')
    const firstLease = kinds.findIndex(({ kind }) => kind === 'leased')
    assert.ok(lastSigned >= 0 && lastSigned < firstLease, `${lastSigned} ${firstLease}`)
  },
  SLOW,
)

test(
  'all or nothing: three are asked for, two are there, and nobody is paid or bound',
  async () => {
    const ran = await on(renter, 'job', 'post', '-f', writeManifest('three', 3, 1_000), '--json')
    assert.is.not(ran.code, 0)
    const [job] = JSON.parse((await on(renter, 'job', 'list', '--json')).stdout) as DeploymentReport[]
    const report = await statusOf(job!.id)
    assert.equal([report.state, report.reason], ['FAILED', 'NO_PROVIDER'])
    assert.equal(report.settlements, [])
    assert.is(report.copies, undefined)
  },
  SLOW,
)

test.run()
