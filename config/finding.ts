import { NightshiftError } from '../protocols/errors.js'

/** One thing that is wrong, or odd, in what a person wrote: where, what was read, what would be right. */
export interface Finding {
  severity: 'error' | 'warning'
  code: FindingCode
  /** A file's name, `flag --chain-rpc-url` or `environment NIGHTSHIFT_CHAIN_RPC_URL`. */
  source: string
  /** Keys joined by dots, list indices too; empty for the whole. */
  path: string
  /** From 1; only for files. */
  line?: number
  column?: number
  /** What is wrong, with what was read. */
  message: string
  /** What would be right. */
  expected: string
  /** The line of the file with a mark under the place. */
  frame?: string
}

export type FindingCode =
  | 'SYNTAX'
  | 'TOO_LARGE'
  | 'TOO_DEEP'
  | 'TOO_MANY_ALIASES'
  | 'CUSTOM_TAG'
  | 'DUPLICATE_KEY'
  | 'UNKNOWN_KEY'
  | 'NOT_OFFERED'
  | 'MISSING'
  | 'WRONG_TYPE'
  | 'WRONG_VALUE'
  | 'UNKNOWN_NAME'
  | 'CONFLICT'
  | 'MISPLACED'
  | 'NOT_ENFORCED'

export type Path = readonly (string | number)[]

/** A file with a hundred errors has one cause: the rest would only hide it. */
const MOST_SHOWN = 20

/** A finding as a person reads it: place, key, what was read, what would be right, and the line itself. */
export function describeFinding(finding: Finding): string {
  const place = finding.line === undefined ? '' : `:${finding.line}:${finding.column}`
  const key = finding.path === '' ? '' : ` ${finding.path}:`
  const head = `${finding.source}${place}: ${finding.severity}:${key} ${finding.message}; expected ${finding.expected}`
  return finding.frame === undefined ? head : `${head}\n${finding.frame}`
}

/** Throws when there is an error among the findings; warnings pass. All of them are in `context.findings`. */
export function refuseErrors(code: string, what: string, findings: readonly Finding[], advice: string): void {
  const errors = findings.filter((finding) => finding.severity === 'error').sort(byPlace)
  if (errors.length === 0) return
  const shown = errors.slice(0, MOST_SHOWN).map(describeFinding)
  if (errors.length > MOST_SHOWN) shown.push(`… and ${errors.length - MOST_SHOWN} more`)
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`
  throw new NightshiftError(code, `${count} in ${what}\n${shown.join('\n')}`, {
    advice,
    context: { findings: Object.freeze([...findings].sort(byPlace)) },
  })
}

/** Within one file from top to bottom; the sources stay in their order. */
function byPlace(a: Finding, b: Finding): number {
  if (a.source !== b.source) return 0
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
}

/** The candidate that a mistyped word most likely stands for, if any is near: a third of its letters may differ. */
export function findNearest(word: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let best = Math.max(1, Math.floor(word.length / 3)) + 1
  const typed = normalise(word)
  if (typed.length > 64) return undefined
  for (const candidate of candidates) {
    const distance = editDistance(typed, normalise(candidate))
    if (distance < best) {
      best = distance
      nearest = candidate
    }
  }
  return nearest
}

function normalise(word: string): string {
  return word.toLowerCase().replaceAll('-', '_')
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, substituted)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      }
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** What was read, short and safe to print: control characters of a foreign file must not reach a terminal. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return stripControls(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

export function stripControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
}

export function joinPath(path: Path): string {
  return stripControls(path.join('.')).slice(0, 200)
}
