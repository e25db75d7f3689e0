import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { BackendReport } from '../../kernels/backend/backend.js'
import { crossCheck, type DetectedDevice, parseNvidiaSmi, sameModel } from '../../kernels/devices/detect.js'
import { DEVICES, findDevice } from '../../kernels/devices/table.js'
import { judgeMemory, judgeSpeed } from '../../kernels/devices/verdict.js'
import { flops, residentBytes } from '../../protocols/challenge/params.js'
import { suite } from '../support/suite.js'

const test = suite('devices')

const DRIVER_NAMES: [string, string | undefined][] = [
  ['NVIDIA GeForce RTX 4090', 'rtx 4090'],
  ['NVIDIA GeForce RTX 4070 Ti SUPER', 'rtx 4070 ti super'],
  ['NVIDIA GeForce RTX 4070 Ti', 'rtx 4070 ti'],
  ['NVIDIA GeForce RTX 3060', 'rtx 3060'],
  ['NVIDIA GeForce RTX 4090 Laptop GPU', undefined],
  ['NVIDIA A100-SXM4-80GB', 'a100'],
  ['NVIDIA A10', 'a10'],
  ['NVIDIA H100 80GB HBM3', 'h100'],
  ['NVIDIA H100 PCIe', 'h100 pcie'],
  ['AMD Radeon RX 7900 XTX (RADV NAVI31)', 'rx 7900 xtx'],
  ['AMD Radeon RX 6700XT', 'rx 6700 xt'],
  ['Intel(R) Arc(tm) A770 Graphics (DG2)', 'arc a770'],
  ['Apple M1 Pro', 'apple m1 pro'],
  ['Apple M1', 'apple m1'],
  ['SwiftShader driver 5.0.0', undefined],
  ['', undefined],
]

for (const [model, name] of DRIVER_NAMES) {
  test(`"${model}" is found as ${name ?? 'no card of the table'}`, () => {
    assert.is(findDevice(model)?.name, name)
  })
}

test('every card of the table has figures in a sensible range, a source and a name of its own', () => {
  for (const { tflops, bandwidthGbs, matrixTflops = tflops, source } of DEVICES) {
    assert.ok(tflops > 1 && tflops < 500 && matrixTflops >= tflops)
    assert.ok(bandwidthGbs > 50 && bandwidthGbs < 10_000)
    assert.ok(source.length > 10)
  }
  assert.is(new Set(DEVICES.map(({ name }) => name)).size, DEVICES.length)
  assert.ok(DEVICES.length >= 70)
})

const params = { n: 8192, rounds: 8 }
/** The time in which a card that reaches this share of a float32 peak would answer. */
const answeredIn = (tflops: number, share: number) => flops(params) / (tflops * 1e12 * share) / 1e-3

const SPEEDS: [string, string, number, string][] = [
  ['an honest card at half its peak', 'NVIDIA GeForce RTX 4090', answeredIn(82.6, 0.5), 'matches'],
  ['an honest card at its peak', 'NVIDIA GeForce RTX 4090', answeredIn(82.6, 1), 'matches'],
  [
    'an H100 that answers at the speed of a GTX 1650',
    'NVIDIA H100 80GB HBM3',
    answeredIn(3, 0.5),
    'slower than claimed',
  ],
  [
    'a GTX 1650 that answers at the speed of an H100',
    'NVIDIA GeForce GTX 1650',
    answeredIn(67, 0.5),
    'faster than claimed',
  ],
  ['tensor cores doing TF32 on an A100', 'NVIDIA A100-SXM4-80GB', answeredIn(156, 0.6), 'matches'],
  ['a card that nobody has listed', 'Some GPU 9000', answeredIn(10, 0.5), 'unknown device'],
]

for (const [what, model, elapsedMs, verdict] of SPEEDS) {
  test(`${what}: ${verdict}`, () => {
    assert.is(judgeSpeed({ model, backend: 'tensorflow-gpu', params, elapsedMs }).verdict, verdict)
  })
}

test('a small proof is never too slow: latency hides the device', () => {
  const small = { n: 512, rounds: 1 }
  const claim = { model: 'NVIDIA H100 PCIe', backend: 'webgpu' as const, params: small, elapsedMs: 500 }
  assert.is(judgeSpeed(claim).verdict, 'matches')
})

test('the slower the answer, the worse the verdict: it never improves with time', () => {
  const rank = { 'faster than claimed': 0, matches: 1, 'slower than claimed': 2, 'unknown device': 3 }
  fc.assert(
    fc.property(
      fc.constantFrom(...DEVICES),
      fc.double({ min: 1, max: 1e7, noNaN: true }),
      fc.double({ min: 1, max: 100, noNaN: true }),
      ({ name }, elapsedMs, slower) => {
        const judge = (ms: number) =>
          rank[judgeSpeed({ model: name, backend: 'webgpu', params, elapsedMs: ms }).verdict]
        assert.ok(judge(elapsedMs) <= judge(elapsedMs * slower))
      },
    ),
  )
})

test('the memory phase must be faster than making the products again, and no faster than the memory', () => {
  const large = { n: 8192, rounds: 96 }
  const claim = { model: 'NVIDIA GeForce RTX 4090', params: large, elapsedMs: 6_000 }
  assert.is(judgeMemory({ ...claim, recallMs: 800 }).verdict, 'matches')
  assert.is(judgeMemory({ ...claim, recallMs: 4_000 }).verdict, 'slower than claimed')
  assert.is(judgeMemory({ ...claim, recallMs: 5 }).verdict, 'faster than claimed')
  assert.is(judgeMemory({ ...claim, recallMs: 800 }).shownBytes, residentBytes(large))
  assert.is(
    judgeMemory({ ...claim, model: 'NVIDIA GeForce RTX 4060', recallMs: 800 }).verdict,
    'faster than claimed',
  )
  assert.is(judgeMemory({ ...claim, model: 'Some GPU', recallMs: 800 }).verdict, 'unknown device')
})

const LINE =
  '0, GPU-1a2b, NVIDIA GeForce RTX 3090, 00000000:01:00.0, 555.42.06, 24576, 23900, 3, 25.61, 350.00, 41\n'

test('nvidia-smi is read, and what it does not know is left out', () => {
  const [card] = parseNvidiaSmi(LINE)
  assert.equal(card, {
    source: 'nvidia-smi',
    model: 'NVIDIA GeForce RTX 3090',
    memoryBytes: 24_576 * 2 ** 20,
    freeBytes: 23_900 * 2 ** 20,
    driver: '555.42.06',
    uuid: 'GPU-1a2b',
    busId: '00000000:01:00.0',
    utilization: 0.03,
    powerWatts: 25.61,
    powerLimitWatts: 350,
    celsius: 41,
  })
  const [old] = parseNvidiaSmi(
    '0, [N/A], Tesla K80, [N/A], 390.1, 11441, [Unknown Error], [N/A], [N/A], [N/A], [N/A]\n',
  )
  assert.equal(old, {
    source: 'nvidia-smi',
    model: 'Tesla K80',
    memoryBytes: 11_441 * 2 ** 20,
    driver: '390.1',
  })
})

test('anything else in the output of nvidia-smi is no card', () => {
  const NO_CARDS = [
    '',
    '\n\n',
    'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.',
    'a,b,c',
  ]
  for (const text of NO_CARDS) assert.equal(parseNvidiaSmi(text), [])
})

const nvidia = parseNvidiaSmi(LINE)
const system: DetectedDevice[] = [
  { source: 'system', model: 'GA102 [GeForce RTX 3090]', memoryBytes: 24_576 * 2 ** 20 },
]
const report = (part: Partial<BackendReport>): BackendReport => ({
  backend: 'webgpu',
  ok: true,
  gpu: true,
  model: 'NVIDIA GeForce RTX 3090',
  ...part,
})

const CHECKS: [string, ReturnType<typeof crossCheck>, RegExp[]][] = [
  ['all sources agree', crossCheck(nvidia, system, report({})), []],
  ['no card anywhere', crossCheck([], [], report({ gpu: false, backend: 'wasm', model: 'Intel Xeon' })), []],
  [
    'the backend names another card',
    crossCheck(nvidia, system, report({ model: 'NVIDIA H100 PCIe' })),
    [/computes on "NVIDIA H100 PCIe"/],
  ],
  ['only the backend sees a card', crossCheck([], [], report({})), [/lists no card/]],
  [
    'the card is there but not used',
    crossCheck(nvidia, system, report({ gpu: false, backend: 'wasm' })),
    [/does not use a card/],
  ],
  [
    'nvidia-smi alone sees the card',
    crossCheck(nvidia, [{ source: 'system', model: 'ASPEED AST2500' }], report({})),
    [/the operating system does not/],
  ],
  [
    'memory differs',
    crossCheck(nvidia, [{ ...system[0]!, memoryBytes: 8 * 2 ** 30 }], report({})),
    [/24\.0 GiB by nvidia-smi and 8\.0 GiB/],
  ],
]

for (const [what, { disagreements }, expected] of CHECKS) {
  test(`cross-check, ${what}: ${expected.length} disagreements`, () => {
    assert.is(disagreements.length, expected.length, disagreements.join('; '))
    for (const [at, pattern] of expected.entries()) assert.match(disagreements[at]!, pattern)
  })
}

test('a card is counted once, and cards of other makers stay in the list', () => {
  const intel: DetectedDevice = { source: 'system', model: 'Intel UHD Graphics 770' }
  const { devices } = crossCheck(nvidia, [...system, intel], report({}))
  assert.equal(
    devices.map(({ model }) => model),
    ['NVIDIA GeForce RTX 3090', 'Intel UHD Graphics 770'],
  )
})

test('names of two cards are not taken for one another', () => {
  assert.ok(sameModel('GA102 [GeForce RTX 3090]', 'NVIDIA GeForce RTX 3090'))
  assert.not(sameModel('NVIDIA GeForce RTX 3090', 'NVIDIA GeForce RTX 3080'))
  assert.not(sameModel('NVIDIA', 'NVIDIA GeForce RTX 3080'))
})

test.run()
