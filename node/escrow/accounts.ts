import { PublicKey } from '@solana/web3.js'
import { providerAddress } from '../../chain/client/addresses.js'
import { decodeProvider, type RawAccount } from '../../chain/client/layouts.js'
import { abortable } from '../../protocols/abort.js'
import type { Clock } from '../../protocols/ports.js'
import type { ProviderAccount } from './port.js'

/** Accounts of providers as the chain has them, from a cache that is at most a few seconds old. */
export interface ProviderAccounts {
  one(nodeKey: Uint8Array, signal?: AbortSignal): Promise<ProviderAccount | undefined>
  /** In the order of the keys, with one request for a hundred that are not known. */
  many(
    nodeKeys: readonly Uint8Array[],
    signal?: AbortSignal,
  ): Promise<ReadonlyArray<ProviderAccount | undefined>>
  /** What was known of it does not hold any more. */
  forget(nodeKey: Uint8Array): void
}

/** Stakes change slowly and are asked for with every offer; a few seconds of age do no harm. */
const CACHE_MS = 5_000
const MAX_CACHED = 10_000
/** The RPC's own limit for one request. */
const BATCH = 100

interface Entry {
  account: Promise<ProviderAccount | undefined>
  readAt: number
}

export function createProviderAccounts(parts: {
  programId: PublicKey
  market: PublicKey
  clock: Clock
  /** Reads raw accounts, at most a hundred; retries until it has them. */
  read(addresses: PublicKey[]): Promise<ReadonlyArray<RawAccount | null>>
}): ProviderAccounts {
  const { programId, market, clock, read } = parts
  const cache = new Map<string, Entry>()

  const addressOf = (nodeKey: Uint8Array) => providerAddress(programId, market, new PublicKey(nodeKey))

  const remember = (key: string, account: Entry['account']): Entry['account'] => {
    const entry = { account, readAt: clock.elapsed() }
    cache.delete(key)
    cache.set(key, entry)
    if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value as string)
    account.catch(() => {
      if (cache.get(key) === entry) cache.delete(key)
    })
    return account
  }

  const known = (key: string): Entry['account'] | undefined => {
    const entry = cache.get(key)
    return entry !== undefined && clock.elapsed() - entry.readAt < CACHE_MS ? entry.account : undefined
  }

  /** Without the caller's signal: others wait for the same answer. */
  const readBatch = (addresses: PublicKey[]): Array<Entry['account']> => {
    const reading = read(addresses)
    return addresses.map((address, at) =>
      remember(
        address.toBase58(),
        reading.then((raws) => decode(address, raws[at] ?? null)),
      ),
    )
  }

  const decode = (address: PublicKey, raw: RawAccount | null): ProviderAccount | undefined => {
    if (raw === null) return undefined
    const account = decodeProvider(address, raw, programId)
    return {
      nodeKey: account.node.toBytes(),
      owner: account.owner.toBytes(),
      payout: account.payout.toBytes(),
      stake: account.stake,
      bound: account.bound,
      openDemands: account.openDisputes,
    }
  }

  return {
    one: async (nodeKey, signal) => {
      const address = addressOf(nodeKey)
      return abortable(known(address.toBase58()) ?? readBatch([address])[0]!, signal)
    },
    many: async (nodeKeys, signal) => {
      const addresses = nodeKeys.map(addressOf)
      const found = new Map<string, Entry['account']>()
      const missing = new Map<string, PublicKey>()
      for (const address of addresses) {
        const key = address.toBase58()
        const account = known(key)
        if (account === undefined) missing.set(key, address)
        else found.set(key, account)
      }
      const asked = [...missing]
      for (let start = 0; start < asked.length; start += BATCH) {
        const batch = asked.slice(start, start + BATCH)
        const accounts = readBatch(batch.map(([, address]) => address))
        batch.forEach(([key], at) => void found.set(key, accounts[at]!))
        // One request after the other: a public RPC server counts them.
        await abortable(Promise.all(accounts), signal)
      }
      return abortable(Promise.all(addresses.map((address) => found.get(address.toBase58())!)), signal)
    },
    forget: (nodeKey) => void cache.delete(addressOf(nodeKey).toBase58()),
  }
}
