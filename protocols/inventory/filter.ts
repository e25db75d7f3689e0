import type { Device } from '../heartbeat/wire.js'
import { isModel, readModel, usableBytes } from './model.js'
import { liesIn } from './place.js'
import { ANY_OFFER, type Mismatch, type MismatchReason, type Offer, type ShowAmount } from './rules.js'
import type { Requirements } from './wire.js'

/** What a person may ask of offers in an expression such as `vram_gb>=24 price<0.4`; every term must hold. */
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>='

export type Term =
  | { field: NumberField; operator: Operator; value: number }
  | { field: AmountField; operator: Operator; value: bigint }
  | { field: VersionField; operator: Operator; value: string }
  /** Any of the values with `=`, none of them with `!=`. */
  | { field: TextField; operator: '=' | '!='; values: readonly string[] }

export const NUMBER_FIELDS = [
  'vram_gb',
  'free',
  'devices',
  'gflops',
  'reliability',
  'latency_ms',
  'notice',
] as const
export const AMOUNT_FIELDS = ['price', 'stake'] as const
export const VERSION_FIELDS = ['cuda'] as const
export const TEXT_FIELDS = ['model', 'location', 'runtime', 'backend'] as const

export type NumberField = (typeof NUMBER_FIELDS)[number]
export type AmountField = (typeof AMOUNT_FIELDS)[number]
export type VersionField = (typeof VERSION_FIELDS)[number]
export type TextField = (typeof TEXT_FIELDS)[number]
export type Field = NumberField | AmountField | VersionField | TextField

const REASONS: Readonly<Record<Field, MismatchReason | 'FILTER'>> = {
  vram_gb: 'MEMORY',
  free: 'DEVICES',
  devices: 'DEVICES',
  gflops: 'GFLOPS',
  reliability: 'RELIABILITY',
  latency_ms: 'LATENCY',
  notice: 'NOTICE',
  price: 'PRICE',
  stake: 'STAKE',
  cuda: 'FILTER',
  model: 'MODEL',
  location: 'LOCATION',
  runtime: 'RUNTIME',
  backend: 'FILTER',
}

const OF_DEVICE: readonly Field[] = ['vram_gb', 'free', 'devices', 'gflops', 'cuda', 'model', 'backend']

/** Every term that does not hold, of its devices the one that comes nearest; empty when all do. */
export function findUnmet(offer: Offer, terms: readonly Term[], show: ShowAmount = String): Mismatch[] {
  const ofDevice = terms.filter(({ field }) => OF_DEVICE.includes(field))
  const found = terms
    .filter((term) => !ofDevice.includes(term))
    .flatMap((term) => judgeOfferTerm(offer, term, show) ?? [])
  return [...found, ...nearestDevice(offer.devices, ofDevice)]
}

function nearestDevice(devices: readonly Device[], terms: readonly Term[]): Mismatch[] {
  if (terms.length === 0) return []
  let nearest: Mismatch[] | undefined
  for (const device of devices) {
    const missed = terms.flatMap((term) => judgeDeviceTerm(device, term) ?? [])
    if (nearest === undefined || missed.length < nearest.length) nearest = missed
  }
  return nearest ?? [{ reason: 'DEVICES', text: 'no devices' }]
}

function judgeOfferTerm(offer: Offer, term: Term, show: ShowAmount): Mismatch | undefined {
  switch (term.field) {
    case 'price':
      return compared(
        term,
        'price',
        compare(offer.pricePerHour, term.value),
        show(offer.pricePerHour),
        show(term.value),
      )
    case 'stake':
      return compared(term, 'stake', compare(offer.stake, term.value), show(offer.stake), show(term.value))
    case 'reliability':
      return comparedNumber(term, 'reliability', offer.reliability)
    case 'latency_ms':
      return comparedNumber(term, 'latency', offer.latencyMs)
    case 'notice':
      return comparedNumber(term, 'notice', offer.noticeS ?? 0)
    case 'location':
      return chosen(term, 'location', offer.location, (place) => liesIn(offer.location, place))
    case 'runtime':
      return chosen(term, 'runtime', offer.runtimes.join(', '), (name) => offer.runtimes.includes(name))
    default:
      return undefined
  }
}

function judgeDeviceTerm(device: Device, term: Term): Mismatch | undefined {
  switch (term.field) {
    case 'vram_gb':
      return judgeMemory(device, term)
    case 'free':
      return comparedNumber(term, 'free', device.free)
    case 'devices':
      return comparedNumber(term, 'devices', device.count)
    case 'gflops':
      return comparedNumber(term, 'gflops', device.gflops)
    case 'cuda': {
      const { cudaVersion } = device
      const order = cudaVersion === '' ? undefined : compareVersions(cudaVersion, term.value)
      return compared(term, 'cuda', order, cudaVersion || 'unknown', term.value)
    }
    case 'model': {
      const name = readModel(device.model)
      return chosen(term, 'model', device.model, (wanted) => isModel(name, readModel(wanted)))
    }
    case 'backend':
      return chosen(term, 'backend', device.backend, (wanted) => wanted === device.backend)
    default:
      return undefined
  }
}

const GIB = 2 ** 30

/** A card "of 24" is one that is sold with 24: its driver reports up to 7 % less. Software offers what it says. */
function judgeMemory(
  { gpu, memoryBytes }: Device,
  term: Term & { field: NumberField },
): Mismatch | undefined {
  const sold = BigInt(Math.floor(term.value * GIB))
  const least = gpu ? usableBytes(term.value * GIB) : sold
  const order = memoryBytes < least ? -1 : memoryBytes > sold ? 1 : 0
  return compared(
    term,
    gpu ? 'vram' : 'memory',
    order,
    String(round(Number(memoryBytes) / GIB)),
    String(term.value),
  )
}

function comparedNumber(
  term: Term & { field: NumberField },
  name: string,
  has: number | undefined,
): Mismatch | undefined {
  const order = has === undefined || Number.isNaN(has) ? undefined : compare(has, term.value)
  return compared(term, name, order, has === undefined ? 'unknown' : String(round(has)), String(term.value))
}

const HOLDS: Readonly<Record<Operator, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}
const OPPOSITE: Readonly<Record<Operator, string>> = {
  '=': 'is not',
  '!=': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}

/** `order`: below 0, 0, above 0; undefined for a fact that is not known, which meets no term. */
function compared(
  { field, operator }: Term,
  name: string,
  order: number | undefined,
  has: string,
  wanted: string,
): Mismatch | undefined {
  if (order !== undefined && HOLDS[operator](order)) return undefined
  return { reason: REASONS[field], text: `${name} ${has} ${OPPOSITE[operator]} ${wanted}` }
}

function chosen(
  { field, operator, values }: Term & { field: TextField },
  name: string,
  has: string,
  isOne: (value: string) => boolean,
): Mismatch | undefined {
  if (values.some(isOne) === (operator === '=')) return undefined
  const relation = operator === '=' ? 'not in' : 'in'
  return { reason: REASONS[field], text: `${name} ${has || 'unknown'} ${relation} ${values.join(', ')}` }
}

function compare<Value extends number | bigint>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** "12.10" is after "12.8". */
function compareVersions(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]]
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const order = compare(one[at] ?? 0, other[at] ?? 0)
    if (order !== 0) return order
  }
  return 0
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/**
 * Requirements that every offer meets of which all terms hold: with them an index finds the few that have to be looked
 * at, and the facts that have to be measured. Terms that requirements cannot say are left out.
 */
export function widen(
  terms: readonly Term[],
  base: Requirements = ANY_OFFER,
): { requirements: Requirements; ceilingPricePerHour?: bigint } {
  const requirements = { ...base }
  let ceiling: bigint | undefined
  for (const term of terms) {
    const atLeast = term.operator === '>=' || term.operator === '>' || term.operator === '='
    const atMost = term.operator === '<=' || term.operator === '<' || term.operator === '='
    switch (term.field) {
      case 'vram_gb':
        if (atLeast)
          requirements.memoryBytes = larger(requirements.memoryBytes, usableBytes(term.value * GIB))
        break
      case 'free':
        if (atLeast) requirements.devices = Math.max(requirements.devices, Math.floor(term.value))
        break
      case 'gflops':
        if (atLeast) requirements.minimumGflops = Math.max(requirements.minimumGflops, term.value)
        break
      case 'reliability':
        if (atLeast)
          requirements.minimumReliability = Math.max(requirements.minimumReliability ?? 0, term.value)
        break
      case 'notice':
        if (atLeast) requirements.noticeS = Math.max(requirements.noticeS ?? 0, Math.floor(term.value))
        break
      case 'latency_ms':
        if (atMost)
          requirements.maxLatencyMs = Math.min(requirements.maxLatencyMs ?? Infinity, Math.ceil(term.value))
        break
      case 'stake':
        if (atLeast) requirements.minimumStake = larger(requirements.minimumStake, term.value)
        break
      case 'price':
        if (atMost && (ceiling === undefined || term.value < ceiling)) ceiling = term.value
        break
      case 'location':
        if (term.operator === '=' && requirements.locations.length === 0)
          requirements.locations = [...term.values]
        break
      case 'model':
        if (term.operator === '=' && requirements.models.length === 0) requirements.models = [...term.values]
        break
      case 'runtime':
        if (term.operator === '=' && term.values.length === 1 && requirements.runtime === '')
          requirements.runtime = term.values[0]!
        break
      default:
        break
    }
  }
  return { requirements, ...(ceiling === undefined ? {} : { ceilingPricePerHour: ceiling }) }
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}
