import { PublicKey } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { createRegistry } from '../../node/escrow/registration.js'
import type { DeploymentReport } from '../../node/renter/event.js'
import { systemClock } from '../../node/system/clock.js'
import type { Crowd } from './crowd.js'

/** What must hold of a crowd when its auctions are over, however they went. */

/** No device is promised or at work, and none of the providers is lost: capacity is whole again. */
export async function expectWholeCapacity(crowd: Crowd): Promise<void> {
  for (;;) {
    const views = await crowd.look()
    assert.is(views.length, crowd.nodes.length)
    const held = views.filter(({ provider }) => provider?.state !== 'free' || provider.promised !== 0)
    if (held.length === 0) return
    await systemClock.sleep(250)
  }
}

/** Of the results that reached somebody, those of which no order was heard: more, and the audits say little. */
const UNSEEN_SHARE = 0.05

/**
 * Every result that any node has seen agrees with the order, the commitments and the rules, as far as that node saw them;
 * nobody's own order is missing. Resolves to the number of verdicts.
 */
export async function expectCleanAudits(crowd: Crowd): Promise<number> {
  let verdicts = 0
  let awarded = 0
  let unseen = 0
  for (const { name, peer } of crowd.nodes) {
    for (const { orderId, verdict, findings, isOwn, winner } of await crowd.host(name).audit(name)) {
      if (verdict === 'unseen') {
        assert.not.ok(isOwn, `${peer} has a result of its own and no order ${orderId}`)
        unseen++
        continue
      }
      verdicts++
      assert.is.not(verdict, 'unfair', `${peer} finds ${orderId} ${verdict}: ${findings.join(', ')}`)
      // A commitment that came too late for one node may have been in time for another; the author has seen all.
      const mayMiss = ['BID_UNSEEN', 'LEFT_OUT', 'EXCLUDED', 'EARLIER_PRICE', 'WITHHELD', 'CLOSED_EARLY']
      assert.equal(
        findings.filter((code) => !mayMiss.includes(code)),
        [],
      )
      if (isOwn)
        assert.is(findings.includes('BID_UNSEEN'), false, `${orderId} takes a bid without a commitment`)
      if (isOwn && winner !== '') awarded++
    }
  }
  assert.ok(awarded > 0, 'somebody won something')
  assert.ok(unseen <= verdicts * UNSEEN_SHARE, `${unseen} results without an order, ${verdicts} verdicts`)
  return verdicts
}

/**
 * All leases are closed, each has paid out and refunded what was deposited, no stake is bound or burned, and the tokens
 * that were minted are all in wallets and stakes.
 */
export async function expectBalancedBooks(
  crowd: Crowd,
  reports: readonly DeploymentReport[],
  stake: bigint,
): Promise<void> {
  const { rpcUrl, programId, market } = crowd.swarm.chain
  const registry = createRegistry({
    rpcUrl,
    commitment: 'confirmed',
    programId: new PublicKey(programId),
    market: new PublicKey(market),
    clock: systemClock,
  })
  for (const { id, settlements } of reports) {
    assert.ok(settlements.length > 0, `${id} has no lease that ended`)
    for (const { deposited, paid, refunded, transactions } of settlements) {
      assert.is(deposited, paid + refunded, `${id} loses money`)
      assert.ok(transactions.length >= 2, 'opened and closed')
    }
  }
  let held = 0n
  for (const { nodeKey, wallet } of crowd.members) {
    const account = await registry.read(nodeKey)
    assert.is(account?.bound, 0n, 'stake is bound by a lease that is not closed')
    assert.is(account?.stake, stake)
    held += stake + (await registry.balance(wallet))
  }
  assert.is(held, await registry.supply())
}
