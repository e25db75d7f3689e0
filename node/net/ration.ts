import { LevelDatastore } from 'datastore-level'
import { Key } from 'interface-datastore'

/**
 * What others put into this node's part of the hash table: anybody may, names cost nothing, and kad-dht deletes a record
 * only when somebody asks for it. Of each kind the least recently put make room. A record has up to 16 KiB.
 */
export const RATIONS: Readonly<Record<string, number>> = { '/dht/record/': 16_384, '/dht/provider/': 65_536 }

/** A datastore that keeps a limited number of entries below some prefixes; entries that end in `own` always stay. */
export class RationedDatastore extends LevelDatastore {
  readonly #own: string
  readonly #rations: ReadonlyArray<{ prefix: string; most: number; keys: Set<string> }>

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

  override async put(...args: Parameters<LevelDatastore['put']>): Promise<Key> {
    const put = await super.put(...args)
    await this.#makeRoom(args[0].toString())
    return put
  }

  override async delete(...args: Parameters<LevelDatastore['delete']>): Promise<void> {
    for (const { keys } of this.#rations) keys.delete(args[0].toString())
    await super.delete(...args)
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
