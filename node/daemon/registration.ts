import { PublicKey } from '@solana/web3.js'
import type { Signer } from '../../chain/client/signing.js'
import type { Config } from '../../config/schema.js'
import { NightshiftError } from '../../protocols/errors.js'
import { formatAmount, parseAmount } from '../../protocols/money.js'
import type { Registry } from '../escrow/registration.js'

/** Registers a node's key with the wallet as its owner, after a look at whether that can work. */
export async function registerNode(
  request: { registry: Registry; config: Config; node: Signer; owner: Signer; stake: bigint },
  signal?: AbortSignal,
): Promise<{ signature: string }> {
  const { registry, config, node, owner, stake } = request
  const { decimals, minimumStake } = await registry.terms(signal)
  const tokens = (amount: bigint) => formatAmount(amount, decimals)
  const wallet = owner.publicKey.toBase58()
  if (stake < minimumStake) {
    throw new NightshiftError(
      'STAKE_TOO_SMALL',
      `a stake of ${tokens(stake)} tokens is below this market's least stake`,
      { advice: `stake at least ${tokens(minimumStake)} tokens`, context: { stake, minimumStake } },
    )
  }
  const balance = await registry.balance(owner.publicKey, signal)
  if (balance < stake) {
    throw new NightshiftError(
      'INSUFFICIENT_FUNDS',
      `the wallet ${wallet} holds ${tokens(balance)} tokens, the stake is ${tokens(stake)}`,
      {
        advice: `send tokens to it; on a local chain: nightshift chain airdrop 1 ${wallet}`,
        context: { wallet, balance, stake },
      },
    )
  }
  const payout =
    config.provider.payout === undefined ? owner.publicKey : new PublicKey(config.provider.payout)
  return registry.register({ node, owner, payout, stake }, signal)
}

/**
 * A provider that is not registered yet registers itself when the wallet of its data directory is its owner's; else it
 * says what its owner has to do. The owner's key may lie elsewhere: it is the only one that can take the stake back.
 */
export async function ensureRegistered(
  request: {
    registry: Registry
    config: Config
    node: Signer
    wallet: Signer
    onStep: (step: string) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { registry, config, node, wallet, onStep } = request
  if ((await registry.read(node.publicKey, signal)) !== undefined) return
  const owner = config.provider.owner
  const address = node.publicKey.toBase58()
  if (owner !== undefined && owner !== wallet.publicKey.toBase58()) {
    throw new NightshiftError('PROVIDER_NOT_REGISTERED', 'this provider is not registered in the market', {
      advice: `its owner registers it: nightshift stake add <amount> --data-dir ${config.dataDir} --chain-wallet-file <key file of ${owner}>`,
      context: { node: address, owner },
    })
  }
  const { decimals } = await registry.terms(signal)
  const stake = parseAmount(config.provider.stake, decimals)
  if (stake === undefined || stake === 0n) {
    throw new NightshiftError('PROVIDER_NOT_REGISTERED', 'this provider has no stake in the market', {
      advice: `say how much it stakes, with at most ${decimals} decimals: --provider-stake 100`,
      context: { node: address, stake: config.provider.stake },
    })
  }
  onStep('registering with the market')
  await registerNode({ registry, config, node, owner: wallet, stake }, signal)
}
