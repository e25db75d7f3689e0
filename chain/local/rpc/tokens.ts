import { TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID } from '@solana/spl-token'
import bs58 from 'bs58'
import type { Bank } from '../bank.js'
import { answerAccount, readAccountView } from '../encoding.js'
import { decimalsOf, readMint, readTokenAccount, showAmount, type TokenAccount } from '../parsed/token.js'
import type { VmAccount } from '../vm.js'
import { invalidParams, RPC_CODE, RpcError } from './error.js'
import { type MethodTable, withContext } from './method.js'
import { readAddress, readConfigAt } from './params.js'

const LARGEST_ACCOUNTS = 20
const TOKEN_PROGRAM_IDS = [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID]

interface Found {
  address: Uint8Array
  account: VmAccount
  token: TokenAccount
}

function reader(bank: Bank) {
  return (address: Uint8Array) => bank.readAccount(address)
}

/** Where a token account names its mint, its owner and its delegate (spl-token `state.rs`). */
const FIELD_AT = { mint: 0, owner: 32, delegate: 76 } as const

type Wanted = { readonly [Field in keyof typeof FIELD_AT]?: Uint8Array | undefined }

/** Compares bytes before it decodes: of many accounts only few are wanted. */
function names({ data }: VmAccount, wanted: Wanted): boolean {
  return Object.entries(FIELD_AT).every(([field, at]) => {
    const bytes = wanted[field as keyof typeof FIELD_AT]
    return bytes === undefined || Buffer.compare(data.subarray(at, at + bytes.length), bytes) === 0
  })
}

function findTokenAccounts(bank: Bank, programs: readonly Uint8Array[], wanted: Wanted): Found[] {
  return programs.flatMap((program) =>
    bank.programAccounts(program).flatMap(({ address, account }) => {
      const token = names(account, wanted) ? readTokenAccount(account) : undefined
      if (token === undefined || (wanted.delegate !== undefined && token.delegate === undefined)) return []
      return [{ address, account, token }]
    }),
  )
}

function mintDecimals(bank: Bank, mint: string): number {
  const decimals = decimalsOf(mint, reader(bank))
  if (decimals === undefined) throw invalidParams('could not find mint')
  return decimals
}

/** The second parameter of getTokenAccountsByOwner: one mint, or all mints of one token program. */
function readWhich(value: unknown): { programs: Uint8Array[]; mint?: Uint8Array } {
  if (typeof value !== 'object' || value === null) throw invalidParams('a mint or a programId is needed')
  const { mint, programId } = value as Record<string, unknown>
  if (mint !== undefined) {
    return {
      programs: TOKEN_PROGRAM_IDS.map((id) => id.toBytes()),
      mint: readAddress(mint, 'mint'),
    }
  }
  const program = readAddress(programId, 'programId')
  if (!TOKEN_PROGRAM_IDS.some((id) => Buffer.compare(id.toBytes(), program) === 0)) {
    throw invalidParams('unrecognized Token program id')
  }
  return { programs: [program] }
}

function tokenAccountsWhere(bank: Bank, which: unknown, options: unknown, wanted: Wanted): unknown {
  const config = readConfigAt(bank, options)
  const view = readAccountView(config.encoding, config.dataSlice)
  const { programs, mint } = readWhich(which)
  if (mint !== undefined) mintDecimals(bank, bs58.encode(mint))
  const shown = findTokenAccounts(bank, programs, { ...wanted, mint }).map(({ address, account }) => ({
    pubkey: bs58.encode(address),
    account: answerAccount(account, view, reader(bank)),
  }))
  return withContext(bank, shown)
}

export const tokenMethods: MethodTable = {
  getTokenAccountBalance({ bank }, [address, options]) {
    readConfigAt(bank, options)
    const account = bank.readAccount(readAddress(address))
    if (account === undefined) throw invalidParams('could not find account')
    const token = readTokenAccount(account)
    if (token === undefined) throw invalidParams('not a Token account')
    return withContext(bank, showAmount(token.amount, mintDecimals(bank, token.mint)))
  },

  getTokenSupply({ bank }, [address, options]) {
    readConfigAt(bank, options)
    const account = bank.readAccount(readAddress(address, 'mint'))
    if (account === undefined) throw invalidParams('could not find account')
    const mint = readMint(account)
    if (mint === undefined) throw invalidParams('not a Token mint')
    return withContext(bank, showAmount(mint.supply, mint.decimals))
  },

  getTokenAccountsByOwner({ bank }, [owner, which, options]) {
    return tokenAccountsWhere(bank, which, options, { owner: readAddress(owner, 'owner') })
  },

  getTokenAccountsByDelegate({ bank }, [delegate, which, options]) {
    return tokenAccountsWhere(bank, which, options, { delegate: readAddress(delegate, 'delegate') })
  },

  getTokenLargestAccounts({ bank }, [address, options]) {
    readConfigAt(bank, options)
    const mint = readAddress(address, 'mint')
    const account = bank.readAccount(mint)
    if (account === undefined || readMint(account) === undefined) {
      throw new RpcError(RPC_CODE.invalidParams, 'Invalid param: not a Token mint')
    }
    const decimals = mintDecimals(bank, bs58.encode(mint))
    const largest = findTokenAccounts(bank, [account.owner], { mint })
      .sort((a, b) => (a.token.amount < b.token.amount ? 1 : a.token.amount > b.token.amount ? -1 : 0))
      .slice(0, LARGEST_ACCOUNTS)
      .map(({ address: at, token }) => ({ address: bs58.encode(at), ...showAmount(token.amount, decimals) }))
    return withContext(bank, largest)
  },
}
