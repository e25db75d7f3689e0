import { createHash } from 'node:crypto'
import type { KadDHT, QueryEvent } from '@libp2p/kad-dht'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { CallOptions, Dht, ProviderPeer, RecordRules } from './ports.js'

/** A query that has not ended by then found what it will find. */
const QUERY_TIMEOUT_MS = 30_000
const DEFAULT_PROVIDERS = 20
/** What every node on the way must be willing to store. */
export const MAX_RECORD_BYTES = 16 * 1024
const MAX_KEY_BYTES = 256
const NAMESPACE = /^[a-z][a-z0-9-]{0,31}$/
const SHA2_256 = 0x12

export interface DhtInit {
  kad: KadDHT
  self: string
  network: string
  clock: Clock
  log: Log
}

export function createDht({ kad, self, network, clock, log }: DhtInit): Dht {
  const registered = new Map<string, RecordRules>()
  /** Keys that are being looked for, with the best value so far. */
  const wanted = new Map<string, Uint8Array | undefined>()

  /** Runs a query to its end, within the time limit and until `signal` says so. */
  async function* query(
    what: string,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal) => AsyncIterable<QueryEvent>,
  ): AsyncGenerator<QueryEvent, void, void> {
    const limit = new AbortController()
    const cancelTimer = clock.after(QUERY_TIMEOUT_MS, () => limit.abort(new Error('the query took too long')))
    const stop = () => limit.abort(signal?.reason)
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      yield* run(limit.signal)
    } catch (cause) {
      throw new NightshiftError('DHT_FAILED', `${what} failed: ${String(cause)}`, {
        advice: 'Check that this node is connected to peers of the network, and try again.',
        context: { what, cancelled: signal?.aborted === true },
        cause,
      })
    } finally {
      cancelTimer()
      signal?.removeEventListener('abort', stop)
    }
  }

  async function* findProviders(
    key: string,
    { signal, limit = DEFAULT_PROVIDERS }: CallOptions & { limit?: number } = {},
  ): AsyncGenerator<ProviderPeer, void, void> {
    const cid = cidOf(network, key)
    const seen = new Set<string>([self])
    let found = 0
    for await (const event of query(`finding providers of ${key}`, signal, (signal) =>
      kad.findProviders(cid, { signal }),
    )) {
      if (event.name !== 'PROVIDER' && event.name !== 'PEER_RESPONSE') continue
      for (const { id, multiaddrs } of event.providers) {
        const peer = id.toString()
        if (seen.has(peer)) continue
        seen.add(peer)
        yield { peer, addresses: multiaddrs.map(String) }
        if (++found >= limit) return
      }
    }
  }

  function rulesOf(key: string): { bytes: Uint8Array; rest: string; rules: RecordRules } {
    const slash = key.indexOf('/')
    const rules = registered.get(key.slice(0, slash))
    const bytes = new TextEncoder().encode(`/${key}`)
    if (slash < 1 || rules === undefined || bytes.byteLength > MAX_KEY_BYTES) {
      throw invalidRecord(key, 'its namespace is not registered or the key is too long')
    }
    return { bytes, rest: key.slice(slash + 1), rules }
  }

  async function put(key: string, value: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    const { bytes, rest, rules } = rulesOf(key)
    if (!(await isValid(rules, rest, value))) throw invalidRecord(key, 'its own rules refuse the value')
    let stored = 0
    for await (const event of query(`putting ${key}`, signal, (signal) =>
      kad.put(bytes, value, { signal }),
    )) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') stored++
    }
    log.debug('record put', { key, stored })
  }

  async function get(key: string, { signal }: CallOptions = {}): Promise<Uint8Array | undefined> {
    const { bytes, rest, rules } = rulesOf(key)
    let best: Uint8Array | undefined
    wanted.set(key, undefined)
    try {
      for await (const event of query(`getting ${key}`, signal, (signal) => kad.get(bytes, { signal }))) {
        if (event.name === 'VALUE') best = event.value
      }
    } catch (error) {
      // kad-dht fails when a peer that holds an older value does not take the better one: the better one is known by then.
      best = wanted.get(key)
      if (best === undefined) throw error
      log.debug('a peer keeps an older record', { key, error: String(error) })
    } finally {
      wanted.delete(key)
    }
    return best !== undefined && (await isValid(rules, rest, best)) ? new Uint8Array(best) : undefined
  }

  function registerRecord(namespace: string, rules: RecordRules): void {
    if (!NAMESPACE.test(namespace)) throw new RangeError(`${namespace} is no namespace: ${NAMESPACE}`)
    registered.set(namespace, rules)
    kad.validators[namespace] = async (key, value) => {
      if (await isValid(rules, restOf(namespace, key), value)) return
      throw invalidRecord(restOf(namespace, key), 'its rules refuse the value')
    }
    kad.selectors[namespace] = (key, values) => {
      const index = rules.select(restOf(namespace, key), values)
      const name = `${namespace}/${restOf(namespace, key)}`
      if (wanted.has(name)) wanted.set(name, values[index])
      return index
    }
  }

  return {
    provide: async (key, { signal } = {}) => {
      const cid = cidOf(network, key)
      for await (const _ of query(`providing ${key}`, signal, (signal) => kad.provide(cid, { signal })));
    },
    stopProviding: (key) => kad.cancelReprovide(cidOf(network, key)),
    findProviders,
    put,
    get,
    registerRecord,
  }
}

function cidOf(network: string, key: string): CID {
  const digest = createHash('sha256').update(`nightshift/${network}\0${key}`).digest()
  return CID.createV1(raw.code, createDigest(SHA2_256, digest))
}

function restOf(namespace: string, key: Uint8Array): string {
  return new TextDecoder().decode(key).slice(namespace.length + 2)
}

async function isValid(rules: RecordRules, rest: string, value: Uint8Array): Promise<boolean> {
  if (value.byteLength > MAX_RECORD_BYTES || rest.length > MAX_KEY_BYTES) return false
  try {
    return await rules.validate(rest, value)
  } catch {
    return false
  }
}

function invalidRecord(key: string, why: string): NightshiftError {
  return new NightshiftError('RECORD_INVALID', `the record ${key} is invalid: ${why}`, {
    advice: `Register the namespace, keep values under ${MAX_RECORD_BYTES} bytes, and sign what the rules want signed.`,
    context: { key },
  })
}
