import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { sealAnnouncement } from '../../../node/market/announcements.js'
import { BIDDERS } from '../../../protocols/auction/turnout.js'
import { seal } from '../../../protocols/envelope.js'
import { Heartbeat } from '../../../protocols/heartbeat/wire.js'
import { fill, makeHeartbeat, makeOrder } from '../../support/messages.js'

/** Bytes of the sealed messages of a market, as this program encodes them. */
export interface Sizes {
  heartbeat: number
  order: number
  commitment: number
  result: number
}

export async function measureSizes(): Promise<Sizes> {
  const key = await generateKeyPairFromSeed('Ed25519', fill(32, 1))
  const peer = peerIdFromPrivateKey(key).toString()
  const address = `/ip4/203.0.113.7/tcp/4771/p2p/${peer}`
  const beat = makeHeartbeat({ addresses: [address], attestations: 4, attestationsDigest: fill(32, 2) })
  const bid = await seal({ word: 'auction/bid', payload: fill(112, 3), key })
  const bids = Array.from({ length: BIDDERS }, () => ({ envelope: bid, outcome: 'qualified' }))
  const result = { orderId: fill(32, 4), bids, winner: peer, pricePerHour: 250_000n, round: 0 }
  const bytesOf = async (announcement: Parameters<typeof sealAnnouncement>[0]) =>
    (await sealAnnouncement(announcement, key)).envelope.length
  return {
    heartbeat: (await seal({ word: 'heartbeat', payload: Heartbeat.encode(beat), key })).length,
    order: await bytesOf({ order: makeOrder({ addresses: [address] }) }),
    commitment: await bytesOf({ commitment: { orderId: fill(32, 4), hash: fill(32, 5) } }),
    result: await bytesOf({ result } as Parameters<typeof sealAnnouncement>[0]),
  }
}
