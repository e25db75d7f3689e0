import bs58 from 'bs58'
import {
  Account,
  Clock,
  EpochSchedule,
  FailedTransactionMetadata,
  InstructionErrorCustom,
  LiteSvm,
  TransactionErrorDuplicateInstruction,
  TransactionErrorInstructionError,
  TransactionErrorInsufficientFundsForRent,
  TransactionErrorProgramExecutionTemporarilyRestricted,
  type TransactionMetadata,
} from 'litesvm/dist/internal.js'
import { instructionFaultOf, type TransactionFault, transactionFaultOf } from './fault.js'

/**
 * The embedded Solana runtime (litesvm, which carries Agave's). Its own blockhash check and history are off: it knows
 * one blockhash only, and the bank keeps the window of 150 and the set of seen messages in its stead. The native
 * binding is used directly because the published wrapper takes transactions in another library's representation.
 */
export interface VmAccount {
  readonly lamports: bigint
  readonly data: Uint8Array
  readonly owner: Uint8Array
  readonly executable: boolean
  readonly rentEpoch: bigint
}

export interface CompiledInner {
  readonly programIdIndex: number
  readonly accounts: number[]
  /** Base58, as the RPC shows it. */
  readonly data: string
  readonly stackHeight: number
}

export interface Execution {
  readonly fault: TransactionFault | null
  readonly logs: string[]
  /** Per top-level instruction that called others. */
  readonly inner: { index: number; instructions: CompiledInner[] }[]
  readonly unitsConsumed: number
  readonly returnData: { programId: string; data: Uint8Array } | null
}

export interface Simulation extends Execution {
  /** The accounts as they would be afterwards, by address; empty when the transaction failed. */
  postAccounts(): ReadonlyMap<string, VmAccount>
}

export interface SysvarTime {
  readonly slot: bigint
  readonly unixTime: bigint
  readonly slotHashes: { slot: bigint; hash: string }[]
}

/** Mainnet's epoch length; without the warm-up of a new cluster, so that epoch = slot / 432,000. */
export const SLOTS_PER_EPOCH = 432_000
const RENT_EXEMPT_EPOCH = 2n ** 64n - 1n

export interface Vm {
  readAccount(address: Uint8Array): VmAccount | undefined
  placeAccount(address: Uint8Array, account: Omit<VmAccount, 'rentEpoch'>): void
  balanceOf(address: Uint8Array): bigint
  programAccounts(owner: Uint8Array): { address: Uint8Array; account: VmAccount }[]
  rentExemptMinimum(dataBytes: number): bigint
  setTime(time: SysvarTime): void
  /** Changes nothing. The wire bytes must be canonical (see decodeTransaction). */
  simulate(wire: Uint8Array, verifySignatures: boolean): Simulation
  execute(wire: Uint8Array): Execution
  save(): Uint8Array
}

function faultOf(failed: FailedTransactionMetadata): TransactionFault {
  const error = failed.err()
  if (typeof error === 'number') return transactionFaultOf(error)
  if (error instanceof TransactionErrorInstructionError) {
    const inner = error.err()
    if (typeof inner === 'number') return { InstructionError: [error.index, instructionFaultOf(inner)] }
    if (inner instanceof InstructionErrorCustom) {
      return { InstructionError: [error.index, { Custom: inner.code }] }
    }
    return { InstructionError: [error.index, 'BorshIoError'] }
  }
  if (error instanceof TransactionErrorDuplicateInstruction) return { DuplicateInstruction: error.index }
  if (error instanceof TransactionErrorInsufficientFundsForRent) {
    return { InsufficientFundsForRent: { account_index: error.accountIndex } }
  }
  if (error instanceof TransactionErrorProgramExecutionTemporarilyRestricted) {
    return { ProgramExecutionTemporarilyRestricted: { account_index: error.accountIndex } }
  }
  return String(error)
}

function executionOf(meta: TransactionMetadata, fault: TransactionFault | null): Execution {
  const returned = meta.returnData()
  const data = returned.data()
  const inner = meta.innerInstructions().flatMap((list, index) => {
    if (list.length === 0) return []
    const instructions = list.map((entry) => {
      const instruction = entry.instruction()
      return {
        programIdIndex: instruction.programIdIndex(),
        accounts: Array.from(instruction.accounts()),
        data: bs58.encode(instruction.data()),
        stackHeight: entry.stackHeight(),
      }
    })
    return [{ index, instructions }]
  })
  return {
    fault,
    logs: meta.logs(),
    inner,
    unitsConsumed: Number(meta.computeUnitsConsumed()),
    returnData: data.length === 0 ? null : { programId: bs58.encode(returned.programId()), data },
  }
}

function accountOf(account: Account): VmAccount {
  return {
    lamports: account.lamports(),
    data: account.data(),
    owner: account.owner(),
    executable: account.executable(),
    rentEpoch: account.rentEpoch(),
  }
}

/** A fresh runtime with mainnet's features and the standard programs, or the one that `save` wrote. */
export function createVm(saved?: Uint8Array): Vm {
  const inner = saved === undefined ? new LiteSvm() : LiteSvm.fromBytes(saved)
  inner.setBlockhashCheck(false)
  inner.setTransactionHistory(0n)
  inner.setSigverify(true)
  if (saved === undefined) {
    inner.withNativeMints()
    inner.setEpochSchedule(new EpochSchedule(BigInt(SLOTS_PER_EPOCH), BigInt(SLOTS_PER_EPOCH), false, 0n, 0n))
  }
  let epochStart = saved === undefined ? undefined : inner.getClock()

  return {
    readAccount(address) {
      const account = inner.getAccount(address)
      return account === null ? undefined : accountOf(account)
    },
    placeAccount(address, { lamports, data, owner, executable }) {
      inner.setAccount(address, new Account(lamports, data, owner, executable, RENT_EXEMPT_EPOCH))
    },
    balanceOf: (address) => inner.getBalance(address) ?? 0n,
    programAccounts: (owner) =>
      inner
        .getProgramAccounts(owner)
        .map((entry) => ({ address: entry.address, account: accountOf(entry.account()) })),
    rentExemptMinimum: (dataBytes) => inner.minimumBalanceForRentExemption(BigInt(dataBytes)),
    setTime({ slot, unixTime, slotHashes }) {
      const epoch = slot / BigInt(SLOTS_PER_EPOCH)
      const startedAt =
        epochStart !== undefined && epochStart.epoch === epoch ? epochStart.epochStartTimestamp : unixTime
      epochStart = new Clock(slot, startedAt, epoch, epoch + 1n, unixTime)
      inner.setClock(epochStart)
      inner.setSlotHashes(slotHashes)
    },
    simulate(wire, verifySignatures) {
      inner.setSigverify(verifySignatures)
      try {
        const result = inner.simulateVersionedTransaction(wire)
        if (result instanceof FailedTransactionMetadata) {
          return { ...executionOf(result.meta(), faultOf(result)), postAccounts: () => new Map() }
        }
        const postAccounts = () =>
          new Map(
            result
              .postAccounts()
              .map((entry) => [bs58.encode(entry.address), accountOf(entry.account())] as const),
          )
        return { ...executionOf(result.meta(), null), postAccounts }
      } finally {
        inner.setSigverify(true)
      }
    },
    execute(wire) {
      const result = inner.sendVersionedTransaction(wire)
      return result instanceof FailedTransactionMetadata
        ? executionOf(result.meta(), faultOf(result))
        : executionOf(result, null)
    },
    save: () => inner.toBytes(),
  }
}
