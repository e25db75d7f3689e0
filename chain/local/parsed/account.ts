import bs58 from 'bs58'
import type { VmAccount } from '../vm.js'
import { parseTokenAccount, TOKEN_PROGRAMS } from './token.js'

const UPGRADEABLE_LOADER = 'BPFLoaderUpgradeab1e11111111111111111111111'
const PROGRAM_BYTES = 36
const PROGRAM_DATA_HEAD_BYTES = 45

/** The jsonParsed view of an account whose program is known here; undefined for all others, which are shown in base64. */
export function parseAccount(
  account: VmAccount,
  read: (address: Uint8Array) => VmAccount | undefined,
): object | undefined {
  const owner = bs58.encode(account.owner)
  const token = TOKEN_PROGRAMS.get(owner)
  if (token !== undefined) return show(token, parseTokenAccount(account, read), account)
  if (owner === UPGRADEABLE_LOADER) {
    return show('bpf-upgradeable-loader', parseUpgradeable(account.data), account)
  }
  return undefined
}

function show(program: string, parsed: object | undefined, account: VmAccount): object | undefined {
  return parsed === undefined ? undefined : { program, parsed, space: account.data.length }
}

/** UpgradeableLoaderState: a u32 tag, then Program { programData } or ProgramData { slot, authority? } and the program. */
function parseUpgradeable(data: Uint8Array): object | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  if (bytes.length < 4) return undefined
  const tag = bytes.readUInt32LE(0)
  if (tag === 2 && bytes.length >= PROGRAM_BYTES) {
    return { type: 'program', info: { programData: bs58.encode(bytes.subarray(4, 36)) } }
  }
  if (tag !== 3 || bytes.length < PROGRAM_DATA_HEAD_BYTES) return undefined
  return {
    type: 'programData',
    info: {
      slot: Number(bytes.readBigUInt64LE(4)),
      authority: bytes[12] === 1 ? bs58.encode(bytes.subarray(13, 45)) : null,
      data: [bytes.subarray(PROGRAM_DATA_HEAD_BYTES).toString('base64'), 'base64'],
    },
  }
}
