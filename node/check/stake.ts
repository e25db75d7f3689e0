import { formatAmount } from '../../protocols/money.js'
import type { Finding } from './finding.js'

export interface StakeFacts {
  /** Absent: not registered. Atomic units. */
  registered?: { stake: bigint; unstaking: bigint; bound: bigint }
  minimumStake: bigint
  decimals: number
  /** What the configuration stakes when the node registers. Atomic units. */
  planned: bigint
  /** What the wallet holds. Atomic units. */
  balance: bigint
  /** Whether this machine is to be a provider: only then does a missing stake keep it from its work. */
  provides: boolean
}

export function judgeStake(facts: StakeFacts): Finding {
  const { registered, minimumStake, decimals, planned, balance, provides } = facts
  const tokens = (amount: bigint) => `${formatAmount(amount, decimals)} tokens`
  const lacking = provides ? 'fail' : 'warn'
  if (registered !== undefined) {
    const { stake, bound, unstaking } = registered
    const found = `${tokens(stake)}, of which ${tokens(bound)} back leases${unstaking > 0n ? ` and ${tokens(unstaking)} are asked back` : ''}`
    if (stake >= minimumStake) return { verdict: 'ok', found }
    const missing = formatAmount(minimumStake - stake, decimals)
    const advice = `it is below the market's least stake of ${tokens(minimumStake)}: nightshift stake add ${missing}`
    return { verdict: lacking, found, advice }
  }
  const found = `not registered; the market's least stake is ${tokens(minimumStake)}`
  const isPlanned = planned >= minimumStake
  const wanted = isPlanned ? planned : minimumStake
  if (balance < wanted) {
    const advice = `the wallet holds ${tokens(balance)}: bring ${tokens(wanted - balance)} more to it, then nightshift stake add ${formatAmount(wanted, decimals)}`
    return { verdict: lacking, found, advice }
  }
  if (isPlanned) return { verdict: 'ok', found: `${found}; ${tokens(planned)} at the start` }
  const amount = formatAmount(minimumStake, decimals)
  return { verdict: lacking, found, advice: `nightshift stake add ${amount}, or --provider-stake ${amount}` }
}
