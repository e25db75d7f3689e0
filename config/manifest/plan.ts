import type { Ladder } from '../../protocols/auction/ladder.js'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import { PricingRule, type Scoring } from '../../protocols/auction/wire.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import { formatAmount, parseAmount, U64_MAX } from '../../protocols/money.js'
import { type Finding, type Path, showValue } from '../finding.js'
import type { Config, RuntimeName } from '../schema.js'
import { findingAt } from '../source.js'
import { parseDuration } from '../units.js'
import { type ParsedManifest, refuse } from './parse.js'
import { keepsState, resolveService, type WrittenAmount } from './resolve.js'
import type { Service } from './schema.js'

/** A file that a job reads. With `split`, only `train` rows are sent; the rest stays with the renter. */
export interface PlannedInput {
  name: string
  /** As in the manifest: relative to its folder. */
  path: string
  split?: { train: number; seed: number; header: boolean }
  /** Public data: whoever has it may give it to whoever asks. Default: nobody but the job's provider. */
  shared?: boolean
  /** The provider may keep it for later jobs of this renter. Default: it goes when the job is over. */
  keep?: boolean
}

/** What the renter does for one service of a manifest. */
export interface JobPlan {
  name: string
  runtime: RuntimeName
  requirements: Requirements
  /** Atomic units per device-hour. */
  ceilingPricePerHour: bigint
  durationS: number
  queueMs: number
  /** How long to wait for a provider that is silent or gone, and for one that works nothing; absent: the protocol's. */
  silenceMs?: number
  stallMs?: number
  /** Providers that do the same job, on distinct hosts and of distinct owners, all or none. Missing: one. */
  count?: number
  auction: PlannedAuction
  /** The declared job as a JSON value; the runtime's own schema judges its shape. */
  spec: Record<string, unknown>
  inputs: PlannedInput[]
  verify: { challenge: { n: number; rounds: number; openings: number; random?: boolean } }
  expect: { accuracy?: number }
}

export interface PlannedAuction {
  pricing: PricingRule
  commitMs: number
  revealMs: number
  /** Missing: the cheapest qualified bid wins. */
  scoring?: Scoring
  /** So many bids close the auction early. Missing: all that were committed to. */
  enough?: number
  /** How the ceiling rises while nobody takes the job. */
  ladder?: Ladder
}

export interface PlanOptions {
  /** Which service; may be left out when there is only one. */
  service?: string
  /** Decimals of the market's mint. */
  decimals: number
  /** What stands in for what the manifest does not say. */
  defaults: Pick<Config['renter'], 'commitMs' | 'revealMs' | 'challenge'>
}

const MAX_QUEUE_MS = 7 * 86_400_000
const MAX_CHECKPOINT_S = 86_400
/** A provider is heard at least every two seconds. */
const LEAST_PATIENCE_MS = 3_000
const MAX_PATIENCE_MS = 86_400_000

/**
 * Turns one service of a manifest into what the renter does. Throws UNKNOWN_SERVICE, and MANIFEST_INVALID for what
 * only the mint and the node's defaults can tell: more decimals than the mint has, windows that are too long.
 */
export function planJob(parsed: ParsedManifest, options: PlanOptions): JobPlan {
  const { manifest, source } = parsed
  const name = options.service ?? onlyService(Object.keys(manifest.services))
  if (!Object.hasOwn(manifest.services, name)) throw unknownService(name, Object.keys(manifest.services))
  const findings: Finding[] = []
  const fail: Fail = (path, message, expected) => {
    findings.push(findingAt(source, path, { severity: 'error', code: 'WRONG_VALUE', message, expected }))
  }
  const resolved = resolveService(manifest, source, name, findings)
  refuse(source.name, findings)
  const { service, requirements, price, minimumStake, count } = resolved!
  const at: Path = ['services', name]
  const ceilingPricePerHour = convert(price, options.decimals, fail)
  const plan: JobPlan = {
    name,
    runtime: service.runtime,
    requirements: { ...requirements, minimumStake: convert(minimumStake, options.decimals, fail) },
    ceilingPricePerHour,
    ...planTimes(service, at, fail),
    ...(count === 1 ? {} : { count }),
    auction: {
      ...planAuction(service, options.defaults, at, fail),
      ...planLadder(service, at, { decimals: options.decimals, ceilingPricePerHour, fail }),
    },
    spec: {
      ...planCheckpoints(service, at, fail),
      ...planPorts(service),
      ...structuredClone(service.job),
    },
    inputs: planInputs(service),
    verify: { challenge: { ...options.defaults.challenge, ...service.verify?.challenge } },
    expect: { ...service.expect },
  }
  refuse(source.name, findings)
  return plan
}

/** The files among the inputs; outputs of other services are known when those have ended (workflow.ts). */
function planInputs({ inputs }: Service): PlannedInput[] {
  return Object.entries(inputs).flatMap(([name, file]) => {
    if (typeof file === 'string') return { name, path: file }
    const { path, from: _, output: __, part: ___, ...rest } = file
    return path === undefined ? [] : { name, path, ...rest }
  })
}

export type Fail = (path: Path, message: string, expected: string) => void

function onlyService(names: string[]): string {
  const [name, second] = names
  if (name !== undefined && second === undefined) return name
  throw unknownService(undefined, names)
}

function unknownService(name: string | undefined, known: string[]): NightshiftError {
  const message =
    name === undefined ? `the manifest has ${known.length} services` : `no service ${showValue(name)}`
  return new NightshiftError('UNKNOWN_SERVICE', message, {
    advice: `Name one of ${known.join(', ')}.`,
    context: { known },
  })
}

export function convert(amount: WrittenAmount | undefined, decimals: number, fail: Fail): bigint {
  if (amount === undefined) return 0n
  if (amount.unit === 'tokens') {
    const converted = parseAmount(amount.text, decimals)
    if (converted === undefined) {
      fail(
        amount.path,
        `read ${amount.text}`,
        `at most ${decimals} decimals, and less than 2^64 atomic units`,
      )
    }
    return converted ?? 0n
  }
  const units = BigInt(amount.text)
  if (units > U64_MAX) fail(amount.path, `read ${amount.text}`, `at most ${U64_MAX} atomic units`)
  return units
}

function planTimes(
  service: Service,
  at: Path,
  fail: Fail,
): Pick<JobPlan, 'durationS' | 'queueMs' | 'silenceMs' | 'stallMs'> {
  const { duration, queue, silence, stall } = service.timeouts
  const durationS = Math.ceil((parseDuration(duration) ?? 0) / 1000)
  const queueMs = parseDuration(queue) ?? 0
  if (durationS < 1 || durationS > AUCTION_LIMITS.maxDurationS) {
    fail([...at, 'timeouts', 'duration'], `read ${duration}`, 'from 1s to 30d')
  }
  if (queueMs > MAX_QUEUE_MS) fail([...at, 'timeouts', 'queue'], `read ${queue}`, 'at most 7d')
  const patience = (name: 'silence' | 'stall', written: string | undefined) => {
    const ms = written === undefined ? undefined : (parseDuration(written) ?? 0)
    if (ms !== undefined && (ms < LEAST_PATIENCE_MS || ms > MAX_PATIENCE_MS)) {
      fail([...at, 'timeouts', name], `read ${written}`, 'from 3s to 24h')
    }
    return ms === undefined ? {} : { [`${name}Ms`]: ms }
  }
  return { durationS, queueMs, ...patience('silence', silence), ...patience('stall', stall) }
}

/** As fields of the declared job, where the runtime looks for them; what the job itself says comes first. */
function planCheckpoints(service: Service, at: Path, fail: Fail): Record<string, number> {
  const { every, steps } = service.checkpoint ?? {}
  if (!keepsState(service)) return {}
  const seconds = every === undefined ? undefined : Math.round((parseDuration(every) ?? 0) / 1000)
  if (seconds !== undefined && (seconds < 1 || seconds > MAX_CHECKPOINT_S)) {
    fail([...at, 'checkpoint', 'every'], `read ${every}`, 'from 1s to 24h')
  }
  return {
    ...(seconds === undefined ? {} : { checkpointSeconds: seconds }),
    ...(steps === undefined ? {} : { checkpointSteps: steps }),
  }
}

/** As fields of the declared container, where the runtime looks for them. */
function planPorts({ runtime, expose, health, restart, exec }: Service): Record<string, unknown> {
  if (runtime !== 'container') return {}
  const { start_period: start, ...checks } = health ?? {}
  return {
    ...(expose === undefined ? {} : { expose: expose.map(({ port }) => port) }),
    ...(health === undefined ? {} : { health: { ...checks, ...(start === undefined ? {} : { start }) } }),
    ...(restart === undefined
      ? {}
      : { restart: typeof restart === 'string' ? { policy: restart } : { ...restart } }),
    ...(exec === undefined ? {} : { exec }),
  }
}

function planAuction(
  service: Service,
  defaults: PlanOptions['defaults'],
  at: Path,
  fail: Fail,
): PlannedAuction {
  const { pricing = 'first-price', commit_ms, reveal_ms, scoring, enough } = service.auction ?? {}
  const commitMs = commit_ms ?? defaults.commitMs
  const revealMs = reveal_ms ?? defaults.revealMs
  if (commitMs + revealMs > AUCTION_LIMITS.maxWindowMs) {
    const expected = `at most ${AUCTION_LIMITS.maxWindowMs} ms together`
    fail([...at, 'auction'], `windows of ${commitMs} and ${revealMs} ms`, expected)
  }
  const rule = pricing === 'second-price' ? PricingRule.SECOND_PRICE : PricingRule.FIRST_PRICE
  return {
    pricing: rule,
    commitMs,
    revealMs,
    ...(scoring === undefined ? {} : { scoring }),
    ...(enough === undefined ? {} : { enough }),
  }
}

function planLadder(
  service: Service,
  at: Path,
  facts: { decimals: number; ceilingPricePerHour: bigint; fail: Fail },
): Pick<PlannedAuction, 'ladder'> {
  const written = service.auction?.ladder
  if (written === undefined) return {}
  const { decimals, ceilingPricePerHour, fail } = facts
  const path: Path = [...at, 'auction', 'ladder', 'max_price_per_hour']
  const maxPricePerHour = convert({ text: written.max_price_per_hour, unit: 'tokens', path }, decimals, fail)
  if (maxPricePerHour < ceilingPricePerHour) {
    const first = `${formatAmount(ceilingPricePerHour, decimals)} or more, the first price`
    fail(path, `read ${written.max_price_per_hour}`, first)
  }
  const step = Math.round(Number.parseFloat(written.step) * 100)
  return { ladder: { step, everyMs: parseDuration(written.every) ?? 0, maxPricePerHour } }
}
