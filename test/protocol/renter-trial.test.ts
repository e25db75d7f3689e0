import * as assert from 'uvu/assert'
import type { ChallengeOutcome } from '../../node/renter/event.js'
import { createProsecutor } from '../../node/renter/fraud.js'
import type { LeaseRecord } from '../../node/renter/lease.js'
import { fraudIn, keepTrying } from '../../node/renter/trial.js'
import { createAttestFailure } from '../../node/renter/verification.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { readAttestation } from '../../protocols/challenge/attestation.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { codeOf, isRefusal } from '../../protocols/errors.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, makeDevice, NOW } from '../support/messages.js'
import { answer, type Cheat, PARAMS, type Provider } from '../support/proof.js'
import { createMemoryStore } from '../support/provider.js'
import { createMemoryEscrow, drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('a provider is challenged again while it works')

const WRONG: Cheat = {
  digest: (rows) => {
    for (const row of rows) for (const at of row.keys()) row[at]! ^= 1
  },
}

const OFFER = {
  peer: 'provider',
  devices: [makeDevice()],
  pricePerHour: 1n,
  location: 'DE',
  runtimes: [],
  available: true,
  stake: 1n,
}

type Behave = (
  session: Provider,
  network: MemoryNetwork,
  asker: Uint8Array,
  receipt: { endedMs: number },
) => Promise<unknown>

/** How the provider answers the first proof, the second, and so on; the last goes on for ever. */
async function tryFor(
  durationMs: number,
  answers: Behave[],
  facts: { random?: boolean; workedMs?: () => number; devices?: number } = {},
) {
  const clock = createVirtualClock(NOW)
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  const attested: Uint8Array[] = []
  let asked = 0
  await provider.engine.handle(challengeProtocol, async (session) => {
    await answers[Math.min(asked++, answers.length - 1)]!(session, provider, renter.publicKey, {
      endedMs: clock.now(),
    })
  })
  const store = createMemoryStore()
  const prosecutor = createProsecutor({
    store,
    escrow: createMemoryEscrow(clock),
    clock,
    random: systemRandom,
    log: silentLog,
  })
  const parts = {
    network: renter,
    prosecutor,
    clock,
    random: systemRandom,
    log: silentLog,
    market: MARKET,
    challengeTimeoutMs: 5_000,
    attest: createAttestFailure({
      network: renter,
      inventory: { offerOf: async () => OFFER },
      clock,
      market: MARKET,
      publish: async (_peer, envelope) => void attested.push(envelope),
      log: silentLog,
    }),
  }
  const lease = {
    peer: provider.peer,
    address: fill(32, 3),
    deployment: 'job',
    terms: { devices: facts.devices ?? 1 },
  } as LeaseRecord
  const outcomes: ChallengeOutcome[] = []
  const over = new AbortController()
  clock.after(durationMs, () => over.abort(new Error('the job is over')))
  const { random = true, workedMs = () => clock.elapsed() } = facts
  const error = await drive(
    clock,
    keepTrying(
      parts,
      lease,
      { ...PARAMS, openings: 40, random },
      { tell: (outcome) => outcomes.push(outcome), workedMs },
      over.signal,
    ),
    500,
  )
  const told = { now: clock.now(), market: MARKET, provider: provider.peer }
  const words = await Promise.all(attested.map((envelope) => readAttestation(envelope, told)))
  const failures = words.map((word) => (isRefusal(word) ? word.detail : word.attestation.failure))
  return { error, outcomes, asked, clock, records: await prosecutor.records(), failures }
}

const honest: Behave = (session, network, asker, receipt) => answer(session, network, asker, { receipt })
const lying: Behave = (session, network, asker, receipt) =>
  answer(session, network, asker, { ...WRONG, receipt })
const silent: Behave = () => new Promise(() => {})
const broken: Behave = () => Promise.reject(new Error('cable'))
const declining =
  (reason: string): Behave =>
  (session) =>
    session.send({ declined: { reason, detail: '' } })

test('an honest one is asked now and then until the job is over, and nothing ends its lease', async () => {
  const { error, outcomes } = await tryFor(600_000, [honest])
  assert.is(error, undefined)
  assert.ok(outcomes.length > 10 && outcomes.length < 200, `${outcomes.length} in ten minutes`)
  assert.ok(outcomes.every(({ ok }) => ok))
})

test('what it fails in a lease is attested for others, and what is no fault of it is not', async () => {
  const failuresOf = async (behave: Behave) => (await tryFor(600_000, [behave])).failures
  assert.equal(await failuresOf(lying), ['OPENING_DIFFERS'])
  assert.equal(await failuresOf(silent), ['TOO_SLOW'])
  assert.equal(await failuresOf(declining('NO_MEMORY')), ['DECLINED'])
  assert.equal(await failuresOf(declining('UNKNOWN_LEASE')), [])
  assert.equal(await failuresOf(broken), [])
  assert.equal(await failuresOf(honest), [])
})

test('where the plan does not say so, nobody is asked', async () => {
  const { error, asked } = await tryFor(600_000, [lying], { random: false })
  assert.is(error, undefined)
  assert.is(asked, 0)
})

test('who passes the first proofs and lies later is caught, with evidence that is stored before it is told', async () => {
  const { error, outcomes, records } = await tryFor(3_600_000, [honest, honest, lying])
  assert.is(codeOf(error), 'OPENING_DIFFERS')
  assert.equal(
    outcomes.map(({ ok }) => ok),
    [true, true, false],
  )
  assert.is(records.length, 1)
  assert.is(records[0]!.deployment, 'job')
  assert.equal(fraudIn(error), records[0])
})

for (const [what, behave, code] of [
  ['refuses', declining('BUSY'), 'DECLINED'],
  ['answers too late', silent, 'TOO_SLOW'],
] as const) {
  test(`who ${what} in the middle of a job loses the lease at once`, async () => {
    const { error, outcomes } = await tryFor(3_600_000, [honest, behave])
    assert.is(codeOf(error), code)
    assert.is(outcomes.length, 2)
    assert.is(fraudIn(error), undefined)
  })
}

test('a line may break once; who cannot be reached twice and charges for work meanwhile loses the lease', async () => {
  const once = await tryFor(600_000, [honest, broken, honest])
  assert.is(once.error, undefined)
  const ever = await tryFor(3_600_000, [honest, broken])
  assert.is(codeOf(ever.error), 'UNREACHABLE')
  assert.is(ever.outcomes.length, 3)
})

test('whose job has ended gives its devices back and proves nothing: no fault, unless it goes on to charge', async () => {
  const ended = await tryFor(600_000, [honest, declining('UNKNOWN_LEASE')], { workedMs: () => 7_000 })
  assert.is(ended.error, undefined)
  assert.ok(ended.outcomes.length > 3)
  const cheating = await tryFor(3_600_000, [honest, declining('UNKNOWN_LEASE')])
  assert.is(codeOf(cheating.error), 'DECLINED')
})

test('all devices of the lease prove each time', async () => {
  const { outcomes, asked } = await tryFor(600_000, [honest], { devices: 3 })
  assert.is(asked, 3 * outcomes.length)
})

test.run()
