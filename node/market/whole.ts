import { topicName } from '../../protocols/descriptor.js'
import type { Gossip } from '../net/ports.js'
import type { Place } from './place.js'

const WHOLE = ['']

/** A market that is not divided: one topic for each word, and everybody in it. */
export function createWholeMarket(network: { name: string; gossip: Gossip }): Place {
  const { name, gossip } = network
  const words = new Set<string>()
  return {
    attach: (word, rulesOf) => {
      gossip.join(topicName(name, word), rulesOf(''))
      words.add(word)
      return () => {
        words.delete(word)
        gossip.leave(topicName(name, word))
      }
    },
    settle: () => {},
    seek: async () => {},
    joined: () => WHOLE,
    publish: async (word, _shards, data) => (await gossip.publish(topicName(name, word), data)).recipients,
    peers: () => [...new Set([...words].flatMap((word) => gossip.peers(topicName(name, word))))],
    onNeighbours: () => () => {},
    close: () => {
      for (const word of words) gossip.leave(topicName(name, word))
    },
  }
}
