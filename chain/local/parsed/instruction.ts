import { ASSOCIATED_TOKEN_PROGRAM_ID } from '@solana/spl-token'
import bs58 from 'bs58'
import { showAmount, TOKEN_PROGRAMS } from './token.js'

/**
 * The jsonParsed view of instructions of the programs that nearly every transaction uses: system, SPL token, associated token
 * account, memo. Layouts: solana-system-interface `instruction.rs`, spl-token `instruction.rs`; names of fields: Agave's
 * `transaction-status/src/parse_*.rs`. Everything else is shown undecoded, as the network shows programs that it does not know.
 */
export interface ParsedInstruction {
  readonly program: string
  readonly parsed: object | string
}

const SYSTEM = '11111111111111111111111111111111'
const MEMO_PROGRAMS: ReadonlySet<string> = new Set([
  'MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr',
  'Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo',
])

type Accounts = readonly string[]
type Parsed = { type: string; info: object } | undefined
type Parser = (accounts: Accounts, data: Buffer) => Parsed

/** Undefined when the program or the instruction is unknown here, or its bytes are not what its layout says. */
export function parseInstruction(
  programId: string,
  accounts: Accounts,
  bytes: Uint8Array,
): ParsedInstruction | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    if (programId === SYSTEM) return named('system', parseSystem(accounts, data))
    const token = TOKEN_PROGRAMS.get(programId)
    if (token !== undefined) return named(token, parseToken(accounts, data))
    if (programId === ASSOCIATED_TOKEN_PROGRAM_ID.toBase58()) {
      return named('spl-associated-token-account', parseAssociated(accounts, data))
    }
    if (MEMO_PROGRAMS.has(programId)) {
      return { program: 'spl-memo', parsed: new TextDecoder('utf8', { fatal: true }).decode(data) }
    }
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined
    throw error
  }
  return undefined
}

function named(program: string, parsed: Parsed): ParsedInstruction | undefined {
  return parsed === undefined ? undefined : { program, parsed }
}

function at(accounts: Accounts, index: number): string {
  const address = accounts[index]
  if (address === undefined) throw new RangeError(`account ${index} is missing`)
  return address
}

function readKey(data: Buffer, offset: number): string {
  if (data.length < offset + 32) throw new RangeError('an address is cut off')
  return bs58.encode(data.subarray(offset, offset + 32))
}

function readLamports(data: Buffer, offset: number): number {
  return Number(data.readBigUInt64LE(offset))
}

const SYSTEM_PARSERS: Readonly<Record<number, Parser>> = {
  0: (accounts, data) => ({
    type: 'createAccount',
    info: {
      source: at(accounts, 0),
      newAccount: at(accounts, 1),
      lamports: readLamports(data, 4),
      space: readLamports(data, 12),
      owner: readKey(data, 20),
    },
  }),
  1: (accounts, data) => ({
    type: 'assign',
    info: { account: at(accounts, 0), owner: readKey(data, 4) },
  }),
  2: (accounts, data) => ({
    type: 'transfer',
    info: {
      source: at(accounts, 0),
      destination: at(accounts, 1),
      lamports: readLamports(data, 4),
    },
  }),
  8: (accounts, data) => ({
    type: 'allocate',
    info: { account: at(accounts, 0), space: readLamports(data, 4) },
  }),
}

function parseSystem(accounts: Accounts, data: Buffer): Parsed {
  return SYSTEM_PARSERS[data.readUInt32LE(0)]?.(accounts, data)
}

/** The one that signs: a key, or a multisig account followed by those of its members that signed. */
function signedBy(role: string, accounts: Accounts, index: number): object {
  const members = accounts.slice(index + 1)
  const name = at(accounts, index)
  if (members.length === 0) return { [role]: name }
  return { [`multisig${role[0]?.toUpperCase()}${role.slice(1)}`]: name, signers: members }
}

function readAmount(data: Buffer): string {
  return data.readBigUInt64LE(1).toString()
}

function readCheckedAmount(data: Buffer): object {
  return showAmount(data.readBigUInt64LE(1), data.readUInt8(9))
}

function readOptionalKey(data: Buffer, offset: number): string | null {
  return data.readUInt8(offset) === 0 ? null : readKey(data, offset + 1)
}

const AUTHORITY_TYPES = ['mintTokens', 'freezeAccount', 'accountOwner', 'closeAccount']

function initializeMint(type: string, hasRent: boolean): Parser {
  return (accounts, data) => {
    const freezeAuthority = readOptionalKey(data, 34)
    return {
      type,
      info: {
        mint: at(accounts, 0),
        decimals: data.readUInt8(1),
        mintAuthority: readKey(data, 2),
        ...(hasRent && { rentSysvar: at(accounts, 1) }),
        ...(freezeAuthority !== null && { freezeAuthority }),
      },
    }
  }
}

const TOKEN_PARSERS: Readonly<Record<number, Parser>> = {
  0: initializeMint('initializeMint', true),
  1: (accounts) => ({
    type: 'initializeAccount',
    info: {
      account: at(accounts, 0),
      mint: at(accounts, 1),
      owner: at(accounts, 2),
      rentSysvar: at(accounts, 3),
    },
  }),
  3: (accounts, data) => ({
    type: 'transfer',
    info: {
      source: at(accounts, 0),
      destination: at(accounts, 1),
      amount: readAmount(data),
      ...signedBy('authority', accounts, 2),
    },
  }),
  4: (accounts, data) => ({
    type: 'approve',
    info: {
      source: at(accounts, 0),
      delegate: at(accounts, 1),
      amount: readAmount(data),
      ...signedBy('owner', accounts, 2),
    },
  }),
  5: (accounts) => ({
    type: 'revoke',
    info: { source: at(accounts, 0), ...signedBy('owner', accounts, 1) },
  }),
  6: (accounts, data) => {
    const authorityType = AUTHORITY_TYPES[data.readUInt8(1)]
    if (authorityType === undefined) return undefined
    const subject = data.readUInt8(1) < 2 ? 'mint' : 'account'
    return {
      type: 'setAuthority',
      info: {
        [subject]: at(accounts, 0),
        authorityType,
        newAuthority: readOptionalKey(data, 2),
        ...signedBy('authority', accounts, 1),
      },
    }
  },
  7: (accounts, data) => ({
    type: 'mintTo',
    info: {
      mint: at(accounts, 0),
      account: at(accounts, 1),
      amount: readAmount(data),
      ...signedBy('mintAuthority', accounts, 2),
    },
  }),
  8: (accounts, data) => ({
    type: 'burn',
    info: {
      account: at(accounts, 0),
      mint: at(accounts, 1),
      amount: readAmount(data),
      ...signedBy('authority', accounts, 2),
    },
  }),
  9: (accounts) => ({
    type: 'closeAccount',
    info: {
      account: at(accounts, 0),
      destination: at(accounts, 1),
      ...signedBy('owner', accounts, 2),
    },
  }),
  10: (accounts) => ({
    type: 'freezeAccount',
    info: {
      account: at(accounts, 0),
      mint: at(accounts, 1),
      ...signedBy('freezeAuthority', accounts, 2),
    },
  }),
  11: (accounts) => ({
    type: 'thawAccount',
    info: {
      account: at(accounts, 0),
      mint: at(accounts, 1),
      ...signedBy('freezeAuthority', accounts, 2),
    },
  }),
  12: (accounts, data) => ({
    type: 'transferChecked',
    info: {
      source: at(accounts, 0),
      mint: at(accounts, 1),
      destination: at(accounts, 2),
      tokenAmount: readCheckedAmount(data),
      ...signedBy('authority', accounts, 3),
    },
  }),
  13: (accounts, data) => ({
    type: 'approveChecked',
    info: {
      source: at(accounts, 0),
      mint: at(accounts, 1),
      delegate: at(accounts, 2),
      tokenAmount: readCheckedAmount(data),
      ...signedBy('owner', accounts, 3),
    },
  }),
  14: (accounts, data) => ({
    type: 'mintToChecked',
    info: {
      mint: at(accounts, 0),
      account: at(accounts, 1),
      tokenAmount: readCheckedAmount(data),
      ...signedBy('mintAuthority', accounts, 2),
    },
  }),
  15: (accounts, data) => ({
    type: 'burnChecked',
    info: {
      account: at(accounts, 0),
      mint: at(accounts, 1),
      tokenAmount: readCheckedAmount(data),
      ...signedBy('authority', accounts, 2),
    },
  }),
  17: (accounts) => ({ type: 'syncNative', info: { account: at(accounts, 0) } }),
  18: (accounts, data) => ({
    type: 'initializeAccount3',
    info: { account: at(accounts, 0), mint: at(accounts, 1), owner: readKey(data, 1) },
  }),
  20: initializeMint('initializeMint2', false),
  21: (accounts) => ({
    type: 'getAccountDataSize',
    info: { mint: at(accounts, 0), extensionTypes: ['immutableOwner'] },
  }),
  22: (accounts) => ({
    type: 'initializeImmutableOwner',
    info: { account: at(accounts, 0) },
  }),
}

function parseToken(accounts: Accounts, data: Buffer): Parsed {
  return TOKEN_PARSERS[data.readUInt8(0)]?.(accounts, data)
}

const ASSOCIATED_TYPES = ['create', 'createIdempotent'] as const

function parseAssociated(accounts: Accounts, data: Buffer): Parsed {
  const type = ASSOCIATED_TYPES[data.length === 0 ? 0 : data.readUInt8(0)]
  if (type === undefined) return undefined
  return {
    type,
    info: {
      source: at(accounts, 0),
      account: at(accounts, 1),
      wallet: at(accounts, 2),
      mint: at(accounts, 3),
      systemProgram: at(accounts, 4),
      tokenProgram: at(accounts, 5),
    },
  }
}
