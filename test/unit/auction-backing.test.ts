import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createConsent } from '../../node/escrow/consent.js'
import { type Claim, depositOf, judgeBacking, leastDepositOf } from '../../protocols/auction/backing.js'
import { CONSENT, judgeConsent, walletStatement } from '../../protocols/auction/wallet.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { MARKET, makeOrder, makeRequirements, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'
import { consentOf, makeWallet } from '../support/wallets.js'

const test = suite('what backs an order')
const FACTS = { held: 1_000n, leastDeposit: 10n }
const claim = (deposit: bigint, fields: Partial<Claim> = {}): Claim => ({
  deposit,
  held: 1_000n,
  awarded: false,
  ...fields,
})

test('the deposit is for all devices of all providers that an order asks for', () => {
  const requirements = Requirements.encode(makeRequirements({ devices: 3 }))
  const order = makeOrder({ ceilingPricePerHour: 1_000n, durationS: 1_800, requirements, count: 2 })
  assert.is(depositOf(order), 3_000n)
})

test('the least deposit is a ten-thousandth of the least stake, and never nothing', () => {
  assert.is(leastDepositOf(10_000_000n), 1_000n)
  assert.is(leastDepositOf(9_999n), 1n)
  assert.is(leastDepositOf(0n), 1n)
})

test('an order of too little, and one beyond what the wallet has left, are refused with the reason', () => {
  const reason = (deposit: bigint, claims: Claim[], held = 1_000n) => {
    const refusal = judgeBacking(deposit, claims, { ...FACTS, held })
    return refusal?.refused ?? 'backed'
  }
  assert.is(reason(9n, []), 'DEPOSIT_TOO_SMALL')
  assert.is(reason(10n, []), 'backed')
  assert.is(reason(1_001n, []), 'OVERDRAWN')
  assert.is(reason(400n, [claim(600n)]), 'backed')
  assert.is(reason(401n, [claim(600n)]), 'OVERDRAWN')
  // A lease has taken its deposit out of the wallet: it is not counted a second time.
  assert.is(reason(400n, [claim(600n, { awarded: true })], 400n), 'backed')
  // Its result names a winner, and no deposit has gone anywhere.
  assert.is(reason(401n, [claim(600n, { awarded: true })]), 'OVERDRAWN')
})

test('whatever comes, the orders that wait for bids never bind more than the wallet holds', () => {
  let ran = 0
  fc.assert(
    fc.property(fc.bigInt(0n, 5_000n), fc.array(fc.bigInt(1n, 2_000n), { maxLength: 40 }), (held, orders) => {
      const claims: Claim[] = []
      for (const deposit of orders) {
        if (judgeBacking(deposit, claims, { held, leastDeposit: 10n }) === undefined) {
          claims.push(claim(deposit, { held }))
        }
        ran++
      }
      assert.ok(claims.reduce((sum, { deposit }) => sum + deposit, 0n) <= held)
    }),
  )
  assert.ok(ran > 100)
})

test('a wallet’s consent ends, cannot be for longer than ninety days, and is for one node in one market', async () => {
  const wallet = await makeWallet(7)
  const judge = async (untilMs: number, now = NOW, peer = 'renter', market = MARKET) => {
    const consent = await consentOf(wallet, market, peer, untilMs)
    const refusal = await judgeConsent(makeOrder({ wallet, ...consent }), 'renter', now)
    return refusal?.refused ?? 'agreed'
  }
  const hour = 3_600_000
  assert.is(await judge(NOW + hour), 'agreed')
  assert.is(await judge(NOW + hour, NOW + hour + 9_000), 'agreed', 'clocks may differ')
  assert.is(await judge(NOW + hour, NOW + hour + 10_000), 'CONSENT_EXPIRED')
  assert.is(await judge(NOW + CONSENT.maxMs), 'agreed')
  assert.is(await judge(NOW + CONSENT.maxMs + 10_001), 'CONSENT_TOO_LONG')
  assert.is(await judge(NOW + hour, NOW, 'thief'), 'CONSENT_FORGED')
  assert.is(await judge(NOW + hour, NOW, 'renter', new Uint8Array(32)), 'CONSENT_FORGED')
  const { walletProof } = await consentOf(wallet, MARKET, 'renter', NOW + hour)
  const longer = makeOrder({ wallet, walletProof, walletUntilMs: NOW + 2 * hour })
  assert.is((await judgeConsent(longer, 'renter', NOW))?.refused, 'CONSENT_FORGED', 'its end is signed too')
  assert.is((await judgeConsent(makeOrder({ wallet }), 'renter', NOW))?.refused, 'CONSENT_MISSING')
})

test('a renter that holds the key of its wallet renews the consent before it ends', async () => {
  const clock = createVirtualClock()
  const signed: Uint8Array[] = []
  const wallet = {
    sign: (statement: Uint8Array) => {
      signed.push(statement)
      return new Uint8Array(64).fill(signed.length)
    },
  }
  const consent = createConsent({ wallet, market: MARKET, peer: 'renter', clock })
  const first = await consent()
  assert.is(first.walletUntilMs, clock.now() + CONSENT.ownMs)
  assert.equal(signed, [walletStatement(MARKET, 'renter', first.walletUntilMs)])
  await clock.advance(CONSENT.ownMs / 2)
  assert.equal(await consent(), first)
  await clock.advance(1)
  const second = await consent()
  assert.is(second.walletUntilMs, clock.now() + CONSENT.ownMs)
  assert.is(signed.length, 2)
})

test.run()
