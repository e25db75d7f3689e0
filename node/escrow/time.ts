import { NightshiftError } from '../../protocols/errors.js'

/** Offset of `unix_timestamp` in the clock sysvar. */
const CLOCK_TIME_OFFSET = 32

/** The chain's own clock, Unix seconds, from the clock sysvar's account. Throws CHAIN_WITHOUT_CLOCK. */
export function decodeChainTime(sysvar: { data: Uint8Array } | null): number {
  if (sysvar === null) {
    throw new NightshiftError('CHAIN_WITHOUT_CLOCK', 'the RPC server does not show the clock sysvar', {
      advice: 'use another RPC server',
    })
  }
  return Number(Buffer.from(sysvar.data).readBigInt64LE(CLOCK_TIME_OFFSET))
}
