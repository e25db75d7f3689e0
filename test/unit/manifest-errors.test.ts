import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { describeFinding, type Finding } from '../../config/finding.js'
import { parseManifest } from '../../config/manifest/parse.js'
import { planJob } from '../../config/manifest/plan.js'
import { SOURCE_LIMITS } from '../../config/source.js'
import { NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('errors in manifests')

const BASE = `version: "2.0"
services:
  a:
    runtime: tfjs
    job: { task: train }
    pricing: { max_price_per_hour: 1 }
profiles:
  compute:
    p:
      resources:
        memory: { size: 1Gi }
  placement:
    w: {}
deployment:
  a:
    w: { profile: p }
`

const PEER = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'
const DEFAULTS = { commitMs: 1, revealMs: 1, challenge: { n: 16, rounds: 1, openings: 1, random: false } }

function findingsOf(text: string): Finding[] {
  try {
    planJob(parseManifest(text, 'job.yaml'), { decimals: 6, defaults: DEFAULTS, service: 'a' })
  } catch (error) {
    assert.instance(error, NightshiftError, String((error as Error).stack))
    assert.is((error as NightshiftError).code, 'MANIFEST_INVALID')
    return (error as NightshiftError).context.findings as Finding[]
  }
  throw new Error('the manifest was taken')
}

/** The first match takes all of it. */
const WHOLE = /[\s\S]*/

/** In the service, one line before its job: line 5, keys from column 5. */
const add = (line: string): [RegExp, string] => [/ {4}job/, `    ${line}\n    job`]

/** What is replaced in BASE, and the findings as they are printed, without their frames. */
const wrong: [title: string, edit: [RegExp, string], printed: string | string[]][] = [
  [
    'a wrong choice',
    [/tfjs/, 'tfsj'],
    '4:14: error: services.a.runtime: read "tfsj"; expected one of tfjs, wgsl, container (did you mean tfjs?)',
  ],
  [
    'a mistyped key',
    [/runtime/, 'runtme'],
    [
      '3:3: error: services.a.runtime: "runtime" is missing; expected one of tfjs, wgsl, container',
      '4:5: error: services.a.runtme: unknown key "runtme"; expected runtime (did you mean that?)',
    ],
  ],
  ['another version', [/"2.0"/, '3'], '1:10: error: version: read "3"; expected "2.0"'],
  [
    'a job that is no mapping',
    [/job: .*/, 'job: 3'],
    '5:10: error: services.a.job: read 3; expected the declared job, a mapping',
  ],
  [
    'a size with an unknown unit',
    [/1Gi/, '1Gx'],
    '11:25: error: profiles.compute.p.resources.memory.size: read "1Gx"; expected a size such as 512Mi',
  ],
  [
    'a price in words',
    [/hour: 1/, 'hour: cheap'],
    '6:36: error: services.a.pricing.max_price_per_hour: read "cheap"; expected tokens per device-hour, such as 0.25',
  ],
  [
    'a price with an exponent',
    [/hour: 1/, 'hour: 1e3'],
    '6:36: error: services.a.pricing.max_price_per_hour: read "1e3"; expected tokens per device-hour, such as 0.25',
  ],
  [
    'a price below zero',
    [/hour: 1/, 'hour: -1'],
    '6:36: error: services.a.pricing.max_price_per_hour: read "-1"; expected tokens per device-hour, such as 0.25',
  ],
  [
    'a price of zero',
    [/hour: 1/, 'hour: 0'],
    '6:36: error: services.a.pricing.max_price_per_hour: read "0"; expected more than zero',
  ],
  [
    'a price above a u64',
    [/hour: 1/, 'hour: 99999999999999'],
    '6:36: error: services.a.pricing.max_price_per_hour: read 99999999999999; expected at most 6 decimals, and less than 2^64 atomic units',
  ],
  [
    'no price',
    [/ {4}pricing: .*\n/, ''],
    '3:3: error: services.a: a has no price; expected pricing: {max_price_per_hour: <tokens>} in the service',
  ],
  [
    'two prices',
    [/w: \{\}/, 'w: { pricing: { a: { denom: x, amount: 1 } } }'],
    '13:44: error: profiles.placement.w.pricing.a.amount: a second price for a; the first is services.a.pricing.max_price_per_hour; expected one price',
  ],
  [
    'two prices in one place',
    [/hour: 1/, 'hour: 1, denom: x, amount: 1'],
    '6:5: error: services.a.pricing: both max_price_per_hour and amount; expected one of them',
  ],
  [
    'an amount without a denomination',
    [/w: \{\}/, 'w: { pricing: { a: { amount: 1 } } }'],
    '13:21: error: profiles.placement.w.pricing.a: denom is missing; expected max_price_per_hour, or denom and amount',
  ],
  [
    'an amount with a fraction',
    [/w: \{\}/, 'w: { pricing: { a: { denom: x, amount: 1.5 } } }'],
    '13:44: error: profiles.placement.w.pricing.a.amount: read "1.5"; expected whole atomic units per device-hour, such as 250000',
  ],
  [
    'a profile that does not exist',
    [/profile: p/, 'profile: q'],
    '16:19: error: deployment.a.w.profile: no compute profile "q"; expected p (did you mean that?)',
  ],
  [
    'a profile that every object of the language has',
    [/profile: p/, 'profile: constructor'],
    '16:19: error: deployment.a.w.profile: no compute profile "constructor"; expected one of p',
  ],
  [
    'a placement that does not exist',
    [/w: \{ profile/, 'world: { profile'],
    '16:5: error: deployment.a.world: no placement world; expected one of w',
  ],
  [
    'a deployment of another service',
    [/ {2}a:\n {4}w/, '  else:\n    w'],
    [
      '14:1: error: deployment.a: deployment.a is missing; expected deployment: {a: {<placement>: {profile: <profile>}}}',
      '15:3: error: deployment.else: no service else; expected one of a',
    ],
  ],
  [
    'two placements',
    [/ {4}w: \{ p.*/, '    w: { profile: p }\n    v: { profile: p }'],
    '15:3: error: deployment.a: 2 placements; expected one placement for a service',
  ],
  [
    'several providers',
    [/profile: p/, 'profile: p, count: 17'],
    '16:29: error: deployment.a.w.count: read 17; expected a whole number from 1 to 16',
  ],
  [
    'a container image',
    add('image: x'),
    '5:5: error: services.a.image: image is not on offer; expected runtime: container, and the image by its digest as job.image',
  ],
  [
    'a check without anything held back',
    add('expect: { accuracy: 0.9 }'),
    '5:5: error: services.a.expect: expect needs rows that were held back; expected an input with split',
  ],
  [
    'an accuracy in percent',
    add('expect: { accuracy: 95 }'),
    '5:25: error: services.a.expect.accuracy: read 95; expected a number from 0 to 1',
  ],
  ...['/etc/passwd', '~/.ssh/id', 'C:/x', '"a\\\\b"'].map((path): (typeof wrong)[number] => [
    `a path that is not relative (${path})`,
    add(`inputs: { d: ${path} }`),
    `5:18: error: services.a.inputs.d: read "${path.replaceAll('"', '')}"; expected a path relative to the manifest, with / between names`,
  ]),
  [
    'a split without its seed',
    add('inputs: { d: { path: x, split: { train: 1 } } }'),
    '5:29: error: services.a.inputs.d.split.seed: "seed" is missing; expected a whole number from 0 to 4294967295',
  ],
  [
    'an input that is a list',
    add('inputs: { d: [x] }'),
    '5:18: error: services.a.inputs.d: read a list; expected a path relative to the manifest, or a mapping with path, split, shared and keep, or with from and output',
  ],
  [
    'a mistyped key in one branch of several',
    add('inputs: { d: { pth: x } }'),
    ['5:20: error: services.a.inputs.d.pth: unknown key "pth"; expected path (did you mean that?)'],
  ],
  [
    'a duration in words',
    add('timeouts: { duration: 10 minutes }'),
    '5:27: error: services.a.timeouts.duration: read "10 minutes"; expected a duration such as 10m',
  ],
  [
    'a lease that is too long',
    add('timeouts: { duration: 31d }'),
    '5:27: error: services.a.timeouts.duration: read 31d; expected from 1s to 30d',
  ],
  [
    'a queue that is too long',
    add('timeouts: { queue: 8d }'),
    '5:24: error: services.a.timeouts.queue: read 8d; expected at most 7d',
  ],
  [
    'windows that are too long',
    add('auction: { commit_ms: 119999, reveal_ms: 2 }'),
    '5:14: error: services.a.auction: windows of 119999 and 2 ms; expected at most 120000 ms together',
  ],
  [
    'a location that is no country',
    add('placement: { location: EUR }'),
    '5:28: error: services.a.placement.location: read "EUR"; expected a country or a city of it, such as DE or DE-Berlin, or one of EU, EEA, africa, antarctica, asia, europe, north-america, oceania, south-america',
  ],
  [
    'a region of another network',
    [/w: \{\}/, 'w: { attributes: { region: us-west } }'],
    '13:32: error: profiles.placement.w.attributes.region: read "us-west"; expected a country or a city of it, such as DE or DE-Berlin, or one of EU, EEA, africa, antarctica, asia, europe, north-america, oceania, south-america',
  ],
  [
    'a latency without a unit',
    add('placement: { max_latency: 80 }'),
    '5:31: error: services.a.placement.max_latency: read 80; expected a round trip such as 80ms, at most 60s',
  ],
  [
    'a latency that everybody has',
    add('placement: { max_latency: 2m }'),
    '5:31: error: services.a.placement.max_latency: read "2m"; expected a round trip such as 80ms, at most 60s',
  ],
  [
    'a reliability in percent',
    add('placement: { min_reliability: 90 }'),
    '5:35: error: services.a.placement.min_reliability: read 90; expected a number from 0 to 1',
  ],
  [
    'more attestations than verifiers that count',
    add(`placement: { attestations: { minimum: 2, by: [${PEER}] } }`),
    '5:43: error: services.a.placement.attestations.minimum: read 2; expected at most 1, as many as are named under by',
  ],
  [
    'an attester that is none',
    add('placement: { attestations: { by: [tuev] } }'),
    '5:39: error: services.a.placement.attestations.by.0: read "tuev"; expected a peer id',
  ],
  [
    'a mistyped requirement',
    add('placement: { max_latncy: 80ms }'),
    '5:18: error: services.a.placement.max_latncy: unknown key "max_latncy"; expected max_latency (did you mean that?)',
  ],
  [
    'weights that are no whole',
    add('auction: { scoring: { price: 60, stake: 30 } }'),
    '5:25: error: services.a.auction.scoring: read a mapping; expected weights that make 100 together',
  ],
  [
    'a score in which the price counts nothing',
    add('auction: { scoring: { stake: 100 } }'),
    '5:16: error: services.a.auction.scoring.price: "price" is missing; expected a whole number from 1 to 100',
  ],
  [
    'a step without its unit',
    add('auction: { ladder: { step: 10, every: 30s, max_price_per_hour: 2 } }'),
    '5:32: error: services.a.auction.ladder.step: read 10; expected a share of the first price, such as 10%',
  ],
  [
    'a ladder that leads down',
    add('auction: { ladder: { step: 10%, every: 30s, max_price_per_hour: 0.5 } }'),
    '5:69: error: services.a.auction.ladder.max_price_per_hour: read 0.5; expected 1 or more, the first price',
  ],
  [
    'a peer id that is none',
    add('placement: { deny: [x] }'),
    '5:25: error: services.a.placement.deny.0: read "x"; expected a peer id',
  ],
  [
    'half a GPU',
    [/memory.*/, 'gpu: { units: 1.5 }'],
    '11:23: error: profiles.compute.p.resources.gpu.units: read 1.5; expected a whole number from 0 to 64',
  ],
  [
    'a mistyped vendor',
    [/memory.*/, 'gpu: { units: 1, attributes: { vendor: { nvdia: [] } } }'],
    '11:50: error: profiles.compute.p.resources.gpu.attributes.vendor.nvdia: unknown key "nvdia"; expected nvidia (did you mean that?)',
  ],
  [
    'neither a GPU nor memory',
    [/memory.*/, 'gpu: { units: 0 }'],
    '10:7: error: profiles.compute.p.resources.memory: memory is missing; expected memory: {size: 512Mi}, which a software device must offer, or gpu: {units: 1}',
  ],
  [
    'a proof of a size that no kernel has',
    add('verify: { challenge: { n: 102 } }'),
    '5:31: error: services.a.verify.challenge.n: read 102; expected a multiple of 4',
  ],
  [
    'a name that is none',
    [/ {2}a:\n {4}r/, '  A b:\n    r'],
    '3:3: error: services.A b: read the name "A b"; expected a name of lower-case letters, digits and dashes, at most 63',
  ],
  [
    'a profile in two places',
    [/services:/, 'services:\n  profiles: { compute: { p: {} } }'],
    '3:26: error: profiles.compute.p: profiles.compute.p stands in two places; expected one of them',
  ],
  ['a key twice', add('runtime: tfjs'), '5:5: error: "runtime" stands here twice; expected each key once'],
  ['no number', [/job: .*/, 'job: { x: .nan }'], '5:15: error: read NaN; expected a finite number'],
  [
    'an alias of nothing',
    [/job: .*/, 'job: *z'],
    '5:10: error: alias "*z" has no anchor before it; expected &z further up',
  ],
  [
    'an alias of itself',
    [/job: .*/, 'job: &z { x: *z }'],
    '5:18: error: alias "*z" has no anchor before it; expected &z further up',
  ],
  ['a tag', [/job: .*/, 'job: !foo {}'], '5:10: error: unresolved tag: !foo; expected no tags'],
  [
    'a tag of older YAML',
    [/job: .*/, 'job: !!binary abc'],
    '5:10: error: unresolved tag: tag:yaml.org,2002:binary; expected no tags',
  ],
  [
    'a merge key',
    add('<<: { runtime: tfjs }'),
    '5:5: error: services.a.<<: unknown key "<<"; expected one of runtime, job, inputs, depends_on, matrix, retries, expect, verify, auction, timeouts, checkpoint, expose, health, restart, exec, placement, pricing',
  ],
  [
    'a key that is a list',
    add('? [x]\n    : 1'),
    '5:7: error: a key that is no text; expected text before the colon',
  ],
  ['a key of the language', add('__proto__: 1'), '5:5: error: a key "__proto__"; expected another name'],
  [
    'a second document',
    [/$/, '---\na: 1\n'],
    '17:1: error: a second document begins here; expected one document in a file',
  ],
  [
    'an empty file',
    [WHOLE, ''],
    '1:1: error: read null; expected a mapping with version, services, profiles and deployment',
  ],
  [
    'a file of a list',
    [WHOLE, '[]'],
    '1:1: error: read an empty list; expected a mapping with version, services, profiles and deployment',
  ],
  [
    'a file that is too large',
    [/$/, `#${'x'.repeat(SOURCE_LIMITS.maxBytes)}`],
    ' error: the file has 65786 bytes; expected at most 65536; put data into files of its own',
  ],
  [
    'nesting',
    [WHOLE, `a: ${'['.repeat(40)}${']'.repeat(40)}`],
    '1:35: error: nested 33 levels deep; expected at most 32 levels',
  ],
  [
    'nesting without end',
    [WHOLE, '['.repeat(60_000)],
    '1:1: error: the file is nested too deeply; expected at most 32 levels',
  ],
  [
    'too many aliases',
    [WHOLE, `a: &a 1\nb: [${'*a,'.repeat(200)}]`],
    '2:305: error: too many aliases; expected at most 100',
  ],
  [
    'an alias bomb',
    [
      WHOLE,
      [
        'a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]',
        ...['b', 'c', 'd', 'e', 'f', 'g'].map(
          (name, index) => `${name}: &${name} [${`*${'abcdef'[index]},`.repeat(10)}]`,
        ),
      ].join('\n'),
    ],
    '5:8: error: too many keys and values; expected at most 20000, with aliases expanded',
  ],
]

for (const [title, [from, to], printed] of wrong) {
  test(`${title}: says where, what was read and what would be right`, () => {
    const text = BASE.replace(from, () => to)
    assert.is.not(text, BASE)
    const findings = findingsOf(text)
    const errors = findings.filter(({ severity }) => severity === 'error')
    const lines = errors.map((finding) => describeFinding(finding).split('\n')[0])
    assert.equal(
      lines,
      [printed].flat().map((line) => `job.yaml:${line}`),
    )
  })
}

test('the line is shown with a mark under the place', () => {
  const [finding] = findingsOf(BASE.replace('1Gi', '1Gx'))
  assert.is(finding?.frame, `  11 |         memory: { size: 1Gx }\n     |${' '.repeat(25)}^`)
  const long = findingsOf(
    BASE.replace('1Gi', `${'x'.repeat(500)}`).replace('size: ', `size:${' '.repeat(200)}`),
  )[0]
  const [line, mark] = long!.frame!.split('\n')
  assert.ok(line!.length < 120)
  assert.is(line![mark!.indexOf('^')], 'x')
})

test('several errors are reported at once, from top to bottom, and not without end', () => {
  const text = BASE.replace('tfjs', 'x').replace('1Gi', 'y').replace('version: "2.0"', 'version: "9"')
  assert.equal(
    findingsOf(text).map(({ line }) => line),
    [1, 4, 11],
  )
  const many = `${Array.from({ length: 500 }, (_, index) => `k${index}: 1`).join('\n')}\n`
  assert.throws(
    () => parseManifest(many, 'job.yaml'),
    (error: NightshiftError) => /^503 errors in job\.yaml\n[\s\S]*… and 483 more$/.test(error.message),
  )
})

test('control characters of a file do not reach the terminal', () => {
  const evil = BASE.replace('tfjs', '"\\e[31mred\\u009b31m\\u202e"').replace('  a:', '  "\\e]0;x": 1\n  a:')
  assert.throws(
    () => parseManifest(evil, 'job.yaml'),
    (error: NightshiftError) =>
      /red/.test(error.message) && !/[\p{Cc}\p{Cf}]/u.test(error.message.replaceAll('\n', '')),
  )
})

test(
  'any text is either taken or refused with a code',
  () => {
    const fragment = fc.constantFrom(
      ...BASE.split('\n'),
      '  - x',
      'a: &a',
      'b: *a',
      '? ',
      '!!set',
      '"',
      "'",
      '|',
      '>',
      '{',
      '[',
      '}',
      ']',
      '---',
      '...',
      '%YAML 1.1',
      '  constructor: {runtime: tfjs}',
      '<<: *a',
      '\t',
      '__proto__: {}',
      'constructor: 1',
      '  profiles: {compute: {gpu: {units: 1}}}',
      '  pricing: 3',
      '  deployment: {a: 1}',
    )
    const lines = fc.array(fragment, { maxLength: 25 }).map((parts) => parts.join('\n'))
    let taken = 0
    let refused = 0
    const property = fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), lines, fc.constant(BASE)),
      (text) => {
        try {
          planJob(parseManifest(text, 'job.yaml'), { decimals: 6, defaults: DEFAULTS })
          taken++
        } catch (error) {
          assert.instance(error, NightshiftError, String((error as Error).stack))
          assert.ok(['MANIFEST_INVALID', 'UNKNOWN_SERVICE'].includes((error as NightshiftError).code))
          assert.ok((error as NightshiftError).advice.length > 0)
          refused++
        }
      },
    )
    fc.assert(property, { numRuns: 600 })
    assert.ok(taken > 0 && refused > 0)
  },
  { timeoutMs: 60_000 },
)

test(
  'a manifest with anything in any place is either taken or refused with a place',
  () => {
    const paths: (string | number)[][] = [
      ['version'],
      ['services'],
      ['services', 'a'],
      ['services', 'a', 'runtime'],
      ['services', 'a', 'job'],
      ['services', 'a', 'inputs'],
      ['services', 'a', 'expect'],
      ['services', 'a', 'verify'],
      ['services', 'a', 'auction'],
      ['services', 'a', 'timeouts'],
      ['services', 'a', 'placement'],
      ['services', 'a', 'pricing'],
      ['services', 'a', 'profiles'],
      ['services', 'profiles'],
      ['services', 'pricing'],
      ['services', 'deployment'],
      ['profiles'],
      ['profiles', 'compute'],
      ['profiles', 'compute', 'p', 'resources', 'gpu'],
      ['profiles', 'placement'],
      ['profiles', 'placement', 'w'],
      ['deployment'],
      ['deployment', 'a'],
      ['deployment', 'a', 'w'],
      ['pricing'],
    ]
    const keys = fc.constantFrom(
      'compute',
      'placement',
      'resources',
      'gpu',
      'memory',
      'size',
      'units',
      'attributes',
      'vendor',
      'nvidia',
      'model',
      'ram',
      'pricing',
      'denom',
      'amount',
      'max_price_per_hour',
      'a',
      'p',
      'w',
      'profile',
      'constructor',
      'x',
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(
          null,
          0,
          1,
          -1,
          0.5,
          1e30,
          true,
          '',
          'a',
          'p',
          'w',
          '1Gi',
          '10m',
          '0.25',
          'h100 or a100',
        ),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    let ran = 0
    const property = fc.property(fc.constantFrom(...paths), value, (path, put) => {
      const manifest = {
        version: '2.0',
        services: { a: { runtime: 'tfjs', job: {}, pricing: { max_price_per_hour: '1' } } },
        profiles: { compute: { p: { resources: { memory: { size: '1Gi' } } } }, placement: { w: {} } },
        deployment: { a: { w: { profile: 'p' } } },
      }
      let at = manifest as Record<string, unknown>
      for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>
      at[path.at(-1)!] = put
      const text = JSON.stringify(manifest)
      try {
        planJob(parseManifest(text, 'job.json'), { decimals: 6, defaults: DEFAULTS })
      } catch (error) {
        assert.instance(error, NightshiftError, String((error as Error).stack))
        const { code, context } = error as NightshiftError
        if (code !== 'UNKNOWN_SERVICE') {
          for (const { line, column } of context.findings as Finding[]) assert.ok(line === 1 && column! >= 1)
        }
      }
      ran++
    })
    fc.assert(property, { numRuns: 600 })
    assert.ok(ran >= 600)
  },
  { timeoutMs: 60_000 },
)

test.run()
