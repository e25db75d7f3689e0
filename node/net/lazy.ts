import { LevelDatastore } from 'datastore-level'
import { Key, type Pair } from 'interface-datastore'

/**
 * What is known of peers is read for every question to the hash table, many times over, and libp2p writes it anew with every
 * peer that an answer names, changed or not. So it is written from memory now and then: what is lost are addresses.
 */
const IN_MEMORY = '/peers/'
const MAX_CACHED = 2_048
/** Anybody may name peers with as many addresses as go into a message; such entries are on the disk alone. */
const MAX_CACHED_BYTES = 16_384
const MAX_UNSAVED = 512

/** A datastore on the disk that reads entries of peers from memory, and writes them when it is told to save. */
export class LazyDatastore extends LevelDatastore {
  readonly #cached = new Map<string, Uint8Array>()
  readonly #unsaved = new Set<string>()
  #saving: Promise<void> = Promise.resolve()

  /** What is in memory only is on the disk when it resolves. */
  save(): Promise<void> {
    this.#saving = this.#saving
      .catch(() => {})
      .then(async () => {
        if (this.#unsaved.size === 0) return
        const batch = this.batch()
        for (const key of this.#unsaved) {
          const value = this.#cached.get(key)
          if (value !== undefined) batch.put(new Key(key), value)
        }
        this.#unsaved.clear()
        await batch.commit()
      })
    return this.#saving
  }

  override async get(...args: Parameters<LevelDatastore['get']>): Promise<Uint8Array> {
    const key = args[0].toString()
    const cached = this.#cached.get(key)
    if (cached !== undefined) return cached
    const value = await super.get(...args)
    if (!key.startsWith(IN_MEMORY) || value.length > MAX_CACHED_BYTES) return value
    // While it was read it may have been written.
    const newer = this.#cached.get(key)
    if (newer === undefined) await this.#cache(key, value)
    return newer ?? value
  }

  override async put(...args: Parameters<LevelDatastore['put']>): Promise<Key> {
    const key = args[0].toString()
    if (!key.startsWith(IN_MEMORY)) return super.put(...args)
    if (args[1].length > MAX_CACHED_BYTES) {
      this.#unsaved.delete(key)
      this.#cached.delete(key)
      await this.#saving
      return super.put(...args)
    }
    this.#unsaved.add(key)
    await this.#cache(key, args[1])
    if (this.#unsaved.size >= MAX_UNSAVED) await this.save()
    return args[0]
  }

  override async delete(...args: Parameters<LevelDatastore['delete']>): Promise<void> {
    const key = args[0].toString()
    this.#unsaved.delete(key)
    this.#cached.delete(key)
    await this.#saving
    await super.delete(...args)
  }

  override async *query(...args: Parameters<LevelDatastore['query']>): AsyncGenerator<Pair> {
    await this.save()
    yield* super.query(...args)
  }

  override async *queryKeys(...args: Parameters<LevelDatastore['queryKeys']>): AsyncGenerator<Key> {
    await this.save()
    yield* super.queryKeys(...args)
  }

  async #cache(key: string, value: Uint8Array): Promise<void> {
    this.#cached.delete(key)
    this.#cached.set(key, value)
    if (this.#cached.size <= MAX_CACHED) return
    const [oldest] = this.#cached.keys()
    if (this.#unsaved.has(oldest!)) await this.save()
    this.#cached.delete(oldest!)
  }
}
