import { placeEntry, treeLayout } from '../../kernels/proof/layout.js'
import { DIGEST_BYTES, hashLeaf, joinRoots, raiseLevels, treeOf } from '../../kernels/proof/tree.js'
import type { Device, DeviceOptions, Proof } from '../../kernels/worker/device.js'
import type { Entry, ProofParams } from '../../protocols/challenge/params.js'

/**
 * A device that computes nothing: it claims to be one, answers every challenge with a well-formed tree over made-up
 * numbers, and every job with a made-up model. Only the demo has it. Nothing but the arithmetic of the entries that are
 * opened tells its answers from honest ones.
 */
export async function openLiar({ backend }: DeviceOptions): Promise<Device> {
  return {
    report: {
      backend: backend === 'auto' ? 'wasm' : backend,
      ok: true,
      gpu: false,
      model: 'processor of the demo’s cheat',
      gflops: CLAIMED_GFLOPS,
    },
    pid: undefined,
    prove: async ({ seed, params }) => makeUpProof(seed, params),
    run: async () => ({ artifacts: [{ name: MODEL_ARTIFACT, bytes: new Uint8Array(MADE_UP_BYTES) }] }),
    evaluate: async () => ({ rows: 0, loss: 0 }),
    release: async () => {},
    ready: async () => {},
    close: async () => {},
  }
}

const CLAIMED_GFLOPS = 30
const MODEL_ARTIFACT = 'model.nsmodel'
const MADE_UP_BYTES = 20_000

/** The same made-up leaf everywhere, from the seed, so that it is another one every time. */
function makeUpProof(seed: Uint8Array, params: ProofParams): Proof {
  const layout = treeLayout(params)
  const { bytes } = placeEntry(params, layout, 0, 0)
  const segment = Uint8Array.from({ length: bytes }, (_, at) =>
    at % 2 === 0 ? (seed[at % seed.length] ?? 0) : 0,
  )
  const leaf = hashLeaf(segment)
  const tree = treeOf(raiseLevels(repeat(leaf, layout.leavesPerRound), layout.roundDepth))
  const roots = Array.from({ length: params.rounds }, () => tree.root)
  const top = joinRoots(roots, layout.topDepth, layout.roundDepth)
  const openEntry = (entry: Entry) => {
    const { leaf: index } = placeEntry(params, layout, entry.row, entry.column)
    return { ...entry, segment, path: [...tree.path(index), ...top.path(entry.round)] }
  }
  return {
    root: new Uint8Array(top.root),
    elapsedMs: 1,
    open: async (entries) => entries.map(openEntry),
    recall: async () => ({ root: seed, elapsedMs: 1, open: async (entries) => entries.map(openEntry) }),
    release: async () => {},
  }
}

function repeat(digest: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(count * DIGEST_BYTES)
  for (let index = 0; index < count; index++) all.set(digest, index * DIGEST_BYTES)
  return all
}
