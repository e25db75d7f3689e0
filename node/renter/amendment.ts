import { toHex } from '../../protocols/bytes.js'
import { hasEnded } from '../../protocols/job/rules.js'
import type { Clock } from '../../protocols/ports.js'
import type { DeploymentEvent, DeploymentReport } from './event.js'
import type { FraudRecord } from './fraud.js'
import type { Journal } from './journal.js'
import type { LeaseRecord } from './lease.js'
import { note, slashOf } from './report.js'

/** What is added to the story of a job that no process is at: what the chain did later, or before a restart. */
export interface Amendments {
  /** An event of a job that has ended: into its report and its log. */
  amend(report: DeploymentReport, event: DeploymentEvent): Promise<void>
  /** How a lease ended, unless the story tells it already. */
  addSettlement(lease: LeaseRecord): Promise<void>
  /** What a lie has cost, unless the story tells it already. */
  addSlash(fraud: FraudRecord): Promise<void>
}

export function createAmendments({ journal, clock }: { journal: Journal; clock: Clock }): Amendments {
  // One after the other: each reads the report, adds to it and writes it back.
  let last: Promise<void> = Promise.resolve()
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const done = last.then(act)
    last = done.catch(() => {})
    return done
  }

  async function amend(report: DeploymentReport, event: DeploymentEvent): Promise<void> {
    note(report, event)
    await journal.amend(report.id, event)
    await journal.save(report)
  }

  /** The log is written before the report: after a crash between the two only the report is behind. */
  async function amendOnce(
    report: DeploymentReport,
    event: DeploymentEvent,
    isSame: (told: DeploymentEvent) => boolean,
  ): Promise<void> {
    let told: DeploymentEvent | undefined
    for await (const one of journal.events(report.id)) if (isSame(one)) told = one
    if (told === undefined) await journal.amend(report.id, event)
    // The report of a job that goes on is made of its events again.
    if (!hasEnded(report.state)) return
    note(report, told ?? event)
    await journal.save(report)
  }

  return {
    amend,
    addSettlement: ({ deployment, peer, address, outcome }) =>
      inTurn(async () => {
        const report = await journal.report(deployment)
        const lease = toHex(address)
        if (report === undefined || outcome === undefined) return
        if (report.settlements.some((settlement) => settlement.lease === lease)) return
        await amendOnce(
          report,
          { atMs: clock.now(), kind: 'settled', settlement: { peer, lease, ...outcome } },
          (told) => told.kind === 'settled' && told.settlement.lease === lease,
        )
      }),
    addSlash: (fraud) =>
      inTurn(async () => {
        const report = await journal.report(fraud.deployment)
        if (report === undefined || fraud.slash === undefined) return
        const slash = slashOf(fraud, fraud.slash)
        if (report.slashes.some(({ lease }) => lease === slash.lease)) return
        await amendOnce(
          report,
          { atMs: clock.now(), kind: 'slashed', ...slash },
          (told) => told.kind === 'slashed' && told.lease === slash.lease,
        )
      }),
  }
}
