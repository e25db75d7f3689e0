import { MemoryDatastore } from 'datastore-core'
import type { LevelDatastore } from 'datastore-level'
import { type Datastore, Key } from 'interface-datastore'
import { LazyDatastore } from './lazy.js'

/**
 * What others put into this node's part of the hash table: anybody may, names cost nothing, and kad-dht deletes a record
 * only when somebody asks for it. Of each kind the least recently put make room. A record has up to 16 KiB.
 */
export const RATIONS: Readonly<Record<string, number>> = { '/dht/record/': 16_384, '/dht/provider/': 65_536 }
/** A node that keeps everything in memory has less room: 32 MiB of records at most. */
export const MEMORY_RATIONS: Readonly<Record<string, number>> = {
  '/dht/record/': 2_048,
  '/dht/provider/': 16_384,
}

/** Which entries below some prefixes are kept, by when they were put; entries that end in `own` always stay. */
class Rations {
  readonly #own: string
  readonly #rations: ReadonlyArray<{ prefix: string; most: number; keys: Set<string> }>

  constructor(own: string, rations: Readonly<Record<string, number>>) {
    this.#own = `/${own}`
    this.#rations = Object.entries(rations).map(([prefix, most]) => ({ prefix, most, keys: new Set() }))
  }

  async count(store: Pick<Datastore, 'queryKeys'>): Promise<void> {
    for (const { prefix, keys } of this.#rations) {
      for await (const key of store.queryKeys({ prefix })) {
        if (!key.toString().endsWith(this.#own)) keys.add(key.toString())
      }
    }
  }

  forget(key: string): void {
    for (const { keys } of this.#rations) keys.delete(key)
  }

  async makeRoom(key: string, store: Pick<Datastore, 'delete'>): Promise<void> {
    const ration = this.#rations.find(({ prefix }) => key.startsWith(prefix))
    if (ration === undefined || key.endsWith(this.#own)) return
    const { keys, most } = ration
    keys.delete(key)
    keys.add(key)
    while (keys.size > most) await store.delete(new Key(keys.values().next().value as string))
  }
}

/** A datastore on the disk that keeps a limited number of entries below some prefixes. */
export class RationedDatastore extends LazyDatastore {
  readonly #rations: Rations

  constructor(
    path: ConstructorParameters<typeof LevelDatastore>[0],
    own: string,
    rations: Readonly<Record<string, number>> = RATIONS,
  ) {
    super(path)
    this.#rations = new Rations(own, rations)
  }

  /** Counts what is there already; before anything is put. */
  count(): Promise<void> {
    return this.#rations.count(this)
  }

  override async put(...args: Parameters<LevelDatastore['put']>): Promise<Key> {
    const put = await super.put(...args)
    await this.#rations.makeRoom(args[0].toString(), this)
    return put
  }

  override async delete(...args: Parameters<LevelDatastore['delete']>): Promise<void> {
    this.#rations.forget(args[0].toString())
    await super.delete(...args)
  }
}

/** The same in memory, for a node without a data directory. */
export class RationedMemory extends MemoryDatastore {
  readonly #rations: Rations

  constructor(own: string, rations: Readonly<Record<string, number>> = MEMORY_RATIONS) {
    super()
    this.#rations = new Rations(own, rations)
  }

  override async put(...args: Parameters<MemoryDatastore['put']>): Promise<Key> {
    const put = await super.put(...args)
    await this.#rations.makeRoom(args[0].toString(), this)
    return put
  }

  override async delete(...args: Parameters<MemoryDatastore['delete']>): Promise<void> {
    this.#rations.forget(args[0].toString())
    await super.delete(...args)
  }
}
