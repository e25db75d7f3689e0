import { toHex } from '../../protocols/bytes.js'
import { hasEnded, JOB_LIMITS } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Slash } from '../escrow/port.js'
import type { CheckpointFile, DeploymentEvent, DeploymentReport, SlashOutcome } from './event.js'
import type { FraudRecord } from './fraud.js'

/** Folds an event into the report: the report is what all events so far add up to. */
export function note(report: DeploymentReport, event: DeploymentEvent): void {
  switch (event.kind) {
    case 'state':
      report.state = event.state
      if (hasEnded(event.state)) {
        if (event.reason !== undefined) report.reason = event.reason
        if (event.detail !== undefined) report.detail = event.detail
      }
      break
    case 'bid':
      report.bids = [...report.bids.filter(({ peer }) => peer !== event.bid.peer), event.bid]
      break
    case 'leased':
      report.orderToLeaseMs ??= event.orderToLeaseMs
      break
    case 'challenged':
      report.challenges.push(event.challenge)
      break
    case 'output': {
      const { atMs: _, kind: __, ...output } = event
      report.outputs = [
        ...report.outputs.filter(({ name, peer }) => name !== output.name || peer !== output.peer),
        output,
      ]
      break
    }
    case 'checkpoint':
      report.checkpoints = withCheckpoint(report.checkpoints ?? [], event.checkpoint)
      break
    case 'copy':
      report.copies = [...(report.copies ?? []).filter(({ peer }) => peer !== event.copy.peer), event.copy]
      break
    case 'compared': {
      const { agreed, odd } = event
      report.comparison = { agreed, odd }
      break
    }
    case 'service': {
      const { status, detail, restarts } = event
      report.service = { status, detail, restarts }
      break
    }
    case 'checked':
      report.accuracy = event.accuracy
      break
    case 'settled':
      report.settlements = [
        ...report.settlements.filter(({ lease }) => lease !== event.settlement.lease),
        event.settlement,
      ]
      break
    case 'slashed': {
      const { atMs: _, kind: __, ...slash } = event
      report.slashes = [...report.slashes.filter(({ lease }) => lease !== slash.lease), slash]
      break
    }
  }
}

function withCheckpoint(kept: readonly CheckpointFile[], newest: CheckpointFile): CheckpointFile[] {
  const others = kept.filter(({ file }) => file !== newest.file)
  return [...others, newest].slice(-JOB_LIMITS.keptCheckpoints)
}

/** As the story tells it. */
export function slashOf({ peer, lease }: FraudRecord, { slashed, ...rest }: Slash): SlashOutcome {
  return { peer, lease: toHex(lease), amount: slashed, ...rest }
}

/** Of a job that has just been posted. */
export function emptyReport(
  known: Required<Pick<DeploymentReport, 'id' | 'name' | 'createdAtMs' | 'decimals'>>,
): DeploymentReport {
  const nothing = { bids: [], challenges: [], settlements: [], slashes: [], outputs: [] }
  return { ...known, state: JobState.QUEUED, ...nothing }
}
