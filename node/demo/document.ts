import type { Json } from '../control/view.js'
import type { DeploymentReport } from '../renter/event.js'

/** The demo's one document: `nightshift demo --json` prints it, tests and benches read it. Amounts in atomic units. */
export interface DemoDocument {
  ok: boolean
  orderToLeaseMs: number | null
  bids: Array<{ peer: string; pricePerHour: string; outcome: string; reason?: string }>
  winner: string | null
  challenges: Array<{ peer: string; ok: boolean; reason?: string }>
  job: { state: string; accuracy: number | null }
  /** `transactions`: those of all leases and of the slashing; `slashed`: taken from stakes for false proofs. */
  chain: { transactions: number; deposited: string; paid: string; refunded: string; slashed: string }
  /** Of the scenario `midnight`. */
  failover?: Failover
}

export interface Failover {
  /** Steps that were done elsewhere when the second provider began; null: it never did. */
  continuedFrom: number | null
  /** Steps that the first had told of, and that were done again. */
  lostSteps: number | null
  /** From the owner's command to the job running elsewhere. */
  movedMs: number | null
  /** Bit for bit that of the undisturbed run. */
  sameModel: boolean
}

export function writeDocument(ok: boolean, report: Json<DeploymentReport> | undefined): DemoDocument {
  const settlements = report?.settlements ?? []
  const slashes = report?.slashes ?? []
  const sum = (pick: (settlement: (typeof settlements)[number]) => string) =>
    settlements.reduce((total, settlement) => total + BigInt(pick(settlement)), 0n).toString()
  return {
    ok,
    orderToLeaseMs: report?.orderToLeaseMs ?? null,
    bids: (report?.bids ?? []).map(({ peer, pricePerHour, outcome, reason }) => ({
      peer,
      pricePerHour,
      outcome,
      ...(reason === undefined ? {} : { reason }),
    })),
    winner: report?.winner ?? null,
    challenges: (report?.challenges ?? []).map(({ peer, ok: passed, reason }) => ({
      peer,
      ok: passed,
      ...(reason === undefined ? {} : { reason }),
    })),
    job: { state: report?.state ?? 'FAILED', accuracy: report?.accuracy ?? null },
    chain: {
      transactions: [...settlements, ...slashes].reduce(
        (total, { transactions }) => total + transactions.length,
        0,
      ),
      deposited: sum(({ deposited }) => deposited),
      paid: sum(({ paid }) => paid),
      refunded: sum(({ refunded }) => refunded),
      slashed: slashes.reduce((total, { amount }) => total + BigInt(amount), 0n).toString(),
    },
  }
}
