import { toHex } from '../../protocols/bytes.js'
import type { LeaseRecord } from './ledger.js'

/** A lease as people and programs are told of it: amounts are text of atomic units, names hex. */
export interface LeaseSummary {
  lease: string
  order: string
  renter: string
  state: LeaseRecord['state']
  pricePerHour: string
  deposit: string
  paid: string
  voucher?: { amount: string; sequence: string; final: boolean }
  closing?: string
  because?: string
}

export function summarize(record: LeaseRecord): LeaseSummary {
  const { best, closing, because } = record
  return {
    lease: toHex(record.lease),
    order: toHex(record.orderId),
    renter: record.renter,
    state: record.state,
    pricePerHour: String(record.terms.pricePerHour),
    deposit: String(record.deposit),
    paid: String(record.paid),
    ...(best && {
      voucher: { amount: String(best.amount), sequence: String(best.sequence), final: best.final },
    }),
    ...(closing === undefined ? {} : { closing }),
    ...(because === undefined ? {} : { because }),
  }
}
