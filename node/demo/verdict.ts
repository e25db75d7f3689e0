import type { Json } from '../control/view.js'
import type { DeploymentReport } from '../renter/event.js'
import type { Books } from './balances.js'
import { CHEAT, RENTER, WINNER } from './cast.js'

/** What the demo knows at its end. Peers are named by their part in it. */
export interface Facts {
  /** Undefined: the renter did not get to its end. */
  report: Json<DeploymentReport> | undefined
  /** What each provider's own node makes of the auction, by peer; of those that still run. */
  audits: Audits
  nameOf: (peer: string) => string
  before: Books
  after: Books
}

export type Audits = ReadonlyMap<string, string>

/** One thing that must hold for the demo to have gone well. */
export interface Claim {
  claim: string
  holds: boolean
  /** What was found instead. */
  found: string
}

export const LEAST_ACCURACY = 0.95

/** Pure: the same facts give the same verdict. The money is judged by the chain's own balances. */
export function judgeDemo(facts: Facts): Claim[] {
  const { report } = facts
  const money = judgeMoney(facts)
  if (report === undefined) return [{ claim: 'the job ended', holds: false, found: 'no report' }, ...money]
  return [...judgeStory(report, facts.nameOf), judgeAudits(facts), ...judgeLeases(report), ...money]
}

/** That the cheat was passed over for a lie only the chain can prove: nobody else need believe it, and nobody is to deny it. */
function judgeAudits({ audits, nameOf }: Facts): Claim {
  const others = [...audits].filter(([, verdict]) => verdict !== 'fair' && verdict !== 'unproven')
  return {
    claim: 'every provider that still runs, winner or loser, audits the auction and finds nothing against it',
    holds: audits.size > 0 && others.length === 0,
    found: others.map(([peer, verdict]) => `${nameOf(peer)}: ${verdict}`).join(', ') || 'nobody audited it',
  }
}

function judgeStory(report: Json<DeploymentReport>, nameOf: (peer: string) => string): Claim[] {
  const bidOf = (name: string) => report.bids.find(({ peer }) => nameOf(peer) === name)
  const challengeOf = (name: string) => report.challenges.find(({ peer }) => nameOf(peer) === name)
  const paidTo = (name: string) =>
    sum(report.settlements.filter(({ peer }) => nameOf(peer) === name).map(({ paid }) => BigInt(paid)))
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
      holds: caught?.ok === false && ['failed', 'refused'].includes(bidOf(CHEAT)?.outcome ?? ''),
      found: caught === undefined ? 'it was never challenged' : (caught.reason ?? 'it passed'),
    },
    {
      claim: "the cheat's own signed receipt cost it stake on the chain",
      holds: report.slashes.some(({ peer, amount }) => nameOf(peer) === CHEAT && BigInt(amount) > 0n),
      found: 'it was not slashed',
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

export function judgeLeases(report: Json<DeploymentReport>): Claim[] {
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

/** What was taken from a stake goes to the renter, as compensation and bounty, and the rest is burned. */
export function judgeMoney({ report, nameOf, before, after }: Omit<Facts, 'audits'>): Claim[] {
  const earned = (name: string) => (after.wallets.get(name) ?? 0n) - (before.wallets.get(name) ?? 0n)
  const staked = (name: string) => (after.stakes.get(name) ?? 0n) - (before.stakes.get(name) ?? 0n)
  const names = [...before.wallets.keys()]
  const moved = sum(names.map((name) => earned(name) + staked(name)))
  const burned = before.supply - after.supply
  const claims: Claim[] = [
    {
      claim: 'no money was made or lost, beside what was burned of a slashed stake',
      holds: moved === -burned,
      found: `${moved} units moved, ${burned} were burned`,
    },
    {
      claim: 'no lease is left open',
      holds: after.bound === 0n,
      found: `${after.bound} units of stake are bound`,
    },
  ]
  if (report === undefined) return claims

  const paidTo = (name: string) =>
    sum(report.settlements.filter(({ peer }) => nameOf(peer) === name).map(({ paid }) => BigInt(paid)))
  const takenFrom = (name: string) =>
    sum(report.slashes.filter(({ peer }) => nameOf(peer) === name).map(({ amount }) => BigInt(amount)))
  const providers = names.filter((name) => name !== RENTER)
  const odd = providers.filter((name) => earned(name) !== paidTo(name) || staked(name) !== -takenFrom(name))
  const paid = sum(providers.map(paidTo))
  const awarded = sum(report.slashes.map(({ compensation, bounty }) => BigInt(compensation) + BigInt(bounty)))
  return [
    ...claims,
    {
      claim: 'the renter spent what it paid, and got its bounty',
      holds: earned(RENTER) === awarded - paid,
      found: `${earned(RENTER)} units`,
    },
    {
      claim: 'every provider earned what it was paid, and nobody but a cheat lost stake',
      holds: odd.length === 0 && providers.every((name) => name === CHEAT || staked(name) === 0n),
      found: odd.map((name) => `${name} earned ${earned(name)}, staked ${staked(name)} units`).join(', '),
    },
  ]
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}
