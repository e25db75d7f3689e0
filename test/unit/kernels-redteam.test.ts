import * as assert from 'uvu/assert'
import { judgeMemory, judgeSpeed } from '../../kernels/devices/verdict.js'
import type { Opening } from '../../kernels/proof/opening.js'
import {
  sampleEntries,
  sampleFolds,
  verifyMemoryOpenings,
  verifyOpenings,
} from '../../kernels/proof/verifier.js'
import { systemRandom } from '../../node/system/random.js'
import { type Entry, flops, type ProofParams, residentBytes } from '../../protocols/challenge/params.js'
import {
  foldLevelsOf,
  foldSegments,
  levelsOf,
  openTestDevice,
  referenceFolds,
  referenceProof,
  segmentBytes,
} from '../support/kernels.js'
import { suite } from '../support/suite.js'

/**
 * Attacks on the proof at the level of kernels: how each is caught, or that it is not. Where a second card would be
 * needed, its time is modelled from the makers' figures. Attacks on messages, signatures and clocks are the protocol's.
 */
const test = suite('the red team against the proof')

const seed = new Uint8Array(32).fill(1)
const params: ProofParams = { n: 64, rounds: 2 }

/** Opens what it has committed to, whatever that is. */
function cheat(digest: number[][][], { n, rounds }: ProofParams) {
  const levels = levelsOf(digest, n, rounds)
  const open = ({ round, row, column }: Entry): Opening => {
    const leaf = round * n + row
    return {
      round,
      row,
      column,
      segment: segmentBytes(digest[round]![row]!, 0),
      path: levels.slice(0, -1).map((level, at) => level[(leaf >> at) ^ 1]!),
    }
  }
  return { root: levels.at(-1)![0]!, open }
}

function refusalOf(claimed: ProofParams, root: Uint8Array, open: (entry: Entry) => Opening): string {
  const entries = sampleEntries(claimed, 66, systemRandom)
  const verdict = verifyOpenings({ seed, params: claimed, root }, entries, entries.map(open))
  return 'refused' in verdict ? verdict.refused : 'accepted'
}

test('caught: a made-up root cannot be opened', () => {
  const honest = cheat(referenceProof(seed, 64, 2).digest, params)
  assert.is(refusalOf(params, systemRandom.bytes(32), honest.open), 'PATH_MISMATCH')
})

test('caught: the proof of an earlier challenge, replayed', () => {
  const earlier = cheat(referenceProof(new Uint8Array(32).fill(2), 64, 2).digest, params)
  assert.is(refusalOf(params, earlier.root, earlier.open), 'ENTRY_MISMATCH')
})

test('caught: made-up entries under a tree of the right form', () => {
  const digest = referenceProof(seed, 64, 2).digest.map((rows) =>
    rows.map((row) => row.map(() => systemRandom.below(5081))),
  )
  const { root, open } = cheat(digest, params)
  assert.is(refusalOf(params, root, open), 'ENTRY_MISMATCH')
})

test('caught: one round computed, and shown for all rounds', () => {
  const { digest } = referenceProof(seed, 64, 1)
  const { root, open } = cheat([digest[0]!, digest[0]!], params)
  assert.is(refusalOf(params, root, open), 'ENTRY_MISMATCH')
})

test('caught: a smaller matrix, or fewer rounds, than was asked for', () => {
  const small = cheat(referenceProof(seed, 32, 2).digest, { n: 32, rounds: 2 })
  const shrink = ({ round, row, column }: Entry) => ({
    ...small.open({ round, row: row % 32, column: column % 8 }),
    round,
    row,
    column,
  })
  assert.is(refusalOf(params, small.root, shrink), 'SEGMENT_MALFORMED')
  const short = cheat(referenceProof(seed, 64, 1).digest, { n: 64, rounds: 1 })
  assert.is(
    refusalOf(params, short.root, (entry) => ({ ...short.open({ ...entry, round: 0 }), round: entry.round })),
    'PATH_MALFORMED',
  )
})

test('caught: openings refused, in part or altogether', () => {
  const honest = cheat(referenceProof(seed, 64, 2).digest, params)
  const entries = sampleEntries(params, 66, systemRandom)
  for (const kept of [0, 1, 65]) {
    const openings = entries.slice(0, kept).map(honest.open)
    const verdict = verifyOpenings({ seed, params, root: honest.root }, entries, openings)
    assert.ok('refused' in verdict)
    assert.is(verdict.refused, 'OPENING_MISSING')
  }
})

test('caught: a tree made after the entries were named, with only those computed', () => {
  const { digest } = referenceProof(seed, 64, 2)
  const committed = cheat(
    digest.map((rows) => rows.map((row) => row.map(() => 0))),
    params,
  )
  const later = cheat(digest, params)
  assert.is(refusalOf(params, committed.root, later.open), 'PATH_MISMATCH')
})

const memoryParams: ProofParams = { n: 256, rounds: 4 }
const nonce = new Uint8Array(32).fill(9)

function recallWith(folds: number[][][]) {
  const levels = foldLevelsOf(folds)
  const leavesPerRound = levels[0]!.length / memoryParams.rounds
  const open = ({ round, row, column }: Entry): Opening => {
    const leaf = Math.floor(row / 128)
    const index = round * leavesPerRound + leaf
    return {
      round,
      row,
      column,
      segment: foldSegments(folds[round]!)[leaf]!,
      path: levels.slice(0, -1).map((level, at) => level[(index >> at) ^ 1]!),
    }
  }
  const entries = sampleFolds(memoryParams, 24, systemRandom)
  const claim = { seed, params: memoryParams, nonce, root: levels.at(-1)![0]! }
  const verdict = verifyMemoryOpenings(claim, entries, entries.map(open))
  return 'refused' in verdict ? verdict.refused : 'accepted'
}

test('caught: memory that held half of the products only', () => {
  const folds = referenceFolds(seed, 256, 4, nonce)
  assert.is(recallWith(folds), 'accepted')
  const forgotten = folds.map((rows, round) => (round < 2 ? rows : rows.map((row) => row.map(() => 2 ** 22))))
  assert.is(recallWith(forgotten), 'ENTRY_MISMATCH')
})

test('caught: the second root prepared before the nonce was known', () => {
  assert.is(recallWith(referenceFolds(seed, 256, 4, new Uint8Array(32).fill(8))), 'ENTRY_MISMATCH')
})

test('an honest device gives the same root and the same openings every time', async () => {
  const device = await openTestDevice()
  try {
    const proof = await device.prove({ seed, params })
    const entry = [{ round: 1, row: 3, column: 2 }]
    assert.equal(await proof.open(entry), await proof.open(entry))
    assert.equal((await device.prove({ seed, params })).root, proof.root)
  } finally {
    await device.close()
  }
})

const large: ProofParams = { n: 8192, rounds: 8 }
const H100 = 'NVIDIA H100 80GB HBM3'
const RTX_4090 = 'NVIDIA GeForce RTX 4090'
const answer = (tflops: number) => (flops(large) / (tflops * 1e12)) * 1e3
const verdictOn = (model: string, tflops: number) =>
  judgeSpeed({ model, backend: 'tensorflow-gpu', params: large, elapsedMs: answer(tflops) }).verdict

test('caught: a consumer card under the name of a data centre card, and late answers in general', () => {
  assert.is(verdictOn(H100, 15.1 * 0.7), 'slower than claimed')
  assert.is(verdictOn(H100, 67 * 0.7), 'matches')
})

test('caught: one card answering for four, each with a seed of its own', () => {
  assert.is(verdictOn(RTX_4090, (82.6 * 0.6) / 4), 'slower than claimed')
})

test('not caught by speed: answers relayed from a faster machine', () => {
  assert.is(verdictOn('NVIDIA GeForce RTX 3060', 12.7), 'matches')
})

test('not caught by speed: an int8 kernel on a lesser card; its memory is too small for the second phase', () => {
  // An RTX 4060 makes 121 dense int8 TOPS by its maker's figures: at half of that it looks like a 4090.
  assert.is(verdictOn(RTX_4090, 121 / 2), 'matches')
  const memory: ProofParams = { n: 8192, rounds: 160 }
  assert.ok(residentBytes(memory) > 2 * 8 * 2 ** 30)
  const elapsedMs = flops(memory) / 60e12 / 1e-3
  // Products that do not fit are made again: 60 % of them here, at the speed of the first phase.
  assert.is(
    judgeMemory({ model: RTX_4090, params: memory, elapsedMs, recallMs: 0.6 * elapsedMs }).verdict,
    'slower than claimed',
  )
})

test('not caught: host memory behind a fast bus in place of device memory', () => {
  const memory: ProofParams = { n: 8192, rounds: 160 }
  const elapsedMs = flops(memory) / 40e12 / 1e-3
  const recallMs = (residentBytes(memory) / 25e9) * 1e3
  assert.is(judgeMemory({ model: RTX_4090, params: memory, elapsedMs, recallMs }).verdict, 'matches')
})

test.run()
