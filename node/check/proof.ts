import type { BackendReport } from '../../kernels/backend/backend.js'
import { judgeMemory, judgeSpeed } from '../../kernels/devices/verdict.js'
import {
  sampleEntries,
  sampleFolds,
  verifyMemoryOpenings,
  verifyOpenings,
} from '../../kernels/proof/verifier.js'
import type { Device } from '../../kernels/worker/device.js'
import { NONCE_BYTES, type ProofParams, SEED_BYTES } from '../../protocols/challenge/params.js'
import { planChallenge } from '../../protocols/challenge/rules.js'
import type { Random } from '../../protocols/ports.js'
import type { Finding } from './finding.js'

const AIMED_SECONDS = 1
/** Who computes nine tenths passes once in a thousand times. */
const OPENINGS = 66
const FOLDS = 16

/** What a device of this machine showed of itself. */
interface Shown {
  provingMs: number
  recallMs: number
}

/**
 * Both phases of the matmul proof, as a stranger would ask for them, on all devices of this machine at the same time, each
 * with a seed of its own: cards that share power, lanes or cooling show it here.
 */
export async function challengeOwnDevices(
  devices: ReadonlyArray<Pick<Device, 'report' | 'prove'>>,
  random: Random,
  signal: AbortSignal,
): Promise<Finding> {
  const [{ report }] = devices as [Pick<Device, 'report'>]
  const gflops = Math.min(...devices.map((each) => each.report.gflops ?? 0))
  const params = planChallenge({ gflops, memoryBytes: report.memoryBytes ?? 0 }, AIMED_SECONDS)
  const shown = await Promise.all(devices.map((device) => challengeOne(device, params, random, signal)))
  const wrongOne = shown.find((each): each is Finding => 'verdict' in each)
  if (wrongOne !== undefined) return wrongOne
  const slowest = (shown as Shown[]).reduce((most, each) => (each.provingMs > most.provingMs ? each : most))
  const finding = judgeOwnProof(report, params, slowest)
  if (devices.length === 1) return finding
  return { ...finding, found: `${devices.length} devices at once, the slowest: ${finding.found}` }
}

async function challengeOne(
  device: Pick<Device, 'report' | 'prove'>,
  params: ProofParams,
  random: Random,
  signal: AbortSignal,
): Promise<Shown | Finding> {
  const { report } = device
  const seed = random.bytes(SEED_BYTES)
  const proof = await device.prove({ seed, params, resident: true }, { signal })
  try {
    const entries = sampleEntries(params, OPENINGS, random)
    const claim = { seed, params, root: proof.root }
    const verdict = verifyOpenings(claim, entries, await proof.open(entries, { signal }))
    if ('refused' in verdict) return wrong(report, verdict.detail)
    const nonce = random.bytes(NONCE_BYTES)
    const recalled = await proof.recall(nonce, { signal })
    const folds = sampleFolds(params, FOLDS, random)
    const memory = verifyMemoryOpenings(
      { ...claim, nonce, root: recalled.root },
      folds,
      await recalled.open(folds, { signal }),
    )
    if ('refused' in memory) return wrong(report, memory.detail)
    return { provingMs: proof.elapsedMs, recallMs: recalled.elapsedMs }
  } finally {
    await proof.release()
  }
}

function wrong({ backend, model }: BackendReport, detail: string): Finding {
  return {
    verdict: 'fail',
    found: `${backend} on ${model} computes wrong results: ${detail}`,
    advice:
      'do not offer it, its stake would be lost: undo overclocking, update the driver, or choose another backend with --provider-backend',
  }
}

/** What a verifier would say of a proof that was right. */
export function judgeOwnProof(
  { gpu, model, backend }: BackendReport,
  params: ProofParams,
  { provingMs, recallMs }: Shown,
): Finding {
  const speed = judgeSpeed({ model, backend, params, elapsedMs: provingMs })
  const proved = `n = ${params.n}, ${params.rounds} rounds in ${Math.round(provingMs)} ms (${speed.gflops.toFixed(1)} GFLOP/s), second phase in ${Math.round(recallMs)} ms`
  if (!gpu) return { verdict: 'ok', found: `${proved}; a software device, offered as one` }
  const memory = judgeMemory({ model, params, recallMs, elapsedMs: provingMs })
  const ratio = speed.ratio === undefined ? '' : `, ${(100 * speed.ratio).toFixed(0)} % of its peak`
  const found = `${proved}\nspeed: ${speed.verdict}${ratio}; memory: ${memory.verdict}`
  if (speed.verdict !== 'slower than claimed' && memory.verdict !== 'slower than claimed') {
    return { verdict: 'ok', found }
  }
  return {
    verdict: 'warn',
    found,
    advice:
      'verifiers will say so too: end what else uses the card (nvidia-smi shows it), see to its power limit and cooling, and check again',
  }
}
