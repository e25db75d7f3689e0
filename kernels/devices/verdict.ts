import { flops, type ProofParams, residentBytes } from '../../protocols/challenge/params.js'
import type { BackendName } from '../backend/backend.js'
import { type DeviceFigures, findDevice } from './table.js'

export type Verdict = 'matches' | 'slower than claimed' | 'faster than claimed' | 'unknown device'

export interface SpeedVerdict {
  readonly verdict: Verdict
  readonly gflops: number
  /** Measured ÷ the card's float32 peak; absent for an unknown device. */
  readonly ratio?: number
  readonly figures?: DeviceFigures
}

/**
 * All thresholds in one place, as shares of the card's peak. An honest card falls below its peak by the backend's
 * efficiency, the elementwise operations around the product, reading, hashing, and the round trip's remainder. The lower
 * bounds are set wide because they have not been measured on real cards yet; they decide what is reported, not who is
 * slashed: only wrong entries are punished.
 */
export const THRESHOLDS = {
  /** Of the float32 peak; below it the card is slower than claimed. */
  slowest: { 'tensorflow-gpu': 0.25, webgpu: 0.08 } as Partial<Record<BackendName, number>>,
  slowestOther: 0.08,
  /** Of the speed that a card's own node says it has measured: several cards that are one fall below it. */
  slowestOfOwn: 0.3,
  /** Of the larger of the float32 and the matrix peak: boost clocks above the specification. */
  fastest: 1.2,
  /** Smaller proofs are dominated by latency and say nothing about the device. */
  leastFlops: 1e12,
  /** The memory phase must not take longer than this share of the products' own time: then they may be made again. */
  slowestRecall: 0.5,
}

export interface SpeedClaim {
  readonly model: string
  readonly backend: BackendName
  /** What a card's own node says that it reaches, 10^9 operations a second; absent for software, whose processor has more to do. */
  readonly ownGflops?: number
  readonly params: ProofParams
  /** From sending the seed to receiving the root, less the round trip. */
  readonly elapsedMs: number
}

/** Whether an answer came at the speed of the card that was claimed. */
export function judgeSpeed({ model, backend, ownGflops = 0, params, elapsedMs }: SpeedClaim): SpeedVerdict {
  const gflops = flops(params) / elapsedMs / 1e6
  const figures = findDevice(model)
  const judged = flops(params) >= THRESHOLDS.leastFlops
  const isSlow = judged && gflops < THRESHOLDS.slowestOfOwn * ownGflops
  if (figures === undefined) return { verdict: isSlow ? 'slower than claimed' : 'unknown device', gflops }
  const ratio = gflops / 1_000 / figures.tflops
  const fastest = (THRESHOLDS.fastest * Math.max(figures.tflops, figures.matrixTflops ?? 0)) / figures.tflops
  const slowest = THRESHOLDS.slowest[backend] ?? THRESHOLDS.slowestOther
  if (ratio > fastest) return { verdict: 'faster than claimed', gflops, ratio, figures }
  if (isSlow || (judged && ratio < slowest)) return { verdict: 'slower than claimed', gflops, ratio, figures }
  return { verdict: 'matches', gflops, ratio, figures }
}

export interface MemoryClaim {
  readonly model: string
  readonly params: ProofParams
  /** From sending the nonce to receiving the second root, less the round trip. */
  readonly recallMs: number
  /** Of the first phase. */
  readonly elapsedMs: number
}

export interface MemoryVerdict {
  readonly verdict: Verdict
  /** Bytes that were shown to lie in reach. */
  readonly shownBytes: number
  /** Bytes a second at which they were read. */
  readonly bytesPerSecond: number
}

/**
 * Whether the second root came in less time than making the products again would take, and not faster than the card's
 * memory can be read. It does not tell device memory from host memory behind a fast bus: the fold is made of some thirty
 * elementwise operations, which leaves an honest card little faster than PCIe.
 */
export function judgeMemory({ model, params, recallMs, elapsedMs }: MemoryClaim): MemoryVerdict {
  const shownBytes = residentBytes(params)
  const bytesPerSecond = (shownBytes / recallMs) * 1_000
  const shown = { shownBytes, bytesPerSecond }
  if (recallMs > THRESHOLDS.slowestRecall * elapsedMs) return { verdict: 'slower than claimed', ...shown }
  const figures = findDevice(model)
  if (figures === undefined) return { verdict: 'unknown device', ...shown }
  const possible = THRESHOLDS.fastest * figures.bandwidthGbs * 1e9
  const fits = figures.memoryGib.length === 0 || shownBytes <= Math.max(...figures.memoryGib) * 2 ** 30
  return { verdict: bytesPerSecond > possible || !fits ? 'faster than claimed' : 'matches', ...shown }
}
