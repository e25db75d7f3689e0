import { toHex } from '../../protocols/bytes.js'

/**
 * The keys of jobs, in memory alone. A job that an earlier process of this node began with a key is locked until its
 * renter sends it again.
 */
export interface Keys {
  set(lease: Uint8Array, key: Uint8Array): void
  lock(lease: Uint8Array): void
  /** Overwrites it; what was sealed with it can be read by nobody here any more. */
  erase(lease: Uint8Array): void
  /** By the lease in hex; undefined: a job without a key. */
  of(lease: string): Uint8Array | 'locked' | undefined
}

export function createKeys(): Keys {
  const keys = new Map<string, Uint8Array | 'locked'>()
  return {
    set: (lease, key) => {
      if (keys.get(toHex(lease)) instanceof Uint8Array) return
      // A copy of its own: the message that brought it is not ours to overwrite.
      keys.set(toHex(lease), Uint8Array.from(key))
    },
    lock: (lease) => void keys.set(toHex(lease), 'locked'),
    erase: (lease) => {
      const key = keys.get(toHex(lease))
      if (key instanceof Uint8Array) key.fill(0)
      keys.delete(toHex(lease))
    },
    of: (lease) => keys.get(lease),
  }
}
