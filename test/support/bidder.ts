import type { AuctionTopic } from '../../node/market/announcements.js'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic, type HeartbeatTopic } from '../../node/market/heartbeats.js'
import type { SessionHandler } from '../../node/net/ports.js'
import type { Session } from '../../node/net/session.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { sealBid } from '../../protocols/auction/bid.js'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { windowsOf } from '../../protocols/auction/rules.js'
import { toHex } from '../../protocols/bytes.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import type { ChallengeRequest, ChallengeResponse } from '../../protocols/challenge/wire.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { jobProtocol } from '../../protocols/job/protocol.js'
import type { JobEvent, JobRequest } from '../../protocols/job/wire.js'
import { leaseProtocol } from '../../protocols/lease/protocol.js'
import type { LeaseResponse } from '../../protocols/lease/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { decodeVoucher } from '../../protocols/settlement/voucher.js'
import type { VirtualClock } from './clock.js'
import { type Holding, holdContent } from './content.js'
import type { Hub, MemoryNetwork } from './memory.js'
import { fill, MARKET, makeHeartbeat } from './messages.js'
import { answer } from './proof.js'
import type { MemoryEscrow } from './renter.js'

/** What a scripted provider does; without a word it is honest. `once`: for its first order only. */
export interface Script {
  pricePerHour: bigint
  /** Says so in its heartbeats; default: the address of this machine. */
  addresses?: string[]
  /** Where its connections come from. */
  remotes?: string[]
  /** Default: for every order; `fair`: for those whose ceiling its price is not above. */
  bids?: false | 'fair' | 'once'
  /** Seconds that its bids promise; default: none. */
  noticeS?: number
  /** `gossip` (default), `asked`: only over the inventory protocol, `silent`: takes the question and never answers. */
  offer?: 'gossip' | 'asked' | 'silent'
  reveal?: (reveal: (price?: bigint) => Promise<string>) => Promise<unknown>
  sign?: () => LeaseResponse | Promise<LeaseResponse>
  challenge?: SessionHandler<ChallengeRequest, ChallengeResponse>
  /** `hold`: what it gives to the renter and takes from it. */
  job?: (session: Session<JobEvent, JobRequest>, hold: Holding) => Promise<void>
  closes?: boolean
}

export interface Bidder {
  network: MemoryNetwork
  heartbeats: HeartbeatTopic
  auctions: AuctionTopic
  /** The answers to its reveals: empty when it was taken. */
  answers: string[]
}

/** A provider of the hub that bids for every order, and then does as its script says. */
export async function joinBidder(
  hub: Hub,
  parts: { clock: VirtualClock; escrow: MemoryEscrow },
  script: Script,
): Promise<Bidder> {
  const { clock, escrow } = parts
  const network = await hub.join()
  hub.remotes.set(network.peer, script.remotes ?? [])
  const options = { network, market: MARKET, clock, log: silentLog }
  const heartbeats = createHeartbeatTopic(options)
  const auctions = createAuctionTopic(options)
  const { engine } = network
  const answers: string[] = []
  let orders = 0
  const taken: LeaseResponse = { refused: '', detail: '', signature: new Uint8Array(64) }
  escrow.stakes.set(toHex(network.publicKey), 1_000n)

  const beat = () =>
    makeHeartbeat({
      timeMs: clock.now(),
      pricePerHour: script.pricePerHour,
      ...(script.addresses && { addresses: script.addresses }),
    })
  await engine.handle(inventoryProtocol, async (session) => {
    await session.receive()
    if (script.offer === 'silent') return new Promise<void>(() => {})
    const { envelope: heartbeat } = await heartbeats.publish(beat())
    await session.send({ heartbeat, benchmarks: [], runningJobs: 0, attestations: [] })
  })
  await engine.handle(leaseProtocol, async (session) => {
    const request = await session.receive()
    await session.send(request?.proposal === undefined ? taken : ((await script.sign?.()) ?? taken))
  })
  await engine.handle(
    challengeProtocol,
    script.challenge ?? ((session) => answer(session, network, solanaKeyOf(session.peer), {})),
  )
  const hold = await holdContent(network)
  await engine.handle(jobProtocol, async (session) => script.job?.(session, hold))
  await engine.handle(settlementProtocol, async (session) => {
    const { voucher, signature } = (await session.receive())!
    const read = decodeVoucher(voucher)
    if (read.final && script.closes !== false) {
      await escrow.closeLease(read.lease, { ...read, bytes: voucher, signature })
    }
    await session.send({ refused: '', detail: '', amount: read.amount, sequence: read.sequence, closing: '' })
  })
  auctions.onOrder(async ({ order, orderId, peer }) => {
    if (script.bids === false || (script.bids === 'once' && orders++ > 0)) return
    if (script.bids === 'fair' && script.pricePerHour > order.ceilingPricePerHour) return
    const bid = {
      orderId,
      pricePerHour: script.pricePerHour,
      salt: systemRandom.bytes(32),
      payout: fill(32, 9),
      ...(script.noticeS === undefined ? {} : { noticeS: script.noticeS }),
    }
    const { envelope, commitment } = await sealBid(bid, network)
    await auctions.publish({ commitment: { orderId, hash: commitment } })
    await clock.sleep(windowsOf(order).commitUntil - clock.now() + 1)
    const reveal = async (pricePerHour = script.pricePerHour) => {
      const shown =
        pricePerHour === script.pricePerHour
          ? envelope
          : (await sealBid({ ...bid, pricePerHour }, network)).envelope
      const { refused } = await engine.request(revealProtocol, peer, { bid: shown })
      answers.push(refused)
      return refused
    }
    await (script.reveal ?? ((act) => act()))(reveal)
  })
  if ((script.offer ?? 'gossip') === 'gossip') await heartbeats.publish(beat())
  return { network, heartbeats, auctions, answers }
}
