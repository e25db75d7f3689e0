import { VersionedMessage } from '@solana/web3.js'
import bs58 from 'bs58'
import { isRefusal } from '../../../protocols/errors.js'
import type { Bank } from '../bank.js'
import { answerAccount, readAccountView } from '../encoding.js'
import { describeFault, type TransactionFault } from '../fault.js'
import { feeOf } from '../fee.js'
import type { AppliedTransaction } from '../history.js'
import { readTransactionView, showInner, showTransaction } from '../parsed/transaction.js'
import { type DecodedTransaction, decodeTransaction, TRANSACTION_MAX_BYTES } from '../transaction.js'
import type { Simulation } from '../vm.js'
import { invalidParams, RPC_CODE, RpcError } from './error.js'
import { type MethodTable, withContext } from './method.js'
import {
  type Config,
  readAddress,
  readBlockhash,
  readBoolean,
  readConfig,
  readConfigAt,
  readInteger,
  readList,
  readOptionalInteger,
  readSignature,
} from './params.js'

/** As in Agave. */
const STATUSES_LIMIT = 256
const SIGNATURES_LIMIT = 1_000
/** Slots for which getSignatureStatuses answers without searchTransactionHistory (the length of the status cache). */
const RECENT_SLOTS = 150
/** The longest base64 and base58 text of a transaction of 1,232 bytes. */
const TRANSACTION_MAX_CHARS = 1_683
const SIMULATED_ACCOUNTS_LIMIT = 64

function readWire(value: unknown, config: Config): Uint8Array {
  if (typeof value !== 'string') throw invalidParams('the transaction must be a string')
  if (value.length > TRANSACTION_MAX_CHARS) {
    throw invalidParams(
      `encoded transaction too large: ${value.length} characters (max: encoded/raw ${TRANSACTION_MAX_CHARS}/${TRANSACTION_MAX_BYTES})`,
    )
  }
  const encoding = config.encoding ?? 'base58'
  if (encoding === 'base64') return new Uint8Array(Buffer.from(value, 'base64'))
  if (encoding !== 'base58') {
    throw invalidParams(`unsupported encoding: ${String(encoding)}. Supported encodings: base58, base64`)
  }
  const decoded = bs58.decodeUnsafe(value)
  if (decoded === undefined) throw invalidParams('invalid base58 encoding')
  return decoded
}

function readTransaction(value: unknown, config: Config): DecodedTransaction {
  const transaction = decodeTransaction(readWire(value, config))
  if (isRefusal(transaction)) throw invalidParams(`failed to deserialize transaction: ${transaction.detail}`)
  return transaction
}

/** The result of a simulation as the RPC shows it, also within the error of a failed preflight. */
function showSimulation(simulation: Simulation): object {
  const { returnData } = simulation
  return {
    err: simulation.fault,
    logs: simulation.logs,
    accounts: null,
    unitsConsumed: simulation.unitsConsumed,
    innerInstructions: null,
    returnData:
      returnData === null
        ? null
        : {
            programId: returnData.programId,
            data: [Buffer.from(returnData.data).toString('base64'), 'base64'],
          },
    replacementBlockhash: null,
  }
}

function refusePreflight(simulation: Simulation): never {
  const fault = simulation.fault
  if (fault === 'SignatureFailure') {
    throw new RpcError(RPC_CODE.signatureVerificationFailure, 'Transaction signature verification failure')
  }
  const text = fault === null ? '' : describeFault(fault)
  throw new RpcError(
    RPC_CODE.preflightFailure,
    `Transaction simulation failed: ${text}`,
    showSimulation(simulation),
  )
}

function showStatus(applied: AppliedTransaction): object {
  return {
    slot: applied.slot,
    confirmations: null,
    status: applied.fault === null ? { Ok: null } : { Err: applied.fault },
    err: applied.fault as TransactionFault | null,
    confirmationStatus: 'finalized',
  }
}

/** The entries of an address, newest first, between `before` and `until`, both left out. */
function signaturesBetween(bank: Bank, address: string, config: Config): AppliedTransaction[] {
  const limit = readOptionalInteger(config.limit, 'limit') ?? SIGNATURES_LIMIT
  if (limit < 1 || limit > SIGNATURES_LIMIT) {
    throw invalidParams(`Invalid limit; max ${SIGNATURES_LIMIT}`)
  }
  const before = config.before == null ? undefined : readSignature(config.before)
  const until = config.until == null ? undefined : readSignature(config.until)
  const newestFirst = [...bank.history.ofAddress(address)].reverse()
  const from = before === undefined ? 0 : newestFirst.findIndex(({ signature }) => signature === before) + 1
  if (before !== undefined && from === 0) return []
  const end = newestFirst.findIndex(({ signature }) => signature === until)
  return newestFirst.slice(from, end === -1 ? undefined : end).slice(0, limit)
}

function showSimulatedAccounts(bank: Bank, simulation: Simulation, wanted: unknown): unknown[] | null {
  if (wanted === undefined || wanted === null) return null
  const { addresses, encoding } = wanted as Config
  const view = readAccountView(encoding ?? 'base64', undefined)
  if (view.encoding === 'binary' || view.encoding === 'base58') {
    throw invalidParams('base58 encoding not supported')
  }
  const after = simulation.postAccounts()
  const read = (at: Uint8Array) => after.get(bs58.encode(at)) ?? bank.readAccount(at)
  return readList(addresses, 'addresses', SIMULATED_ACCOUNTS_LIMIT).map((address) => {
    const bytes = readAddress(address)
    if (simulation.fault !== null) return null
    const account = read(bytes)
    return account === undefined ? null : answerAccount(account, view, read)
  })
}

export const transactionMethods: MethodTable = {
  sendTransaction({ bank, submit }, [encoded, options]) {
    const config = readConfigAt(bank, options)
    const transaction = readTransaction(encoded, config)
    const simulation = bank.simulate(transaction, { verifySignatures: true, replaceBlockhash: false })
    if (readBoolean(config.skipPreflight, 'skipPreflight')) {
      // What could not even pay its fee is dropped here, as a validator would drop it; the caller sees no status.
      if (simulation.fault === null || typeof simulation.fault !== 'string') submit(transaction)
    } else {
      if (simulation.fault !== null) refusePreflight(simulation)
      submit(transaction)
    }
    return transaction.signature
  },

  simulateTransaction({ bank }, [encoded, options]) {
    const config = readConfigAt(bank, options)
    const transaction = readTransaction(encoded, config)
    const verifySignatures = readBoolean(config.sigVerify, 'sigVerify')
    const replaceBlockhash = readBoolean(config.replaceRecentBlockhash, 'replaceRecentBlockhash')
    if (verifySignatures && replaceBlockhash) {
      throw invalidParams('sigVerify may not be used with replaceRecentBlockhash')
    }
    const simulation = bank.simulate(transaction, { verifySignatures, replaceBlockhash })
    if (verifySignatures && simulation.fault === 'SignatureFailure') refusePreflight(simulation)
    const accounts = showSimulatedAccounts(bank, simulation, config.accounts)
    const inner = readBoolean(config.innerInstructions, 'innerInstructions')
    return withContext(bank, {
      ...showSimulation(simulation),
      accounts,
      ...(inner && { innerInstructions: showInner(simulation.inner, bank.accountsOf(transaction)) }),
      replacementBlockhash: replaceBlockhash
        ? { blockhash: bank.latestBlockhash, lastValidBlockHeight: bank.lastValidBlockHeight }
        : null,
    })
  },

  requestAirdrop({ airdrop }, [address, lamports, options]) {
    readConfig(options)
    return airdrop(readAddress(address), BigInt(readInteger(lamports, 'lamports')))
  },

  getSignatureStatuses({ bank }, [signatures, options]) {
    const everywhere = readBoolean(readConfig(options).searchTransactionHistory, 'searchTransactionHistory')
    const statuses = readList(signatures, 'signatures', STATUSES_LIMIT).map((signature) => {
      const applied = bank.history.get(readSignature(signature))
      if (applied === undefined) return null
      return everywhere || applied.slot >= bank.slot - RECENT_SLOTS ? showStatus(applied) : null
    })
    return withContext(bank, statuses)
  },

  getSignaturesForAddress({ bank }, [address, options]) {
    const config = readConfigAt(bank, options)
    const entries = signaturesBetween(bank, bs58.encode(readAddress(address)), config)
    return entries.map(({ signature, slot, fault, blockTime }) => ({
      signature,
      slot,
      err: fault,
      memo: null,
      blockTime,
      confirmationStatus: 'finalized',
    }))
  },

  getTransaction({ bank }, [signature, options]) {
    const config = typeof options === 'string' ? { encoding: options } : readConfigAt(bank, options)
    const view = readTransactionView(config)
    const applied = bank.history.get(readSignature(signature))
    if (applied === undefined) return null
    return { slot: applied.slot, blockTime: applied.blockTime, ...showTransaction(applied, view) }
  },

  getFeeForMessage({ bank }, [encoded, options]) {
    readConfigAt(bank, options)
    if (typeof encoded !== 'string' || encoded.length > TRANSACTION_MAX_CHARS) {
      throw invalidParams('the message must be a base64 string')
    }
    let message: VersionedMessage
    try {
      message = VersionedMessage.deserialize(new Uint8Array(Buffer.from(encoded, 'base64')))
    } catch (error) {
      throw invalidParams(`failed to deserialize message: ${error instanceof Error ? error.message : error}`)
    }
    return withContext(bank, bank.isBlockhashValid(message.recentBlockhash) ? feeOf(message) : null)
  },

  getLatestBlockhash({ bank }, [options]) {
    readConfigAt(bank, options)
    const { latestBlockhash: blockhash, lastValidBlockHeight } = bank
    return withContext(bank, { blockhash, lastValidBlockHeight })
  },

  isBlockhashValid({ bank }, [blockhash, options]) {
    readConfigAt(bank, options)
    return withContext(bank, bank.isBlockhashValid(readBlockhash(blockhash)))
  },

  getRecentPrioritizationFees({ bank }) {
    const from = Math.max(1, bank.slot - RECENT_SLOTS + 1)
    return Array.from({ length: bank.slot - from + 1 }, (_, index) => ({
      slot: from + index,
      prioritizationFee: 0,
    }))
  },
}
