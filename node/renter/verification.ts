import type { BackendName } from '../../kernels/backend/backend.js'
import { judgeMemory, judgeSpeed, type Verdict } from '../../kernels/devices/verdict.js'
import { digest } from '../../protocols/bytes.js'
import { ATTESTATION_WORD, isAttestable } from '../../protocols/challenge/attestation.js'
import type { ProofParams } from '../../protocols/challenge/params.js'
import { type ChallengeVerdict, planChallenge } from '../../protocols/challenge/rules.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { seal } from '../../protocols/envelope.js'
import { NightshiftError } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { FraudEvidence } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import { type ChallengeResult, challengeProvider } from './challenge.js'
import type { Inventory } from './inventory.js'
import type { AttestFailure } from './trial.js'

/** What a challenge outside of any lease showed of a peer's hardware. Plain and JSON-able. */
export interface HardwareVerdict extends ChallengeVerdict {
  peer: string
  /** As the peer's own heartbeat says it. */
  claim: { model: string; backend: string; gpu: boolean; memoryBytes: number; gflops: number }
  params: ProofParams
  /** How many of its devices proved at the same time, each from a seed of its own; times are the slowest one's. */
  devices: number
  /** Why it would not prove, in its own word. */
  declined?: string
  /** Measured over the whole proof, net of the round trip; absent when no proof came. 10^9 operations a second. */
  gflops?: number
  /** By the makers' figures; a software device is not in their table. Absent when the proof failed. */
  speed?: Verdict
  /** Measured ÷ the card's float32 peak; absent for an unknown device. */
  ratio?: number
  memory?: { verdict: Verdict; shownBytes: number; bytesPerSecond: number }
  /** Whether the provider took this node's signed attestation of it. */
  attested?: boolean
}

/** The provider's limit for strangers is ten seconds of its measured speed. */
const AIMED_SECONDS = 2
/** Who computes nine tenths of the entries passes once in a thousand times. */
const OPENINGS = 66
/** A fold costs 256 columns to check. Who kept four fifths of the products passes once in a thousand times. */
const FOLDS = 32

interface AttestingParts {
  network: Pick<Network, 'privateKey'>
  inventory: Pick<Inventory, 'offerOf'>
  clock: Clock
  market: Uint8Array
  /** Stores what this node has found and spreads it, good or bad. */
  publish(peer: string, attestation: Uint8Array): Promise<void>
}

interface Parts extends AttestingParts {
  network: Network
  random: Random
  /** Stores a lie that the chain can judge. */
  accuse(peer: string, evidence: FraudEvidence): Promise<void>
}

/**
 * Challenges any provider, all its devices at the same time, and compares what it shows with what it claims. Whatever the
 * peer does is a verdict; throws OFFER_UNKNOWN when it does not say what it claims to have.
 */
export async function verifyHardware(
  parts: Parts,
  peer: string,
  options: { timeoutMs: number; params?: ProofParams },
  signal: AbortSignal,
): Promise<HardwareVerdict> {
  const device = (await parts.inventory.offerOf(peer, signal))?.devices[0]
  if (device === undefined) {
    throw new NightshiftError('OFFER_UNKNOWN', `${peer} does not say what it has`, {
      advice: 'is it a provider, and online? "nightshift offers search --all" lists those that can be heard',
      context: { peer },
    })
  }
  const { model, backend, gpu, gflops, count } = device
  const claim = { model, backend, gpu, gflops, memoryBytes: Number(device.memoryBytes) }
  const params = options.params ?? planChallenge(claim, AIMED_SECONDS)
  let attestation: Uint8Array | undefined
  const sealFound = async (result: ChallengeResult) => {
    attestation = await sealAttestation(parts, peer, { claim, params, result })
    return attestation
  }
  const terms = {
    market: parts.market,
    lease: new Uint8Array(),
    ...params,
    openings: OPENINGS,
    folds: FOLDS,
    devices: count,
    timeoutMs: options.timeoutMs,
    attest: sealFound,
  }
  const result = await challengeProvider(parts, peer, terms, signal)
  const { receipt: _, evidence, ...verdict } = result
  if (evidence !== undefined) await parts.accuse(peer, evidence)
  if (isAttestable(result)) await sealFound(result)
  if (attestation !== undefined) await parts.publish(peer, attestation)
  const found = { peer, claim, params, ...verdict }
  return verdict.ok ? { ...found, ...judgeHardware(found) } : found
}

/** What a failed challenge in a lease showed, for others to read; nothing where nobody knows what the provider claims. */
export function createAttestFailure(parts: AttestingParts & { log: Log }): AttestFailure {
  return async (peer, params, result, signal) => {
    try {
      const device = (await parts.inventory.offerOf(peer, signal))?.devices[0]
      if (device === undefined) return
      const { model, backend, gpu, gflops } = device
      const claim = { model, backend, gpu, gflops, memoryBytes: Number(device.memoryBytes) }
      await parts.publish(peer, await sealAttestation(parts, peer, { claim, params, result }))
    } catch (error) {
      signal.throwIfAborted()
      parts.log.warn('a failed challenge is not attested', { peer, error: String(error) })
    }
  }
}

/** Zeros where no receipt came. */
const NO_RECEIPT = new Uint8Array(32)

function sealAttestation(
  { network, clock, market }: Pick<AttestingParts, 'network' | 'clock' | 'market'>,
  peer: string,
  { claim, params, result }: Pick<HardwareVerdict, 'claim' | 'params'> & { result: ChallengeResult },
): Promise<Uint8Array> {
  const { ok, reason, receipt, provingMs, recallMs = 0, devices } = result
  const hardware = ok ? judgeHardware({ claim, params, ...result }) : {}
  const payload = Attestation.encode({
    market,
    provider: solanaKeyOf(peer),
    timeMs: clock.now(),
    model: claim.model,
    backend: claim.backend,
    gpu: claim.gpu,
    params,
    provingMs,
    recallMs,
    verdict: hardware.speed ?? '',
    memoryVerdict: hardware.memory?.verdict ?? '',
    ratio: hardware.ratio ?? 0,
    receiptHash: receipt === undefined ? NO_RECEIPT : digest(receipt.receipt),
    ...(reason === undefined ? {} : { failure: reason }),
    devices,
  })
  return seal({ word: ATTESTATION_WORD, payload, key: network.privateKey })
}

/** Pure: what the times of a proof that was right say about the device that was claimed. */
export function judgeHardware(
  found: Pick<HardwareVerdict, 'claim' | 'params' | 'provingMs' | 'recallMs'>,
): Pick<HardwareVerdict, 'gflops' | 'speed' | 'ratio' | 'memory'> {
  const { claim, params, recallMs } = found
  // Times come in whole milliseconds; none at all would be infinitely fast.
  const elapsedMs = Math.max(1, found.provingMs)
  const backend = claim.backend as BackendName
  // Software may carry any label: it is never measured as the card of that name.
  const model = claim.gpu ? claim.model : ''
  const own = claim.gpu ? { ownGflops: claim.gflops } : {}
  const { verdict: speed, gflops, ratio } = judgeSpeed({ model, backend, ...own, params, elapsedMs })
  return {
    gflops,
    speed,
    ...(ratio === undefined ? {} : { ratio }),
    ...(recallMs === undefined
      ? {}
      : { memory: judgeMemory({ model, params, recallMs: Math.max(1, recallMs), elapsedMs }) }),
  }
}
