import bs58 from 'bs58'
import { readTokenAccount } from '../parsed/token.js'
import type { VmAccount } from '../vm.js'
import { invalidParams } from './error.js'
import { readInteger, readList } from './params.js'

/** As many filters as Agave takes, and as long a memcmp. */
const FILTERS_LIMIT = 4
const MEMCMP_MAX_BYTES = 128

export type AccountFilter = (account: VmAccount) => boolean

/** Reads the `filters` of getProgramAccounts and programSubscribe into one predicate. */
export function readFilters(value: unknown): AccountFilter {
  if (value === undefined || value === null) return () => true
  const filters = readList(value, 'filters', FILTERS_LIMIT).map(readFilter)
  return (account) => filters.every((filter) => filter(account))
}

function readFilter(value: unknown): AccountFilter {
  if (value === 'tokenAccountState') return (account) => readTokenAccount(account) !== undefined
  if (typeof value !== 'object' || value === null) throw invalidParams('a filter must be an object')
  const filter = value as Record<string, unknown>
  if (filter.dataSize !== undefined) {
    const size = readInteger(filter.dataSize, 'dataSize')
    return ({ data }) => data.length === size
  }
  if (filter.memcmp !== undefined) return readMemcmp(filter.memcmp)
  throw invalidParams('a filter is memcmp, dataSize or tokenAccountState')
}

function readMemcmp(value: unknown): AccountFilter {
  if (typeof value !== 'object' || value === null) throw invalidParams('memcmp must be an object')
  const { offset, bytes, encoding } = value as Record<string, unknown>
  const at = readInteger(offset, 'memcmp offset')
  const wanted = readBytes(bytes, encoding)
  return ({ data }) => {
    const part = data.subarray(at, at + wanted.length)
    return part.length === wanted.length && Buffer.compare(part, wanted) === 0
  }
}

function readBytes(bytes: unknown, encoding: unknown): Uint8Array {
  let decoded: Uint8Array | undefined
  if (Array.isArray(bytes)) decoded = Uint8Array.from(bytes as number[])
  else if (typeof bytes !== 'string' || bytes.length > 2 * MEMCMP_MAX_BYTES) {
    throw invalidParams('memcmp bytes must be a string of at most 128 bytes')
  } else if (encoding === 'base64') decoded = Buffer.from(bytes, 'base64')
  else decoded = bs58.decodeUnsafe(bytes)
  if (decoded === undefined) throw invalidParams('memcmp bytes are not base58')
  if (decoded.length > MEMCMP_MAX_BYTES) throw invalidParams('memcmp bytes are longer than 128 bytes')
  return decoded
}
