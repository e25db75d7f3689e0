import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PublicKey } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { loadConfig } from '../../config/load.js'
import { type Daemon, startDaemon } from '../../node/daemon.js'
import { attestationRecords } from '../../node/market/attestations.js'
import type { Network } from '../../node/net/ports.js'
import type { Member } from '../../node/swarm/member.js'
import { type NodePlan, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { readAttestation } from '../../protocols/challenge/attestation.js'
import { isRefusal } from '../../protocols/errors.js'
import type { Random } from '../../protocols/ports.js'
import { startNetwork } from '../support/network.js'
import { suite } from '../support/suite.js'

/** Providers that look at one another by themselves: real daemons, real sockets, a real chain, a real hash table. */
const test = suite('idle providers with a stake verify one another')
const SLOW = { timeoutMs: 600_000 }
const TOKEN = 1_000_000n
const STAKE = 100n

/** The first moment that there is, as chance draws it now and then, for its first draws: the mean is ten minutes. */
const EAGER_DRAWS = 6
let draws = 0
const EAGER: Random = {
  ...systemRandom,
  below: (limit) => (limit === 2 ** 32 && draws++ < EAGER_DRAWS ? 0 : systemRandom.below(limit)),
}

const provider = (name: string, verifies: boolean): NodePlan => ({
  name,
  tokens: 1_000n * TOKEN,
  settings: {
    provider: {
      enabled: true,
      price_per_hour: '0.20',
      stake: String(STAKE),
      backend: 'cpu',
      location: 'DE-Berlin',
      verify_others: verifies,
    },
  },
})
const PLANS: NodePlan[] = [
  provider('verified', false),
  provider('verifier', true),
  { name: 'renter', tokens: 1_000n * TOKEN, settings: {} },
]

const folder = mkdtempSync(join(tmpdir(), 'nightshift-verify-'))
const daemons: Daemon[] = []
let swarm: Swarm
let stranger: Network

const start = async ({ configFile }: Member, random: Random): Promise<Daemon> => {
  const { config } = loadConfig({ file: { path: configFile, text: readFileSync(configFile, 'utf8') } })
  const daemon = await startDaemon({
    config,
    role: 'peer',
    version: '0.0.0',
    pid: process.pid,
    clock: systemClock,
    random,
    log: silentLog,
    signal: new AbortController().signal,
  })
  daemons.push(daemon)
  return daemon
}

/** As often as it takes, on a machine that is as slow as it is: the test has a limit of its own. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(1_000)
}

test.before(async () => {
  const signal = new AbortController().signal
  const parts = { folder, clock: systemClock, random: systemRandom, environment: process.env, signal }
  swarm = await startSwarm(parts, () => {})
}, SLOW)

test.after(async () => {
  for (const daemon of daemons) await daemon.close()
  await stranger?.stop()
  await swarm?.stop()
  rmSync(folder, { recursive: true, force: true })
}, SLOW)

test(
  'one challenges another unasked, and its word stands in the hash table, weighed by its stake',
  async () => {
    const members = await swarm.prepare(PLANS)
    const [process] = await swarm.start(PLANS.slice(0, 1), members.slice(0, 1))
    const verified = process!.peer
    const verifier = await start(members[1]!, EAGER)

    stranger = await startNetwork({ network: 'localnet', bootstrap: swarm.bootstrap.addresses })
    const market = new PublicKey(swarm.chain.market).toBytes()
    stranger.dht.registerRecord('attestation', attestationRecords({ market, clock: systemClock }))
    const key = `attestation/${verified}/${verifier.peer}`
    let found: Uint8Array | undefined
    await until(async () => {
      found = await stranger.dht.get(key).catch(() => undefined)
      return found !== undefined
    })
    const read = await readAttestation(found!, { now: systemClock.now(), market, provider: verified })
    if (isRefusal(read)) throw new Error(read.detail)
    assert.is(read.verifier, verifier.peer)
    assert.is(read.attestation.failure ?? '', '', 'the proof was right')
    assert.is(read.attestation.gpu, false)

    const renter = await start(members[2]!, systemRandom)
    const evidenceOf = () => renter.renter.evidenceOf(verified)
    await until(async () => (await evidenceOf()).count === 1)
    assert.equal(await evidenceOf(), { count: 1, favourable: 1, weight: STAKE * TOKEN })

    // The renter has no stake: what it finds itself changes nothing for anybody.
    await until(async () => (await renter.renter.verifyHardware(verified)).ok)
    assert.is((await evidenceOf()).weight, STAKE * TOKEN)
    assert.is(
      await stranger.dht.get(`attestation/${verified}/${renter.peer}`).catch(() => undefined),
      undefined,
    )
  },
  SLOW,
)

test.run()
