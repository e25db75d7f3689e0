import { join } from 'node:path'
import { createSigner } from '../../../chain/client/signing.js'
import { peerIdFromSolanaKey } from '../../../protocols/peer.js'
import { openRegistry } from '../../daemon/chain.js'
import { registerNode } from '../../daemon/registration.js'
import { NODE_KEY_FILE } from '../../identity/files.js'
import { readKeyFile } from '../../identity/key.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { readTokens } from '../quantity.js'
import { showAmount } from '../story.js'
import { readTarget } from './target.js'

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const { config } = await invocation.config()
  const registry = openRegistry(config, systemClock)
  const node = await readTarget(config, options.provider as string | undefined)
  const owner = createSigner((await readKeyFile(config.chain.walletFile)).secretKey)
  const { decimals } = await registry.terms(shell.signal)
  const amount = readTokens('<amount>', invocation.arguments[0] ?? '', decimals)
  const isNew = (await registry.read(node, shell.signal)) === undefined
  report.progress(isNew ? 'registering the provider …' : 'adding to its stake …')
  const { signature } = isNew
    ? await registerNode(
        {
          registry,
          config,
          node: createSigner((await readKeyFile(join(config.dataDir, NODE_KEY_FILE))).secretKey),
          owner,
          stake: amount,
        },
        shell.signal,
      )
    : await registry.add({ node, owner, amount }, shell.signal)
  const stake = (await registry.read(node, shell.signal))?.stake ?? 0n
  const peer = peerIdFromSolanaKey(node.toBytes())
  report.result(
    { peer, stake, added: amount, transaction: signature, registered: isNew },
    `${peer} has a stake of ${showAmount(stake, decimals)} tokens (transaction ${signature})`,
  )
  return EXIT.OK
}
