import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { BACKEND_NAMES, type BackendName } from '../../kernels/backend/backend.js'
import { createThreadHasher, inlineHasher } from '../../kernels/proof/hasher.js'
import {
  computeEntries,
  computeFolds,
  sampleEntries,
  sampleFolds,
  verifyMemoryOpenings,
  verifyOpenings,
} from '../../kernels/proof/verifier.js'
import type { Device } from '../../kernels/worker/device.js'
import { systemRandom } from '../../node/system/random.js'
import type { Entry } from '../../protocols/challenge/params.js'
import { codeOf } from '../../protocols/errors.js'
import {
  foldRootOf,
  fromHex,
  openTestDevice,
  referenceFolds,
  referenceProof,
  repositoryFile,
  toHex,
  useSwiftshader,
} from '../support/kernels.js'
import { suite } from '../support/suite.js'

interface Vector {
  seed: string
  n: number
  rounds: number
  root: string
  entries: (Entry & { value: number })[]
}

const { cases } = JSON.parse(new TextDecoder().decode(repositoryFile('test/vectors/matmul-v1.json'))) as {
  cases: Vector[]
}
const { cases: memoryCases } = JSON.parse(
  new TextDecoder().decode(repositoryFile('test/vectors/matmul-memory-v1.json')),
) as { cases: (Vector & { nonce: string })[] }
/** Plain JavaScript, and a graphics card played by a processor, need long for large products and show nothing new. */
const LARGEST_N: Partial<Record<BackendName, number>> = { cpu: 128, webgpu: 128 }

const test = suite('the matmul proof')

test('the golden vectors are what the specification says, by a second implementation', () => {
  let checked = 0
  for (const { seed, n, rounds, root, entries } of cases.filter(({ n }) => n <= 256)) {
    const reference = referenceProof(fromHex(seed), n, rounds)
    assert.is(toHex(reference.root), root)
    for (const { round, row, column, value } of entries) {
      assert.is(reference.digest[round]![row]![column], value)
      checked++
    }
  }
  assert.ok(checked >= 20)
})

test('the verifier computes every entry of the vectors from the seed alone', () => {
  for (const { seed, n, rounds, entries } of cases) {
    const values = computeEntries(fromHex(seed), { n, rounds }, entries)
    assert.equal(
      values,
      entries.map(({ value }) => value),
    )
  }
  assert.ok(cases.length >= 6)
})

test('the golden vectors of the memory phase are right by the second implementation and by the verifier', () => {
  for (const { seed, nonce, n, rounds, root, entries } of memoryCases) {
    const folds = referenceFolds(fromHex(seed), n, rounds, fromHex(nonce))
    if (n <= 256) assert.is(toHex(foldRootOf(folds)), root)
    const values = entries.map(({ value }) => value)
    assert.equal(computeFolds(fromHex(seed), { n, rounds }, fromHex(nonce), entries), values)
    assert.equal(
      entries.map(({ round, row, column }) => folds[round]![row]![column]),
      values,
    )
  }
  assert.is(memoryCases.length, 2)
})

test('the verifier agrees with the second implementation on any entry of any small proof', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom(16, 32, 48),
      fc.nat(),
      (seed, n, pick) => {
        const { digest } = referenceProof(seed, n, 2)
        const entry = { round: pick % 2, row: pick % n, column: (pick >> 6) % (n / 4) }
        assert.is(
          computeEntries(seed, { n, rounds: 2 }, [entry])[0],
          digest[entry.round]![entry.row]![entry.column],
        )
      },
    ),
    { numRuns: 10 },
  )
})

async function recallVectors(device: Device, largest: number): Promise<void> {
  let recalled = 0
  for (const { seed, nonce, n, rounds, root, entries } of memoryCases.filter(({ n }) => n <= largest)) {
    const claim = { seed: fromHex(seed), params: { n, rounds }, nonce: fromHex(nonce) }
    const proof = await device.prove({ ...claim, resident: true })
    const memory = await proof.recall(claim.nonce)
    assert.is(toHex(memory.root), root, `second root for n = ${n}`)
    const asked = entries.map(({ round, row, column }) => ({ round, row, column }))
    asked.push(...sampleFolds(claim.params, 5, systemRandom))
    const openings = await memory.open(asked)
    assert.equal(verifyMemoryOpenings({ ...claim, root: memory.root }, asked, openings), { ok: true })
    await proof.release()
    recalled++
  }
  assert.ok(recalled >= 1)
}

async function proveVectors(device: Device, largest: number): Promise<void> {
  let proved = 0
  for (const { seed, n, rounds, root, entries } of cases.filter(({ n }) => n <= largest)) {
    const claim = { seed: fromHex(seed), params: { n, rounds } }
    const proof = await device.prove(claim)
    assert.is(toHex(proof.root), root, `root for n = ${n}`)
    const asked = [...entries.map(({ round, row, column }) => ({ round, row, column }))]
    asked.push(...sampleEntries(claim.params, 20, systemRandom))
    const openings = await proof.open(asked)
    assert.equal(verifyOpenings({ ...claim, root: proof.root }, asked, openings), { ok: true })
    await proof.release()
    proved++
  }
  assert.ok(proved >= 5)
}

if (!useSwiftshader()) process.stderr.write('no software WebGPU device: npm run setup:swiftshader\n')
for (const backend of BACKEND_NAMES) {
  const title = `${backend} gives the golden vectors bit for bit`
  const device = await openTestDevice({ backend }).catch((error: Error) => error)
  if (device instanceof Error) {
    test.skip(title, device.message)
    continue
  }
  const { gpu, model } = device.report
  const largest = (gpu ? undefined : LARGEST_N[backend]) ?? 32_768
  test(
    `${title} (${model})`,
    async () => {
      try {
        await proveVectors(device, largest)
        await recallVectors(device, gpu || backend === 'wasm' ? 32_768 : 256)
      } finally {
        await device.close()
      }
    },
    { timeoutMs: 120_000 },
  )
}

test(
  'small tensors only, as on a small card, give the same root',
  async () => {
    const { seed, n, rounds, root } = cases.find(({ n }) => n > 1024)!
    // A tile of one leaf's width (1,024 columns) and bands of a few hundred rows.
    const device = await openTestDevice({ memoryBytes: 4 * 4 * n * 1030 })
    try {
      const proof = await device.prove({ seed: fromHex(seed), params: { n, rounds } })
      assert.is(toHex(proof.root), root)
      const asked = sampleEntries({ n, rounds }, 30, systemRandom)
      assert.equal(
        verifyOpenings(
          { seed: fromHex(seed), params: { n, rounds }, root: proof.root },
          asked,
          await proof.open(asked),
        ),
        {
          ok: true,
        },
      )
    } finally {
      await device.close()
    }
  },
  { timeoutMs: 90_000 },
)

test('hashing in threads, with large bands, gives what hashing in place gives', async () => {
  const values = () => Float32Array.from({ length: 64 * 1280 }, (_, at) => (at * 7919) % 5081)
  const threads = createThreadHasher(2)
  const [inline, threaded] = await Promise.all(
    [inlineHasher, threads].map((hasher) => hasher.hashBand(values(), 64)),
  )
  assert.is(toHex(threaded!), toHex(inline!))
  assert.is(inline!.length, 64 * 5 * 32)
  const leaves = () => Uint8Array.from({ length: 1000 * 32 }, (_, at) => at % 251)
  const [here, there] = await Promise.all([inlineHasher, threads].map((hasher) => hasher.raise(leaves(), 10)))
  assert.equal(there!.map(toHex), here!.map(toHex))
})

test(
  'what cannot be proved is refused with a code, and the device goes on',
  async () => {
    const device = await openTestDevice()
    try {
      const proof = await device.prove({ seed: new Uint8Array(32), params: { n: 256, rounds: 1 } })
      const kept = await device.prove({
        seed: new Uint8Array(32),
        params: { n: 256, rounds: 1 },
        resident: true,
      })
      const attempts = [
        () => device.prove({ seed: new Uint8Array(31), params: { n: 64, rounds: 1 } }),
        () => device.prove({ seed: new Uint8Array(32), params: { n: 18, rounds: 1 } }),
        () => proof.recall(new Uint8Array(32)),
        () => device.prove({ seed: new Uint8Array(32), params: { n: 128, rounds: 1 }, resident: true }),
        () =>
          kept.recall(new Uint8Array(32)).then((memory) => memory.open([{ round: 0, row: 0, column: 1 }])),
        () => device.prove({ seed: new Uint8Array(32), params: { n: 32_768, rounds: 256 } }),
        () => kept.release().then(() => kept.recall(new Uint8Array(32))),
      ]
      const codes: unknown[] = []
      for (const attempt of attempts) codes.push(await attempt().then(() => 'fulfilled', codeOf))
      assert.equal(codes, [
        'PROOF_PARAMS_INVALID',
        'PROOF_PARAMS_INVALID',
        'NOTHING_RESIDENT',
        'PARAMS_WITHOUT_MEMORY_PHASE',
        'ENTRY_OUT_OF_RANGE',
        'PROOF_TOO_LARGE',
        'PROOF_GONE',
      ])
    } finally {
      await device.close()
    }
  },
  { timeoutMs: 90_000 },
)

test.run()
