import { PublicKey } from '@solana/web3.js'
import type { Clock } from '../../protocols/ports.js'
import { createRegistry } from '../escrow/registration.js'
import type { ChainReady } from '../swarm/swarm.js'

/** Atomic units of the token, by name. Read from the chain, not believed. */
export type Balances = ReadonlyMap<string, bigint>

/** Everything that the demo's parties own. */
export interface Holdings {
  wallets: Balances
  stakes: Balances
  supply: bigint
}

export interface Ledger {
  balances(
    wallets: ReadonlyArray<{ name: string; wallet: PublicKey }>,
    signal: AbortSignal,
  ): Promise<Balances>
  /** The providers' stakes: in the program's vaults, and so in no wallet. */
  stakes(
    providers: ReadonlyArray<{ name: string; nodeKey: PublicKey }>,
    signal: AbortSignal,
  ): Promise<Balances>
  /** All tokens that there are. */
  supply(signal: AbortSignal): Promise<bigint>
  /** What of a provider's stake still backs leases: zero when all of its leases have been closed. */
  bound(node: PublicKey, signal: AbortSignal): Promise<bigint>
}

export function openLedger(chain: ChainReady, clock: Clock): Ledger {
  const registry = createRegistry({
    rpcUrl: chain.rpcUrl,
    commitment: 'confirmed',
    programId: new PublicKey(chain.programId),
    market: new PublicKey(chain.market),
    clock,
  })
  return {
    balances: async (wallets, signal) => {
      const read = await Promise.all(wallets.map(({ wallet }) => registry.balance(wallet, signal)))
      return new Map(wallets.map(({ name }, index) => [name, read[index] ?? 0n]))
    },
    stakes: async (providers, signal) => {
      const read = await Promise.all(providers.map(({ nodeKey }) => registry.read(nodeKey, signal)))
      return new Map(providers.map(({ name }, index) => [name, read[index]?.stake ?? 0n]))
    },
    supply: (signal) => registry.supply(signal),
    bound: async (node, signal) => (await registry.read(node, signal))?.bound ?? 0n,
  }
}

export async function readHoldings(
  ledger: Ledger,
  wallets: Parameters<Ledger['balances']>[0],
  providers: Parameters<Ledger['stakes']>[0],
  signal: AbortSignal,
): Promise<Holdings> {
  const [inWallets, stakes, supply] = await Promise.all([
    ledger.balances(wallets, signal),
    ledger.stakes(providers, signal),
    ledger.supply(signal),
  ])
  return { wallets: inWallets, stakes, supply }
}
