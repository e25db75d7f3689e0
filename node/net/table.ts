import type { Clock } from '../../protocols/ports.js'

/**
 * Of the hash table: entries of a bucket and copies of a record (k), questions at once of one query (alpha). BitTorrent's
 * table works with 8 and 3; libp2p's 20 and 10 let every query ask everybody in a network of a hundred.
 */
export const TABLE_SIZES = { kBucketSize: 8, alpha: 3 }
/** Of the closest so many are dialled again when they are lost: of twenty, which is libp2p's number, a small network is all. */
const KEPT_CLOSEST = 4
/** So long a peer that answers name is not looked at again: each time costs a job in a queue and a write to the peer store. */
const NAMED_MS = 60_000
const MAX_NAMED = 4_096
/** Of one peer with all its addresses, which a stranger may have made up by the megabyte: longer ones are not remembered. */
const MAX_NAME_CHARS = 4_096

/** What is reached of kad-dht 16, which has no options for it. */
interface Table {
  routingTable: { closestPeerTagger: { peerSetSize: number } }
  network: { safeDispatchEvent(type: string, init?: { detail?: Named }): boolean }
}

interface Named {
  id: unknown
  multiaddrs: readonly unknown[]
}

/** Before the node starts. */
export function calmTable(kad: unknown, clock: Clock): void {
  const { routingTable, network } = kad as Table
  routingTable.closestPeerTagger.peerSetSize = KEPT_CLOSEST
  const named = new Map<string, number>()
  const dispatch = network.safeDispatchEvent.bind(network)
  network.safeDispatchEvent = (type, init) => {
    const peer = init?.detail
    if (type === 'peer' && peer !== undefined) {
      const name = `${peer.id} ${peer.multiaddrs.join(' ')}`
      if (name.length > MAX_NAME_CHARS) return dispatch(type, init)
      if (clock.elapsed() - (named.get(name) ?? Number.NEGATIVE_INFINITY) < NAMED_MS) return false
      named.delete(name)
      named.set(name, clock.elapsed())
      if (named.size > MAX_NAMED) named.delete(named.keys().next().value as string)
    }
    return dispatch(type, init)
  }
}
