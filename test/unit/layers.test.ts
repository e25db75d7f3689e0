import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import { HEARTBEAT_LIMITS } from '../../protocols/heartbeat/rules.js'
import { REQUIREMENTS_LIMITS } from '../../protocols/inventory/rules.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import { findViolations, type LayerRule, MAX_LINES, type Source } from '../support/layers.js'
import { suite } from '../support/suite.js'
import { readTokens } from '../support/tokens.js'

const test = suite('layers')
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const LAYERS = ['chain', 'config', 'kernels', 'node', 'protocols', 'test']
const TOP = [
  ...LAYERS,
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
]
const GENERATED = ['node_modules', 'dist', 'coverage']
const BUILDS = ['chain/program/build/', 'chain/program/target/']

function readSources(): Source[] {
  return LAYERS.flatMap((layer) =>
    readdirSync(join(ROOT, layer), { recursive: true, encoding: 'utf8' })
      .map((path) => `${layer}/${path}`)
      .filter(
        (path) => /\.(?:ts|mjs|js|rs|sh)$/.test(path) && !BUILDS.some((folder) => path.startsWith(folder)),
      )
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })),
  )
}

function rulesBroken(tree: Record<string, string>): LayerRule[] {
  const sources = Object.entries(tree).map(([path, text]) => ({ path, text }))
  return findViolations(sources).map(({ rule }) => rule)
}

test('the program keeps every rule of its layers', () => {
  const sources = readSources()
  assert.ok(sources.length > 40, `only ${sources.length} sources were found`)
  const lines = findViolations(sources).map(({ rule, path, detail }) => `${rule}: ${path}: ${detail}`)
  assert.is(lines.join('\n'), '')
})

test('the top level holds exactly what the design names', () => {
  const there = readdirSync(ROOT).filter(
    (name) => !name.startsWith('.') && !GENERATED.includes(name) && !/\.(?:log|tsbuildinfo)$/.test(name),
  )
  assert.equal(there.sort(), [...TOP].sort())
})

test('every limit of the rules is read by the program', () => {
  const read = new Set<string>()
  for (const { path, text } of readSources()) {
    if (!path.endsWith('.ts') || path.startsWith('test/') || path.endsWith('/wire.ts')) continue
    const tokens = readTokens(text)
    // `maxBytes: 8_192` declares; `limits.maxBytes` and `const { maxBytes } = limits` read.
    tokens.forEach(({ kind, text: name }, index) => {
      if (kind === 'name' && tokens[index + 1]?.text !== ':') read.add(name)
    })
  }
  const limits = [AUCTION_LIMITS, HEARTBEAT_LIMITS, JOB_LIMITS, REQUIREMENTS_LIMITS].flatMap(Object.keys)
  assert.ok(limits.length > 20)
  assert.equal(
    limits.filter((name) => !read.has(name)),
    [],
  )
})

test(
  'every wire.ts is what its schema generates now',
  () => {
    const schemas = readdirSync(join(ROOT, 'protocols'), { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('wire.proto'),
    )
    assert.ok(schemas.length > 6, `only ${schemas.length} schemas were found`)
    const folder = mkdtempSync(join(tmpdir(), 'nightshift-wire-'))
    try {
      copyFileSync(join(ROOT, 'protocols/generate.mjs'), join(folder, 'generate.mjs'))
      for (const schema of schemas) {
        mkdirSync(dirname(join(folder, schema)), { recursive: true })
        copyFileSync(join(ROOT, 'protocols', schema), join(folder, schema))
      }
      execFileSync(process.execPath, [join(folder, 'generate.mjs')], { cwd: ROOT, stdio: 'pipe' })
      for (const schema of schemas) {
        const path = schema.replace(/proto$/, 'ts')
        const same =
          readFileSync(join(folder, path), 'utf8') === readFileSync(join(ROOT, 'protocols', path), 'utf8')
        assert.ok(same, `protocols/${path} is not current: run npm run generate`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  { timeoutMs: 60_000 },
)

const BROKEN: ReadonlyArray<{ title: string; rule: LayerRule; tree: Record<string, string> }> = [
  {
    title: 'protocols import nothing of ours',
    rule: 'direction',
    tree: { 'protocols/a.ts': `import { b } from '../node/b.js'` },
  },
  {
    title: 'config, kernels and chain never import one another',
    rule: 'direction',
    tree: { 'kernels/a.ts': `export * from '../chain/b.js'` },
  },
  {
    title: 'the program never imports its tests',
    rule: 'direction',
    tree: { 'node/a.ts': `import '../test/support/suite.js'` },
  },
  {
    title: 'a type-only import has a direction too',
    rule: 'direction',
    tree: { 'config/a.ts': `import type { B } from '../kernels/b.js'` },
  },
  {
    title: 'so has a dynamic one',
    rule: 'direction',
    tree: { 'chain/a.ts': `const b = await import('../node/b.js')` },
  },
  {
    title: 'so has the type of one',
    rule: 'direction',
    tree: { 'chain/a.ts': `export type B = import('../node/b.js').B` },
  },
  {
    title: 'and the public entry by the name of the package',
    rule: 'direction',
    tree: { 'kernels/a.ts': `import { createRenter } from 'nightshift'` },
  },
  {
    title: 'nothing outside the project is imported by its path',
    rule: 'direction',
    tree: { 'node/a.ts': `import '../../elsewhere/b.js'` },
  },
  {
    title: 'two files that import one another are a cycle',
    rule: 'cycle',
    tree: { 'node/a.ts': `import { b } from './b.js'`, 'node/b.ts': `import { a } from './a.js'` },
  },
  {
    title: 'types alone make a cycle of three',
    rule: 'cycle',
    tree: {
      'node/a.ts': `import type { B } from './x/b.js'`,
      'node/x/b.ts': `export type { C } from '../c.js'`,
      'node/c.ts': `import { type A } from './a.js'`,
    },
  },
  {
    title: 'a service does not know libp2p',
    rule: 'service',
    tree: { 'node/renter/job.ts': `import type { PeerId } from '@libp2p/interface'` },
  },
  {
    title: 'a service does not open files',
    rule: 'service',
    tree: { 'node/provider/job.ts': `import { readFile } from 'node:fs/promises'` },
  },
  {
    title: 'a service does not open databases',
    rule: 'service',
    tree: { 'node/market/view.ts': `import { ClassicLevel } from 'classic-level'` },
  },
  {
    title: 'services do not reach into one another',
    rule: 'service',
    tree: { 'node/renter/job.ts': `import { offer } from '../provider/offer.js'` },
  },
  {
    title: 'a service takes the network through its ports only',
    rule: 'service',
    tree: { 'node/renter/job.ts': `import { createEngine } from '../net/engine.js'` },
  },
  {
    title: 'protocols do no I/O',
    rule: 'protocols-io',
    tree: { 'protocols/a.ts': `import { readFileSync } from 'node:fs'` },
  },
  { title: 'Date.now reads the clock', rule: 'clock', tree: { 'node/a.ts': 'const t = Date.now()' } },
  { title: 'so does new Date()', rule: 'clock', tree: { 'node/a.ts': 'const t = new Date()' } },
  { title: 'and new Date', rule: 'clock', tree: { 'node/a.ts': 'const t = new Date\n' } },
  { title: 'and performance.now', rule: 'clock', tree: { 'chain/a.ts': 'const t = performance.now()' } },
  { title: 'and process.hrtime', rule: 'clock', tree: { 'chain/a.ts': 'process.hrtime.bigint()' } },
  { title: 'setTimeout is a timer', rule: 'timer', tree: { 'kernels/a.ts': 'setTimeout(() => {}, 5)' } },
  {
    title: 'also within a template',
    rule: 'timer',
    tree: { 'kernels/a.ts': `const a = \`x \${[1].map(() => { return setInterval(f, 5) })} y\`` },
  },
  {
    title: 'also under another name',
    rule: 'timer',
    tree: { 'kernels/a.ts': `import { setTimeout as sleep } from 'node:timers/promises'` },
  },
  {
    title: 'also globalThis.setImmediate',
    rule: 'timer',
    tree: { 'node/a.ts': 'globalThis.setImmediate(f)' },
  },
  { title: 'AbortSignal.timeout is a timer', rule: 'timer', tree: { 'node/a.ts': 'AbortSignal.timeout(5)' } },
  { title: 'Math.random is random', rule: 'random', tree: { 'protocols/a.ts': 'Math.random()' } },
  {
    title: 'randomBytes is random',
    rule: 'random',
    tree: { 'node/a.ts': `import { randomBytes } from 'node:crypto'` },
  },
  { title: 'a made key is random', rule: 'random', tree: { 'node/a.ts': 'const key = Keypair.generate()' } },
  {
    title: 'the environment is read in one place',
    rule: 'environment',
    tree: { 'config/a.ts': 'const level = process.env.LEVEL' },
  },
  { title: 'nothing prints', rule: 'console', tree: { 'node/net/a.ts': `console.log('hello')` } },
  { title: 'a file of utils says nothing', rule: 'file-name', tree: { 'node/utils.ts': '' } },
  { title: 'nor does a folder of helpers', rule: 'file-name', tree: { 'node/helpers/a.ts': '' } },
  {
    title: 'a long file is split',
    rule: 'file-length',
    tree: { 'node/a.ts': 'f()\n'.repeat(MAX_LINES + 1) },
  },
  {
    title: 'nothing is left for later',
    rule: 'unfinished',
    tree: { 'node/a.ts': `// ${'TO' + 'DO'}: think` },
  },
]

for (const { title, rule, tree } of BROKEN) {
  test(`the check sees: ${title}`, () => {
    assert.equal([...new Set(rulesBroken(tree))], [rule])
  })
}

const KEPT: ReadonlyArray<{ title: string; tree: Record<string, string> }> = [
  {
    title: 'comments and strings are no code',
    tree: {
      'node/a.ts': `// Date.now() and import '../test/a.js'
/* setTimeout(console.log, Math.random()) */
const text = "import { a } from '../test/a.js'; Date.now()"
const quote = /["'\`]/
const half = total / count / 2`,
    },
  },
  {
    title: 'what is like a global but is not one passes',
    tree: {
      'node/a.ts': `socket.setTimeout(5)
clock.performance.now()
const stamp = new Date(clock.now()).toISOString()
type D = Date
random.bytes(32)`,
    },
  },
  {
    title: 'the one place may do it, and so may an entry',
    tree: {
      'node/system/clock.ts': 'Date.now(); setTimeout(f, 5)',
      'node/system/random.ts': 'randomBytes(3)',
      'node/system/environment.ts': 'process.env.A',
      'node/cli/main.ts': 'console.log(process.env.A, Date.now())',
      'kernels/worker/main.ts': 'console.log(performance.now())',
    },
  },
  {
    title: 'tests may do what the program may not',
    tree: { 'test/unit/a.test.ts': `import '../../node/a.js'\nDate.now(); console.log(process.env.A)` },
  },
  {
    title: 'a service may import the words, its neighbours in its folder, and ports',
    tree: {
      'node/renter/job.ts': `import '../../protocols/job/rules.js'
import './store.js'
import type { Store } from '../store/port.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'`,
    },
  },
  {
    title: 'two ways to the same file are no cycle',
    tree: {
      'node/a.ts': `import './b.js'\nimport './c.js'`,
      'node/b.ts': `import './d.js'`,
      'node/c.ts': `import './d.js'`,
      'node/d.ts': '',
    },
  },
]

for (const { title, tree } of KEPT) {
  test(`the check lets pass: ${title}`, () => {
    assert.equal(findViolations(Object.entries(tree).map(([path, text]) => ({ path, text }))), [])
  })
}

test.run()
