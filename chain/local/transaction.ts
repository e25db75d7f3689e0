import { createHash } from 'node:crypto'
import { AddressLookupTableAccount, type VersionedMessage, VersionedTransaction } from '@solana/web3.js'
import bs58 from 'bs58'
import type { Refusal } from '../../protocols/errors.js'

/** The network's packet size: IPv6's minimum MTU of 1280 bytes less 48 bytes of headers. */
export const TRANSACTION_MAX_BYTES = 1232

export interface DecodedTransaction {
  readonly wire: Uint8Array
  readonly signature: string
  readonly signatures: readonly Uint8Array[]
  readonly message: VersionedMessage
  /** SHA-256 of the message: what replay is recognised by, so that signing the same message twice does not help. */
  readonly messageHash: string
}

/** An account named by a transaction, in the runtime's order: static keys, then looked-up writable, then looked-up read-only. */
export interface AccountRef {
  readonly address: string
  readonly bytes: Uint8Array
  readonly signer: boolean
  readonly writable: boolean
  readonly lookedUp: boolean
}

function malformed(detail: string): Refusal<'MALFORMED_TRANSACTION'> {
  return { refused: 'MALFORMED_TRANSACTION', detail }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/**
 * Reads a transaction in wire format, legacy or version 0. Only the canonical encoding passes: the embedded runtime
 * reads the bytes again by itself and aborts the process on bytes that it cannot read, so nothing reaches it that
 * does not encode back to exactly the same bytes.
 */
export function decodeTransaction(wire: Uint8Array): DecodedTransaction | Refusal<'MALFORMED_TRANSACTION'> {
  if (wire.length > TRANSACTION_MAX_BYTES) {
    return malformed(`transaction is ${wire.length} bytes, the limit is ${TRANSACTION_MAX_BYTES}`)
  }
  let transaction: VersionedTransaction
  let messageBytes: Uint8Array
  try {
    transaction = VersionedTransaction.deserialize(wire)
    messageBytes = transaction.message.serialize()
    if (!sameBytes(transaction.serialize(), wire)) return malformed('not in canonical wire format')
  } catch (error) {
    return malformed(error instanceof Error ? error.message : String(error))
  }
  const first = transaction.signatures[0]
  if (first === undefined) return malformed('no signature')
  if (transaction.signatures.length !== transaction.message.header.numRequiredSignatures) {
    return malformed('the number of signatures is not the number that the message header names')
  }
  return {
    wire,
    signature: bs58.encode(first),
    signatures: transaction.signatures,
    message: transaction.message,
    messageHash: createHash('sha256').update(messageBytes).digest('base64'),
  }
}

/** The same transaction over another blockhash; its signatures no longer fit. For simulation only. */
export function withBlockhash(transaction: DecodedTransaction, blockhash: string): DecodedTransaction {
  const copy = VersionedTransaction.deserialize(transaction.wire)
  copy.message.recentBlockhash = blockhash
  return { ...transaction, wire: copy.serialize(), message: copy.message }
}

/**
 * Every account that the transaction names, with the rights that the header gives it. `readAccount` reads lookup
 * tables. Undefined when a table cannot be read; the runtime will say precisely why.
 */
export function listAccounts(
  message: VersionedMessage,
  readAccount: (address: Uint8Array) => Uint8Array | undefined,
): AccountRef[] | undefined {
  const keys = message.staticAccountKeys
  const refs: AccountRef[] = keys.map((key, index) => ({
    address: key.toBase58(),
    bytes: key.toBytes(),
    signer: index < message.header.numRequiredSignatures,
    writable: message.isAccountWritable(index),
    lookedUp: false,
  }))
  if (message.version === 'legacy') return refs
  const looked = { writable: [] as AccountRef[], readonly: [] as AccountRef[] }
  for (const lookup of message.addressTableLookups) {
    const data = readAccount(lookup.accountKey.toBytes())
    if (data === undefined) return undefined
    try {
      const { addresses } = AddressLookupTableAccount.deserialize(data)
      const pick = (index: number, writable: boolean): AccountRef => {
        const key = addresses[index]
        if (key === undefined) throw new RangeError('lookup table index out of range')
        return { address: key.toBase58(), bytes: key.toBytes(), signer: false, writable, lookedUp: true }
      }
      looked.writable.push(...lookup.writableIndexes.map((index) => pick(index, true)))
      looked.readonly.push(...lookup.readonlyIndexes.map((index) => pick(index, false)))
    } catch {
      return undefined
    }
  }
  return [...refs, ...looked.writable, ...looked.readonly]
}
