import { type Finding, findNearest, type Path, showValue } from '../finding.js'
import { findingAt, type Source } from '../source.js'
import { listOf } from './device.js'
import {
  countProduct,
  expandMatrix,
  findPlaceholders,
  MATRIX_KEYS,
  MATRIX_LIMITS,
  type Matrix,
  type MatrixValues,
  matches,
} from './matrix.js'
import type { Manifest, Service } from './schema.js'

/** An input that is an output of another service. */
export type Reference = Extract<Service['inputs'][string], object> & { from: string }

/** The parts of a service: one without values where it has no matrix. */
export function partsOf({ matrix }: Service): MatrixValues[] {
  return matrix === undefined ? [{}] : expandMatrix(readMatrix(matrix))
}

export function readMatrix(matrix: NonNullable<Service['matrix']>): Matrix {
  const keys: readonly string[] = MATRIX_KEYS
  const parameters = Object.entries(matrix).filter(([name]) => !keys.includes(name))
  return {
    parameters: Object.fromEntries(parameters) as Matrix['parameters'],
    include: matrix.include,
    exclude: matrix.exclude,
  }
}

export function referencesOf({ inputs }: Service): Array<[input: string, reference: Reference]> {
  return Object.entries(inputs).flatMap(([name, input]) =>
    typeof input === 'object' && input.from !== undefined ? [[name, input as Reference]] : [],
  )
}

/** Services that must have ended before this one: by `depends_on`, or because an output of theirs is an input. */
export function dependenciesOf(service: Service): string[] {
  const referred = referencesOf(service).map(([, { from }]) => from)
  return [...new Set([...listOf(service.depends_on), ...referred])]
}

/** Whether the services of a manifest are to be run together, as steps. */
export function hasSteps({ services }: Manifest): boolean {
  const all = Object.values(services)
  return all.length > 1 || all.some((service) => service.matrix !== undefined)
}

type Note = (path: Path, message: string, expected: string, onKey?: boolean) => void

/** What spans several services: names that are referred to, circles, matrices and the placeholders for their values. */
export function checkSteps(manifest: Manifest, source: Source, findings: Finding[]): void {
  const note: Note = (path, message, expected, onKey = false) => {
    const rest = { severity: 'error', code: 'WRONG_VALUE', message, expected } as const
    findings.push(findingAt(source, path, rest, onKey))
  }
  let parts = 0
  for (const [name, service] of Object.entries(manifest.services)) {
    const at: Path = ['services', name]
    const parameters = checkMatrix(service, at, note)
    if (parameters === undefined) return
    checkPlaceholders(service, parameters, at, note)
    const own = partsOf(service).length
    if (service.matrix !== undefined && own === 0)
      note([...at, 'matrix'], 'no part is left', 'one part at least')
    parts += own
    checkReferences(manifest, name, note)
  }
  if (parts > MATRIX_LIMITS.maxParts) {
    note(['services'], `${parts} parts in all`, `at most ${MATRIX_LIMITS.maxParts}`)
  }
  checkCircles(manifest, note)
}

const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

/** The names of its parameters. Undefined when it is too large to look at any further. */
function checkMatrix({ matrix }: Service, at: Path, note: Note): string[] | undefined {
  if (matrix === undefined) return []
  const read = readMatrix(matrix)
  const named = Object.keys(read.parameters)
  const names = named.length > 0 ? named : Object.keys(read.include[0] ?? {})
  const path = [...at, 'matrix']
  if (names.length === 0 || names.length > MATRIX_LIMITS.maxParameters) {
    note(path, `${names.length} parameters`, `1 to ${MATRIX_LIMITS.maxParameters}`, true)
    return undefined
  }
  for (const name of Object.keys(read.parameters)) {
    if (!PARAMETER_NAME.test(name)) {
      note([...path, name], `read the name ${showValue(name)}`, 'letters, digits and _', true)
    }
  }
  if (countProduct(read) > MATRIX_LIMITS.maxParts) {
    note(path, `${countProduct(read)} combinations`, `at most ${MATRIX_LIMITS.maxParts}`, true)
    return undefined
  }
  for (const [index, values] of read.include.entries()) {
    const missing = names.find((name) => !Object.hasOwn(values, name))
    if (missing !== undefined)
      note([...path, 'include', index], `${missing} is missing`, 'a value for every parameter')
  }
  for (const key of ['include', 'exclude'] as const) {
    for (const [index, values] of read[key].entries()) {
      for (const name of Object.keys(values).filter((each) => !names.includes(each))) {
        note([...path, key, index, name], `unknown parameter ${showValue(name)}`, among(name, names), true)
      }
    }
  }
  return names
}

/** Where placeholders are replaced: in the declared job and in the inputs. */
export const SUBSTITUTED = ['job', 'inputs'] as const

function checkPlaceholders(service: Service, parameters: string[], at: Path, note: Note): void {
  for (const key of SUBSTITUTED) {
    for (const { path, text, parameter } of findPlaceholders(service[key], [...at, key])) {
      if (parameter !== undefined && parameters.includes(parameter)) continue
      const expected =
        parameters.length === 0
          ? 'a matrix in this service, or no placeholder'
          : parameter === undefined
            ? `\${{ matrix.${parameters[0]} }}`
            : among(parameter, parameters)
      note(path, `read ${showValue(text)}`, expected)
    }
  }
}

function checkReferences({ services }: Manifest, name: string, note: Note): void {
  const service = services[name]!
  const at: Path = ['services', name]
  const others = Object.keys(services).filter((other) => other !== name)
  for (const [index, other] of listOf(service.depends_on).entries()) {
    if (others.includes(other)) continue
    const path = [...at, 'depends_on']
    const message = other === name ? `${name} depends on itself` : `no service ${showValue(other)}`
    note(Array.isArray(service.depends_on) ? [...path, index] : path, message, among(other, others))
  }
  for (const [input, written] of Object.entries(service.inputs)) {
    if (typeof written === 'string') continue
    const path = [...at, 'inputs', input]
    const { from, output, part, split } = written
    if ((written.path === undefined) === (from === undefined)) {
      note(
        path,
        written.path === undefined ? 'neither path nor from' : 'both path and from',
        'one of them',
        true,
      )
      continue
    }
    if (from === undefined) {
      if (output !== undefined)
        note([...path, 'output'], 'output without from', 'the service that leaves it', true)
      if (part !== undefined) note([...path, 'part'], 'part without from', 'the service that has it', true)
      continue
    }
    if (split !== undefined) note([...path, 'split'], 'split of an output', 'a path', true)
    if (output === undefined)
      note(path, 'output is missing', 'output: the name of one that the service leaves', true)
    if (!others.includes(from)) note([...path, 'from'], `read ${showValue(from)}`, among(from, others))
    else checkPart(services[from]!, from, part, [...path, 'part'], note)
  }
}

function checkPart(service: Service, from: string, part: Reference['part'], path: Path, note: Note): void {
  if (part === undefined) return
  if (service.matrix === undefined) note(path, `${from} has no matrix`, 'no part', true)
  else if (part === 'best') {
    if (service.matrix.best === undefined)
      note(path, `${from} does not say what is best`, 'matrix.best there', true)
  } else if (
    findPlaceholders(part).length === 0 &&
    partsOf(service).filter((each) => matches(each, part)).length !== 1
  ) {
    note(path, `not one part of ${from} has these values`, 'a value for each of its parameters', true)
  }
}

/** Depth first; each circle is told once, where it is closed. */
function checkCircles({ services }: Manifest, note: Note): void {
  const done = new Set<string>()
  const visit = (name: string, above: readonly string[]) => {
    if (done.has(name) || !Object.hasOwn(services, name)) return
    for (const other of dependenciesOf(services[name]!)) {
      if (other === name) continue // told as a reference to itself
      const since = [...above, name].indexOf(other)
      if (since === -1) visit(other, [...above, name])
      else {
        const circle = [...[...above, name].slice(since), other].join(' → ')
        note(placeOf(services[name]!, name, other), `a circle: ${circle}`, 'steps of which one is the first')
      }
    }
    done.add(name)
  }
  for (const name of Object.keys(services)) visit(name, [])
}

function placeOf(service: Service, name: string, other: string): Path {
  const index = listOf(service.depends_on).indexOf(other)
  if (index !== -1) {
    const path = ['services', name, 'depends_on']
    return Array.isArray(service.depends_on) ? [...path, index] : path
  }
  const input = referencesOf(service).find(([, { from }]) => from === other)?.[0] ?? ''
  return ['services', name, 'inputs', input, 'from']
}

function among(name: string, known: readonly string[]): string {
  const nearest = findNearest(name, known)
  if (nearest !== undefined) return `${nearest} (did you mean that?)`
  return known.length === 0 ? 'another service; there is none' : `one of ${known.join(', ')}`
}
