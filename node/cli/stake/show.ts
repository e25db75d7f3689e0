import { NightshiftError } from '../../../protocols/errors.js'
import { peerIdFromSolanaKey } from '../../../protocols/peer.js'
import { openRegistry } from '../../daemon/chain.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { showAmount } from '../story.js'
import { PROGRAM } from '../suggestion.js'
import { renderPairs } from '../table.js'
import { readTarget } from './target.js'

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const { config } = await invocation.config()
  const node = await readTarget(config, options.provider as string | undefined)
  const registry = openRegistry(config, systemClock)
  const [{ decimals, minimumStake }, provider] = await Promise.all([
    registry.terms(shell.signal),
    registry.read(node, shell.signal),
  ])
  const peer = peerIdFromSolanaKey(node.toBytes())
  if (provider === undefined) {
    throw new NightshiftError('PROVIDER_UNKNOWN', `${peer} is not registered in this market`, {
      advice: `"${PROGRAM} stake add <amount>" registers it; the least stake is ${showAmount(minimumStake, decimals)}`,
      context: { peer, minimumStake },
    })
  }
  const { owner, payout, stake, bound, unstaking, openLeases } = provider
  const tokens = (amount: bigint) => `${showAmount(amount, decimals)} tokens`
  report.result(
    {
      peer,
      owner: owner.toBase58(),
      payout: payout.toBase58(),
      stake,
      bound,
      unstaking,
      openLeases,
      decimals,
    },
    renderPairs(
      [
        ['provider', peer],
        ['stake', tokens(stake)],
        ['backs leases', `${tokens(bound)} in ${openLeases} open leases`],
        ['asked back', tokens(unstaking)],
        ['owner', owner.toBase58()],
        ['payout', `${payout.toBase58()} (token account)`],
      ],
      report.out.style.dim,
    ),
  )
  return EXIT.OK
}
