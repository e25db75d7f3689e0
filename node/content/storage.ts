import { join } from 'node:path'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import { openFolder } from '../files/folder.js'
import { nativeSha256 } from '../files/hash.js'
import { openVault } from '../files/vault.js'
import type { Network } from '../net/ports.js'
import type { Blobs } from '../provider/blobs.js'
import type { Keys } from '../provider/keys.js'
import { openCache } from './cache.js'
import { createContent } from './content.js'
import type { Content } from './port.js'

const DEFAULT_CACHE_BYTES = 10 * 2 ** 30

/** All of a provider's data of jobs: what they leave, sealed; what they are given; the cache; and the transfers that fill them. */
export async function openStorage(options: {
  network: Network
  /** What jobs leave lies in `blobs`, what they are given and may stay in `content`. */
  dataDir: string
  cacheBytes?: number
  /** Shared with a renter in the same process; default: one of its own. */
  content?: Content
  clock: Clock
  random: Random
  log: Log
}): Promise<{ content: Content; blobs: Blobs; keys: Keys; close(): Promise<void> }> {
  const { dataDir, cacheBytes: maxBytes = DEFAULT_CACHE_BYTES, clock, random, log } = options
  const content = options.content ?? createContent(options)
  const received = openFolder(join(dataDir, 'content'))
  const cache = await openCache({ files: received, content, maxBytes, clock, log })
  const given = { received, content, cache, sha256: nativeSha256 }
  return {
    content,
    ...openVault(join(dataDir, 'blobs'), random, given),
    close: async () => {
      if (options.content === undefined) await content.stop()
    },
  }
}
