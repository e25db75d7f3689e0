import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type ParsedManifest, parseManifest } from '../../config/manifest/parse.js'
import { type JobPlan, type PlanOptions, planJob } from '../../config/manifest/plan.js'
import { PricingRule } from '../../protocols/auction/wire.js'
import type { NightshiftError } from '../../protocols/errors.js'
import { findMismatches, type Offer, readRequirements } from '../../protocols/inventory/rules.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { formatAmount } from '../../protocols/money.js'
import { suite } from '../support/suite.js'

const test = suite('plans from manifests')

const OPTIONS: PlanOptions = {
  decimals: 6,
  defaults: { commitMs: 500, revealMs: 400, challenge: { n: 256, rounds: 2, openings: 66, random: false } },
}

/** A manifest of one service `a`; parts are YAML in flow style. */
function write(
  parts: { service?: string; resources?: string; placement?: string; top?: string } = {},
): string {
  const { service = 'pricing: { max_price_per_hour: 1 }', resources = 'memory: { size: 1Gi }' } = parts
  return [
    'version: "2.0"',
    'services:',
    `  a: { runtime: tfjs, job: { task: train }, ${service} }`,
    'profiles:',
    `  compute: { p: { resources: { ${resources} } } }`,
    `  placement: { w: { ${parts.placement ?? ''} } }`,
    parts.top ?? 'deployment: { a: { w: { profile: p } } }',
    '',
  ].join('\n')
}

function plan(text: string, options: Partial<PlanOptions> = {}): JobPlan {
  return planJob(parseManifest(text, 'job.yaml'), { ...OPTIONS, ...options })
}

function warningsOf(text: string): string[] {
  return parseManifest(text, 'job.yaml').warnings.map(({ code, path }) => `${code} ${path}`)
}

function readExample(): ParsedManifest {
  const file = new URL('../../../config/examples/digits.yaml', import.meta.url)
  return parseManifest(readFileSync(file, 'utf8'), 'digits.yaml')
}

test('the example becomes the plan that the demo runs', () => {
  const parsed = readExample()
  assert.equal(parsed.warnings, [])
  const { spec, ...rest } = planJob(parsed, OPTIONS)
  assert.equal(rest, {
    name: 'digits',
    runtime: 'tfjs',
    requirements: {
      devices: 1,
      gpu: false,
      models: [],
      memoryBytes: 512n * 2n ** 20n,
      runtime: 'tfjs',
      locations: [],
      minimumStake: 0n,
      minimumGflops: 0,
      allow: [],
      deny: [],
      attesters: [],
      choices: [],
    },
    ceilingPricePerHour: 500_000n,
    durationS: 600,
    queueMs: 60_000,
    auction: { pricing: PricingRule.FIRST_PRICE, commitMs: 500, revealMs: 400 },
    inputs: [{ name: 'data', path: '../data/digits.csv.gz', split: { train: 1437, seed: 7, header: false } }],
    verify: { challenge: { n: 256, rounds: 2, openings: 66, random: false } },
    expect: { accuracy: 0.95 },
  })
  assert.is(spec.task, 'train')
})

test('the example’s data is what its manifest and its README say', () => {
  const { inputs, spec } = planJob(readExample(), OPTIONS)
  const file = new URL(`../../../config/examples/${inputs[0]?.path}`, import.meta.url)
  const rows = gunzipSync(readFileSync(file)).toString('latin1').trim().split('\n')
  assert.is(rows.length, 1797)
  assert.is(rows.length - inputs[0]!.split!.train, 360)
  const { features, label, classes, scale } = spec.dataset as {
    features: object
    label: number
    classes: number
    scale: number
  }
  assert.equal({ features, label, classes }, { features: { first: 0, count: 64 }, label: 64, classes: 10 })
  for (const row of rows) {
    const cells = row.split(',').map(Number)
    assert.is(cells.length, 65)
    assert.ok(cells.slice(0, 64).every((pixel) => pixel >= 0 && pixel * scale <= 1))
    assert.ok(Number.isInteger(cells[64]) && cells[64]! >= 0 && cells[64]! < classes)
  }
})

test('the declared job is handed on untouched, numbers under any key included', () => {
  const job = 'job: { size: 3, amount: 0.5, deep: [{ ram: 1 }], version: null }'
  const text = write().replace('job: { task: train }', job)
  assert.equal(plan(text).spec, { size: 3, amount: 0.5, deep: [{ ram: 1 }], version: null })
})

const prices: [string, string, bigint][] = [
  ['under the service', write({ service: 'pricing: { max_price_per_hour: 0.1 }' }), 100_000n],
  ['as text', write({ service: 'pricing: { max_price_per_hour: "0.1" }' }), 100_000n],
  [
    'under the compute profile',
    write({ service: '' }).replace('} } }\n', '}, pricing: { max_price_per_hour: 0.2 } } }\n'),
    200_000n,
  ],
  ['in SDL’s place', write({ service: '', placement: 'pricing: { a: { denom: night, amount: 12 } }' }), 12n],
  [
    'in SDL’s place, in tokens',
    write({ service: '', placement: 'pricing: { a: { max_price_per_hour: 3 } }' }),
    3_000_000n,
  ],
  [
    'at the top level, for services that say nothing else',
    `${write({ service: '' })}pricing: { max_price_per_hour: 4 }\n`,
    4_000_000n,
  ],
  ['at the top level, below a nearer one', `${write()}pricing: { max_price_per_hour: 4 }\n`, 1_000_000n],
  [
    'with more digits than a double holds',
    write({ service: '', placement: 'pricing: { a: { denom: night, amount: 9007199254740993 } }' }),
    9_007_199_254_740_993n,
  ],
]

for (const [title, text, expected] of prices) {
  test(`a price is read ${title}`, () => {
    assert.is(plan(text).ceilingPricePerHour, expected)
  })
}

test('an amount of tokens becomes exactly its atomic units, however it is written', () => {
  let ran = 0
  const property = fc.property(
    fc.bigInt(1n, 2n ** 64n - 1n),
    fc.integer({ min: 0, max: 12 }),
    (units, decimals) => {
      const text = write({ service: `pricing: { max_price_per_hour: ${formatAmount(units, decimals)} }` })
      assert.is(plan(text, { decimals }).ceilingPricePerHour, units)
      ran++
    },
  )
  fc.assert(property, { numRuns: 200 })
  assert.ok(ran >= 200)
})

test('more decimals than the mint has are refused, with the place', () => {
  const text = write({ service: 'pricing: { max_price_per_hour: 0.1234567 }' })
  assert.throws(
    () => plan(text),
    (error: NightshiftError) =>
      error.code === 'MANIFEST_INVALID' &&
      /job\.yaml:3:\d+: error: services\.a\.pricing\.max_price_per_hour: read 0\.1234567; expected at most 6 decimals/.test(
        error.message,
      ),
  )
  assert.is(plan(text, { decimals: 9 }).ceilingPricePerHour, 123_456_700n)
})

test('without a GPU the memory is exact, and a software device that offers it fits', () => {
  const { requirements } = plan(write())
  const device = { model: 'a processor', memoryBytes: 2n ** 30n, gpu: false, backend: 'wasm', driver: '' }
  const offer: Offer = {
    peer: 'p',
    devices: [{ ...device, cudaVersion: '', gflops: 1, count: 1, free: 1 }],
    pricePerHour: 1n,
    location: '',
    runtimes: ['tfjs'],
    available: true,
    stake: 0n,
  }
  assert.equal(findMismatches(offer, requirements, 1_000_000n), [])
  const short = { ...offer, devices: [{ ...offer.devices[0]!, memoryBytes: 2n ** 30n - 1n }] }
  assert.is(findMismatches(short, requirements)[0]?.reason, 'MEMORY')
})

function gpu(entries: string, units = 1) {
  const resources = `gpu: { units: ${units}, attributes: { vendor: { nvidia: ${entries} } } }`
  return plan(write({ resources })).requirements
}

test('GPU models are alternatives, in whichever way they are written', () => {
  for (const entries of [
    '[{ model: h100 }, { model: a100 }]',
    '[{ model: [h100, a100] }]',
    '[{ model: "h100 or a100" }]',
    '[{ model: h100 | a100 }]',
  ]) {
    assert.equal(gpu(entries).models, ['h100', 'a100'], entries)
  }
  assert.equal(gpu('[{ model: h100 }, { ram: 24Gi }]').models, [], 'an entry without a model takes any')
})

test('SDL’s spelling of a model also matches the driver’s', () => {
  const cases: [string, string][] = [
    ['rtx4090', 'NVIDIA GeForce RTX 4090'],
    ['rtx4070tisuper', 'NVIDIA GeForce RTX 4070 Ti SUPER'],
    ['gtx1080ti', 'NVIDIA GeForce GTX 1080 Ti'],
    ['rtxa6000', 'NVIDIA RTX A6000'],
    ['h100', 'NVIDIA H100 80GB HBM3'],
  ]
  for (const [written, driver] of cases) {
    const { models } = gpu(`[{ model: ${written} }]`)
    assert.ok(
      models.some((model) => driver.toLowerCase().includes(model.toLowerCase())),
      `${written}: ${models}`,
    )
  }
})

test('ram is what a card is sold with: it takes that card and not the next smaller one', () => {
  const MIB = 2n ** 20n
  const cards: [string, bigint, bigint][] = [
    ['80Gi', 81_559n * MIB, 49_152n * MIB],
    ['24Gi', 23_034n * MIB, 22_528n * MIB],
    ['16Gi', 15_360n * MIB, 12_288n * MIB],
    ['12Gi', 12_288n * MIB, 11_264n * MIB],
  ]
  for (const [ram, fits, smaller] of cards) {
    const { memoryBytes } = gpu(`[{ model: x, ram: ${ram} }]`)
    assert.ok(fits >= memoryBytes, `${ram} takes its own card`)
    assert.ok(smaller < memoryBytes, `${ram} refuses the next smaller`)
  }
  const sold = (ram: string) => gpu(`[{ ram: ${ram} }]`).memoryBytes
  const several = gpu('[{ model: h100, ram: 80Gi }, { model: a100, ram: 40Gi }]')
  assert.is(several.memoryBytes, sold('40Gi'), 'the least that any of them has')
  assert.equal(several.models, ['h100', 'a100'])
  assert.equal(several.choices, [
    { models: ['h100'], memoryBytes: sold('80Gi') },
    { models: ['a100'], memoryBytes: sold('40Gi') },
  ])
  assert.equal(gpu('[{ model: h100, ram: 80Gi }, { model: a100, ram: 80Gi }]').choices, [])
  assert.is(gpu('[{ model: h100 }]', 8).devices, 8)
  assert.is(gpu('[{ model: h100 }]').gpu, true)
})

test('locations come from the service and from SDL’s attributes, stake in tokens', () => {
  const service =
    'pricing: { max_price_per_hour: 1 }, placement: { location: [DE-Berlin, FR], region: NL, min_stake: 2.5 }'
  const { requirements } = plan(write({ service, placement: 'attributes: { region: AT }' }))
  assert.equal(requirements.locations, ['DE-Berlin', 'FR', 'NL', 'AT'])
  assert.is(requirements.minimumStake, 2_500_000n)
})

test('the example of every key becomes the plan that its comments tell', () => {
  const file = new URL('../../../config/examples/placed.yaml', import.meta.url)
  const parsed = parseManifest(readFileSync(file, 'utf8'), 'placed.yaml')
  assert.equal(parsed.warnings, [])
  const { requirements, auction, ...rest } = planJob(parsed, OPTIONS)
  const memory = (gib: bigint) => (gib * 2n ** 30n * 93n) / 100n
  assert.equal(requirements, {
    devices: 1,
    gpu: true,
    memoryBytes: memory(24n),
    models: ['h100', 'a100', 'rtx4090', 'rtx 4090', 'rtx3090', 'rtx 3090'],
    choices: [
      { models: ['h100'], memoryBytes: memory(80n) },
      { models: ['a100'], memoryBytes: memory(40n) },
      { models: ['rtx4090', 'rtx 4090', 'rtx3090', 'rtx 3090'], memoryBytes: memory(24n) },
    ],
    runtime: 'tfjs',
    locations: ['EU', 'CH', 'GB-London'],
    minimumStake: 100_000_000n,
    minimumGflops: 0,
    allow: [],
    deny: ['12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'],
    attesters: [],
    minimumAttestations: 2,
    minimumReliability: 0.4,
    maxLatencyMs: 80,
  })
  assert.equal(readRequirements(Requirements.encode(requirements)), requirements, 'an order carries them all')
  assert.equal(auction, {
    pricing: PricingRule.SECOND_PRICE,
    commitMs: 800,
    revealMs: 600,
    scoring: { price: 60, stake: 5, reliability: 15, speed: 10, latency: 5, exploration: 5 },
    enough: 3,
    ladder: { step: 1_000, everyMs: 20_000, maxPricePerHour: 600_000n },
  })
  assert.equal([rest.count, rest.durationS, rest.queueMs], [2, 1_800, 300_000])
  assert.is(rest.ceilingPricePerHour, 400_000n)
})

test('attesters that are named are the ones that count, one of them at least', () => {
  const peer = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
  const service = `pricing: { max_price_per_hour: 1 }, placement: { attestations: { by: [${peer}] } }`
  const { requirements } = plan(write({ service }))
  assert.equal([requirements.minimumAttestations, requirements.attesters], [1, [peer]])
})

test('checkpoints become fields of a declared training, and what the job itself says comes first', () => {
  const text = (checkpoint: string) =>
    write({ service: `pricing: { max_price_per_hour: 1 }, checkpoint: ${checkpoint}` })
  const declared = (checkpoint: string, job = '{ task: train }') =>
    plan(text(checkpoint).replace('{ task: train }', job)).spec
  assert.equal(declared('{ every: 30s }'), { checkpointSeconds: 30, task: 'train' })
  assert.equal(declared('{ steps: 500 }'), { checkpointSteps: 500, task: 'train' })
  assert.is(declared('{ steps: 500 }', '{ task: train, checkpointSteps: 7 }').checkpointSteps, 7)
  assert.throws(() => declared('{ every: 2d }'), /from 1s to 24h/)
  assert.equal(declared('{ steps: 500 }', '{ task: predict }'), { task: 'predict' })
  assert.equal(warningsOf(text('{ every: 30s }')), [])
  const prediction = text('{ every: 30s }').replace('{ task: train }', '{ task: predict }')
  assert.equal(warningsOf(prediction), ['NOT_ENFORCED services.a.checkpoint'])
})

test('what a service exposes, its health and its restarts become fields of the container', () => {
  const text = (more: string) =>
    write({ service: `pricing: { max_price_per_hour: 1 }, ${more}` })
      .replace('runtime: tfjs', 'runtime: container')
      .replace('{ task: train }', '{ archive: image }')
  const all =
    'expose: [{ port: 8080 }, { port: 9090 }], health: { http: /up, port: 9090, start_period: 2m }, restart: always, exec: true'
  assert.equal(plan(text(all)).spec, {
    expose: [8080, 9090],
    health: { http: '/up', port: 9090, start: '2m' },
    restart: { policy: 'always' },
    exec: true,
    archive: 'image',
  })
  assert.equal(plan(text('restart: { max: 2 }, expose: [{ port: 80 }]')).spec.restart, { max: 2 })
  assert.equal(warningsOf(text('expose: [{ port: 80, as: 8080, to: [{ global: true }] }]')), [
    'NOT_ENFORCED services.a.expose.0.as',
    'NOT_ENFORCED services.a.expose.0.to',
  ])
  const refusals: Array<[string, RegExp]> = [
    ['health: { http: /up }', /health of a job that listens on no port; expected expose/],
    ['restart: always', /restart of a job that listens on no port/],
    ['expose: [{ port: 80 }], health: { port: 81 }', /read 81; expected one of 80, which are exposed/],
    ['expose: [{ port: 80 }, { port: 80 }]', /port 80 a second time; expected each port once/],
    ['expose: [{ port: 70000 }]', /expected a whole number from 1 to 65535/],
    ['expose: [{ port: 80, proto: udp }]', /expected one of tcp, http/],
    ['expose: []', /expected at least one port/],
    ['expose: [{ port: 80 }], health: { interval: 10ms }', /a duration such as 10s, from 1s to 1h/],
    ['expose: [{ port: 80 }], restart: sometimes', /expected one of never, on-failure, always/],
  ]
  for (const [more, message] of refusals) assert.throws(() => plan(text(more)), message)
  assert.throws(
    () => plan(write({ service: 'pricing: { max_price_per_hour: 1 }, exec: true' })),
    /exec of a declared job; expected runtime: container/,
  )
})

test('what is accepted without effect is warned about', () => {
  const service = [
    'pricing: { max_price_per_hour: 1 }',
    'expose: [{ port: 80 }]',
    'auction: { ladder: { step: 5%, every: 3m, max_price_per_hour: 2 } }',
  ]
  assert.equal(warningsOf(write({ service: service.join(', ') })), [
    'NOT_ENFORCED services.a.auction.ladder.every',
    'NOT_ENFORCED services.a.expose',
  ])
})

test('windows, proof and times come from the manifest first and from the node’s options else', () => {
  const bare = plan(write())
  assert.equal(bare.auction, { pricing: PricingRule.FIRST_PRICE, commitMs: 500, revealMs: 400 })
  assert.equal(bare.verify, { challenge: { n: 256, rounds: 2, openings: 66, random: false } })
  assert.equal([bare.durationS, bare.queueMs], [3600, 120_000])
  const service =
    'pricing: { max_price_per_hour: 1 }, auction: { pricing: second-price, commit_ms: 9 }, verify: { challenge: { n: 512 } }, timeouts: { duration: 1h30m, queue: 500ms }'
  const full = plan(write({ service }))
  assert.equal(full.auction, { pricing: PricingRule.SECOND_PRICE, commitMs: 9, revealMs: 400 })
  assert.equal(full.verify, { challenge: { n: 512, rounds: 2, openings: 66, random: false } })
  assert.equal([full.durationS, full.queueMs], [5400, 500])
})

test('profiles and pricing under services are taken, with a warning that shows the standard place', () => {
  const whole = [
    'version: "2.0"',
    'services:',
    '  a: { runtime: tfjs, job: {} }',
    '  profiles: { compute: { p: { resources: { memory: { size: 1Gi } } } } }',
    '  pricing: { max_price_per_hour: 2 }',
  ].join('\n')
  assert.is(plan(whole).ceilingPricePerHour, 2_000_000n)
  assert.equal(warningsOf(whole), ['MISPLACED services.profiles', 'MISPLACED services.pricing'])
  const [first] = parseManifest(whole, 'job.yaml').warnings
  assert.equal([first?.line, first?.column], [4, 3])
  assert.match(first?.expected ?? '', /profiles at the top level/)

  const inService = [
    'version: "2.0"',
    'services:',
    '  a:',
    '    runtime: tfjs',
    '    job: {}',
    '    profiles:',
    '      compute: { gpu: { units: 1, attributes: { vendor: { nvidia: [{ model: h100 }] } } } }',
    '    pricing: { denom: night, amount: 5 }',
  ].join('\n')
  assert.equal(plan(inService).requirements.models, ['h100'])
  assert.is(plan(inService).ceilingPricePerHour, 5n)
  assert.equal(warningsOf(inService), ['MISPLACED services.a.profiles', 'MISPLACED services.a.pricing'])
})

test('a service may bear the name of one of SDL’s parts', () => {
  const text = write().replace('  a:', '  pricing:').replace('{ a: {', '{ pricing: {')
  assert.is(plan(text).name, 'pricing')
  assert.equal(warningsOf(text), [])
})

test('a service may bear the name of what every object of the language has', () => {
  const text = write().replace('  a:', '  constructor:').replace('{ a: {', '{ constructor: {')
  assert.is(plan(text).name, 'constructor')
  const undeployed = text.replace(/deployment.*\n/, '')
  assert.is(plan(undeployed).ceilingPricePerHour, 1_000_000n)
})

const warned: [string, string, string][] = [
  [
    'an interface',
    write({
      resources: 'gpu: { units: 1, attributes: { vendor: { nvidia: [{ model: a, interface: sxm }] } } }',
    }),
    'NOT_ENFORCED profiles.compute.p.resources.gpu.attributes.vendor.nvidia.0.interface',
  ],
  [
    'a vendor alone',
    write({ resources: 'gpu: { units: 1, attributes: { vendor: { nvidia: } } }' }),
    'NOT_ENFORCED profiles.compute.p.resources.gpu.attributes.vendor.nvidia',
  ],
  [
    'processors and disks of the host',
    write({ resources: 'memory: { size: 1Gi }, cpu: { units: 1 }, storage: { size: 1Gi }' }),
    'NOT_ENFORCED profiles.compute.p.resources',
  ],
  [
    'signedBy',
    write({ placement: 'signedBy: { anyOf: [x] }' }),
    'NOT_ENFORCED profiles.placement.w.signedBy',
  ],
  [
    'other attributes',
    write({ placement: 'attributes: { host: x }' }),
    'NOT_ENFORCED profiles.placement.w.attributes.host',
  ],
  [
    'a denomination of another network',
    write({ service: '', placement: 'pricing: { a: { denom: uakt, amount: 5 } }' }),
    'NOT_ENFORCED profiles.placement.w.pricing.a.denom',
  ],
  [
    'a model where no GPU is asked for',
    write({ resources: 'memory: { size: 1Gi }, gpu: { units: 0, attributes: {} }' }),
    'NOT_ENFORCED profiles.compute.p.resources.gpu.attributes',
  ],
]

for (const [title, text, expected] of warned) {
  test(`what is accepted but not asked of providers is warned about: ${title}`, () => {
    assert.equal(warningsOf(text), [expected])
    assert.not.throws(() => plan(text))
  })
}

test('of several services one must be named', () => {
  const text = write()
    .replace('profiles:', '  b: { runtime: tfjs, job: {}, pricing: { max_price_per_hour: 2 } }\nprofiles:')
    .replace('deployment: {', 'deployment: { b: { w: { profile: p } },')
  assert.is(plan(text, { service: 'b' }).ceilingPricePerHour, 2_000_000n)
  for (const options of [{}, { service: 'c' }, { service: '__proto__' }]) {
    assert.throws(
      () => plan(text, options),
      (error: NightshiftError) => error.code === 'UNKNOWN_SERVICE' && error.advice === 'Name one of a, b.',
    )
  }
})

test('an anchor may be used again', () => {
  const text = write().replace('pricing: {', 'timeouts: &t { duration: 5m }, pricing: {')
  assert.is(plan(text).durationS, 300)
  const twice = text
    .replace(
      'profiles:',
      '  b: { runtime: tfjs, job: {}, timeouts: *t, pricing: { max_price_per_hour: 2 } }\nprofiles:',
    )
    .replace('deployment: {', 'deployment: { b: { w: { profile: p } },')
  assert.is(plan(twice, { service: 'b' }).durationS, 300)
})

test.run()
