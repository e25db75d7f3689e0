import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Opening } from '../../kernels/proof/opening.js'
import { type Claim, sampleEntries, verifyOpenings } from '../../kernels/proof/verifier.js'
import { PRODUCT_WASM } from '../../kernels/proof/wasm/product.js'
import { systemRandom } from '../../node/system/random.js'
import { type Entry, MAX_N, MEMORY_MODULUS, MODULUS, openingsFor } from '../../protocols/challenge/params.js'
import type { Random } from '../../protocols/ports.js'
import { levelsOf, referenceProof, segmentBytes } from '../support/kernels.js'
import { suite } from '../support/suite.js'

const test = suite('the proof verifier')

const params = { n: 64, rounds: 3 }
const seed = new Uint8Array(32).fill(7)
const ROUND_LEAVES = 64

/** A prover in plain code that may commit to whatever digest it likes, and opens it correctly. */
function commitTo(digest: number[][][]) {
  const levels = levelsOf(digest, params.n, params.rounds)
  const root = levels.at(-1)![0]!
  const open = ({ round, row, column }: Entry): Opening => {
    const leaf = round * ROUND_LEAVES + row
    return {
      round,
      row,
      column,
      segment: segmentBytes(digest[round]![row]!, 0),
      path: levels.slice(0, -1).map((level, at) => level[(leaf >> at) ^ 1]!),
    }
  }
  return { claim: { seed, params, root } satisfies Claim, open }
}

const { digest } = referenceProof(seed, params.n, params.rounds)
const honest = commitTo(digest)
const asked: Entry[] = [
  { round: 0, row: 0, column: 0 },
  { round: 2, row: 63, column: 15 },
  { round: 1, row: 17, column: 9 },
]
const opened = asked.map(honest.open)

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  flipped[at]! ^= 1
  return flipped
}
const change = (part: Partial<Opening>) =>
  opened.map((opening, at) => (at === 1 ? { ...opening, ...part } : opening))

test('an honest proof is accepted', () => {
  assert.equal(verifyOpenings(honest.claim, asked, opened), { ok: true })
})

const WRONG: [string, Claim, readonly Opening[], string][] = [
  ['a made-up root', { ...honest.claim, root: new Uint8Array(32).fill(1) }, opened, 'PATH_MISMATCH'],
  ['a root of the wrong length', { ...honest.claim, root: new Uint8Array(31) }, opened, 'CLAIM_MALFORMED'],
  ['a seed of the wrong length', { ...honest.claim, seed: new Uint8Array(33) }, opened, 'CLAIM_MALFORMED'],
  [
    'the root of another seed',
    { ...honest.claim, seed: new Uint8Array(32).fill(8) },
    opened,
    'ENTRY_MISMATCH',
  ],
  [
    'fewer rounds than were asked for',
    { ...honest.claim, params: { n: 64, rounds: 5 } },
    opened,
    'PATH_MALFORMED',
  ],
  [
    'a smaller matrix than was asked for',
    { ...honest.claim, params: { n: 128, rounds: 3 } },
    opened,
    'SEGMENT_MALFORMED',
  ],
  ['no opening at all', honest.claim, [], 'OPENING_MISSING'],
  ['one opening too few', honest.claim, opened.slice(1), 'OPENING_MISSING'],
  ['openings in another order', honest.claim, [...opened].reverse(), 'OPENING_OF_ANOTHER_ENTRY'],
  ['the opening of another round', honest.claim, change({ round: 1 }), 'OPENING_OF_ANOTHER_ENTRY'],
  ['the opening of another row', honest.claim, change({ row: 62 }), 'OPENING_OF_ANOTHER_ENTRY'],
  ['the opening of another column', honest.claim, change({ column: 14 }), 'OPENING_OF_ANOTHER_ENTRY'],
  [
    'another row under the asked name',
    honest.claim,
    change({ ...honest.open({ round: 2, row: 62, column: 15 }), row: 63 }),
    'PATH_MISMATCH',
  ],
  ['a changed value', honest.claim, change({ segment: flip(opened[1]!.segment, 30) }), 'PATH_MISMATCH'],
  ['a longer segment', honest.claim, change({ segment: new Uint8Array(34) }), 'SEGMENT_MALFORMED'],
  ['a shorter path', honest.claim, change({ path: opened[1]!.path.slice(1) }), 'PATH_MALFORMED'],
  [
    'a longer path',
    honest.claim,
    change({ path: [...opened[1]!.path, new Uint8Array(32)] }),
    'PATH_MALFORMED',
  ],
  [
    'a path of short digests',
    honest.claim,
    change({ path: opened[1]!.path.map(() => new Uint8Array(8)) }),
    'PATH_MALFORMED',
  ],
]

for (const [what, claim, openings, reason] of WRONG) {
  test(`${what} is refused: ${reason}`, () => {
    const verdict = verifyOpenings(claim, asked, openings)
    assert.ok('refused' in verdict)
    assert.is(verdict.refused, reason)
  })
}

test('a wrong entry under a right path is evidence: it names the opening and the true value', () => {
  const forged = digest.map((rows) => rows.map((row) => [...row]))
  forged[1]![17]![9]! += 1
  const cheat = commitTo(forged)
  const verdict = verifyOpenings(cheat.claim, asked, asked.map(cheat.open))
  assert.ok('refused' in verdict)
  assert.is(verdict.refused, 'ENTRY_MISMATCH')
  assert.equal(verdict.opening, cheat.open(asked[2]!))
  assert.is(verdict.expected, digest[1]![17]![9])
})

test('no changed bit of a segment or a path gets through', () => {
  const { segment, path } = opened[0]!
  fc.assert(
    fc.property(fc.nat({ max: 8 * (segment.length + 32 * path.length) - 1 }), (bit) => {
      const byte = bit >> 3
      const inPath = byte - segment.length
      const forged: Opening = {
        ...opened[0]!,
        segment: inPath < 0 ? changeBit(segment, bit) : segment,
        path: path.map((sibling, at) =>
          at === Math.floor(inPath / 32) ? changeBit(sibling, bit - 8 * (segment.length + 32 * at)) : sibling,
        ),
      }
      assert.ok('refused' in verifyOpenings(honest.claim, asked, [forged, ...opened.slice(1)]))
    }),
  )
})

function changeBit(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}

/** Entries that were never computed are guessed; a guess is right once in about a thousand times. */
function skip(fraction: number): number[][][] {
  const skipped = digest.map((rows) => rows.map((row) => [...row]))
  let left = Math.round(fraction * params.rounds * params.n * (params.n / 4))
  for (const rows of skipped) {
    for (const row of rows) {
      for (let column = 0; column < row.length && left > 0; column++, left--)
        row[column] = (row[column]! + 1) % 5081
    }
  }
  return skipped
}

for (const [computed, least] of [
  [0.5, 1],
  [0.9, 0.97],
  [0.99, 0.3],
] as const) {
  test(`a prover that computed ${100 * computed} % is caught by 66 openings in at least ${100 * least} % of trials`, () => {
    const cheat = commitTo(skip(1 - computed))
    const trials = 200
    let caught = 0
    for (let trial = 0; trial < trials; trial++) {
      const entries = sampleEntries(params, openingsFor(0.9, 0.001), systemRandom)
      if ('refused' in verifyOpenings(cheat.claim, entries, entries.map(cheat.open))) caught++
    }
    // Expected: 1 − computed^66, that is 100 %, 99.9 % and 48 %; the bounds lie six standard deviations below or more.
    assert.ok(caught >= least * trials, `caught ${caught} of ${trials}`)
  })
}

test('entries are drawn from all of the proof, by the randomness that was handed in', () => {
  const asked: number[] = []
  const highest: Random = {
    bytes: (length) => new Uint8Array(length),
    below: (below) => {
      asked.push(below)
      return below - 1
    },
  }
  assert.equal(sampleEntries(params, 1, highest), [{ round: 2, row: 63, column: 15 }])
  assert.equal(asked, [3, 64, 16])
})

test('the remainder without a division is exact in float32 for every integer that can occur', () => {
  const wrong = (modulus: number, from: number, to: number) => {
    const reciprocal = Math.fround(1 / modulus)
    let count = 0
    for (let x = from; x <= to; x++) {
      if (Math.floor(Math.fround(Math.fround(x + 0.5) * reciprocal)) !== Math.floor(x / modulus)) count++
    }
    return count
  }
  assert.is(wrong(MODULUS, -64 * MAX_N, 64 * MAX_N), 0)
  assert.is(wrong(MEMORY_MODULUS, -64 * MAX_N, (MEMORY_MODULUS - 1) ** 2), 0)
  assert.ok(wrong(MODULUS, 2 ** 23, 2 ** 23 + 1_000) > 0, 'the bound is not idle')
})

test('the WebAssembly in the repository is what its source assembles to', async () => {
  const { assemble } = await import(new URL('../../../kernels/proof/wasm/build.mjs', import.meta.url).href)
  assert.is(Buffer.from(await assemble()).toString('base64'), PRODUCT_WASM)
})

test.run()
