import { equal, hash, toHex } from '../../protocols/bytes.js'
import { type ChallengeFailure, isLie } from '../../protocols/challenge/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { type Attempt, loseStanding, moveTo } from './attempt.js'
import { complete, endWithFewer, explainFailure, lookOn, type Places, tellCopy, watch } from './award.js'
import type { FraudRecord } from './fraud.js'
import type { LeaseRecord } from './lease.js'
import type { LeftLease, Recovered } from './ongoing.js'
import { startReclaim } from './refund.js'
import { reopenLease } from './reopen.js'
import { finish, type RunOutcome, runLease } from './run.js'

/** Goes on with the leases that an earlier process left. True when they have done the job. */
export async function resumeLeases(attempt: Attempt, { leases, done, failed }: Recovered): Promise<boolean> {
  for (const lease of failed) startReclaim(attempt, lease, await fraudIn(attempt, lease))
  const isRunning = leases.some(({ isProved }) => isProved) || done.size > 0
  await moveTo(attempt, isRunning ? JobState.RUNNING : JobState.MATCHING, 'RENTER_RESTARTED')
  if (leases.length === 0) return false
  const places: Places = {
    bids: new Map(
      leases.map(({ lease: { peer, terms } }) => [peer, terms.pricePerHour / BigInt(terms.devices)]),
    ),
    failed: new Map(),
    prices: new Map(),
    signed: new Map(),
    running: new Map(),
    done: new Map(done),
  }
  for (const left of leases) {
    const run = goOn(attempt, left)
    // Looked at below; one that fails meanwhile waits for that.
    run.catch(() => {})
    places.running.set(left.lease.peer, run)
  }
  if ((await watch(attempt, places)) === undefined) return complete(attempt, places)
  await lookOn(attempt)
  return endWithFewer(attempt, places)
}

async function goOn(attempt: Attempt, left: LeftLease): Promise<RunOutcome> {
  const { parts, report, tell, signal } = attempt
  const { lease, orderedAtMs } = left
  const { peer } = lease
  const lost = await lostBecause(attempt, lease)
  if (lost !== undefined) return { failed: lost }
  if (left.isDelivered) {
    report.winner ??= peer
    if (lease.state !== 'closed') await finish(attempt, lease, 0)
    return { hash: DELIVERED }
  }
  try {
    const found = await reopenLease(parts, lease, signal)
    if (found !== 'open') {
      startReclaim(attempt, lease)
      return { failed: found === 'ended' ? 'LEASE_ENDED' : 'LEASE_NOT_OPENED' }
    }
  } catch (error) {
    startReclaim(attempt, lease)
    return { failed: await explainFailure(attempt, peer, error) }
  }
  if (orderedAtMs !== undefined) {
    const orderToLeaseMs = parts.clock.now() - orderedAtMs
    const { deposit } = lease
    // Which transaction opened it is told with the lease's end, when all of them are read back from the chain.
    tell({ kind: 'leased', peer, lease: toHex(lease.address), transaction: '', deposit, orderToLeaseMs })
  }
  tellCopy(attempt, { peer, state: 'running' })
  parts.settler.doubt(lease)
  return runLease(attempt, lease, left)
}

/** What was delivered and paid for was compared, or told, before. */
const DELIVERED = hash('nightshift/delivered/1')

/** Why the provider of a lease is not gone on with: it lied, or lost its standing, before this node went down. */
async function lostBecause(attempt: Attempt, lease: LeaseRecord): Promise<string | undefined> {
  const { parts } = attempt
  const { peer } = lease
  const fraud = await fraudIn(attempt, lease)
  const lost = fraud === undefined ? await parts.standing.lostBecause(peer) : reasonOf(fraud)
  if (lost === undefined) return undefined
  if (fraud !== undefined) await loseStanding(attempt, peer, lost, isLie(reasonOf(fraud)))
  startReclaim(attempt, lease, fraud)
  return lost
}

function reasonOf({ evidence }: FraudRecord): ChallengeFailure {
  return 'opening' in evidence ? 'OPENING_DIFFERS' : 'OPENING_MISSING'
}

async function fraudIn({ parts }: Attempt, lease: LeaseRecord): Promise<FraudRecord | undefined> {
  const records = await parts.prosecutor.records()
  return records.find(
    ({ lease: of, state }) => state !== 'refused' && state !== 'answered' && equal(of, lease.address),
  )
}
