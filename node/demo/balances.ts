import { PublicKey } from '@solana/web3.js'
import type { Clock } from '../../protocols/ports.js'
import { createRegistry } from '../escrow/registration.js'
import type { ChainReady } from '../swarm/swarm.js'

/** Atomic units of the token, by name. Read from the chain, not believed. */
export type Balances = ReadonlyMap<string, bigint>

export interface Ledger {
  balances(
    wallets: ReadonlyArray<{ name: string; wallet: PublicKey }>,
    signal: AbortSignal,
  ): Promise<Balances>
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
    bound: async (node, signal) => (await registry.read(node, signal))?.bound ?? 0n,
  }
}
