import { type BackingRefusal, depositOf, judgeBacking } from '../../protocols/auction/backing.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import type { Refusal } from '../../protocols/errors.js'
import type { Admission } from './admission.js'
import type { KnownOrder, OrderTable } from './orders.js'

export type OrderDoubt = BackingRefusal | 'TOO_MANY_ORDERS' | 'CONSENT_REFUSED'

/**
 * Whether an order may cost everybody's attention: few of one renter and one wallet, with the wallet's own consent, and with a
 * deposit that no other open order counts on. Nodes hear orders in different sequences and ask the chain at different times, so a
 * refusal says nothing against the neighbour that passed it on.
 */
export interface Backing {
  /** `held`: what the wallet holds as far as the chain has said; undefined: the chain says nothing of this wallet. */
  judge(
    peer: string,
    order: Order,
    known?: KnownOrder,
  ): Promise<Refusal<OrderDoubt> | { held: bigint | undefined }>
}

export function createBacking(parts: {
  admission: Admission
  orders: OrderTable
  /** Of one renter, and of one wallet, open at once. */
  maxOpen: number
}): Backing {
  const { admission, orders, maxOpen } = parts

  return {
    judge: async (peer, order, known) => {
      const wallet = toHex(order.wallet)
      const deposit = depositOf(order)
      const crowd = (): Refusal<OrderDoubt> | undefined => {
        const open = orders.openOf(peer, wallet) - (known === undefined ? 0 : 1)
        if (open < maxOpen) return undefined
        return { refused: 'TOO_MANY_ORDERS', detail: `${open} orders of one renter or wallet are open` }
      }
      const early = crowd()
      if (early !== undefined) return early
      const consent = await admission.judgeConsent(order, peer)
      if (consent !== undefined) return { refused: 'CONSENT_REFUSED', detail: consent.detail }
      const pending = orders
        .claimsOn(wallet, known)
        .reduce((sum, claim) => sum + (claim.awarded ? 0n : claim.deposit), deposit)
      const [canPay, leastDeposit] = await Promise.all([
        admission.canPay(order.wallet, pending),
        admission.leastDeposit(),
      ])
      // While the chain was asked others may have come.
      const late = crowd()
      if (late !== undefined) return late
      const held = canPay === undefined ? undefined : admission.held(order.wallet)
      if (canPay !== undefined && held === undefined) {
        return { refused: 'OVERDRAWN', detail: 'the chain was not asked for the wallet in time' }
      }
      const claims = orders.claimsOn(wallet, known)
      const facts = { held: held ?? deposit, leastDeposit }
      return judgeBacking(deposit, held === undefined ? [] : claims, facts) ?? { held }
    },
  }
}
