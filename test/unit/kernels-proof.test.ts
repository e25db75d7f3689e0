import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { BACKEND_NAMES, type BackendName } from '../../kernels/backend/backend.js'
import { computeEntries, sampleEntries, verifyOpenings } from '../../kernels/proof/verifier.js'
import type { Device } from '../../kernels/worker/device.js'
import { systemRandom } from '../../node/system/random.js'
import type { Entry } from '../../protocols/challenge/params.js'
import {
  fromHex,
  openTestDevice,
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
  test(`${title} (${model})`, () => proveVectors(device, largest).finally(() => device.close()), {
    timeoutMs: 120_000,
  })
}

test('small tensors only, as on a small card, give the same root', async () => {
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
})

test.run()
