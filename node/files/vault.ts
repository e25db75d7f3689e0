import { toHex } from '../../protocols/bytes.js'
import type { Random } from '../../protocols/ports.js'
import { type BlobParts, type Blobs, createBlobs } from '../provider/blobs.js'
import { createKeys, type Keys } from '../provider/keys.js'
import { openFolder } from './folder.js'
import { sealFiles } from './sealed.js'

/** What leases leave on this disk, a folder for each, sealed with the key that its renter sent. */
export function openVault(
  folder: string,
  random: Random,
  given: Omit<BlobParts, 'files' | 'isSealed'>,
): { keys: Keys; blobs: Blobs } {
  const keys = createKeys()
  const files = sealFiles(openFolder(folder), { keyOf: (lease) => keys.of(lease), random })
  return {
    keys,
    blobs: createBlobs({ ...given, files, isSealed: (lease) => keys.of(toHex(lease)) !== undefined }),
  }
}
