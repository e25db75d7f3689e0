import { BACKEND_NAMES } from '../../kernels/backend/backend.js'
import { placeEntry, treeLayout } from '../../kernels/proof/layout.js'
import { computeEntries, sampleEntries, verifyOpenings } from '../../kernels/proof/verifier.js'
import type { Device } from '../../kernels/worker/device.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { flops, openingsFor, type ProofParams } from '../../protocols/challenge/params.js'
import { openTestDevice, useSwiftshader } from '../support/kernels.js'
import { type Figure, median } from './figure.js'

/**
 * The matmul proof: what it costs the verifier and the prover, on every backend that is here. All in one run, so that
 * the ratios compare like with like.
 */
const OPENINGS = openingsFor(0.9, 0.001)
const VERIFIER_SIZES = [1024, 4096, 16_384]
/** The largest product that a backend makes in a few seconds. */
const LARGEST_N = { 'tensorflow-gpu': 8192, webgpu: 8192, 'tensorflow-cpu': 4096, wasm: 2048, cpu: 256 }
const LARGEST_N_SOFTWARE_WEBGPU = 256
const REPEATS = 9

function timeVerifier(params: ProofParams): number {
  const seed = systemRandom.bytes(32)
  const entries = sampleEntries(params, OPENINGS, systemRandom)
  computeEntries(seed, params, entries)
  const times = Array.from({ length: REPEATS }, () => {
    const startedAt = systemClock.elapsed()
    computeEntries(seed, params, entries)
    return systemClock.elapsed() - startedAt
  })
  return median(times)
}

/** The root, and for every opening its leaf and its path. */
function countBytes(params: ProofParams): number {
  const layout = treeLayout(params)
  const { bytes } = placeEntry(params, layout, 0, 0)
  return 32 + OPENINGS * (bytes + 32 * (layout.roundDepth + layout.topDepth))
}

function measureVerifier(): Figure[] {
  return VERIFIER_SIZES.flatMap((n) => {
    const params = { n, rounds: 1 }
    const verifyMs = timeVerifier(params)
    // Products and sums: the prover's n³ against n·(4 + 4·4 + 4) for each opened entry.
    const ratio = flops(params) / (2 * OPENINGS * 24 * n)
    return [
      { name: `verify.n${n}_ms`, value: verifyMs, unit: 'ms' },
      { name: `work.ratio_n${n}`, value: ratio, unit: 'prover ÷ verifier' },
      { name: `proof.bytes_n${n}`, value: countBytes(params), unit: `bytes, ${OPENINGS} openings` },
    ]
  })
}

async function measureProver(device: Device): Promise<Figure[]> {
  const { backend, gpu, gflops } = device.report
  const n = backend === 'webgpu' && !gpu ? LARGEST_N_SOFTWARE_WEBGPU : LARGEST_N[backend]
  const params = { n, rounds: 2 }
  const seed = systemRandom.bytes(32)
  await device.prove({ seed, params: { n, rounds: 1 } })
  const proof = await device.prove({ seed, params })
  const reached = flops(params) / proof.elapsedMs / 1e6
  const entries = sampleEntries(params, OPENINGS, systemRandom)
  const openings = await proof.open(entries)
  const startedAt = systemClock.elapsed()
  const verdict = verifyOpenings({ seed, params, root: proof.root }, entries, openings)
  const verifyMs = systemClock.elapsed() - startedAt
  if ('refused' in verdict) throw new Error(`${backend}: ${verdict.detail}`)
  return [
    {
      name: `gflops.${backend}`,
      value: reached,
      unit: `GFLOP/s in the proof, n = ${n}`,
      reference: 'plain matMul of the same backend',
      ratio: reached / gflops!,
    },
    {
      name: `matmul.share.${backend}`,
      value: reached / gflops!,
      unit: 'share of the time that the product needs',
    },
    {
      name: `verify.full.${backend}_ms`,
      value: verifyMs,
      unit: `ms with paths, n = ${n}`,
      reference: `proving on ${backend}`,
      ratio: proof.elapsedMs / verifyMs,
    },
  ]
}

export async function run(): Promise<Figure[]> {
  useSwiftshader()
  const figures = measureVerifier()
  for (const backend of BACKEND_NAMES) {
    const device = await openTestDevice({ backend }).catch(() => undefined)
    if (device === undefined) continue
    try {
      figures.push(...(await measureProver(device)))
    } finally {
      await device.close()
    }
  }
  return figures
}
