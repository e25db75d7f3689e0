import bs58 from 'bs58'
import type { Bank } from '../bank.js'
import { invalidParams, RPC_CODE, RpcError } from './error.js'

const COMMITMENTS: ReadonlySet<unknown> = new Set([
  'processed',
  'confirmed',
  'finalized',
  // Names of older clients, which web3.js v1 still lets through.
  'recent',
  'single',
  'singleGossip',
  'root',
  'max',
])
/** The longest base58 text of 32 and of 64 bytes. */
const ADDRESS_MAX_CHARS = 44
const SIGNATURE_MAX_CHARS = 88

export type Config = Readonly<Record<string, unknown>>

function decodeBase58(text: unknown, bytes: number, maxChars: number, what: string): Uint8Array {
  if (typeof text !== 'string') throw invalidParams(`${what} must be a base58 string`)
  if (text.length > maxChars) throw invalidParams(`${what} is too long: ${text.length} characters`)
  const decoded = bs58.decodeUnsafe(text)
  if (decoded === undefined) throw invalidParams(`${what} is not base58`)
  if (decoded.length !== bytes) throw invalidParams(`${what} has ${decoded.length} bytes instead of ${bytes}`)
  return decoded
}

export function readAddress(value: unknown, what = 'address'): Uint8Array {
  return decodeBase58(value, 32, ADDRESS_MAX_CHARS, what)
}

/** The signature as text, once it is sure that it is one. */
export function readSignature(value: unknown): string {
  decodeBase58(value, 64, SIGNATURE_MAX_CHARS, 'signature')
  return value as string
}

export function readBlockhash(value: unknown): string {
  decodeBase58(value, 32, ADDRESS_MAX_CHARS, 'blockhash')
  return value as string
}

export function readList(value: unknown, what: string, limit: number): unknown[] {
  if (!Array.isArray(value)) throw invalidParams(`${what} must be a list`)
  if (value.length > limit) throw invalidParams(`Too many inputs provided; max ${limit}`)
  return value
}

export function readInteger(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw invalidParams(`${what} must be an integer that is not negative`)
  }
  return value as number
}

export function readOptionalInteger(value: unknown, what: string): number | undefined {
  return value === undefined || value === null ? undefined : readInteger(value, what)
}

export function readBoolean(value: unknown, what: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw invalidParams(`${what} must be true or false`)
  return value
}

/** The last parameter of most methods: undefined, null or an object whose commitment, if any, is known. */
export function readConfig(value: unknown): Config {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalidParams('the configuration must be an object')
  const config = value as Config
  for (const field of ['commitment', 'preflightCommitment']) {
    const commitment = config[field]
    if (commitment !== undefined && commitment !== null && !COMMITMENTS.has(commitment)) {
      throw invalidParams(`unknown commitment ${JSON.stringify(commitment)}`)
    }
  }
  return config
}

/** The configuration, and the check that the chain has come as far as the caller wants. */
export function readConfigAt(bank: Bank, value: unknown): Config {
  const config = readConfig(value)
  const minimum = readOptionalInteger(config.minContextSlot, 'minContextSlot')
  if (minimum !== undefined && minimum > bank.slot) {
    throw new RpcError(RPC_CODE.minContextSlotNotReached, 'Minimum context slot has not been reached', {
      contextSlot: bank.slot,
    })
  }
  return config
}
