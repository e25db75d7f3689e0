import { BLOCKHASH_WINDOW, BlockhashQueue, blockhashOf } from './blockhash.js'
import type { TransactionFault } from './fault.js'
import { feeOf } from './fee.js'
import { type AppliedTransaction, History } from './history.js'
import { tokenBalancesOf } from './parsed/token.js'
import { type AccountRef, type DecodedTransaction, listAccounts, withBlockhash } from './transaction.js'
import { createVm, type Simulation, type Vm, type VmAccount } from './vm.js'

/** Where the chain stands in time. */
export interface ChainTime {
  readonly slot: number
  /** Seconds. */
  readonly unixTime: number
  /** How far a test has moved the chain's time ahead of the clock's, in seconds. */
  readonly offsetSeconds: number
}

/** All that a snapshot holds. Plain data. */
export interface BankState {
  readonly vm: Uint8Array
  readonly seed: Uint8Array
  readonly time: ChainTime
  readonly times: readonly (readonly [slot: number, unixTime: number])[]
  readonly seen: readonly (readonly [slot: number, hashes: readonly string[]])[]
  readonly history: readonly AppliedTransaction[]
  readonly transactionCount: number
  readonly supply: bigint
}

export interface BankOptions {
  /** How many applied transactions are remembered. */
  historyLimit: number
}

/** How many changes of the time are remembered, for getBlockTime. One a slot: 20,000 slots are over two hours. */
const TIMES_LIMIT = 20_000

export interface Applied {
  readonly transaction: AppliedTransaction
  readonly accounts: readonly AccountRef[]
}

/**
 * The state machine: accounts, slots, the window of blockhashes, the messages seen within it, and the history. It does no I/O
 * and asks no clock, so the same sequence of calls always leads to the same state; that is what replaying the journal rests on.
 */
export class Bank {
  readonly #vm: Vm
  readonly #blockhashes: BlockhashQueue
  readonly #seen = new Map<number, Set<string>>()
  readonly history: History
  #time: ChainTime
  #times: [number, number][]
  #sysvarsAreOld = true
  #transactionCount: number
  #supply: bigint

  private constructor(vm: Vm, state: Omit<BankState, 'vm'>, options: BankOptions) {
    this.#vm = vm
    this.#blockhashes = new BlockhashQueue(state.seed)
    this.#blockhashes.moveTo(state.time.slot)
    for (const [slot, hashes] of state.seen) this.#seen.set(slot, new Set(hashes))
    this.history = new History(options.historyLimit, state.history)
    this.#time = state.time
    this.#times = state.times.map(([slot, unixTime]) => [slot, unixTime])
    this.#transactionCount = state.transactionCount
    this.#supply = state.supply
  }

  /** A new chain at slot 1. `seed`: 32 secret random bytes. */
  static create(seed: Uint8Array, unixTime: number, options: BankOptions): Bank {
    const time = { slot: 1, unixTime, offsetSeconds: 0 }
    const empty = { seed, time, times: [[1, unixTime] as const], seen: [], history: [] }
    return new Bank(createVm(), { ...empty, transactionCount: 0, supply: 0n }, options)
  }

  static restore(state: BankState, options: BankOptions): Bank {
    return new Bank(createVm(state.vm), state, options)
  }

  save(): BankState {
    this.#refreshSysvars()
    return {
      vm: this.#vm.save(),
      seed: this.#blockhashes.seed,
      time: this.#time,
      times: this.#times,
      seen: [...this.#seen].map(([slot, hashes]) => [slot, [...hashes]]),
      history: this.history.all(),
      transactionCount: this.#transactionCount,
      supply: this.#supply,
    }
  }

  get time(): ChainTime {
    return this.#time
  }

  get slot(): number {
    return this.#time.slot
  }

  get transactionCount(): number {
    return this.#transactionCount
  }

  /** Lamports placed at the start, less the fees since, which are burned. */
  get supply(): bigint {
    return this.#supply
  }

  get genesisHash(): string {
    return blockhashOf(this.#blockhashes.seed, 0)
  }

  get latestBlockhash(): string {
    return blockhashOf(this.#blockhashes.seed, this.slot)
  }

  /** The blockhash that block `slot` ended with: it is valid from the next slot on. */
  blockhashAt(slot: number): string {
    return blockhashOf(this.#blockhashes.seed, slot + 1)
  }

  get lastValidBlockHeight(): number {
    return this.slot + BLOCKHASH_WINDOW
  }

  isBlockhashValid(blockhash: string): boolean {
    return this.#blockhashes.slotOf(blockhash) !== undefined
  }

  /** Unix time of a slot in seconds, or undefined when it is ahead, or too long ago. */
  timeOf(slot: number): number | undefined {
    if (slot > this.slot || slot < (this.#times[0]?.[0] ?? 0)) return undefined
    let low = 0
    let high = this.#times.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#times[middle]![0] <= slot) low = middle
      else high = middle - 1
    }
    return this.#times[low]?.[1]
  }

  moveTo(time: ChainTime): void {
    this.#time = time
    this.#blockhashes.moveTo(time.slot)
    for (const slot of this.#seen.keys()) if (slot < time.slot - BLOCKHASH_WINDOW) this.#seen.delete(slot)
    const last = this.#times.at(-1)
    if (last !== undefined && last[0] === time.slot) last[1] = time.unixTime
    else this.#times.push([time.slot, time.unixTime])
    if (this.#times.length > 2 * TIMES_LIMIT) this.#times = this.#times.slice(-TIMES_LIMIT)
    this.#sysvarsAreOld = true
  }

  /** Writes an account outside of any transaction: for the first accounts of a chain and the addresses of its programs. */
  placeAccount(address: Uint8Array, account: Omit<VmAccount, 'rentEpoch'>): void {
    this.#supply += account.lamports - this.#vm.balanceOf(address)
    this.#vm.placeAccount(address, account)
  }

  readAccount(address: Uint8Array): VmAccount | undefined {
    this.#refreshSysvars()
    return this.#vm.readAccount(address)
  }

  programAccounts(owner: Uint8Array): { address: Uint8Array; account: VmAccount }[] {
    this.#refreshSysvars()
    return this.#vm.programAccounts(owner)
  }

  rentExemptMinimum(dataBytes: number): bigint {
    return this.#vm.rentExemptMinimum(dataBytes)
  }

  /** The accounts that a transaction names; without those of lookup tables that cannot be read. */
  accountsOf(transaction: DecodedTransaction): AccountRef[] {
    const read = (address: Uint8Array) => this.#vm.readAccount(address)?.data
    const refs = listAccounts(transaction.message, read)
    return refs ?? listAccounts(transaction.message, () => undefined) ?? []
  }

  /** Why this transaction may not run now, before anything of it is executed; undefined when it may. */
  refusalOf(transaction: DecodedTransaction): TransactionFault | undefined {
    const slot = this.#blockhashes.slotOf(transaction.message.recentBlockhash)
    if (slot === undefined) return 'BlockhashNotFound'
    return this.#seen.get(slot)?.has(transaction.messageHash) ? 'AlreadyProcessed' : undefined
  }

  simulate(
    transaction: DecodedTransaction,
    options: { verifySignatures: boolean; replaceBlockhash: boolean },
  ): Simulation {
    const subject = options.replaceBlockhash ? withBlockhash(transaction, this.latestBlockhash) : transaction
    const fault = options.replaceBlockhash ? undefined : this.refusalOf(subject)
    if (fault !== undefined) return { ...NOT_RUN, fault }
    this.#refreshSysvars()
    return this.#vm.simulate(subject.wire, options.verifySignatures)
  }

  /**
   * Runs the transaction. Undefined when it left no trace: refused, a wrong signature, or no fee could be taken. Otherwise
   * it is in the history, also when its instructions failed and only the fee was taken.
   */
  execute(transaction: DecodedTransaction): Applied | undefined {
    const hashSlot = this.#blockhashes.slotOf(transaction.message.recentBlockhash)
    if (hashSlot === undefined || this.refusalOf(transaction) !== undefined) return undefined
    this.#refreshSysvars()
    const accounts = this.accountsOf(transaction)
    const read = (address: Uint8Array) => this.#vm.readAccount(address)
    const balances = () => accounts.map(({ bytes }) => Number(this.#vm.balanceOf(bytes)))
    const preBalances = balances()
    const preTokenBalances = tokenBalancesOf(accounts, read)
    const execution = this.#vm.execute(transaction.wire)
    const postBalances = balances()
    if (execution.fault !== null && preBalances[0] === postBalances[0]) return undefined

    const seen = this.#seen.get(hashSlot) ?? new Set()
    this.#seen.set(hashSlot, seen.add(transaction.messageHash))
    const fee = feeOf(transaction.message)
    this.#supply -= BigInt(fee)
    this.#transactionCount++
    const applied = {
      signature: transaction.signature,
      slot: this.slot,
      index: this.history.ofSlot(this.slot).length,
      blockTime: this.#time.unixTime,
      wire: transaction.wire,
      accounts: accounts.map(({ address }) => address),
      lookedUp: {
        writable: accounts.filter((ref) => ref.lookedUp && ref.writable).map(({ address }) => address),
        readonly: accounts.filter((ref) => ref.lookedUp && !ref.writable).map(({ address }) => address),
      },
      fee,
      preBalances,
      postBalances,
      preTokenBalances,
      postTokenBalances: tokenBalancesOf(accounts, read),
      ...execution,
    }
    this.history.add(applied)
    return { transaction: applied, accounts }
  }

  #refreshSysvars(): void {
    if (!this.#sysvarsAreOld) return
    const { slot, unixTime } = this.#time
    const slotHashes = this.#blockhashes.slotHashes()
    this.#vm.setTime({ slot: BigInt(slot), unixTime: BigInt(unixTime), slotHashes })
    this.#sysvarsAreOld = false
  }
}

const NOT_RUN: Omit<Simulation, 'fault'> = {
  logs: [],
  inner: [],
  unitsConsumed: 0,
  returnData: null,
  postAccounts: () => new Map(),
}
