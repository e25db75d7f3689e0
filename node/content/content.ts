import { toHex } from '../../protocols/bytes.js'
import { chunkCount, LEAF_BYTES } from '../../protocols/job/content.js'
import { contentProtocol } from '../../protocols/job/protocol.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import { fetchContent } from './fetching.js'
import { createPace } from './pace.js'
import type { Content, FindContent, OfferedContent, TransferRates } from './port.js'
import { computeLeaves, serveContent } from './serving.js'
import { createThrottle } from './throttle.js'

/**
 * Lists of leaves that are kept in memory: to make one again a whole blob is read, and anybody may ask for those of shared ones,
 * one after the other. So much belongs to 128 GiB, more than a cache of the default size has.
 */
const KEPT_LEAVES_BYTES = 16 * 2 ** 20
const KEPT_LEAVES = 4_096
/** Shared blobs that are announced: each costs twenty peers a record, again every day. */
const MAX_ANNOUNCED = 64
/** Others that are asked for a shared blob, and how long they are looked for. */
const MAX_OTHERS = 4
const SEARCH_MS = 5_000

/** One for each network: all transfers of a node share its rates and its one handler. */
export function createContent(parts: {
  network: Pick<Network, 'engine' | 'dht'>
  clock: Clock
  random: Random
  log: Log
  rates?: TransferRates
}): Content {
  const { network, clock, random, log, rates = {} } = parts
  const { engine, dht } = network
  const up = createThrottle(rates.upBytesPerSecond, clock)
  const down = createThrottle(rates.downBytesPerSecond, clock)
  const finders = new Set<FindContent>()
  const announced = new Set<string>()
  const leaves = new Map<string, { list: Promise<Uint8Array>; bytes: number }>()
  let leavesBytes = 0
  const stopping = new AbortController()

  const find: FindContent = async (root, peer, signal) => {
    for (const finder of [...finders]) {
      const found = await finder(root, peer, signal)
      if (found === undefined) continue
      // In turn: jobs with the same input and provider share what its requests count for.
      if (finders.delete(finder)) finders.add(finder)
      return found
    }
    return undefined
  }

  async function leavesOf(root: Uint8Array, content: OfferedContent): Promise<Uint8Array> {
    if (content.leaves !== undefined) return content.leaves
    const name = toHex(root)
    const known = leaves.get(name) ?? makeLeaves(name, content)
    // The newest last: a Map keeps the order of insertion.
    forgetLeaves(name)
    leaves.set(name, known)
    leavesBytes += known.bytes
    while (leaves.size > KEPT_LEAVES || (leavesBytes > KEPT_LEAVES_BYTES && leaves.size > 1)) {
      forgetLeaves(leaves.keys().next().value as string)
    }
    return known.list
  }

  function makeLeaves(name: string, content: OfferedContent) {
    const list = computeLeaves(content)
    const made = { list, bytes: chunkCount(content.bytes) * LEAF_BYTES }
    list.catch(() => leaves.get(name) === made && forgetLeaves(name))
    return made
  }

  function forgetLeaves(name: string): void {
    leavesBytes -= leaves.get(name)?.bytes ?? 0
    leaves.delete(name)
  }

  async function* findPeers(root: Uint8Array, signal: AbortSignal): AsyncGenerator<string> {
    const late = new AbortController()
    const cancel = clock.after(SEARCH_MS, () => late.abort(new Error('the search took too long')))
    try {
      const limit = { signal: AbortSignal.any([signal, late.signal]), limit: MAX_OTHERS }
      for await (const { peer } of dht.findProviders(keyOf(toHex(root)), limit)) yield peer
    } catch (error) {
      if (signal.aborted) throw error
      log.debug('the search for a blob ended', { root: toHex(root), error: String(error) })
    } finally {
      cancel()
    }
  }

  let serving: Promise<void> | undefined

  return {
    fetch: (wanted, signal) =>
      fetchContent(
        { engine, clock, random, log, down, findPeers },
        wanted,
        AbortSignal.any([signal, stopping.signal]),
      ),
    serve: () =>
      (serving ??= engine.handle(contentProtocol, (session) =>
        serveContent(session, { find, leavesOf, up }),
      )),
    offer: (finder) => {
      finders.add(finder)
      return () => void finders.delete(finder)
    },
    announce: (root) => {
      const name = toHex(root)
      if (announced.has(name)) return true
      if (announced.size >= MAX_ANNOUNCED) return false
      announced.add(name)
      dht.provide(keyOf(name), { signal: stopping.signal }).catch((error) => {
        log.debug('a shared blob could not be announced', { root: name, error: String(error) })
      })
      return true
    },
    withdraw: (root) => {
      if (!announced.delete(toHex(root))) return
      dht.stopProviding(keyOf(toHex(root))).catch((error) => {
        log.debug('a shared blob could not be withdrawn', { root: toHex(root), error: String(error) })
      })
    },
    pace: (totalBytes, tell) => createPace(clock, totalBytes, tell),
    stop: async () => {
      stopping.abort(new Error('the node stops'))
      finders.clear()
      if (serving !== undefined) await engine.unhandle(contentProtocol)
    },
  }
}

function keyOf(root: string): string {
  return `content/${root}`
}
