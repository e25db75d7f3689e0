import type { TransactionFault } from './fault.js'
import type { CompiledInner } from './vm.js'

export interface TokenBalance {
  readonly accountIndex: number
  readonly mint: string
  readonly owner: string
  readonly programId: string
  readonly amount: bigint
  readonly decimals: number
}

/** A transaction that was applied (its fee was taken), with all that the RPC tells about it later. Plain data: it is stored as it is. */
export interface AppliedTransaction {
  readonly signature: string
  readonly slot: number
  /** Position within its slot. */
  readonly index: number
  /** Unix time, seconds. */
  readonly blockTime: number
  readonly wire: Uint8Array
  /** Every account that it named, in the runtime's order, base58. */
  readonly accounts: readonly string[]
  readonly lookedUp: { readonly writable: readonly string[]; readonly readonly: readonly string[] }
  readonly fault: TransactionFault | null
  readonly fee: number
  readonly preBalances: readonly number[]
  readonly postBalances: readonly number[]
  readonly preTokenBalances: readonly TokenBalance[]
  readonly postTokenBalances: readonly TokenBalance[]
  readonly logs: readonly string[]
  readonly inner: readonly { readonly index: number; readonly instructions: readonly CompiledInner[] }[]
  readonly unitsConsumed: number
  readonly returnData: { readonly programId: string; readonly data: Uint8Array } | null
}

/** The last `limit` applied transactions, by signature, by address and by slot. The oldest is forgotten first. */
export class History {
  readonly #bySignature = new Map<string, AppliedTransaction>()
  readonly #byAddress = new Map<string, AppliedTransaction[]>()
  readonly #bySlot = new Map<number, AppliedTransaction[]>()

  constructor(
    readonly limit: number,
    kept: readonly AppliedTransaction[] = [],
  ) {
    for (const applied of kept) this.add(applied)
  }

  get size(): number {
    return this.#bySignature.size
  }

  add(applied: AppliedTransaction): void {
    this.#bySignature.set(applied.signature, applied)
    for (const address of applied.accounts) append(this.#byAddress, address, applied)
    append(this.#bySlot, applied.slot, applied)
    if (this.#bySignature.size > this.limit) this.#forgetOldest()
  }

  get(signature: string): AppliedTransaction | undefined {
    return this.#bySignature.get(signature)
  }

  /** Oldest first. */
  ofSlot(slot: number): readonly AppliedTransaction[] {
    return this.#bySlot.get(slot) ?? []
  }

  /** Oldest first. */
  ofAddress(address: string): readonly AppliedTransaction[] {
    return this.#byAddress.get(address) ?? []
  }

  all(): AppliedTransaction[] {
    return [...this.#bySignature.values()]
  }

  #forgetOldest(): void {
    const oldest = this.#bySignature.values().next().value
    if (oldest === undefined) return
    this.#bySignature.delete(oldest.signature)
    for (const address of oldest.accounts) dropFirst(this.#byAddress, address)
    dropFirst(this.#bySlot, oldest.slot)
  }
}

function append<K>(index: Map<K, AppliedTransaction[]>, key: K, applied: AppliedTransaction): void {
  const list = index.get(key)
  if (list === undefined) index.set(key, [applied])
  else list.push(applied)
}

function dropFirst<K>(index: Map<K, AppliedTransaction[]>, key: K): void {
  const list = index.get(key)
  if (list === undefined) return
  list.shift()
  if (list.length === 0) index.delete(key)
}
