import { PublicKey } from '@solana/web3.js'
import { createSigner, type Signer } from '../../chain/client/signing.js'
import type { Config } from '../../config/schema.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Random } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import { createRegistry, type Registry } from '../escrow/registration.js'
import { createSolanaEscrow } from '../escrow/solana.js'
import { readOrCreateKeyFile } from '../identity/key.js'
import { localMarket } from '../swarm/genesis.js'

/** The chain as the configuration names it: which program, which market, who signs. */
export interface ChainSide {
  escrow: Escrow
  registry: Registry
  programId: PublicKey
  market: PublicKey
  node: Signer
  wallet: Signer
}

export async function openChain(
  config: Config,
  node: Signer,
  parts: { clock: Clock; random: Random },
): Promise<ChainSide> {
  const { programId, market } = addressesOf(config)
  const wallet = createSigner((await readOrCreateKeyFile(config.chain.walletFile, parts.random)).secretKey)
  const { rpcUrl, wsUrl, commitment } = config.chain
  const escrow = createSolanaEscrow({
    rpcUrl,
    ...(wsUrl === undefined ? {} : { wsUrl }),
    commitment,
    programId,
    market,
    node,
    wallet,
    clock: parts.clock,
  })
  const registry = openRegistry(config, parts.clock)
  return { escrow, registry, programId, market, node, wallet }
}

export function openRegistry(config: Config, clock: Clock): Registry {
  const { rpcUrl, commitment } = config.chain
  return createRegistry({ rpcUrl, commitment, ...addressesOf(config), clock })
}

/** Every local chain has the same program and market; another network's must be named. */
export function addressesOf(config: Config): { programId: PublicKey; market: PublicKey } {
  const { programId, market } = config.chain
  const local = config.preset === 'localnet' ? localMarket() : undefined
  const missing = [
    programId === undefined && local === undefined ? '--chain-program-id' : undefined,
    market === undefined && local === undefined ? '--chain-market' : undefined,
  ].filter((flag) => flag !== undefined)
  if (missing.length > 0) {
    throw new NightshiftError(
      'MARKET_UNKNOWN',
      `no market of the network "${config.network.name}" is known`,
      {
        advice: `name its addresses with ${missing.join(' and ')}, or try a local network with --preset localnet`,
        context: { network: config.network.name },
      },
    )
  }
  return {
    programId: programId === undefined ? local!.programId : new PublicKey(programId),
    market: market === undefined ? local!.market : new PublicKey(market),
  }
}
