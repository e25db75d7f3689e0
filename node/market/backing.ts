import { type BackingRefusal, depositOf, judgeBacking } from '../../protocols/auction/backing.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import type { Refusal } from '../../protocols/errors.js'
import type { Admission } from './admission.js'
import type { KnownOrder, OrderTable } from './orders.js'

export type OrderDoubt = BackingRefusal | 'TOO_MANY_ORDERS' | 'CONSENT_REFUSED' | 'FUNDS_UNKNOWN'

/**
 * Whether an order may cost everybody's attention: few of one renter and one wallet, with the wallet's own consent, and with a
 * deposit that no other open order counts on. Nodes hear orders in different sequences and ask the chain at different times, so a
 * refusal says nothing against the neighbour that passed it on.
 */
export interface Backing {
  /** What has to be asked: the wallet's consent, and the chain. */
  ask(peer: string, order: Order, known?: KnownOrder): Promise<Refusal<OrderDoubt> | Means>
  /**
   * Whether there is enough beside what is known now. Asked at once before the order is remembered: of two that were asked
   * about at the same time only the first may count on what is left. `known`: it is remembered already.
   */
  weigh(peer: string, order: Order, means: Means, known?: KnownOrder): Refusal<OrderDoubt> | undefined
}

export interface Means {
  /** What the wallet holds as far as the chain has said, atomic units; undefined: it says nothing of this wallet. */
  held: bigint | undefined
  leastDeposit: bigint
}

export function createBacking(parts: {
  admission: Admission
  orders: OrderTable
  /** Of one renter, and of one wallet, open at once. */
  maxOpen: number
}): Backing {
  const { admission, orders, maxOpen } = parts

  function crowd(peer: string, order: Order, known?: KnownOrder): Refusal<OrderDoubt> | undefined {
    const open = orders.openOf(peer, toHex(order.wallet)) - (known === undefined ? 0 : 1)
    if (open < maxOpen) return undefined
    return { refused: 'TOO_MANY_ORDERS', detail: `${open} orders of one renter or wallet are open` }
  }

  return {
    ask: async (peer, order, known) => {
      const crowded = crowd(peer, order, known)
      if (crowded !== undefined) return crowded
      const consent = await admission.judgeConsent(order, peer)
      if (consent !== undefined) return { refused: 'CONSENT_REFUSED', detail: consent.detail }
      const pending = orders
        .claimsOn(toHex(order.wallet), known)
        .reduce((sum, claim) => sum + (claim.awarded ? 0n : claim.deposit), depositOf(order))
      const [canPay, leastDeposit] = await Promise.all([
        admission.canPay(order.wallet, pending),
        admission.leastDeposit(),
      ])
      if (canPay === undefined) return { held: undefined, leastDeposit }
      const held = admission.held(order.wallet)
      if (held !== undefined) return { held, leastDeposit }
      // A flood of questions to the chain is no reason to believe in a wallet.
      return { refused: 'FUNDS_UNKNOWN', detail: 'the chain did not say in time what the wallet holds' }
    },
    weigh: (peer, order, { held, leastDeposit }, known) => {
      const deposit = depositOf(order)
      const claims = held === undefined ? [] : orders.claimsOn(toHex(order.wallet), known)
      const facts = { held: held ?? deposit, leastDeposit }
      return crowd(peer, order, known) ?? judgeBacking(deposit, claims, facts)
    },
  }
}
