import { PublicKey } from '@solana/web3.js'
import type { Clock } from '../../protocols/ports.js'
import { createRegistry } from '../escrow/registration.js'
import type { Member } from '../swarm/member.js'
import type { ChainReady } from '../swarm/swarm.js'

/** Atomic units, by name. */
export type Balances = ReadonlyMap<string, bigint>

/** All the money of the demo at one moment, read from the chain and not believed. Atomic units. */
export interface Books {
  wallets: Balances
  stakes: Balances
  /** All tokens that there are: what is burned leaves it. */
  supply: bigint
  /** Stake that backs leases: zero when all of them have been closed. */
  bound: bigint
}

export interface Ledger {
  read(members: readonly Member[], signal: AbortSignal): Promise<Books>
  bound(members: readonly Member[], signal: AbortSignal): Promise<bigint>
}

export function openLedger(chain: ChainReady, clock: Clock): Ledger {
  const registry = createRegistry({
    rpcUrl: chain.rpcUrl,
    commitment: 'confirmed',
    programId: new PublicKey(chain.programId),
    market: new PublicKey(chain.market),
    clock,
  })
  const readProviders = (members: readonly Member[], signal: AbortSignal) =>
    Promise.all(members.map(({ nodeKey }) => registry.read(nodeKey, signal)))
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n)
  const byName = (members: readonly Member[], amounts: readonly bigint[]) =>
    new Map(members.map(({ name }, index) => [name, amounts[index] ?? 0n]))
  return {
    read: async (members, signal) => {
      const [wallets, providers, supply] = await Promise.all([
        Promise.all(members.map(({ wallet }) => registry.balance(wallet, signal))),
        readProviders(members, signal),
        registry.supply(signal),
      ])
      return {
        wallets: byName(members, wallets),
        stakes: byName(
          members,
          providers.map((provider) => provider?.stake ?? 0n),
        ),
        supply,
        bound: sum(providers.map((provider) => provider?.bound ?? 0n)),
      }
    },
    bound: async (members, signal) =>
      sum((await readProviders(members, signal)).map((provider) => provider?.bound ?? 0n)),
  }
}
