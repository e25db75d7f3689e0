import { NightshiftError } from '../../../protocols/errors.js'
import { EXPERIENCES, type ExperienceKind, REPUTATION } from '../../../protocols/inventory/reputation.js'
import { isPeer } from '../../../protocols/peer.js'
import { findNode } from '../../control/client.js'
import type { Json, NodeStatus } from '../../control/view.js'
import type { PeerEvidence } from '../../reputation/port.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { openGuest } from '../daemon.js'
import { EXIT } from '../exit.js'
import { showAmount } from '../story.js'
import type { Style } from '../style.js'
import { PROGRAM } from '../suggestion.js'
import { type Column, renderPairs, renderTable } from '../table.js'

/** Whoever knows: the node that runs, or this process as a node of its own, which has no dealings to remember. */
interface Knower {
  status(): Promise<NodeStatus>
  reputation(peer: string, signal: AbortSignal): Promise<Json<PeerEvidence>>
  close(): Promise<void>
}

const GUEST_LISTENS_MS = 3_000

export async function run(invocation: Invocation): Promise<number> {
  const { report, shell } = invocation
  const { config } = await invocation.config()
  const named = (invocation.arguments[0] ?? '').replace(/^…/, '')
  if (!isPeer(named) && !/^[1-9A-HJ-NP-Za-km-z]{4,64}$/.test(named)) {
    throw new NightshiftError('USAGE', `${JSON.stringify(named)} is no peer id, nor the end of one`, {
      advice: `"${PROGRAM} offers search --all --json" lists them`,
    })
  }
  const running = await findNode(config.dataDir)
  const knower: Knower =
    running === undefined ? await openGuest(invocation) : { ...running, close: async () => {} }
  try {
    if (running === undefined) {
      report.status('listening to the market …')
      await systemClock.sleep(GUEST_LISTENS_MS, shell.signal)
    }
    report.status('reading the chain …')
    const { chain } = await knower.status()
    const evidence = await knower.reputation(named, shell.signal)
    report.result(
      evidence,
      renderEvidence(evidence, chain.market?.decimals, systemClock.now(), report.out.style),
    )
    return EXIT.OK
  } finally {
    await knower.close()
  }
}

export function renderEvidence(
  evidence: Json<PeerEvidence>,
  decimals: number | undefined,
  now: number,
  style: Style,
): string {
  const { peer, reliability, leaseEnds, sinceMs, readAtMs, problem } = evidence
  const good = reliability >= 0.5 ? style.green : style.red
  const ago = (atMs: number) => `${Math.max(0, Math.floor((now - atMs) / 86_400_000))} days ago`
  const pairs: Array<[string, string]> = [
    ['peer', peer],
    ['reliability', `${good(reliability.toFixed(3))} (a newcomer has 0.500)`],
    ['good since', sinceMs === undefined ? '-' : `${new Date(sinceMs).toISOString()}, ${ago(sinceMs)}`],
    [
      'the chain',
      readAtMs === undefined ? style.yellow('never read') : `read ${new Date(readAtMs).toISOString()}`,
    ],
  ]
  if (problem !== undefined) pairs.push(['problem', style.yellow(problem)])
  if (leaseEnds.selfPaid > 0) pairs.push(['not counted', `${leaseEnds.selfPaid} leases that it paid itself`])
  const columns: Column<(typeof evidence.evidence)[number]>[] = [
    { title: 'EVIDENCE', cell: ({ source }) => source },
    { title: 'FOR', align: 'right', cell: (part) => part.good.toFixed(2) },
    { title: 'AGAINST', align: 'right', cell: (part) => part.bad.toFixed(2) },
    { title: 'WHAT', cell: ({ source }) => describe(source, evidence, decimals) },
  ]
  return `${renderPairs(pairs, style.dim)}\n${renderTable(evidence.evidence, columns, style.dim)}`
}

function describe(
  source: PeerEvidence['evidence'][number]['source'],
  { leaseEnds, paid, slashes, silences, verifiers, experience }: Json<PeerEvidence>,
  decimals: number | undefined,
): string {
  const tokens = (amount: string) =>
    `${amount.startsWith('-') ? '-' : ''}${showAmount(amount.replace('-', ''), decimals)} tokens`
  switch (source) {
    case 'prior':
      return `what a newcomer is given; all below it halves in ${REPUTATION.halfLifeMs / 86_400_000} days`
    case 'leases': {
      const { settled, failed, unfinished, renters } = leaseEnds
      return `${settled} settled (${tokens(paid)}), ${failed} failed, ${unfinished} broken off by the renter; ${renters} renters`
    }
    case 'slashes':
      return `slashed ${slashes} times`
    case 'silences':
      return `let ${silences} demands for an opening lapse`
    case 'verifiers':
      return `${verifiers.favourable} of ${verifiers.count} in favour, ${tokens(verifiers.weight)} of stake`
    case 'experience':
      return describeExperience(experience)
  }
}

const WORDS: Readonly<Record<ExperienceKind, string>> = {
  completed: 'jobs done',
  'challenge-passed': 'proofs passed',
  failed: 'jobs broken off or wrong',
  'challenge-failed': 'proofs failed',
  unsigned: 'wins not signed',
  withheld: 'bids withheld',
  paused: 'jobs paused',
  lied: 'lies proven',
}

function describeExperience(experience: Json<PeerEvidence>['experience']): string {
  const kinds = Object.keys(EXPERIENCES) as ExperienceKind[]
  const told = kinds.flatMap((kind) => {
    const count = experience[kind]
    return count === undefined ? [] : [`${count} ${WORDS[kind]}`]
  })
  return told.join(', ') || 'this node has not dealt with it'
}
