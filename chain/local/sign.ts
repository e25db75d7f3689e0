import {
  type Keypair,
  type TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import { isRefusal, NightshiftError } from '../../protocols/errors.js'
import type { Bank } from './bank.js'
import { type DecodedTransaction, decodeTransaction } from './transaction.js'

/** A transaction of the chain's own wallets, signed over the newest blockhash; the first signer pays. */
export function signTransaction(
  bank: Bank,
  instructions: TransactionInstruction[],
  signers: readonly [Keypair, ...Keypair[]],
): DecodedTransaction {
  const message = new TransactionMessage({
    payerKey: signers[0].publicKey,
    recentBlockhash: bank.latestBlockhash,
    instructions,
  }).compileToV0Message()
  const transaction = new VersionedTransaction(message)
  transaction.sign([...signers])
  const decoded = decodeTransaction(transaction.serialize())
  if (isRefusal(decoded)) {
    throw new NightshiftError('TRANSACTION_MALFORMED', decoded.detail, {
      advice: 'Put less into one transaction.',
      context: { instructions: instructions.length },
    })
  }
  return decoded
}
