import { VersionedTransaction } from '@solana/web3.js'
import bs58 from 'bs58'
import type { AppliedTransaction, TokenBalance } from '../history.js'
import { invalidParams, RPC_CODE, RpcError } from '../rpc/error.js'
import { readOptionalInteger } from '../rpc/params.js'
import type { CompiledInner } from '../vm.js'
import { parseInstruction } from './instruction.js'
import { showAmount } from './token.js'

export interface TransactionView {
  readonly encoding: 'json' | 'jsonParsed' | 'base58' | 'base64'
  readonly maxVersion: number | undefined
}

interface ShownKey {
  readonly address: string
  readonly signer: boolean
  readonly writable: boolean
  readonly lookedUp: boolean
}

export function readTransactionView(config: Readonly<Record<string, unknown>>): TransactionView {
  const encoding = config.encoding ?? 'json'
  if (encoding !== 'json' && encoding !== 'jsonParsed' && encoding !== 'base58' && encoding !== 'base64') {
    throw invalidParams(`unknown transaction encoding ${JSON.stringify(encoding)}`)
  }
  const maxVersion = readOptionalInteger(
    config.maxSupportedTransactionVersion,
    'maxSupportedTransactionVersion',
  )
  return { encoding, maxVersion }
}

/** `transaction`, `meta` and, when the caller knows versions, `version` of a transaction. */
export function showTransaction(applied: AppliedTransaction, view: TransactionView): object {
  const transaction = VersionedTransaction.deserialize(applied.wire)
  const { version } = transaction
  if (version !== 'legacy' && view.maxVersion === undefined) {
    throw new RpcError(
      RPC_CODE.unsupportedTransactionVersion,
      `Transaction version (${version}) is not supported by the requesting client. ` +
        'Please try the request again with the following configuration parameter: "maxSupportedTransactionVersion": ' +
        String(version),
    )
  }
  const parsed = view.encoding === 'jsonParsed'
  return {
    transaction: showEncoded(applied, transaction, view.encoding),
    meta: showMeta(applied, parsed),
    ...(view.maxVersion !== undefined && { version }),
  }
}

/** A transaction with `transactionDetails: "accounts"`. */
export function showTransactionAccounts(applied: AppliedTransaction): object {
  const transaction = VersionedTransaction.deserialize(applied.wire)
  const { fault, fee, preBalances, postBalances } = applied
  return {
    transaction: {
      signatures: transaction.signatures.map((signature) => bs58.encode(signature)),
      accountKeys: keysOf(applied, transaction).map(showParsedKey),
    },
    meta: {
      err: fault,
      status: fault === null ? { Ok: null } : { Err: fault },
      fee,
      preBalances,
      postBalances,
      preTokenBalances: applied.preTokenBalances.map(showTokenBalance),
      postTokenBalances: applied.postTokenBalances.map(showTokenBalance),
    },
    version: transaction.version,
  }
}

/** Inner instructions in the jsonParsed form, as simulateTransaction shows them. */
export function showInner(
  inner: AppliedTransaction['inner'],
  accounts: readonly { address: string }[],
): object[] {
  const addresses = accounts.map(({ address }) => address)
  return inner.map(({ index, instructions }) => ({
    index,
    instructions: instructions.map((instruction) => showParsedInstruction(instruction, addresses)),
  }))
}

function keysOf(applied: AppliedTransaction, { message }: VersionedTransaction): ShownKey[] {
  const statics = message.staticAccountKeys.length
  const writableEnd = statics + applied.lookedUp.writable.length
  return applied.accounts.map((address, index) => ({
    address,
    signer: index < message.header.numRequiredSignatures,
    writable: index < statics ? message.isAccountWritable(index) : index < writableEnd,
    lookedUp: index >= statics,
  }))
}

function showParsedKey({ address, signer, writable, lookedUp }: ShownKey): object {
  return { pubkey: address, signer, writable, source: lookedUp ? 'lookupTable' : 'transaction' }
}

function showEncoded(
  applied: AppliedTransaction,
  transaction: VersionedTransaction,
  encoding: TransactionView['encoding'],
): unknown {
  if (encoding === 'base64') return [Buffer.from(applied.wire).toString('base64'), 'base64']
  if (encoding === 'base58') return [bs58.encode(applied.wire), 'base58']
  const signatures = transaction.signatures.map((signature) => bs58.encode(signature))
  const message = encoding === 'json' ? showMessage(transaction) : showParsedMessage(applied, transaction)
  return { signatures, message }
}

function showLookups({ message }: VersionedTransaction): object {
  if (message.version === 'legacy') return {}
  return {
    addressTableLookups: message.addressTableLookups.map(
      ({ accountKey, writableIndexes, readonlyIndexes }) => ({
        accountKey: accountKey.toBase58(),
        writableIndexes,
        readonlyIndexes,
      }),
    ),
  }
}

function showMessage(transaction: VersionedTransaction): object {
  const { message } = transaction
  return {
    accountKeys: message.staticAccountKeys.map((key) => key.toBase58()),
    header: message.header,
    instructions: message.compiledInstructions.map(({ programIdIndex, accountKeyIndexes, data }) => ({
      programIdIndex,
      accounts: Array.from(accountKeyIndexes),
      data: bs58.encode(data),
      stackHeight: 1,
    })),
    recentBlockhash: message.recentBlockhash,
    ...showLookups(transaction),
  }
}

function showParsedMessage(applied: AppliedTransaction, transaction: VersionedTransaction): object {
  const { message } = transaction
  return {
    accountKeys: keysOf(applied, transaction).map(showParsedKey),
    instructions: message.compiledInstructions.map(({ programIdIndex, accountKeyIndexes, data }) =>
      showParsedInstruction(
        { programIdIndex, accounts: Array.from(accountKeyIndexes), data: bs58.encode(data), stackHeight: 1 },
        applied.accounts,
      ),
    ),
    recentBlockhash: message.recentBlockhash,
    ...showLookups(transaction),
  }
}

function showParsedInstruction(instruction: CompiledInner, addresses: readonly string[]): object {
  const programId = addresses[instruction.programIdIndex] ?? ''
  const accounts = instruction.accounts.map((index) => addresses[index] ?? '')
  const { stackHeight } = instruction
  const parsed = parseInstruction(programId, accounts, bs58.decode(instruction.data))
  if (parsed !== undefined) return { ...parsed, programId, stackHeight }
  return { programId, accounts, data: instruction.data, stackHeight }
}

function showTokenBalance({ accountIndex, mint, owner, programId, amount, decimals }: TokenBalance): object {
  return { accountIndex, mint, owner, programId, uiTokenAmount: showAmount(amount, decimals) }
}

function showMeta(applied: AppliedTransaction, parsed: boolean): object {
  const { fault, returnData } = applied
  return {
    err: fault,
    status: fault === null ? { Ok: null } : { Err: fault },
    fee: applied.fee,
    preBalances: applied.preBalances,
    postBalances: applied.postBalances,
    innerInstructions: parsed
      ? showInner(
          applied.inner,
          applied.accounts.map((address) => ({ address })),
        )
      : applied.inner,
    preTokenBalances: applied.preTokenBalances.map(showTokenBalance),
    postTokenBalances: applied.postTokenBalances.map(showTokenBalance),
    logMessages: applied.logs,
    rewards: [],
    computeUnitsConsumed: applied.unitsConsumed,
    ...(!parsed && { loadedAddresses: applied.lookedUp }),
    ...(returnData !== null && {
      returnData: {
        programId: returnData.programId,
        data: [Buffer.from(returnData.data).toString('base64'), 'base64'],
      },
    }),
  }
}
