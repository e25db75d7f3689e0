import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { type Finding, type FindingCode, joinPath, type Path, showValue, stripControls } from './finding.js'

/**
 * A YAML (or JSON, which is YAML) text as a tree that knows where each key and value stands. Bounded: a file from
 * someone else must cost no more than its size, so aliases are counted and expanded under a budget, nesting has a
 * limit, and tags are refused.
 */
export type Tree =
  | { readonly kind: 'map'; readonly start: number; readonly entries: readonly Entry[] }
  | { readonly kind: 'list'; readonly start: number; readonly items: readonly Tree[] }
  | {
      readonly kind: 'value'
      readonly start: number
      readonly value: string | number | boolean | null
      /** A number as it was written. */
      readonly digits?: string | undefined
    }

export interface Entry {
  readonly key: string
  readonly start: number
  readonly value: Tree
}

export interface Source {
  readonly name: string
  readonly tree: Tree
  /** A finding at an offset of the text. */
  finding(start: number, rest: Omit<Finding, 'source' | 'line' | 'column' | 'frame'>): Finding
}

export const SOURCE_LIMITS = {
  maxBytes: 65_536,
  maxDepth: 32,
  maxAliases: 100,
  /** Keys and values after aliases are expanded. */
  maxNodes: 20_000,
} as const

/** Reads a text; what is wrong with it is added to `findings`. Undefined if there is no tree to go on with. */
export function readSource(name: string, text: string, findings: Finding[]): Source | undefined {
  const bytes = new TextEncoder().encode(text).length
  if (bytes > SOURCE_LIMITS.maxBytes) {
    findings.push({
      severity: 'error',
      code: 'TOO_LARGE',
      source: name,
      path: '',
      message: `the file has ${bytes} bytes`,
      expected: `at most ${SOURCE_LIMITS.maxBytes}; put data into files of its own`,
    })
    return undefined
  }
  const lines = new LineCounter()
  const locate = createLocator(name, text, lines)
  const fail = (start: number, code: FindingCode, message: string, expected: string) => {
    findings.push(locate(start, { severity: 'error', code, path: '', message, expected }))
  }
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      // Checked below, in one pass: the parser compares every key with every other.
      uniqueKeys: false,
      schema: 'core',
      resolveKnownTags: false,
      merge: false,
      logLevel: 'warn',
    })
    // The parser reports a stack that ran out once for every level that it unwinds.
    if (document.errors.some((error) => error.code === 'RESOURCE_EXHAUSTION')) throw new RangeError('nesting')
    for (const error of document.errors) {
      const [message, expected] = SYNTAX_WORDS[error.code] ?? [lower(error.message), 'valid YAML']
      fail(error.pos[0], 'SYNTAX', message, expected)
    }
    for (const warning of document.warnings) {
      const tag = warning.code === 'TAG_RESOLVE_FAILED'
      fail(
        warning.pos[0],
        tag ? 'CUSTOM_TAG' : 'SYNTAX',
        lower(warning.message),
        tag ? 'no tags' : 'valid YAML',
      )
    }
    if (document.errors.length + document.warnings.length > 0) return undefined
    const before = findings.length
    const tree = grow(document.contents, fail)
    return tree === undefined || findings.length > before ? undefined : { name, tree, finding: locate }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    fail(0, 'TOO_DEEP', 'the file is nested too deeply', `at most ${SOURCE_LIMITS.maxDepth} levels`)
    return undefined
  }
}

/** Where the parser's words are for its own callers. */
const SYNTAX_WORDS: Readonly<Record<string, readonly [message: string, expected: string]>> = {
  MULTIPLE_DOCS: ['a second document begins here', 'one document in a file'],
  NON_STRING_KEY: ['a key that is no text', 'text before the colon'],
}

function lower(message: string): string {
  return stripControls(message.charAt(0).toLowerCase() + message.slice(1)).slice(0, 200)
}

function createLocator(name: string, text: string, lines: LineCounter): Source['finding'] {
  const rows = text.split('\n')
  return (start, rest) => {
    const at = lines.linePos(Math.max(0, Math.min(start, text.length)))
    const line = Math.max(1, at.line)
    const column = Math.max(1, at.col)
    return { ...rest, source: name, line, column, frame: frameOf(rows[line - 1] ?? '', line, column) }
  }
}

/** The line with a mark under the column; long lines are cut around it. */
function frameOf(row: string, line: number, column: number): string {
  const whole = stripControls(row.slice(0, column + 100))
  const from = Math.max(0, column - 61)
  const label = `  ${line} | `
  return `${label}${whole.slice(from, from + 100)}\n${' '.repeat(label.length - 2)}| ${' '.repeat(column - 1 - from)}^`
}

type Fail = (start: number, code: FindingCode, message: string, expected: string) => void

interface Grown {
  tree: Tree
  nodes: number
}

function grow(root: Node | null, fail: Fail): Tree | undefined {
  const anchors = new Map<string, Grown>()
  const { maxDepth, maxAliases, maxNodes } = SOURCE_LIMITS
  let aliases = 0
  let nodes = 0

  function spend(count: number, start: number): boolean {
    nodes += count
    if (nodes <= maxNodes) return true
    if (nodes - count <= maxNodes) {
      fail(start, 'TOO_LARGE', 'too many keys and values', `at most ${maxNodes}, with aliases expanded`)
    }
    return false
  }

  function visit(node: unknown, depth: number, fallback: number): Tree | undefined {
    const start = (node as Node | null)?.range?.[0] ?? fallback
    if (depth > maxDepth) {
      fail(start, 'TOO_DEEP', `nested ${depth} levels deep`, `at most ${maxDepth} levels`)
      return undefined
    }
    if (isAlias(node)) return follow(node.source, start)
    const before = nodes
    if (!spend(1, start)) return undefined
    const tree = visitNode(node, depth, start)
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined
    if (anchor !== undefined && tree !== undefined) anchors.set(anchor, { tree, nodes: nodes - before })
    return tree
  }

  function follow(name: string, start: number): Tree | undefined {
    if (++aliases > maxAliases) {
      if (aliases === maxAliases + 1) {
        fail(start, 'TOO_MANY_ALIASES', 'too many aliases', `at most ${maxAliases}`)
      }
      return undefined
    }
    const anchor = anchors.get(name)
    if (anchor === undefined) {
      fail(
        start,
        'SYNTAX',
        `alias ${showValue(`*${name}`)} has no anchor before it`,
        `&${stripControls(name)} further up`,
      )
      return undefined
    }
    return spend(anchor.nodes, start) ? anchor.tree : undefined
  }

  function visitNode(node: unknown, depth: number, start: number): Tree | undefined {
    if (isMap(node)) {
      const entries: Entry[] = []
      const seen = new Set<string>()
      for (const pair of node.items) {
        const keyStart = (pair.key as Node | null)?.range?.[0] ?? start
        const key = isScalar(pair.key) ? String(pair.key.value) : ''
        if (seen.has(key)) {
          fail(keyStart, 'DUPLICATE_KEY', `${showValue(key)} stands here twice`, 'each key once')
          continue
        }
        if (key === '__proto__') {
          fail(keyStart, 'UNKNOWN_KEY', 'a key "__proto__"', 'another name')
          continue
        }
        seen.add(key)
        const value = visit(pair.value, depth + 1, keyStart)
        if (value !== undefined) entries.push({ key, start: keyStart, value })
      }
      return { kind: 'map', start, entries }
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => visit(item, depth + 1, start))
      return { kind: 'list', start, items: items.filter((item) => item !== undefined) }
    }
    const value = isScalar(node) ? node.value : null
    if (value === null || typeof value === 'string' || typeof value === 'boolean') {
      return { kind: 'value', start, value }
    }
    if (typeof value === 'number' && Number.isFinite(value)) {
      return { kind: 'value', start, value, digits: isScalar(node) ? node.source : undefined }
    }
    fail(start, 'WRONG_VALUE', `read ${showValue(value)}`, 'a finite number')
    return undefined
  }

  return visit(root, 1, 0)
}

/** The tree as plain values. Where `wantsDigits` says so, a number is handed on as it was written. */
export function toValue(tree: Tree, wantsDigits: (path: Path) => boolean, path: Path = []): unknown {
  if (tree.kind === 'map') {
    return Object.fromEntries(
      tree.entries.map(({ key, value }) => [key, toValue(value, wantsDigits, [...path, key])]),
    )
  }
  if (tree.kind === 'list')
    return tree.items.map((item, index) => toValue(item, wantsDigits, [...path, index]))
  return tree.digits !== undefined && wantsDigits(path) ? tree.digits : tree.value
}

export function childOf(tree: Tree | undefined, key: string): Tree | undefined {
  return entryOf(tree, key)?.value
}

export function entryOf(tree: Tree | undefined, key: string): Entry | undefined {
  return tree?.kind === 'map' ? tree.entries.find((entry) => entry.key === key) : undefined
}

/** Where a value stands; with `onKey`, where its key does. For what is not there: the nearest thing around it. */
export function offsetOf(tree: Tree, path: Path, onKey = false): number {
  let at: Tree = tree
  let keyStart = tree.start
  for (const step of path) {
    const next: Tree | undefined = at.kind === 'list' ? at.items[Number(step)] : childOf(at, String(step))
    if (next === undefined) return keyStart
    keyStart = entryOf(at, String(step))?.start ?? next.start
    at = next
  }
  return onKey ? keyStart : at.start
}

/** A finding about the value (or the key) at a path. */
export function findingAt(
  source: Source,
  path: Path,
  rest: Omit<Finding, 'source' | 'line' | 'column' | 'frame' | 'path'>,
  onKey = false,
): Finding {
  return source.finding(offsetOf(source.tree, path, onKey), { ...rest, path: joinPath(path) })
}
