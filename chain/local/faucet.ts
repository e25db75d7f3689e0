import { ComputeBudgetProgram, PublicKey, SystemProgram } from '@solana/web3.js'
import type { Ledger } from './ledger.js'
import { RPC_CODE, RpcError } from './rpc/error.js'
import { signTransaction } from './sign.js'
import type { DecodedTransaction } from './transaction.js'

/** What the transfer and the compute budget program need. */
const UNITS = 450
/** Two airdrops that are otherwise alike differ in their unit limit, so that the second is no replay. */
const DISTINCT_LIMITS = 1_000_000

/**
 * Pays airdrops by ordinary transfers from the chain's own wallet, so they have a signature, a status and a place in
 * the history like any other transaction.
 */
export function createFaucet(
  ledger: Ledger,
  submit: (transaction: DecodedTransaction) => boolean,
): (address: Uint8Array, lamports: bigint) => string {
  const { bank, faucet } = ledger
  let counter = bank.transactionCount

  return (address, lamports) => {
    counter++
    const instructions = [
      ComputeBudgetProgram.setComputeUnitLimit({ units: UNITS + (counter % DISTINCT_LIMITS) }),
      SystemProgram.transfer({
        fromPubkey: faucet.publicKey,
        toPubkey: new PublicKey(address),
        lamports,
      }),
    ]
    const transaction = signTransaction(bank, instructions, [faucet])
    const simulation = bank.simulate(transaction, { verifySignatures: false, replaceBlockhash: false })
    if (simulation.fault !== null || !submit(transaction)) {
      throw new RpcError(
        RPC_CODE.internal,
        'Airdrop failed: the faucet cannot pay that much, or the amount is below the rent minimum',
      )
    }
    return transaction.signature
  }
}
