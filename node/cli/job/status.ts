import type { Json } from '../../control/view.js'
import type { DeploymentReport } from '../../renter/event.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { percent, shortPeer, showAmount } from '../story.js'
import type { Style } from '../style.js'
import { renderPairs, renderTable } from '../table.js'
import { renderWorkflow } from '../workflow.js'
import { findWork } from './find.js'
import { openJobs } from './open.js'

export async function run(invocation: Invocation): Promise<number> {
  const jobs = await openJobs(invocation)
  try {
    const { report } = invocation
    const work = await findWork(jobs, invocation.arguments[0] ?? '')
    if (work.kind === 'workflow') {
      report.result(work.workflow, renderWorkflow(work.workflow, report.out.style))
      return EXIT.OK
    }
    const { job } = work
    const decimals = job.decimals ?? (await jobs.decimals())
    report.result(job, renderJob(job, decimals, report.out.style))
    return EXIT.OK
  } finally {
    await jobs.close()
  }
}

export function renderJob(job: Json<DeploymentReport>, decimals: number | undefined, style: Style): string {
  const why = [job.reason, job.detail].filter((part) => part !== undefined && part !== '').join(', ')
  const pairs: Array<[string, string]> = [
    ['job', `${job.name}  ${job.id}`],
    ['state', why === '' ? job.state : `${job.state}: ${why}`],
  ]
  if (job.winner !== undefined) pairs.push(['provider', job.winner])
  if (job.orderToLeaseMs !== undefined) pairs.push(['order to lease', `${job.orderToLeaseMs} ms`])
  if (job.accuracy !== undefined) pairs.push(['accuracy', percent(job.accuracy)])
  for (const output of job.outputs) pairs.push(['result', `${output.path} (${output.bytes} bytes)`])
  if (job.comparison !== undefined) pairs.push(['comparison', describeComparison(job.comparison)])
  const parts = [renderPairs(pairs, style.dim)]
  if (job.copies !== undefined) parts.push(renderCopies(job.copies, style))
  if (job.bids.length > 0) parts.push(renderBids(job, decimals, style))
  if (job.challenges.length > 0) parts.push(renderChallenges(job, style))
  if (job.settlements.length > 0) parts.push(renderSettlements(job, decimals, style))
  if (job.slashes.length > 0) parts.push(renderSlashes(job, decimals, style))
  return parts.join('\n')
}

function describeComparison({ agreed, odd }: NonNullable<Json<DeploymentReport>['comparison']>): string {
  if (agreed) return 'all results are the same'
  return odd.length === 0 ? 'the results differ' : `odd: ${odd.map(shortPeer).join(', ')}`
}

function renderCopies(copies: NonNullable<Json<DeploymentReport>['copies']>, style: Style): string {
  return renderTable(
    copies,
    [
      { title: 'COPY OF', cell: (copy) => shortPeer(copy.peer) },
      { title: 'STATE', cell: (copy) => copy.state },
      { title: 'RESULT', cell: (copy) => copy.hash?.slice(0, 12) ?? '-' },
      { title: 'REASON', cell: (copy) => copy.reason ?? '' },
    ],
    style.dim,
  )
}

function renderBids(job: Json<DeploymentReport>, decimals: number | undefined, style: Style): string {
  return renderTable(
    job.bids,
    [
      { title: 'BID OF', cell: (bid) => shortPeer(bid.peer) },
      { title: 'TOKENS/H', align: 'right', cell: (bid) => showAmount(bid.pricePerHour, decimals) },
      { title: 'OUTCOME', cell: (bid) => bid.outcome },
      { title: 'REASON', cell: (bid) => bid.reason ?? '' },
    ],
    style.dim,
  )
}

function renderChallenges(job: Json<DeploymentReport>, style: Style): string {
  return renderTable(
    job.challenges,
    [
      { title: 'PROOF OF', cell: (challenge) => shortPeer(challenge.peer) },
      { title: 'VERDICT', cell: (challenge) => (challenge.ok ? style.green('passed') : style.red('failed')) },
      { title: 'PROVED IN', align: 'right', cell: (challenge) => `${Math.round(challenge.provingMs)} ms` },
      { title: 'CHECKED IN', align: 'right', cell: (challenge) => `${Math.round(challenge.checkingMs)} ms` },
      { title: 'REASON', cell: (challenge) => challenge.reason ?? '' },
    ],
    style.dim,
  )
}

function renderSettlements(job: Json<DeploymentReport>, decimals: number | undefined, style: Style): string {
  return renderTable(
    job.settlements,
    [
      { title: 'LEASE', cell: (lease) => shortPeer(lease.lease) },
      { title: 'WITH', cell: (lease) => shortPeer(lease.peer) },
      { title: 'DEPOSITED', align: 'right', cell: (lease) => showAmount(lease.deposited, decimals) },
      { title: 'PAID', align: 'right', cell: (lease) => showAmount(lease.paid, decimals) },
      { title: 'REFUNDED', align: 'right', cell: (lease) => showAmount(lease.refunded, decimals) },
      { title: 'TRANSACTIONS', align: 'right', cell: (lease) => String(lease.transactions.length) },
    ],
    style.dim,
  )
}

function renderSlashes(job: Json<DeploymentReport>, decimals: number | undefined, style: Style): string {
  return renderTable(
    job.slashes,
    [
      { title: 'SLASHED', cell: (slash) => shortPeer(slash.peer) },
      { title: 'STAKE LOST', align: 'right', cell: (slash) => showAmount(slash.amount, decimals) },
      { title: 'COMPENSATION', align: 'right', cell: (slash) => showAmount(slash.compensation, decimals) },
      { title: 'BOUNTY', align: 'right', cell: (slash) => showAmount(slash.bounty, decimals) },
      { title: 'TRANSACTIONS', align: 'right', cell: (slash) => String(slash.transactions.length) },
    ],
    style.dim,
  )
}
