import { LevelDatastore } from 'datastore-level'
import { Key, type Pair } from 'interface-datastore'

/**
 * What others put into this node's part of the hash table: anybody may, names cost nothing, and kad-dht deletes a record
 * only when somebody asks for it. Of each kind the least recently put make room. A record has up to 16 KiB.
 */
export const RATIONS: Readonly<Record<string, number>> = { '/dht/record/': 16_384, '/dht/provider/': 65_536 }

/**
 * What is known of peers is read for every question to the hash table, many times over, and libp2p writes it anew with every
 * peer that an answer names, changed or not. So it is written from memory now and then: what is lost are addresses.
 */
const IN_MEMORY = '/peers/'
const MAX_CACHED = 2_048
const MAX_UNSAVED = 512

/** A datastore that keeps a limited number of entries below some prefixes; entries that end in `own` always stay. */
export class RationedDatastore extends LevelDatastore {
  readonly #own: string
  readonly #rations: ReadonlyArray<{ prefix: string; most: number; keys: Set<string> }>
  readonly #cached = new Map<string, Uint8Array>()
  readonly #unsaved = new Set<string>()
  #saving: Promise<void> = Promise.resolve()

  constructor(
    path: ConstructorParameters<typeof LevelDatastore>[0],
    own: string,
    rations: Readonly<Record<string, number>> = RATIONS,
  ) {
    super(path)
    this.#own = `/${own}`
    this.#rations = Object.entries(rations).map(([prefix, most]) => ({ prefix, most, keys: new Set() }))
  }

  /** Counts what is there already; before anything is put. */
  async count(): Promise<void> {
    for (const { prefix, keys } of this.#rations) {
      for await (const key of this.queryKeys({ prefix })) {
        if (!key.toString().endsWith(this.#own)) keys.add(key.toString())
      }
    }
  }

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
    if (!key.startsWith(IN_MEMORY)) return value
    // While it was read it may have been written.
    const newer = this.#cached.get(key)
    if (newer === undefined) await this.#cache(key, value)
    return newer ?? value
  }

  override async put(...args: Parameters<LevelDatastore['put']>): Promise<Key> {
    const key = args[0].toString()
    if (key.startsWith(IN_MEMORY)) {
      this.#unsaved.add(key)
      await this.#cache(key, args[1])
      if (this.#unsaved.size >= MAX_UNSAVED) await this.save()
      return args[0]
    }
    const put = await super.put(...args)
    await this.#makeRoom(key)
    return put
  }

  override async delete(...args: Parameters<LevelDatastore['delete']>): Promise<void> {
    const key = args[0].toString()
    for (const { keys } of this.#rations) keys.delete(key)
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

  async #makeRoom(key: string): Promise<void> {
    const ration = this.#rations.find(({ prefix }) => key.startsWith(prefix))
    if (ration === undefined || key.endsWith(this.#own)) return
    const { keys, most } = ration
    keys.delete(key)
    keys.add(key)
    while (keys.size > most) await this.delete(new Key(keys.values().next().value as string))
  }
}
