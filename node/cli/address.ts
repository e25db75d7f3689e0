import { PublicKey } from '@solana/web3.js'
import { isAddress } from '../../config/schema.js'
import { NightshiftError } from '../../protocols/errors.js'
import { isPeer, solanaKeyOf } from '../../protocols/peer.js'

/** An address in base58, or a peer id, which is the same key in another spelling. */
export function readAddress(text: string): PublicKey {
  if (isPeer(text)) return new PublicKey(solanaKeyOf(text))
  if (isAddress(text)) return new PublicKey(text)
  throw new NightshiftError('USAGE', `${JSON.stringify(text)} is no address`, {
    advice: 'write an address in base58 (32 bytes), or a peer id',
  })
}
