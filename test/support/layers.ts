import { posix } from 'node:path'
import { readTokens, type Token } from './tokens.js'

/**
 * The shape of the program as a check: which folder may import which, what a service may reach for, and the one place
 * of each thing that makes a program hard to test (clock, timers, randomness, environment, console). Works on texts, so
 * that tests can show it small trees that break each rule.
 */
export interface Source {
  /** From the root of the project, with `/`. */
  path: string
  text: string
}

export type LayerRule =
  | 'direction'
  | 'cycle'
  | 'service'
  | 'protocols-io'
  | 'clock'
  | 'timer'
  | 'random'
  | 'environment'
  | 'console'
  | 'file-name'
  | 'file-length'
  | 'unfinished'

export interface Violation {
  rule: LayerRule
  path: string
  detail: string
}

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocols: [],
  config: ['protocols'],
  kernels: ['protocols'],
  chain: ['protocols'],
  node: ['protocols', 'config', 'kernels', 'chain'],
  test: ['protocols', 'config', 'kernels', 'chain', 'node'],
}

/** The program's own name, by which tests and scripts import its public entry. */
const PACKAGE = 'nightshift'
const PACKAGE_ENTRY = 'node/index.ts'

const SERVICES = ['node/provider/', 'node/renter/', 'node/market/']
/**
 * What a service may import of the rest of `node/`: ports, the session that a port's handler is handed, and the gossip
 * topics that provider and renter both join.
 */
const PORT = /^node\/(?:.+\/ports?\.ts|net\/session\.ts|market\/.+\.ts|device\/declared\.ts)$/
const NOT_FOR_SERVICES = /^(?:libp2p|@libp2p\/.+|(?:node:)?fs(?:\/.+)?|classic-level|datastore-level)$/

/** Process entries: they hand the ports to everything else, so they alone may touch what stands behind them. */
const ENTRY =
  /^(?:node\/cli\/main|kernels\/(?:.+\/)?main|kernels\/worker\/watchdog|kernels\/setup\/tensorflow)\.ts$/
/** Scripts that a person or the build starts; no part of the running program. */
const SCRIPT = /\.mjs$/

type Concern = Extract<LayerRule, 'clock' | 'timer' | 'random' | 'environment' | 'console'>

const ONE_PLACE: Readonly<Record<Concern, readonly string[]>> = {
  clock: ['node/system/clock.ts'],
  timer: ['node/system/clock.ts', 'node/dashboard/page/store.ts'], // in a browser there is no other clock
  random: ['node/system/random.ts'],
  environment: ['node/system/environment.ts'],
  console: [],
}

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']
const TIMER_MODULES = ['timers', 'node:timers', 'timers/promises', 'node:timers/promises']
const RANDOM = [
  'randomBytes',
  'randomUUID',
  'randomInt',
  'randomFill',
  'randomFillSync',
  'getRandomValues',
  'generateKeyPair',
  'generateKeyPairSync',
]
const GLOBALS = ['globalThis', 'global', 'window', 'self']

const VAGUE = ['utils', 'util', 'helpers', 'helper', 'common', 'manager', 'misc']
export const MAX_LINES = 500
const UNFINISHED = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b`)

export function findViolations(sources: readonly Source[]): Violation[] {
  const found: Violation[] = []
  const graph = new Map<string, string[]>()
  for (const source of sources) {
    found.push(...findTextViolations(source))
    if (!/\.(?:ts|mjs|js)$/.test(source.path)) continue
    const tokens = readTokens(source.text)
    const imports = findImports(tokens).map((name) => resolve(source.path, name))
    graph.set(source.path, imports)
    found.push(...imports.flatMap((target) => judgeImport(source.path, target)))
    if (isProduct(source.path)) found.push(...findUses(source.path, tokens))
  }
  return [...found, ...findCycles(graph)]
}

function isProduct(path: string): boolean {
  return !path.startsWith('test/') && !SCRIPT.test(path)
}

/** The module names that a source imports: static, type-only, re-exported, dynamic with a literal. */
export function findImports(tokens: readonly Token[]): string[] {
  const names: string[] = []
  tokens.forEach((token, index) => {
    if (token.kind !== 'string') return
    const before = tokens[index - 1]
    const called = before?.text === '(' && isName(tokens[index - 2], 'import', 'require')
    if (called || isName(before, 'from', 'import')) names.push(token.text)
  })
  return names
}

function resolve(importer: string, name: string): string {
  if (name === PACKAGE) return PACKAGE_ENTRY
  if (!name.startsWith('.')) return name
  return posix.join(posix.dirname(importer), name).replace(/\.js$/, '.ts')
}

function judgeImport(path: string, target: string): Violation[] {
  const found: Violation[] = []
  const layer = layerOf(path)
  const other = layerOf(target)
  const detail = `imports ${target}`
  if (target.startsWith('..'))
    found.push({ rule: 'direction', path, detail: `${detail}, outside the project` })
  else if (other in MAY_IMPORT && other !== layer && !MAY_IMPORT[layer]?.includes(other)) {
    found.push({ rule: 'direction', path, detail })
  }
  if (layer === 'protocols' && !SCRIPT.test(path) && target.startsWith('node:')) {
    found.push({ rule: 'protocols-io', path, detail })
  }
  const service = SERVICES.find((folder) => path.startsWith(folder))
  if (service !== undefined) {
    const reaches = target.startsWith('node/') && !target.startsWith(service) && !PORT.test(target)
    if (reaches || NOT_FOR_SERVICES.test(target)) found.push({ rule: 'service', path, detail })
  }
  if (isProduct(path) && !mayTouch(path, 'timer') && TIMER_MODULES.includes(target)) {
    found.push({ rule: 'timer', path, detail })
  }
  return found
}

function layerOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}

function mayTouch(path: string, concern: Concern): boolean {
  return ENTRY.test(path) || ONE_PLACE[concern].includes(path)
}

function findUses(path: string, tokens: readonly Token[]): Violation[] {
  const found: Violation[] = []
  tokens.forEach((token, index) => {
    if (token.kind !== 'name') return
    const concern = concernOf(tokens, index)
    if (concern === undefined || mayTouch(path, concern)) return
    found.push({ rule: concern, path, detail: `line ${token.line}: ${token.text}` })
  })
  return found
}

function concernOf(tokens: readonly Token[], index: number): Concern | undefined {
  const { text } = tokens[index]!
  const owner = ownerOf(tokens, index)
  const global = owner === undefined || GLOBALS.includes(owner)
  const after = [1, 2, 3].map((step) => tokens[index + step]?.text)
  if (text === 'Date' && global && readsClock(tokens[index - 1]?.text, after)) return 'clock'
  if (text === 'performance' && global && after[0] === '.') return 'clock'
  if (text === 'hrtime') return 'clock'
  if (TIMERS.includes(text) && global && after[0] !== ':') return 'timer'
  if (text === 'timeout' && owner === 'AbortSignal') return 'timer'
  if (text === 'random' && owner === 'Math') return 'random'
  if (text === 'generate' && owner === 'Keypair') return 'random'
  if (RANDOM.includes(text)) return 'random'
  if (text === 'env' && owner === 'process') return 'environment'
  if (text === 'console' && global && after[0] === '.') return 'console'
  return undefined
}

/** `Date.now()`, `new Date()` and `Date()` read the clock; `new Date(timeMs)` does not. */
function readsClock(before: string | undefined, after: Array<string | undefined>): boolean {
  if (after[0] === '.') return after[1] === 'now'
  if (after[0] === '(') return after[1] === ')'
  return before === 'new'
}

function ownerOf(tokens: readonly Token[], index: number): string | undefined {
  const dotted = ['.', '?.'].includes(tokens[index - 1]?.text ?? '')
  return dotted ? (tokens[index - 2]?.text ?? '') : undefined
}

function isName(token: Token | undefined, ...names: string[]): boolean {
  return token?.kind === 'name' && names.includes(token.text)
}

function findTextViolations({ path, text }: Source): Violation[] {
  const found: Violation[] = []
  const name = posix.basename(path).split('.')[0] ?? ''
  const folders = posix.dirname(path).split('/')
  const vague = VAGUE.find((word) => name.toLowerCase() === word || folders.includes(word))
  if (vague !== undefined) found.push({ rule: 'file-name', path, detail: `${vague} says nothing` })
  const lines = text.trimEnd().split('\n').length
  if (lines > MAX_LINES && !path.endsWith('/wire.ts') && !path.endsWith('.test.ts')) {
    found.push({ rule: 'file-length', path, detail: `${lines} lines, at most ${MAX_LINES}` })
  }
  const line = text.split('\n').find((candidate) => UNFINISHED.test(candidate))
  if (line !== undefined) found.push({ rule: 'unfinished', path, detail: line.trim() })
  return found
}

/** One cycle for each file through which a depth-first walk comes back to itself. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): Violation[] {
  const found: Violation[] = []
  const state = new Map<string, 'open' | 'done'>()
  const trail: string[] = []
  const visit = (path: string) => {
    state.set(path, 'open')
    trail.push(path)
    for (const target of graph.get(path) ?? []) {
      if (state.get(target) === 'open') {
        const cycle = [...trail.slice(trail.indexOf(target)), target]
        found.push({ rule: 'cycle', path, detail: cycle.join(' -> ') })
      } else if (graph.has(target) && !state.has(target)) visit(target)
    }
    trail.pop()
    state.set(path, 'done')
  }
  for (const path of graph.keys()) if (!state.has(path)) visit(path)
  return found
}
