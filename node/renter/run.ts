import { toHex } from '../../protocols/bytes.js'
import { isLie } from '../../protocols/challenge/rules.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { outputsHashOf } from '../../protocols/job/copies.js'
import { STALL_MS } from '../../protocols/job/protocol.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { type Attempt, countOf, isOurs, isService, loseStanding, moveTo, type Tell } from './attempt.js'
import {
  checkpointFolder,
  dropCheckpoints,
  type KeptCheckpoint,
  keepCheckpoint,
  newestCheckpoint,
} from './checkpoints.js'
import type { ChallengeOutcome } from './event.js'
import type { JobResult } from './job.js'
import { keyOf, type LeaseRecord } from './lease.js'
import type { Progress } from './ongoing.js'
import { startReclaim, tellSettled } from './refund.js'
import { createStallWatch, runJobThrough } from './returning.js'
import { fraudIn, keepTrying, tryLease } from './trial.js'

/** What is not healthy is not worked, and its provider sees to that: it gives a service up after ten minutes. */
const SERVICE_STALL_MS = 900_000

/** What became of the job with one provider: the hash of all that it left, or why it did not do it. */
export type RunOutcome = { hash: Uint8Array } | { failed: string }

/**
 * Challenge, work, check and payment under one open lease, from where an earlier process had come. Throws what another
 * provider would meet too.
 */
export async function runLease(attempt: Attempt, lease: LeaseRecord, before?: Progress): Promise<RunOutcome> {
  const { parts, plan, report, tell, signal } = attempt
  const { peer } = lease
  let from: KeptCheckpoint | undefined
  try {
    if (before?.isProved !== true) {
      const reason = await challenge(attempt, lease)
      if (reason !== undefined) return { failed: reason }
      await moveTo(attempt, JobState.RUNNING, '', peer)
    }
    from = await newestCheckpoint(attempt)
    if (from !== undefined && before === undefined) tell({ kind: 'continued', peer, step: from.step })
    const result = await work(attempt, lease, { fromEvent: before?.fromEvent ?? 0, from })
    const wrong = await parts.judge.check(attempt.inputs, plan, result, tell)
    if (wrong !== undefined) {
      // Whose part of the work was wrong cannot be told where two had a part in it: the next begins anew.
      if (from === undefined) await loseStanding(attempt, peer, wrong, false)
      else await dropCheckpoints(attempt, JOB_LIMITS.keptCheckpoints)
      await result.reject(wrong)
      await forgetOutputs(attempt, peer)
      startReclaim(attempt, lease)
      return { failed: wrong }
    }
    await result.accept()
    report.winner ??= peer
    await finish(attempt, lease, result.workedMs)
    return { hash: outputsHashOf(result.outputs) }
  } catch (error) {
    startReclaim(attempt, lease, fraudIn(error))
    signal.throwIfAborted()
    attempt.ending.throwIfAborted()
    const reason = reasonOf(error)
    if (reason === undefined || isOurs(reason)) throw error
    parts.log.warn('a provider failed', { peer, reason, error: String(error) })
    if (isOfSpec(error)) {
      await forgetOutputs(attempt, peer)
      object(attempt, peer, (error as Error).message)
      return { failed: 'JOB_SPEC_INVALID' }
    }
    if (reason === 'PROVIDER_PAUSED') return { failed: await judgeLeaving(attempt, lease) }
    if (from !== undefined && isOfCheckpoint(error)) await dropCheckpoints(attempt, 1)
    else if (before === undefined || !isOfOurAbsence(error))
      await loseStanding(attempt, peer, reason, isLie(reason))
    await forgetOutputs(attempt, peer)
    return { failed: reason }
  }
}

/** That its owner wanted the card back is told as such. */
function reasonOf(error: unknown): string | undefined {
  const code = codeOf(error)
  return code === 'JOB_FAILED' && saidReason(error) === 'PROVIDER_PAUSED' ? 'PROVIDER_PAUSED' : code
}

/** The two clocks may differ by a message's way and a timer's. */
const NOTICE_TOLERANCE_MS = 2_000

/** Who leaves as it has promised has done nothing wrong; who promised a notice and gave none, or less, has. */
async function judgeLeaving(attempt: Attempt, lease: LeaseRecord): Promise<string> {
  const { peer, noticeS = 0, leavingToldAtMs } = lease
  const { clock } = attempt.parts
  const givenMs = leavingToldAtMs === undefined ? 0 : clock.now() - leavingToldAtMs
  await forgetOutputs(attempt, peer)
  if (givenMs + NOTICE_TOLERANCE_MS >= noticeS * 1_000) return 'PROVIDER_PAUSED'
  await loseStanding(attempt, peer, 'NOTICE_BROKEN', false)
  return 'NOTICE_BROKEN'
}

/** What it was given to go on from is unfit, which is not its fault. */
function isOfCheckpoint(error: unknown): boolean {
  return codeOf(error) === 'JOB_FAILED' && UNFIT.includes(saidReason(error))
}

const UNFIT = ['CHECKPOINT_MALFORMED', 'JOB_DIVERGED']

/** It says that the job itself is not valid, which is not its fault. */
function isOfSpec(error: unknown): boolean {
  const said = `${codeOf(error)} ${saidReason(error)}`
  return said === 'JOB_REFUSED SPEC_MALFORMED' || said === 'JOB_FAILED JOB_SPEC_INVALID'
}

/** One may be wrong, or lie; when it is said again, by whomever, nobody else is asked. */
const MAX_OBJECTIONS = 2

/** Throws JOB_SPEC_INVALID. */
function object(attempt: Attempt, peer: string, detail: string): void {
  attempt.tell({ kind: 'objected', peer, detail })
  if (attempt.objections.push(peer) < MAX_OBJECTIONS) return
  throw new NightshiftError('JOB_SPEC_INVALID', detail, {
    advice: 'correct the `job` of the manifest; providers judge it by their device, a shader by its compiler',
    context: { peer },
  })
}

function saidReason(error: unknown): string {
  return error instanceof NightshiftError ? String(error.context.reason) : ''
}

/** A provider that was not paid, or not asked, because this renter was gone has done nothing wrong. */
function isOfOurAbsence(error: unknown): boolean {
  if (!(error instanceof NightshiftError)) return false
  const { code, context } = error
  return code === 'JOB_REFUSED' || (code === 'JOB_FAILED' && ABSENCE.includes(String(context.reason)))
}

const ABSENCE = ['UNPAID', 'NOT_STARTED', 'TIME_IS_UP', 'LEASE_EXPIRED', 'LEASE_CANCELLED', 'LEASE_CLOSED']

/** The result is here and good, so whatever happens to the payment now does not undo the job: it is ended later. */
export async function finish(attempt: Attempt, lease: LeaseRecord, workedMs: number): Promise<void> {
  const { parts, signal } = attempt
  try {
    tellSettled(attempt, lease, await parts.settler.finish(lease, workedMs, signal))
  } catch (error) {
    parts.log.warn('the lease is closed later', { peer: lease.peer, error: String(error) })
    startReclaim(attempt, lease)
  }
}

/** What a provider left that failed, whole or in part, is of no use to the next one and takes up the disk. */
async function forgetOutputs(attempt: Attempt, peer: string): Promise<void> {
  const { parts, report } = attempt
  report.outputs = countOf(attempt) === 1 ? [] : report.outputs.filter((output) => output.peer !== peer)
  await parts.files.remove(outputsOf(attempt, peer))
}

/** Several providers leave files of the same names: each has a folder of its own. */
function outputsOf(attempt: Attempt, peer: string): string {
  const folder = `outputs/${attempt.report.id}`
  return countOf(attempt) === 1 ? folder : `${folder}/${peer}`
}

const MS_PER_HOUR = 3_600_000n

const tellChallenge = (tell: Tell) => (challenge: ChallengeOutcome) => tell({ kind: 'challenged', challenge })

async function challenge(attempt: Attempt, lease: LeaseRecord): Promise<string | undefined> {
  const { parts, plan, tell, signal } = attempt
  const failure = await tryLease(parts, lease, plan.verify.challenge, tellChallenge(tell), signal)
  if (failure === undefined) return undefined
  await loseStanding(attempt, lease.peer, failure.reason, isLie(failure.reason))
  startReclaim(attempt, lease, failure.fraud)
  return failure.reason
}

async function work(
  attempt: Attempt,
  lease: LeaseRecord,
  { fromEvent, from }: { fromEvent: number; from: KeptCheckpoint | undefined },
): Promise<JobResult> {
  const { parts, plan, inputs, spec, tell, signal } = attempt
  const { peer } = lease
  /** Where several work, the story says who. */
  const by = countOf(attempt) === 1 ? {} : { peer }
  // Vouchers go one after the other, beside the events, each for all that was worked until it is signed, so that
  // nothing piles up; a refused one ends the job.
  const refused = new AbortController()
  let owedMs = 0
  let paying: Promise<void> | undefined
  const payOwed = async () => {
    for (let paidMs = -1; paidMs < owedMs; ) {
      paidMs = owedMs
      const voucher = await parts.settler.pay(lease, paidMs, signal)
      if (voucher !== undefined) tell({ kind: 'voucher', peer, ...voucher })
    }
  }
  const pay = (workedMs: number) => {
    owedMs = workedMs
    paying ??= payOwed()
      .catch((error: unknown) => refused.abort(error))
      .finally(() => {
        paying = undefined
      })
  }
  // Stored before it is sent: what is sealed with it can be read after a restart of either side.
  lease.key ??= parts.random.bytes(JOB_LIMITS.keyBytes)
  await parts.book.put(keyOf(lease.address), lease)
  const checkStall = createStallWatch(
    parts.clock,
    plan.stallMs ?? (isService(plan) ? SERVICE_STALL_MS : STALL_MS),
  )
  const folder = checkpointFolder(attempt)
  const done = new AbortController()
  const job = { tell: tellChallenge(tell), workedMs: () => owedMs }
  void keepTrying(parts, lease, plan.verify.challenge, job, AbortSignal.any([signal, done.signal])).then(
    (failed) => failed && refused.abort(failed),
  )
  const result = await runJobThrough(
    { engine: parts.network.engine, content: parts.content, files: parts.files, clock: parts.clock },
    {
      peer,
      lease: lease.address,
      spec: spec.bytes,
      key: lease.key,
      ...(plan.silenceMs === undefined ? {} : { silenceMs: plan.silenceMs }),
      inputs: inputs.sources,
      ...(from === undefined ? {} : { checkpoint: from }),
      ...(folder === undefined ? {} : { checkpoints: folder }),
      outputs: outputsOf(attempt, peer),
      durationMs: lease.terms.durationS * 1_000,
      since: { fromEvent, ...begunSince(attempt, lease) },
      ...(isService(plan) ? { ending: attempt.ending } : {}),
    },
    {
      onBegun: () => {
        lease.begunAtMs ??= parts.clock.now()
        void parts.book.put(keyOf(lease.address), lease).catch((error: unknown) => refused.abort(error))
      },
      onLog: (line, index, dropped) =>
        tell({ kind: 'log', line, ...by, index, ...(dropped === undefined ? {} : { dropped }) }),
      onProgress: (progress, index) => tell({ kind: 'progress', ...progress, ...by, index }),
      onService: (service, index) => tell({ kind: 'service', ...service, ...by, index }),
      onLeaving: (atMs, reason) => {
        if (lease.leavingToldAtMs !== undefined) return
        lease.leavingToldAtMs = parts.clock.now()
        void parts.book.put(keyOf(lease.address), lease).catch((error: unknown) => refused.abort(error))
        tell({ kind: 'leaving', peer, endsAtMs: atMs, reason })
        if (countOf(attempt) > 1) return
        attempt.ahead.auction ??= attempt.ahead.hold?.(atMs)
        // Looked at when this provider is gone.
        attempt.ahead.auction?.catch(() => {})
      },
      onCheckpoint: (checkpoint) => keepCheckpoint(attempt, peer, checkpoint),
      onCheckpointLost: (error) => parts.log.warn('a checkpoint is not kept', { peer, error: String(error) }),
      onTransfer: (name, direction, progress) =>
        tell({ kind: 'transfer', name, direction, ...progress, ...by }),
      onWorked: (workedMs) => {
        checkStall(workedMs)
        pay(workedMs)
      },
      onReturned: (goneMs) => tell({ kind: 'returned', peer, goneMs }),
      onDiskFull: (error) =>
        parts.log.error('the disk is full: make room for the result', { error: String(error) }),
    },
    AbortSignal.any([signal, refused.signal]),
  ).finally(() => done.abort())
  await paying
  for (const { name, bytes, file } of result.outputs) {
    tell({ kind: 'output', name, bytes, path: parts.files.path(file), ...by })
  }
  parts.log.debug('a job is done', { peer, outputs: toHex(outputsHashOf(result.outputs)) })
  return result
}

/** For the time that it has signed vouchers for this renter has seen the provider run, wherever its clock has jumped to. */
function begunSince({ parts }: Attempt, { begunAtMs, voucher, terms }: LeaseRecord): { begunMs?: number } {
  if (begunAtMs === undefined) return {}
  const { pricePerHour } = terms
  const vouchedMs = pricePerHour === 0n ? 0 : Number(((voucher?.amount ?? 0n) * MS_PER_HOUR) / pricePerHour)
  return { begunMs: Math.max(vouchedMs, parts.clock.now() - begunAtMs) }
}
