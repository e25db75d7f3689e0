import { join } from 'node:path'
import { PublicKey } from '@solana/web3.js'
import type { Config } from '../../../config/schema.js'
import { NODE_KEY_FILE } from '../../identity/files.js'
import { readKeyFile } from '../../identity/key.js'
import { readAddress } from '../address.js'

/** Whose stake: the one that is named, else the node's of the data directory. */
export async function readTarget(config: Config, named: string | undefined): Promise<PublicKey> {
  if (named !== undefined) return readAddress(named)
  const key = await readKeyFile(join(config.dataDir, NODE_KEY_FILE))
  return new PublicKey(key.publicKey)
}
