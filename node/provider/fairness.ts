import { judgeResult } from '../../protocols/auction/audit.js'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import { toHex } from '../../protocols/bytes.js'
import type { Log } from '../../protocols/ports.js'
import type { ReceivedCommitment, ReceivedResult } from '../market/announcements.js'
import type { ReceivedOrder } from '../market/orders.js'

/** Watches the auctions of a market and audits the results of those that this node has bid in. */
export interface Fairness {
  ordered(signed: ReceivedOrder): void
  committed(commitment: Pick<ReceivedCommitment, 'orderId' | 'peer' | 'hash'>): void
  /** The renter has confirmed this node's bid: a result without it is a lie. */
  taken(orderId: Uint8Array): void
  judge(received: ReceivedResult): Promise<void>
  /** Results that contradict themselves or what was announced. */
  unfair(): number
}

/** Auctions at once; each keeps up to `maxBids` commitments of about 100 bytes. */
const MAX_WATCHED = 256

interface Watched {
  signed: ReceivedOrder
  commitments: Map<string, Uint8Array>
  isTaken: boolean
}

export function createFairness(parts: { self: string; log: Log }): Fairness {
  const { self, log } = parts
  const watched = new Map<string, Watched>()
  let unfair = 0
  return {
    ordered: (signed) => {
      watched.set(toHex(signed.orderId), { signed, commitments: new Map(), isTaken: false })
      if (watched.size <= MAX_WATCHED) return
      // Those that this node has bid in are what it audits: orders of others do not drive them out.
      const forgotten = [...watched].find(([, { commitments }]) => !commitments.has(self)) ?? [...watched][0]
      if (forgotten !== undefined) watched.delete(forgotten[0])
    },
    committed: ({ orderId, peer, hash }) => {
      const commitments = watched.get(toHex(orderId))?.commitments
      if (commitments === undefined || commitments.size >= AUCTION_LIMITS.maxBids) return
      commitments.set(peer, hash)
    },
    taken: (orderId) => {
      const auction = watched.get(toHex(orderId))
      if (auction !== undefined) auction.isTaken = true
    },
    judge: async ({ orderId, peer, result }) => {
      const auction = watched.get(toHex(orderId))
      if (auction === undefined || !auction.commitments.has(self)) return
      const { signed, commitments, isTaken } = auction
      const seen = { order: signed.order, orderId, commitments, ...(isTaken && { revealedBy: self }) }
      const { verdict, findings } = await judgeResult(seen, result)
      if (verdict !== 'unfair' && verdict !== 'cheated') return
      if (verdict === 'unfair') unfair++
      const told = findings.map(({ code, peer, detail }) => `${code}${peer ? ` ${peer}` : ''}: ${detail}`)
      log.warn('an auction was not run as announced', { order: toHex(orderId), renter: peer, findings: told })
    },
    unfair: () => unfair,
  }
}
