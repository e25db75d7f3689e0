import type { Json } from '../control/view.js'
import type { DeploymentReport } from '../renter/event.js'
import type { Holdings } from './balances.js'
import { CHEAT, RENTER, WINNER } from './cast.js'

/** What the demo knows at its end. Peers are named by their part in it. */
export interface Facts {
  /** Undefined: the renter did not get to its end. */
  report: Json<DeploymentReport> | undefined
  nameOf: (peer: string) => string
  before: Holdings
  after: Holdings
  /** Stake that still backs leases, all providers together. */
  bound: bigint
}

/** One thing that must hold for the demo to have gone well. */
export interface Claim {
  claim: string
  holds: boolean
  /** What was found instead. */
  found: string
}

const LEAST_ACCURACY = 0.95

/** Pure: the same facts give the same verdict. The money is judged by the chain's own balances. */
export function judgeDemo(facts: Facts): Claim[] {
  const { report } = facts
  const money = judgeMoney(facts)
  if (report === undefined) return [{ claim: 'the job ended', holds: false, found: 'no report' }, ...money]
  return [...judgeStory(report, facts.nameOf), judgeSlash(report, facts), ...judgeLeases(report), ...money]
}

function judgeStory(report: Json<DeploymentReport>, nameOf: (peer: string) => string): Claim[] {
  const bidOf = (name: string) => report.bids.find(({ peer }) => nameOf(peer) === name)
  const challengeOf = (name: string) => report.challenges.find(({ peer }) => nameOf(peer) === name)
  const paidTo = (name: string) =>
    report.settlements
      .filter(({ peer }) => nameOf(peer) === name)
      .reduce((sum, { paid }) => sum + BigInt(paid), 0n)
  const winner = report.winner === undefined ? 'nobody' : nameOf(report.winner)
  const accuracy = report.accuracy ?? 0
  const caught = challengeOf(CHEAT)
  const isOut = (name: string) => ['unqualified', 'refused'].includes(bidOf(name)?.outcome ?? '')
  return [
    { claim: 'the job was completed', holds: report.state === 'COMPLETED', found: report.state },
    { claim: 'the cheap honest provider won', holds: winner === WINNER, found: `${winner} won` },
    {
      claim: 'the winner proved its device',
      holds: challengeOf(WINNER)?.ok === true,
      found: challengeOf(WINNER)?.reason ?? 'no challenge',
    },
    {
      claim: 'the cheat failed its proof',
      holds: caught?.ok === false && bidOf(CHEAT)?.outcome === 'failed',
      found: caught === undefined ? 'it was never challenged' : (caught.reason ?? 'it passed'),
    },
    { claim: 'the cheat was paid nothing', holds: paidTo(CHEAT) === 0n, found: `${paidTo(CHEAT)} units` },
    {
      claim: 'the small and the costly one had no chance',
      holds: isOut('small') && isOut('costly'),
      found: `${bidOf('small')?.outcome ?? 'not seen'}, ${bidOf('costly')?.outcome ?? 'not seen'}`,
    },
    {
      claim: 'the held-back images are read right, 95 % of them at least',
      holds: accuracy >= LEAST_ACCURACY,
      found: `${(accuracy * 100).toFixed(1)} %`,
    },
  ]
}

/** By the chain's own account of the stake, and by what the renter reported. */
function judgeSlash(report: Json<DeploymentReport>, { nameOf, before, after }: Facts): Claim {
  const amount = report.slashes
    .filter(({ peer }) => nameOf(peer) === CHEAT)
    .reduce((sum, slash) => sum + BigInt(slash.amount), 0n)
  const lost = (before.stakes.get(CHEAT) ?? 0n) - (after.stakes.get(CHEAT) ?? 0n)
  return {
    claim: 'the cheat lost stake for its lie',
    holds: lost > 0n && lost === amount,
    found: `${lost} units are gone, ${amount} reported`,
  }
}

function judgeLeases(report: Json<DeploymentReport>): Claim[] {
  const odd = report.settlements.filter(
    ({ deposited, paid, refunded }) => BigInt(deposited) !== BigInt(paid) + BigInt(refunded),
  )
  return [
    {
      claim: 'what was deposited was paid or refunded, in every lease',
      holds: odd.length === 0 && report.settlements.length > 0,
      found: `${odd.length} of ${report.settlements.length} leases differ`,
    },
  ]
}

function judgeMoney({ report, nameOf, before, after, bound }: Facts): Claim[] {
  const change = (name: string) => (after.wallets.get(name) ?? 0n) - (before.wallets.get(name) ?? 0n)
  const staked = (name: string) => (after.stakes.get(name) ?? 0n) - (before.stakes.get(name) ?? 0n)
  const paidTo = new Map<string, bigint>()
  for (const { peer, paid } of report?.settlements ?? []) {
    paidTo.set(nameOf(peer), (paidTo.get(nameOf(peer)) ?? 0n) + BigInt(paid))
  }
  const paid = [...paidTo.values()].reduce((sum, amount) => sum + amount, 0n)
  const gained = (report?.slashes ?? []).reduce(
    (sum, { bounty, compensation }) => sum + BigInt(bounty) + BigInt(compensation),
    0n,
  )
  const names = [...before.wallets.keys()].filter((name) => name !== RENTER)
  const wrong = names.filter((name) => change(name) !== (paidTo.get(name) ?? 0n))
  const owned = [...before.wallets.keys()].reduce((total, name) => total + change(name) + staked(name), 0n)
  // Burned stake is in no wallet and in no stake, but the mint has counted it.
  const sum = owned - (after.supply - before.supply)
  const claims: Claim[] = [
    { claim: 'no money was made or lost', holds: sum === 0n, found: `${sum} units in all` },
    { claim: 'no lease is left open', holds: bound === 0n, found: `${bound} units of stake are still bound` },
  ]
  if (report === undefined) return claims
  return [
    ...claims,
    {
      claim: 'the renter spent what it paid, less its bounty',
      holds: change(RENTER) === gained - paid,
      found: `${change(RENTER)} units`,
    },
    {
      claim: 'every provider earned what it was paid',
      holds: wrong.length === 0,
      found: wrong.map((name) => `${name} ${change(name)} units`).join(', '),
    },
  ]
}
