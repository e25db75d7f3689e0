import { readOrCreateKeyFile } from '../../identity/key.js'
import { createGenesis, LOCAL_TOKEN } from '../../swarm/genesis.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
import { readAddress } from '../address.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { readTokens } from '../quantity.js'

const SOL_DECIMALS = 9

export async function run(invocation: Invocation): Promise<number> {
  const { report, options, shell } = invocation
  const [sol = '', named] = invocation.arguments
  const { config } = await invocation.config()
  const address =
    named === undefined
      ? (await readOrCreateKeyFile(config.chain.walletFile, systemRandom)).publicKey
      : readAddress(named)
  const lamports = readTokens('<sol>', sol, SOL_DECIMALS)
  const tokens = readTokens('--tokens', String(options.tokens), LOCAL_TOKEN.decimals)
  const genesis = createGenesis({ rpcUrl: config.chain.rpcUrl, clock: systemClock })
  await genesis.prepare(shell.signal)
  await genesis.fund([{ address, lamports, tokens }], shell.signal)
  report.result(
    { address: address.toBase58(), lamports, tokens },
    `${address.toBase58()} has got ${sol} SOL and ${options.tokens} ${LOCAL_TOKEN.symbol}`,
  )
  return EXIT.OK
}
