import {
  createAssociatedTokenAccountIdempotentInstruction,
  getAssociatedTokenAddressSync,
} from '@solana/spl-token'
import { Connection, type PublicKey, SYSVAR_CLOCK_PUBKEY } from '@solana/web3.js'
import { providerAddress } from '../../chain/client/addresses.js'
import { addStake, registerProvider } from '../../chain/client/instructions.js'
import { decodeMarket, decodeProvider, type Provider } from '../../chain/client/layouts.js'
import { type Chain, priorityFee, retrying, sendInstructions } from '../../chain/client/sending.js'
import type { Signer } from '../../chain/client/signing.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { abortable } from '../../protocols/abort.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { createTimedFetch } from './rpc.js'
import { decodeChainTime } from './time.js'
import { decodeTokenAmount } from './token.js'

/**
 * A provider's standing on the chain, as its owner sees it: registration and stake. Apart from Escrow, because the
 * services of a running node never need the owner's key.
 */
export interface Registry {
  /** Undefined: not registered. Amounts are atomic units. */
  read(node: PublicKey, signal?: AbortSignal): Promise<Provider | undefined>
  /** Decimals of the market's mint and the least stake, atomic units. */
  terms(signal?: AbortSignal): Promise<{ decimals: number; minimumStake: bigint; mint: PublicKey }>
  /** Registers a new provider; both keys sign. The stake comes from the owner's token account. */
  register(
    request: { node: Signer; owner: Signer; payout: PublicKey; stake: bigint },
    signal?: AbortSignal,
  ): Promise<{ signature: string }>
  /** Only the owner may add to a stake, and only the owner can take it back. */
  add(
    request: { node: PublicKey; owner: Signer; amount: bigint },
    signal?: AbortSignal,
  ): Promise<{ signature: string }>
  /** Tokens of the market's mint that a wallet holds, atomic units. */
  balance(wallet: PublicKey, signal?: AbortSignal): Promise<bigint>
  /** All tokens of the market's mint that there are, atomic units. */
  supply(signal?: AbortSignal): Promise<bigint>
  /** What pays fees. */
  lamports(address: PublicKey, signal?: AbortSignal): Promise<bigint>
  /** The chain's own clock, Unix seconds. */
  chainTime(signal?: AbortSignal): Promise<number>
}

export interface RegistryOptions {
  rpcUrl: string
  commitment: 'processed' | 'confirmed' | 'finalized'
  programId: PublicKey
  market: PublicKey
  clock: Clock
  /** How long no RPC server may answer before a call gives up. */
  outageMs?: number
}

const MAX_MICRO_LAMPORTS = 50_000
/** What making a token account costs beside the program's own instruction. */
const TOKEN_ACCOUNT_UNITS = 30_000

export function createRegistry(options: RegistryOptions): Registry {
  const { programId, market, clock, outageMs } = options
  const connection = new Connection(options.rpcUrl, {
    commitment: options.commitment,
    disableRetryOnRateLimit: true,
    fetch: createTimedFetch(clock),
  })
  const chain: Chain = {
    rpc: connection,
    clock,
    programId,
    ...(outageMs === undefined ? {} : { outageMs }),
  }
  const account = (address: PublicKey, signal?: AbortSignal) =>
    abortable(
      retrying(chain, signal, () => connection.getAccountInfo(address)),
      signal,
    )
  const readMarket = async (signal?: AbortSignal) =>
    decodeMarket(market, await account(market, signal), programId)
  const addressOf = (node: PublicKey) => providerAddress(programId, market, node)
  const feeFor = async (writable: PublicKey, computeUnits: number, signal?: AbortSignal) => ({
    computeUnits,
    microLamports: await priorityFee(chain, [writable], MAX_MICRO_LAMPORTS, signal),
  })

  const read = async (node: PublicKey, signal?: AbortSignal) => {
    const raw = await account(addressOf(node), signal)
    return raw === null ? undefined : decodeProvider(addressOf(node), raw, programId)
  }

  return {
    read,
    terms: async (signal) => {
      const { decimals, mint, terms } = await readMarket(signal)
      return { decimals, mint, minimumStake: terms.minimumStake }
    },
    register: async ({ node, owner, payout, stake }, signal) => {
      const { mint } = await readMarket(signal)
      const source = getAssociatedTokenAddressSync(mint, owner.publicKey, true)
      const payoutAccount = getAssociatedTokenAddressSync(mint, payout, true)
      const instructions = [
        createAssociatedTokenAccountIdempotentInstruction(owner.publicKey, payoutAccount, payout, mint),
        registerProvider({
          programId,
          market,
          mint,
          owner: owner.publicKey,
          node: node.publicKey,
          source,
          payout: payoutAccount,
          stake,
        }),
      ]
      const fee = await feeFor(
        addressOf(node.publicKey),
        COMPUTE_UNITS.registerProvider + TOKEN_ACCOUNT_UNITS,
        signal,
      )
      return sendInstructions(chain, { instructions, signers: [owner, node], fee }, signal)
    },
    add: async ({ node, owner, amount }, signal) => {
      const registered = await read(node, signal)
      if (registered === undefined) {
        throw new NightshiftError('PROVIDER_UNKNOWN', `no provider is registered at ${node.toBase58()}`, {
          advice: 'register it first: "nightshift stake add" with the data directory of that node',
          context: { node: node.toBase58() },
        })
      }
      if (!registered.owner.equals(owner.publicKey)) {
        const named = registered.owner.toBase58()
        throw new NightshiftError('NOT_THE_OWNER', `the stake of ${node.toBase58()} belongs to ${named}`, {
          advice: `only its owner can add to it: --chain-wallet-file <key file of ${named}>`,
          context: { node: node.toBase58(), owner: named },
        })
      }
      const { mint } = await readMarket(signal)
      const provider = addressOf(node)
      const source = getAssociatedTokenAddressSync(mint, owner.publicKey, true)
      const instructions = [addStake({ programId, provider, owner: owner.publicKey, source, amount })]
      const fee = await feeFor(provider, COMPUTE_UNITS.addStake, signal)
      return sendInstructions(chain, { instructions, signers: [owner], fee }, signal)
    },
    balance: async (wallet, signal) => {
      const { mint } = await readMarket(signal)
      const raw = await account(getAssociatedTokenAddressSync(mint, wallet, true), signal)
      return raw === null ? 0n : decodeTokenAmount(raw)
    },
    supply: async (signal) => {
      const { mint } = await readMarket(signal)
      const { value } = await retrying(chain, signal, () => connection.getTokenSupply(mint))
      return BigInt(value.amount)
    },
    lamports: async (address, signal) =>
      BigInt(await retrying(chain, signal, () => connection.getBalance(address))),
    chainTime: async (signal) => decodeChainTime(await account(SYSVAR_CLOCK_PUBKEY, signal)),
  }
}
