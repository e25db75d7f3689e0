import type { RawAccount } from '../../chain/client/layouts.js'

/** In an account of the SPL token program: mint and owner, 32 bytes each, come first. */
const AMOUNT_OFFSET = 64

/** What a token account holds, atomic units. */
export function decodeTokenAmount({ data }: Pick<RawAccount, 'data'>): bigint {
  return Buffer.from(data).readBigUInt64LE(AMOUNT_OFFSET)
}
