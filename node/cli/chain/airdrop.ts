import { PublicKey } from '@solana/web3.js'
import { isAddress } from '../../../config/schema.js'
import { NightshiftError } from '../../../protocols/errors.js'
import { isPeer, solanaKeyOf } from '../../../protocols/peer.js'
import { readOrCreateKeyFile } from '../../identity/key.js'
import { createGenesis, LOCAL_TOKEN } from '../../swarm/genesis.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
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

function readAddress(text: string): PublicKey {
  if (isPeer(text)) return new PublicKey(solanaKeyOf(text))
  if (isAddress(text)) return new PublicKey(text)
  throw new NightshiftError('USAGE', `${JSON.stringify(text)} is no address`, {
    advice: 'write an address in base58 (32 bytes), or a peer id',
  })
}
