import { createHash } from 'node:crypto'
import {
  createAssociatedTokenAccountIdempotentInstruction,
  createInitializeMint2Instruction,
  createMintToInstruction,
  getAssociatedTokenAddressSync,
  MINT_SIZE,
  TOKEN_PROGRAM_ID,
} from '@solana/spl-token'
import {
  Connection,
  Keypair,
  type PublicKey,
  SystemProgram,
  type TransactionInstruction,
} from '@solana/web3.js'
import { marketAddress } from '../../chain/client/addresses.js'
import { initMarket } from '../../chain/client/instructions.js'
import { localnetProgramKeypair } from '../../chain/client/loader.js'
import { type Chain, sendInstructions } from '../../chain/client/sending.js'
import { createSigner, type Signer } from '../../chain/client/signing.js'
import type { Clock } from '../../protocols/ports.js'

/**
 * What a fresh local chain needs before anybody can trade on it: a token, a market, money in wallets. The keys come
 * from seeds that everybody can read here, so that every local chain has the same addresses and anyone may mint: its
 * token is a test token and worth nothing.
 */
export const LOCAL_TOKEN = { symbol: 'NIGHT', decimals: 6 } as const

/**
 * A real market has a dispute window of minutes or more. Here a provider is a process on the same machine, and whoever
 * tries things out wants to see a deposit come back.
 */
const LOCAL_TERMS = {
  minimumStake: 10_000_000n,
  coolDownSeconds: 60,
  disputeWindowSeconds: 5,
  bondBps: 1_000,
  slashBps: 5_000,
  bountyBps: 1_000,
  feeBps: 0,
} as const
const UPDATE_DELAY_SECONDS = 120

/** The authority pays for everything here: rent of mint and market, fees, the SOL of wallets. */
const AUTHORITY_LAMPORTS = 100_000_000_000
const LEAST_AUTHORITY_LAMPORTS = AUTHORITY_LAMPORTS / 2
/** Accounts funded in one transaction: each takes up to three instructions of a packet of 1,232 bytes. */
const FUNDED_AT_ONCE = 4
/** Enough for what a transaction here does; fees are flat on a local chain. */
const FEE = { computeUnits: 300_000, microLamports: 0 } as const

export interface LocalMarket {
  programId: PublicKey
  mint: PublicKey
  market: PublicKey
}

export interface Funding {
  address: PublicKey
  lamports: bigint
  /** Atomic units of the market's token. */
  tokens: bigint
}

function localKey(name: string): Keypair {
  return Keypair.fromSeed(createHash('sha256').update(`nightshift ${name}, local chain`).digest())
}

export function localMarket(): LocalMarket {
  const programId = localnetProgramKeypair().publicKey
  return {
    programId,
    mint: localKey('mint').publicKey,
    market: marketAddress(programId, localKey('market').publicKey),
  }
}

export interface Genesis {
  /** Makes mint and market where they are not there yet. */
  prepare(signal?: AbortSignal): Promise<LocalMarket>
  /** Gives SOL and tokens; the token account of an address is made when it has none. */
  fund(wallets: readonly Funding[], signal?: AbortSignal): Promise<void>
}

export function createGenesis(parts: { rpcUrl: string; wsUrl?: string; clock: Clock }): Genesis {
  const { rpcUrl, wsUrl, clock } = parts
  const connection = new Connection(rpcUrl, {
    commitment: 'confirmed',
    ...(wsUrl === undefined ? {} : { wsEndpoint: wsUrl }),
  })
  const local = localMarket()
  const chain: Chain = { rpc: connection, clock, programId: local.programId }
  const authority = createSigner(localKey('authority').secretKey)
  const send = (instructions: TransactionInstruction[], signers: Signer[], signal?: AbortSignal) =>
    sendInstructions(chain, { instructions, signers: [authority, ...signers], fee: FEE }, signal)

  /** So that the authority can give `lamports` away and still pay for what that costs. */
  const fill = async (lamports = 0) => {
    const balance = await connection.getBalance(authority.publicKey)
    if (balance >= lamports + LEAST_AUTHORITY_LAMPORTS) return
    await connection.requestAirdrop(authority.publicKey, lamports + AUTHORITY_LAMPORTS)
  }

  const prepare = async (signal?: AbortSignal) => {
    await fill()
    const [mint, market] = await connection.getMultipleAccountsInfo([local.mint, local.market])
    if (mint === null || mint === undefined) await send(await makeMint(), [signerOf('mint')], signal)
    if (market === null || market === undefined) await send([makeMarket()], [signerOf('market')], signal)
    return local
  }

  const makeMint = async () => [
    SystemProgram.createAccount({
      fromPubkey: authority.publicKey,
      newAccountPubkey: local.mint,
      lamports: await connection.getMinimumBalanceForRentExemption(MINT_SIZE),
      space: MINT_SIZE,
      programId: TOKEN_PROGRAM_ID,
    }),
    createInitializeMint2Instruction(local.mint, LOCAL_TOKEN.decimals, authority.publicKey, null),
  ]

  const makeMarket = () =>
    initMarket({
      programId: local.programId,
      payer: authority.publicKey,
      base: localKey('market').publicKey,
      mint: local.mint,
      terms: { ...LOCAL_TERMS, governance: authority.publicKey },
      updateDelaySeconds: UPDATE_DELAY_SECONDS,
    })

  const give = ({ address, lamports, tokens }: Funding): TransactionInstruction[] => {
    const account = getAssociatedTokenAddressSync(local.mint, address, true)
    const from = authority.publicKey
    return [
      ...(lamports > 0n ? [SystemProgram.transfer({ fromPubkey: from, toPubkey: address, lamports })] : []),
      ...(tokens > 0n
        ? [
            createAssociatedTokenAccountIdempotentInstruction(from, account, address, local.mint),
            createMintToInstruction(local.mint, account, from, tokens),
          ]
        : []),
    ]
  }

  return {
    prepare,
    fund: async (wallets, signal) => {
      await fill(wallets.reduce((sum, { lamports }) => sum + Number(lamports), 0))
      const batches = Array.from({ length: Math.ceil(wallets.length / FUNDED_AT_ONCE) }, (_, index) =>
        wallets.slice(index * FUNDED_AT_ONCE, (index + 1) * FUNDED_AT_ONCE),
      )
      await Promise.all(batches.map((batch) => send(batch.flatMap(give), [], signal)))
    },
  }
}

function signerOf(name: string): Signer {
  return createSigner(localKey(name).secretKey)
}
