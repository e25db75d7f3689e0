import {
  AccountLayout,
  MintLayout,
  MultisigLayout,
  TOKEN_2022_PROGRAM_ID,
  TOKEN_PROGRAM_ID,
} from '@solana/spl-token'
import bs58 from 'bs58'
import type { TokenBalance } from '../history.js'
import type { AccountRef } from '../transaction.js'
import type { VmAccount } from '../vm.js'

/** The two token programs, by address. */
export const TOKEN_PROGRAMS: ReadonlyMap<string, string> = new Map([
  [TOKEN_PROGRAM_ID.toBase58(), 'spl-token'],
  [TOKEN_2022_PROGRAM_ID.toBase58(), 'spl-token-2022'],
])

/** Byte sizes and positions of the SPL token program's accounts (spl-token `state.rs`); Token-2022 appends its extensions. */
const MINT_BYTES = MintLayout.span
const ACCOUNT_BYTES = AccountLayout.span
const MULTISIG_BYTES = MultisigLayout.span
/** Token-2022: the byte after the base account that tells what it is. */
const ACCOUNT_TYPE_AT = ACCOUNT_BYTES
const TYPE_MINT = 1
const TYPE_ACCOUNT = 2
const ACCOUNT_STATES = ['uninitialized', 'initialized', 'frozen'] as const

export interface TokenAmount {
  readonly amount: string
  readonly decimals: number
  readonly uiAmount: number | null
  readonly uiAmountString: string
}

export interface TokenAccount {
  readonly mint: string
  readonly owner: string
  readonly amount: bigint
  readonly delegate: string | undefined
  readonly delegatedAmount: bigint
  readonly state: (typeof ACCOUNT_STATES)[number]
  readonly rentExemptReserve: bigint | undefined
  readonly closeAuthority: string | undefined
}

export interface Mint {
  readonly mintAuthority: string | undefined
  readonly supply: bigint
  readonly decimals: number
  readonly isInitialized: boolean
  readonly freezeAuthority: string | undefined
}

type ReadAccount = (address: Uint8Array) => VmAccount | undefined

/** An amount as the RPC shows it; `uiAmount` is a float because the RPC's is. */
export function showAmount(amount: bigint, decimals: number): TokenAmount {
  const digits = amount.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  const uiAmountString = fraction === '' ? whole : `${whole}.${fraction}`
  return { amount: amount.toString(), decimals, uiAmount: Number(uiAmountString), uiAmountString }
}

export function isTokenProgram(owner: Uint8Array): boolean {
  return TOKEN_PROGRAMS.has(bs58.encode(owner))
}

/** The kind of account that `data` of a token program is, or undefined. */
function kindOf(data: Uint8Array): 'mint' | 'account' | 'multisig' | undefined {
  if (data.length === MINT_BYTES) return 'mint'
  if (data.length === ACCOUNT_BYTES) return 'account'
  if (data.length === MULTISIG_BYTES) return 'multisig'
  if (data.length <= ACCOUNT_TYPE_AT) return undefined
  if (data[ACCOUNT_TYPE_AT] === TYPE_MINT) return 'mint'
  return data[ACCOUNT_TYPE_AT] === TYPE_ACCOUNT ? 'account' : undefined
}

/** A token account of either token program, initialized; undefined for anything else. */
export function readTokenAccount(account: VmAccount): TokenAccount | undefined {
  if (kindOf(account.data) !== 'account' || !isTokenProgram(account.owner)) return undefined
  const raw = AccountLayout.decode(account.data)
  const state = ACCOUNT_STATES[raw.state]
  if (state === undefined || state === 'uninitialized') return undefined
  return {
    mint: raw.mint.toBase58(),
    owner: raw.owner.toBase58(),
    amount: raw.amount,
    delegate: raw.delegateOption === 1 ? raw.delegate.toBase58() : undefined,
    delegatedAmount: raw.delegatedAmount,
    state,
    rentExemptReserve: raw.isNativeOption === 1 ? raw.isNative : undefined,
    closeAuthority: raw.closeAuthorityOption === 1 ? raw.closeAuthority.toBase58() : undefined,
  }
}

/** A mint of either token program, initialized; undefined for anything else. */
export function readMint(account: VmAccount): Mint | undefined {
  if (kindOf(account.data) !== 'mint' || !isTokenProgram(account.owner)) return undefined
  const raw = MintLayout.decode(account.data)
  if (!raw.isInitialized) return undefined
  return {
    mintAuthority: raw.mintAuthorityOption === 1 ? raw.mintAuthority.toBase58() : undefined,
    supply: raw.supply,
    decimals: raw.decimals,
    isInitialized: raw.isInitialized,
    freezeAuthority: raw.freezeAuthorityOption === 1 ? raw.freezeAuthority.toBase58() : undefined,
  }
}

/** The token balances of a transaction's accounts. Reads nothing when no token program takes part. */
export function tokenBalancesOf(accounts: readonly AccountRef[], read: ReadAccount): TokenBalance[] {
  if (!accounts.some(({ address }) => TOKEN_PROGRAMS.has(address))) return []
  const decimals = new Map<string, number>()
  return accounts.flatMap(({ bytes }, accountIndex) => {
    const account = read(bytes)
    const token = account === undefined || account.executable ? undefined : readTokenAccount(account)
    if (account === undefined || token === undefined) return []
    const { mint, owner, amount } = token
    const known = decimals.get(mint) ?? decimalsOf(mint, read)
    if (known === undefined) return []
    decimals.set(mint, known)
    return [{ accountIndex, mint, owner, programId: bs58.encode(account.owner), amount, decimals: known }]
  })
}

/** Decimals of the mint at this address, or undefined when there is none. */
export function decimalsOf(mint: string, read: ReadAccount): number | undefined {
  const account = read(bs58.decode(mint))
  return account === undefined ? undefined : readMint(account)?.decimals
}

/** `parsed` of a token program's account in the jsonParsed encoding; undefined when it is none or cannot be read. */
export function parseTokenAccount(account: VmAccount, read: ReadAccount): object | undefined {
  const token = readTokenAccount(account)
  if (token !== undefined) {
    const decimals = decimalsOf(token.mint, read)
    return decimals === undefined ? undefined : { type: 'account', info: showTokenAccount(token, decimals) }
  }
  const mint = readMint(account)
  if (mint !== undefined) {
    return {
      type: 'mint',
      info: {
        mintAuthority: mint.mintAuthority ?? null,
        supply: mint.supply.toString(),
        decimals: mint.decimals,
        isInitialized: mint.isInitialized,
        freezeAuthority: mint.freezeAuthority ?? null,
      },
    }
  }
  return kindOf(account.data) === 'multisig' ? parseMultisig(account.data) : undefined
}

function showTokenAccount(token: TokenAccount, decimals: number): object {
  return {
    isNative: token.rentExemptReserve !== undefined,
    mint: token.mint,
    owner: token.owner,
    state: token.state,
    tokenAmount: showAmount(token.amount, decimals),
    ...(token.delegate !== undefined && {
      delegate: token.delegate,
      delegatedAmount: showAmount(token.delegatedAmount, decimals),
    }),
    ...(token.rentExemptReserve !== undefined && {
      rentExemptReserve: showAmount(token.rentExemptReserve, decimals),
    }),
    ...(token.closeAuthority !== undefined && { closeAuthority: token.closeAuthority }),
  }
}

function parseMultisig(data: Uint8Array): object {
  const raw = MultisigLayout.decode(data) as unknown as Record<string, { toBase58(): string }> & {
    m: number
    n: number
    isInitialized: boolean
  }
  const signers = Array.from({ length: raw.n }, (_, index) => raw[`signer${index + 1}`]?.toBase58())
  return {
    type: 'multisig',
    info: { isInitialized: raw.isInitialized, numRequiredSigners: raw.m, numValidSigners: raw.n, signers },
  }
}
