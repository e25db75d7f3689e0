import bs58 from 'bs58'
import { parseAccount } from './parsed/account.js'
import { invalidParams, RPC_CODE, RpcError } from './rpc/error.js'
import type { VmAccount } from './vm.js'

export type AccountEncoding = 'binary' | 'base58' | 'base64' | 'jsonParsed'

export interface AccountView {
  readonly encoding: AccountEncoding
  readonly slice?: { readonly offset: number; readonly length: number } | undefined
}

/** Base58 costs time quadratic in the length; Agave has the same limit. */
const BASE58_MAX_BYTES = 128

/** Reads `encoding` and `dataSlice` of a request's configuration. */
export function readAccountView(encoding: unknown, slice: unknown): AccountView {
  return { encoding: readEncoding(encoding), slice: readSlice(slice) }
}

function readEncoding(encoding: unknown): AccountEncoding {
  switch (encoding) {
    case undefined:
    case null:
      return 'binary'
    case 'binary':
    case 'base58':
    case 'base64':
    case 'jsonParsed':
      return encoding
    case 'base64+zstd':
      throw invalidParams('the encoding base64+zstd is not supported by this chain; ask for base64')
    default:
      throw invalidParams(`unknown encoding ${JSON.stringify(encoding)}`)
  }
}

function readSlice(slice: unknown): AccountView['slice'] {
  if (slice === undefined || slice === null) return undefined
  const { offset, length } = slice as Record<string, unknown>
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
    throw invalidParams('dataSlice needs an offset and a length')
  }
  if ((offset as number) < 0 || (length as number) < 0) throw invalidParams('dataSlice must not be negative')
  return { offset: offset as number, length: length as number }
}

function sliceOf({ data }: VmAccount, slice: AccountView['slice']): Uint8Array {
  return slice === undefined ? data : data.subarray(slice.offset, slice.offset + slice.length)
}

/** Refuses a request for base58 where the data is too long for it. A subscription shows a remark in its place. */
function requireShowable(account: VmAccount, { encoding, slice }: AccountView): void {
  if (encoding !== 'binary' && encoding !== 'base58') return
  if (sliceOf(account, slice).length <= BASE58_MAX_BYTES) return
  throw new RpcError(
    RPC_CODE.invalidRequest,
    `Encoded binary (base 58) data should be less than ${BASE58_MAX_BYTES} bytes, please use Base64 encoding.`,
  )
}

/** An account as a response shows it; refuses what requireShowable refuses. */
export function answerAccount(
  account: VmAccount,
  view: AccountView,
  read: (address: Uint8Array) => VmAccount | undefined,
): object {
  requireShowable(account, view)
  return showAccount(account, view, read)
}

/** An account as the RPC shows it. Never throws. */
export function showAccount(
  account: VmAccount,
  view: AccountView,
  read: (address: Uint8Array) => VmAccount | undefined,
): object {
  return {
    lamports: Number(account.lamports),
    owner: bs58.encode(account.owner),
    data: showData(account, view, read),
    executable: account.executable,
    rentEpoch: Number(account.rentEpoch),
    space: account.data.length,
  }
}

function showData(
  account: VmAccount,
  { encoding, slice }: AccountView,
  read: (address: Uint8Array) => VmAccount | undefined,
): unknown {
  if (encoding === 'jsonParsed') {
    const parsed = parseAccount(account, read)
    if (parsed !== undefined) return parsed
  }
  const data = sliceOf(account, slice)
  if (encoding === 'base64' || encoding === 'jsonParsed')
    return [Buffer.from(data).toString('base64'), 'base64']
  const text = data.length > BASE58_MAX_BYTES ? 'error: data too large for bs58 encoding' : bs58.encode(data)
  return encoding === 'base58' ? [text, 'base58'] : text
}

/** 2^64 − 1 does not fit a JavaScript number; the digits that the network's clients expect are put back here. */
const ROUNDED_EPOCH = `"rentEpoch":${Number(2n ** 64n - 1n)}`
const EXACT_EPOCH = `"rentEpoch":${2n ** 64n - 1n}`

/** JSON as the RPC sends it. Quotes within strings are escaped, so the pattern cannot match inside one. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(ROUNDED_EPOCH, EXACT_EPOCH)
}
