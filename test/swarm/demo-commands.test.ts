import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { Interrupted } from '../../node/cli/exit.js'
import type { Member } from '../../node/swarm/member.js'
import { type NodePlan, type RunningNode, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { type Ran, runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

/**
 * The commands against a swarm of real processes: one provider with two devices, and a renter's node that is started on
 * the way.
 */
const test = suite('commands')
const EXAMPLE = fileURLToPath(new URL('../../../config/examples/digits.yaml', import.meta.url))
const SLOW = { timeoutMs: 90_000 }
const TOKENS = 1_000_000_000n

const folder = mkdtempSync(join(tmpdir(), 'nightshift-commands-'))
let swarm: Swarm
let provider: RunningNode
let renter: Member

const PLANS: NodePlan[] = [
  {
    name: 'provider',
    tokens: TOKENS,
    settings: {
      provider: {
        enabled: true,
        price_per_hour: '0.25',
        stake: '100',
        backend: 'wasm',
        location: 'DE-Berlin',
        software: { count: 2 },
      },
    },
  },
  { name: 'renter', tokens: TOKENS, settings: { provider: { backend: 'wasm' } } },
  { name: 'newcomer', tokens: TOKENS, settings: {} },
]

test.before(async () => {
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
  renter = members[1]!
  const [started] = await swarm.start(PLANS.slice(0, 1), members)
  provider = started!
}, SLOW)

test.after(async () => {
  await swarm?.stop()
  rmSync(folder, { recursive: true, force: true })
}, SLOW)

const on = (member: Member, ...args: string[]): Promise<Ran> =>
  runCommand([...args, '--config', member.configFile], { environment: { HOME: folder } })

async function read<T>(member: Member, ...args: string[]): Promise<T> {
  const ran = await on(member, ...args, '--json')
  assert.is(ran.code, 0, ran.stdout + ran.stderr)
  return JSON.parse(ran.stdout) as T
}

interface Status {
  network: { peer: string; peers: number }
  provider: { state: string; pricePerHour: string; stake: string; devices: unknown[] }
}

test('a running provider shows its peer, its device, its price and its stake', async () => {
  const status = await read<Status>(provider, 'node', 'status')
  assert.is(status.network.peer, provider.peer)
  assert.ok(status.network.peers >= 1)
  assert.is(status.provider.pricePerHour, '250000')
  assert.is(status.provider.stake, '100000000')
  assert.is(status.provider.devices.length, 1)
  const { stdout } = await on(provider, 'node', 'status')
  assert.match(stdout, /provider {4}free, 0\.25 tokens an hour, stake 100 tokens/)
})

test('a provider is paused and resumed', async () => {
  await read(provider, 'node', 'pause')
  assert.is((await read<Status>(provider, 'node', 'status')).provider.state, 'paused')
  await read(provider, 'node', 'resume')
  assert.is((await read<Status>(provider, 'node', 'status')).provider.state, 'free')
})

test('a node that offers nothing says so', async () => {
  const ran = await on(swarm.bootstrap, 'node', 'pause', '--json')
  assert.is(JSON.parse(ran.stdout).error.code, 'ROLE_MISSING')
})

test('the stake is shown and grows; only its owner can add to it', async () => {
  const before = await read<{ stake: string; owner: string }>(provider, 'stake', 'show')
  assert.is(before.stake, '100000000')
  assert.is(before.owner, provider.wallet.toBase58())
  const added = await read<{ stake: string; registered: boolean }>(provider, 'stake', 'add', '5.5')
  assert.is(added.stake, '105500000')
  assert.is(added.registered, false)
  const foreign = await on(renter, 'stake', 'add', '1', '--provider', provider.peer, '--json')
  assert.is(foreign.code, 1)
  assert.is(JSON.parse(foreign.stdout).error.code, 'NOT_THE_OWNER')
})

test('a new provider is registered by its first stake, if that is enough and the wallet has it', async () => {
  const newcomer = { configFile: join(folder, 'newcomer/config.json') } as Member
  const codeOf = async (amount: string) =>
    JSON.parse((await on(newcomer, 'stake', 'add', amount, '--json')).stdout).error.code as string
  assert.is(JSON.parse((await on(newcomer, 'stake', 'show', '--json')).stdout).error.code, 'PROVIDER_UNKNOWN')
  assert.is(await codeOf('0.000001'), 'STAKE_TOO_SMALL')
  assert.is(await codeOf('5000'), 'INSUFFICIENT_FUNDS')
  const added = await read<{ stake: string; registered: boolean }>(newcomer, 'stake', 'add', '20')
  assert.equal([added.stake, added.registered], ['20000000', true])
})

test('test money drops on a local chain', async () => {
  const { stdout } = await on(renter, 'chain', 'airdrop', '0.5', '--tokens', '7', '--json')
  assert.equal(JSON.parse(stdout), {
    address: renter.wallet.toBase58(),
    lamports: '500000000',
    tokens: '7000000',
  })
})

interface OfferRow {
  peer: string
  location: string
  price_per_hour: string
  stake: string
  qualifies: boolean
}

test(
  'offers are found without a node of one’s own, with the names that people know',
  async () => {
    const offers = await read<OfferRow[]>(renter, 'offers', 'search', '--wait', '3s', '--location', 'DE')
    assert.is(offers.length, 1)
    assert.is(offers[0]!.peer, provider.peer)
    assert.is(offers[0]!.location, 'DE-Berlin')
    assert.is(offers[0]!.price_per_hour, '250000')
    assert.is(offers[0]!.qualifies, true)
    const none = await on(renter, 'offers', 'search', '--wait', '3s', '--gpu', '--all')
    assert.match(none.stdout, 'is not a GPU')
  },
  SLOW,
)

test(
  'an expression finds offers, with --explain it says why not, and --watch goes on',
  async () => {
    const wrong = await on(renter, 'offers', 'search', 'vrm_gb>=24')
    assert.is(wrong.code, 2)
    assert.match(wrong.stderr, 'did you mean that')
    const terms = ['price<=0.25', 'location=EU', 'free>=1']
    const [found] = await read<OfferRow[]>(renter, 'offers', 'search', ...terms, '--wait', '3s')
    assert.is(found?.peer, provider.peer)
    const none = await on(renter, 'offers', 'search', 'price<0.25 location=US', '--explain', '--wait', '3s')
    assert.match(none.stdout, 'price 0.25 >= 0.25; location DE-Berlin not in US')
    assert.match(none.stdout, 'PLACE IS')
    const enough = new AbortController()
    const watching = runCommand(
      ['offers', 'search', 'location=DE', '--watch', '--json', '--config', renter.configFile],
      {
        environment: { HOME: folder },
        signal: enough.signal,
        onOutput: () => enough.abort(new Interrupted(130)),
      },
    )
    const { kind, offer } = JSON.parse((await watching).stdout.split('\n')[0]!)
    assert.equal([kind, offer.peer, offer.location_check], ['appeared', provider.peer, 'unknown'])
  },
  SLOW,
)

interface Verdict {
  ok: boolean
  claim: { gpu: boolean }
  speed: string
  recallMs: number
  attested: boolean
  devices: number
}

test(
  'a provider is challenged outside of any lease, keeps what was found, and shows it with its offer',
  async () => {
    const verdict = await read<Verdict>(renter, 'verify', provider.peer)
    assert.is(verdict.ok, true)
    assert.is(verdict.claim.gpu, false)
    assert.is(verdict.speed, 'unknown device', 'software is never measured as a card')
    assert.ok(verdict.recallMs >= 0)
    assert.is(verdict.devices, 2, 'both at the same time')
    assert.is(verdict.attested, true)
    const nobody = await on(renter, 'verify', 'zzzzzz', '--json')
    assert.is(nobody.code, 2)
    const [offer] = await read<Array<{ attestations: object }>>(renter, 'offers', 'search', '--wait', '3s')
    assert.equal(offer?.attestations, { count: 1, favourable: 1, weight: '0' }, 'its verifier has no stake')
  },
  SLOW,
)

test(
  'a machine that provides is found ready, with its stake and a proof of its own',
  async () => {
    const { findings } = await read<{
      findings: Array<{ check: string; verdict: string; found: string }>
    }>(provider, 'node', 'check')
    const verdicts = Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]))
    for (const check of ['chain', 'clock', 'stake', 'running node', 'own proof', 'wallet']) {
      assert.is(verdicts[check], 'ok', check)
    }
    const proof = findings.find(({ check }) => check === 'own proof')
    assert.match(proof!.found, '2 devices at once')
  },
  SLOW,
)

interface Report {
  id: string
  state: string
  accuracy: number
  outputs: Array<{ path: string; bytes: number }>
}

test(
  'a job that is posted to a running node goes on without its command, and is followed, listed and kept',
  async () => {
    const refused = await on(renter, 'job', 'post', '-f', EXAMPLE, '--detach', '--json')
    assert.is(JSON.parse(refused.stdout).error.code, 'NODE_NOT_RUNNING')
    const node = swarm.run(renter, 'renter', ['node', 'start', '--json'])
    await node.waitFor((line) => (line.includes('"ready"') ? true : undefined), { timeoutMs: 60_000 })
    const { id } = await read<{ id: string }>(renter, 'job', 'post', '-f', EXAMPLE, '--detach')
    const followed = await on(renter, 'job', 'logs', '-f', id.slice(0, 6), '--json')
    assert.is(followed.code, 0, followed.stderr)
    const kinds = followed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind)
    for (const kind of ['ordered', 'leased', 'challenged', 'voucher', 'checked', 'settled']) {
      assert.ok(kinds.includes(kind), `${kind} is not in ${kinds}`)
    }
    const report = await read<Report>(renter, 'job', 'status', id)
    assert.is(report.state, 'COMPLETED')
    assert.ok(report.accuracy >= 0.95)
    assert.is(readFileSync(report.outputs[0]!.path).byteLength, report.outputs[0]!.bytes)
    await read(renter, 'node', 'stop')
    assert.equal(await node.exited, { code: 0, signal: null })
    assert.not.ok(existsSync(join(renter.dataDir, 'control.json')))

    // From here on no node runs: the same is read from its store.
    const [kept] = await read<Report[]>(renter, 'job', 'list')
    assert.equal([kept?.id, kept?.state], [id, 'COMPLETED'])
    const story = await on(renter, 'job', 'logs', id)
    assert.match(story.stdout, /passed its matmul proof/)
    assert.match(story.stdout, /COMPLETED/)
    const unknown = await on(renter, 'job', 'status', 'ffff', '--json')
    assert.is(JSON.parse(unknown.stdout).error.code, 'JOB_UNKNOWN')
  },
  SLOW,
)

test(
  'a job that is posted without a node stops with its command; the next node takes its deposit back',
  async () => {
    const abort = new AbortController()
    const posted = runCommand(['job', 'post', '-f', EXAMPLE, '--json', '--config', renter.configFile], {
      environment: { HOME: folder },
      signal: abort.signal,
      onOutput: (text) => {
        if (text.includes('"kind":"voucher"')) abort.abort(new Interrupted(130))
      },
    })
    const ran = await posted
    assert.is(ran.code, 130, ran.stdout)
    interface Job {
      state: string
      settlements: Array<{ deposited: string; paid: string; refunded: string }>
    }
    assert.is((await read<Job[]>(renter, 'job', 'list'))[0]?.state, 'STOPPED')

    const node = swarm.run(renter, 'renter', ['node', 'start', '--json'])
    await node.waitFor((line) => (line.includes('"ready"') ? true : undefined), { timeoutMs: 60_000 })
    const settlements = async () => (await read<Job[]>(renter, 'job', 'list'))[0]?.settlements ?? []
    while ((await settlements()).length === 0) await new Promise((resolve) => setTimeout(resolve, 200))
    const [{ deposited, paid, refunded }] = (await settlements()) as [Job['settlements'][number]]
    assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded))
    assert.ok(BigInt(refunded) > 0n)
    await node.stop()
  },
  SLOW,
)

test('two nodes on one data directory: the second says what to do', async () => {
  const ran = await on(provider, 'node', 'start', '--json')
  assert.is(ran.code, 1)
  const { error } = JSON.parse(ran.stdout)
  assert.match(error.code, /^DATA_DIR_(IN_USE|LOCKED)$/)
  assert.match(error.advice, /data.dir/i)
})

test.run()
