import { findNode } from '../../control/client.js'
import type { Json } from '../../control/view.js'
import type { AuctionAudit } from '../../market/audit.js'
import type { Invocation } from '../command.js'
import { openGuest } from '../daemon.js'
import { EXIT } from '../exit.js'
import { shortPeer, showAmount } from '../story.js'
import type { Style } from '../style.js'
import { renderPairs, renderTable } from '../table.js'

export async function run(invocation: Invocation): Promise<number> {
  const { report, shell } = invocation
  const { config } = await invocation.config()
  const id = invocation.arguments[0] ?? ''
  const running = await findNode(config.dataDir)
  const node = running === undefined ? await openGuest(invocation) : { ...running, close: async () => {} }
  try {
    report.status('asking who was there …')
    const audits = await node.audit(id, shell.signal)
    const decimals = (await node.status()).chain.market?.decimals
    const text = audits.map((audit) => renderAudit(audit, decimals, report.out.style)).join('\n')
    report.result(audits, text)
    return audits.every(isClean) ? EXIT.OK : EXIT.FAILED
  } finally {
    await node.close()
  }
}

/** What only the renter can know is no reproach. */
function isClean({ verdict }: Json<AuctionAudit>): boolean {
  return verdict === 'fair' || verdict === 'unproven'
}

const VERDICTS = {
  fair: 'fair: it was run as it was announced',
  unproven: 'nothing speaks against it, and not all of it can be proved from here',
  cheated: 'a bidder has broken its own commitment, which its two signatures prove',
  unfair: 'unfair: the result contradicts itself or what was announced',
  unknown: 'unknown',
} as const

export function renderAudit(audit: Json<AuctionAudit>, decimals: number | undefined, style: Style): string {
  const paint = isClean(audit) ? style.green : style.red
  const pairs: Array<[string, string]> = [
    ['order', audit.orderId],
    ['renter', audit.renter],
    ['verdict', paint(VERDICTS[audit.verdict])],
  ]
  for (const { peer, pricePerHour } of audit.winners) {
    pairs.push(['winner', `${peer}, paid ${showAmount(pricePerHour, decimals)} tokens per hour`])
  }
  if (audit.round > 0) pairs.push(['round', `${audit.round}: ${audit.round} earlier winners failed`])
  for (const what of audit.unchecked) pairs.push(['not checked', what])
  const parts = [renderPairs(pairs, style.dim)]
  if (audit.bids.length > 0) parts.push(renderBids(audit, decimals, style))
  if (audit.findings.length > 0) parts.push(renderFindings(audit, style))
  return parts.join('\n')
}

function renderBids({ bids }: Json<AuctionAudit>, decimals: number | undefined, style: Style): string {
  return renderTable(
    bids,
    [
      { title: 'BID OF', cell: (bid) => shortPeer(bid.peer) },
      { title: 'TOKENS/H', align: 'right', cell: (bid) => showAmount(bid.pricePerHour, decimals) },
      { title: 'STAKE', align: 'right', cell: (bid) => showAmount(bid.stake, decimals) },
      { title: 'OUTCOME', cell: (bid) => bid.outcome },
    ],
    style.dim,
  )
}

function renderFindings({ findings }: Json<AuctionAudit>, style: Style): string {
  return renderTable(
    findings,
    [
      {
        title: 'FINDING',
        cell: ({ code, weight }) => (weight === 'unfair' || weight === 'cheated' ? style.red(code) : code),
      },
      { title: 'WEIGHT', cell: ({ weight }) => weight },
      { title: 'ROUND', align: 'right', cell: ({ round }) => String(round) },
      { title: 'WHO', cell: ({ peer }) => (peer === undefined ? '' : shortPeer(peer)) },
      { title: 'WHAT', cell: ({ detail }) => detail },
    ],
    style.dim,
  )
}
