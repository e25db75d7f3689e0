import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { Backend, Turn } from '../backend/backend.js'
import type { Hasher } from '../proof/hasher.js'
import type { MemoryCommitment } from '../proof/memory.js'
import { type Commitment, prove } from '../proof/prover.js'
import type { JobEvent } from '../tfjs/event.js'
import { runJob } from '../tfjs/job.js'
import { evaluate } from '../tfjs/predict.js'
import { parseTrainSpec } from '../tfjs/spec.js'
import type { Request, RequestKind, Requests } from './messages.js'

/** Commitments that can still be opened. A challenger that never comes back must not fill the memory. */
const MAX_COMMITMENTS = 8

export interface Session {
  handle(request: Request): Promise<Requests[RequestKind]['answer']>
  cancel(id: number): void
  /** The job takes a checkpoint after its present step. */
  askCheckpoint(id: number): void
}

export interface SessionOptions {
  clock: Pick<Clock, 'elapsed'>
  hasher: Hasher
  /** Gives the event loop a chance to take in messages. */
  breathe: () => Promise<void>
  onEvent: (id: number, event: JobEvent) => void
}

/**
 * Two lanes on one device: proofs and jobs. Each lane does one thing at a time, and a job stands still between two of
 * its batches while a proof runs, so that a challenge in the middle of a lease is answered at full speed.
 */
export function createSession(
  backend: Backend,
  { clock, hasher, breathe, onEvent }: SessionOptions,
): Session {
  const commitments = new Map<number, Commitment>()
  const memories = new Map<number, MemoryCommitment>()
  const cancelled = new Set<number>()
  const asked = new Set<number>()
  let proofLane: Promise<unknown> = Promise.resolve()
  let jobLane: Promise<unknown> = Promise.resolve()
  let proofs = 0

  const requireRunning = (id: number) => {
    if (!cancelled.has(id)) return
    throw new NightshiftError('WORK_CANCELLED', 'the work was cancelled', {
      advice: 'Start it again if it is wanted.',
    })
  }
  const proofTurn = (id: number): Turn => {
    return async () => {
      await breathe()
      requireRunning(id)
    }
  }
  const jobTurn = (id: number): Turn => {
    return async () => {
      await breathe()
      while (proofs > 0) await proofLane.catch(() => {})
      requireRunning(id)
    }
  }
  const inProofLane = <T>(work: () => Promise<T>): Promise<T> => {
    proofs++
    const done = proofLane
      .catch(() => {})
      .then(work)
      .finally(() => {
        proofs--
      })
    proofLane = done
    return done
  }
  const inJobLane = <T>(work: () => Promise<T>): Promise<T> => {
    const done = jobLane.catch(() => {}).then(work)
    jobLane = done
    return done
  }

  const forget = (proof: number) => {
    commitments.get(proof)?.release()
    commitments.delete(proof)
    memories.delete(proof)
  }
  const commit = async (id: number, { seed, params, resident = false }: Requests['prove']['ask']) => {
    requireRunning(id)
    const startedAt = clock.elapsed()
    const commitment = await prove(backend, { seed, params, resident, hasher, turn: proofTurn(id) })
    const elapsedMs = clock.elapsed() - startedAt
    commitments.set(id, commitment)
    for (const oldest of commitments.keys()) {
      if (commitments.size <= MAX_COMMITMENTS) break
      forget(oldest)
    }
    return { root: commitment.root, elapsedMs }
  }
  const requireProof = <T>(kept: Map<number, T>, proof: number): T => {
    const found = kept.get(proof)
    if (found !== undefined) return found
    throw new NightshiftError('PROOF_GONE', 'the proof is no longer in memory', {
      advice: 'Ask for a new proof; the worker was restarted, or the proof was released.',
    })
  }
  const recall = async (id: number, { proof, nonce }: Requests['recall']['ask']) => {
    const commitment = requireProof(commitments, proof)
    const startedAt = clock.elapsed()
    const memory = await commitment.recall(nonce, proofTurn(id))
    const elapsedMs = clock.elapsed() - startedAt
    memories.set(proof, memory)
    return { root: memory.root, elapsedMs }
  }

  const dispatch = (request: Request): Promise<Requests[RequestKind]['answer']> => {
    const { id } = request
    switch (request.kind) {
      case 'prove':
        return inProofLane(() => commit(id, request.ask))
      case 'open':
        return inProofLane(async () =>
          requireProof(commitments, request.ask.proof).open(request.ask.entries, proofTurn(id)),
        )
      case 'recall':
        return inProofLane(() => recall(id, request.ask))
      case 'openFolds':
        return inProofLane(async () => requireProof(memories, request.ask.proof).open(request.ask.entries))
      case 'release':
        forget(request.ask.proof)
        return Promise.resolve(null)
      case 'run':
        return inJobLane(() =>
          runJob(backend, request.ask.job, {
            turn: jobTurn(id),
            onEvent: (event) => onEvent(id, event),
            wantsCheckpoint: () => asked.delete(id),
          }),
        )
      case 'evaluate':
        return inJobLane(() =>
          evaluate(backend, parseTrainSpec(request.ask.spec), request.ask.inputs, jobTurn(id)),
        )
    }
  }
  return {
    handle: (request) =>
      dispatch(request).finally(() => {
        cancelled.delete(request.id)
        asked.delete(request.id)
      }),
    cancel: (id) => cancelled.add(id),
    askCheckpoint: (id) => asked.add(id),
  }
}
