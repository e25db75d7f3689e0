import type { Log } from '../../../protocols/ports.js'
import type { Bank } from '../bank.js'
import type { DecodedTransaction } from '../transaction.js'

/** What the methods of the RPC are given to work with. */
export interface RpcContext {
  readonly bank: Bank
  readonly log: Log
  /** Identity of the one "validator": the faucet's address. */
  readonly identity: string
  readonly rpcAddress: () => string
  /** Journals and runs a transaction and tells the subscribers. False when it left no trace. */
  readonly submit: (transaction: DecodedTransaction) => boolean
  /** Sends lamports from the faucet; the signature of the transfer. */
  readonly airdrop: (address: Uint8Array, lamports: bigint) => string
}

export type Method = (context: RpcContext, params: readonly unknown[]) => unknown

export type MethodTable = Readonly<Record<string, Method>>

/** The version that the RPC claims: that of the runtime inside litesvm 1.5. */
export const SOLANA_CORE_VERSION = '4.3.0'

export interface WithContext<T> {
  context: { slot: number; apiVersion: string }
  value: T
}

export function withContext<T>(bank: Bank, value: T): WithContext<T> {
  return { context: { slot: bank.slot, apiVersion: SOLANA_CORE_VERSION }, value }
}
