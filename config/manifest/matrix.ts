import type { Path } from '../finding.js'

/** One parameter's value in one part of a matrix. */
export type MatrixValue = string | number | boolean
export type MatrixValues = Readonly<Record<string, MatrixValue>>

/** What is written under `matrix` beside the parameters. */
export const MATRIX_KEYS = ['include', 'exclude', 'max_parallel', 'fail_fast', 'best'] as const

export const MATRIX_LIMITS = {
  maxParameters: 16,
  /** Parts of one manifest, all steps together. */
  maxParts: 1_024,
} as const

/** The product of the parameters' values, less what `exclude` names, and what `include` adds. */
export interface Matrix {
  parameters: Readonly<Record<string, readonly MatrixValue[]>>
  include: readonly MatrixValues[]
  exclude: readonly MatrixValues[]
}

const RANGE = /^(-?\d{1,9})\.\.(-?\d{1,9})$/

/** The whole numbers of a range such as `1..24`, both ends among them; undefined for anything else, and for too many. */
export function readRange(text: string): number[] | undefined {
  const [, first, last] = RANGE.exec(text) ?? []
  const from = Number(first)
  const count = Number(last) - from + 1
  if (!(count >= 1 && count <= MATRIX_LIMITS.maxParts)) return undefined
  return Array.from({ length: count }, (_, index) => from + index)
}

/** How many parts the product has, before any is taken away: a number of any size costs nothing. */
export function countProduct({ parameters }: Matrix): number {
  return Object.values(parameters).reduce((product, values) => product * values.length, 1)
}

/** All combinations, the last parameter turning fastest; each once. */
export function expandMatrix(matrix: Matrix): MatrixValues[] {
  const { parameters, include, exclude } = matrix
  const names = Object.keys(parameters)
  let combinations: MatrixValues[] = names.length === 0 ? [] : [{}]
  for (const name of names) {
    const values = parameters[name] ?? []
    combinations = combinations.flatMap((each) => values.map((value) => ({ ...each, [name]: value })))
  }
  const kept = combinations.filter((each) => !exclude.some((named) => matches(each, named)))
  const distinct = new Map([...kept, ...include].map((each) => [keyOf(each), each]))
  return [...distinct.values()]
}

/** Whether a part has all the values that are named. */
export function matches(values: MatrixValues, named: MatrixValues): boolean {
  return Object.entries(named).every(([name, value]) => values[name] === value)
}

function keyOf(values: MatrixValues): string {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(sorted)
}

const MAX_NAME_CHARS = 80

/**
 * Names of parts, which become names of folders: `frame=07,size=640`. Whole numbers are padded, so that an alphabetical list is
 * in their order; where two names would be the same, or one is too long, the part's number stands for it.
 */
export function namesOf(parts: readonly MatrixValues[]): string[] {
  const widths = new Map<string, number>()
  for (const values of parts) {
    for (const [name, value] of Object.entries(values)) {
      if (isCount(value)) widths.set(name, Math.max(widths.get(name) ?? 0, String(value).length))
    }
  }
  const names = parts.map((values) =>
    Object.entries(values)
      .map(([name, value]) => {
        const text = String(value)
        const padded = isCount(value) ? text.padStart(widths.get(name) ?? 0, '0') : text
        return `${name}=${padded.replace(/[^A-Za-z0-9.+-]/g, '_')}`
      })
      .join(','),
  )
  const digits = String(parts.length).length
  return names.map((name, index) => {
    const isOdd = name.length > MAX_NAME_CHARS || names.indexOf(name) !== names.lastIndexOf(name)
    return isOdd ? `part-${String(index + 1).padStart(digits, '0')}` : name
  })
}

function isCount(value: MatrixValue): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** Anything between `${{` and `}}`; what is no parameter is an error and not left as it stands. */
const PLACEHOLDER = /\$\{\{(.*?)\}\}/g
const PARAMETER = /^\s*matrix\.([A-Za-z_][A-Za-z0-9_]*)\s*$/

export interface Placeholder {
  path: Path
  text: string
  /** Undefined: it is not of the form `matrix.<name>`. */
  parameter?: string
}

/** Every placeholder in a value's texts, with the path to it. */
export function findPlaceholders(value: unknown, path: Path = []): Placeholder[] {
  if (typeof value === 'string') {
    return [...value.matchAll(PLACEHOLDER)].map(([text, inner = '']) => {
      const parameter = PARAMETER.exec(inner)?.[1]
      return { path, text, ...(parameter === undefined ? {} : { parameter }) }
    })
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    findPlaceholders(item, [...path, Array.isArray(value) ? Number(key) : key]),
  )
}

/**
 * The value with its placeholders replaced. A text that is nothing but one placeholder becomes the parameter's value with its
 * type, so that a number stays a number; within other text it is written out. Nothing is evaluated.
 */
export function substitute<T>(value: T, values: MatrixValues): T {
  return replace(value, values) as T
}

function replace(value: unknown, values: MatrixValues): unknown {
  if (typeof value === 'string') return replaceIn(value, values)
  if (Array.isArray(value)) return value.map((item) => replace(item, values))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replace(item, values)]))
}

function replaceIn(text: string, values: MatrixValues): MatrixValue {
  const lookUp = (placeholder: string): MatrixValue => {
    const name = PARAMETER.exec(placeholder.slice(3, -2))?.[1] ?? ''
    return Object.hasOwn(values, name) ? (values[name] ?? placeholder) : placeholder
  }
  const [whole] = text.match(PLACEHOLDER) ?? []
  return whole === text ? lookUp(whole) : text.replace(PLACEHOLDER, (found) => String(lookUp(found)))
}
