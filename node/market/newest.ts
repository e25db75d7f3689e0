/**
 * The newest of what was seen under each key. The hash table stores whatever comes last, so a record can be rolled back by an
 * older one; whoever remembers the newer one neither stores nor believes the older. Keys are anybody's to make: the memory
 * is bounded, each author has a share of it, and what this node itself has to do with is forgotten last.
 */
export interface Newest {
  /** Whether `age`, which grows from record to record, is not below what was seen; if so it is remembered. */
  take(key: string, author: string, age: number): boolean
}

const MAX_KEYS = 4_096
/** One author has at most such a part of them. */
const SHARE = 16

export function createNewest(parts: { isOurs(key: string): boolean; maxKeys?: number }): Newest {
  const { isOurs, maxKeys = MAX_KEYS } = parts
  const maxOfOne = Math.max(1, Math.floor(maxKeys / SHARE))
  const seen = new Map<string, { author: string; age: number }>()
  const authors = new Map<string, Set<string>>()

  function forget(key: string): void {
    const author = seen.get(key)?.author ?? ''
    seen.delete(key)
    const keys = authors.get(author)
    keys?.delete(key)
    if (keys?.size === 0) authors.delete(author)
  }

  /** The oldest that this node has nothing to do with, else the oldest. */
  function oldestOf(keys: Iterable<string>): string | undefined {
    let first: string | undefined
    for (const key of keys) {
      if (!isOurs(key)) return key
      first ??= key
    }
    return first
  }

  /** Of whoever has most, so that a flood of one name makes room for the others. */
  function victim(): string | undefined {
    const crowds = [...authors.values()].sort((a, b) => b.size - a.size)
    for (const keys of crowds) {
      const oldest = oldestOf(keys)
      if (oldest !== undefined && !isOurs(oldest)) return oldest
    }
    return oldestOf(seen.keys())
  }

  return {
    take: (key, author, age) => {
      const before = seen.get(key)
      if (before !== undefined && age < before.age) return false
      forget(key)
      seen.set(key, { author, age })
      const own = authors.get(author) ?? new Set()
      authors.set(author, own.add(key))
      const surplus = own.size > maxOfOne ? oldestOf(own) : seen.size > maxKeys ? victim() : undefined
      if (surplus !== undefined) forget(surplus)
      return true
    },
  }
}
