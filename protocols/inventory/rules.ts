import type { Refusal } from '../errors.js'
import { MAX_NOTICE_S } from '../heartbeat/rules.js'
import type { Device } from '../heartbeat/wire.js'
import { isModel, readModel } from './model.js'
import { liesIn } from './place.js'
import type { PlaceJudgement } from './plausibility.js'
import { type DeviceChoice, Requirements } from './wire.js'

export const REQUIREMENTS_LIMITS = {
  /** Bytes of encoded requirements: 128 peer ids of 54 bytes each, and some texts. */
  maxBytes: 8_192,
  /** On one host. Above what any host has, and small enough that price × devices stays far from a u64's end. */
  maxDevices: 1_024,
  /** Models, locations: each is compared with each device of each offer. */
  maxChoices: 64,
  maxTextChars: 128,
  /** A round trip around the world and back through a satellite takes less. */
  maxLatencyMs: 60_000,
  /** What a provider's inventory answers with at most. */
  maxAttestations: 32,
} as const

/**
 * Requirements as an order carries them, or what is wrong with them. No devices at all would cost nothing and qualify
 * on every host, so it is refused rather than read as one.
 */
export function readRequirements(bytes: Uint8Array): Requirements | Refusal<'MALFORMED'> {
  const limits = REQUIREMENTS_LIMITS
  if (bytes.length > limits.maxBytes) return malformed(`${bytes.length} bytes`)
  const wanted = decode(bytes)
  if (wanted === undefined) return malformed('not to be decoded')
  const { devices, minimumGflops, models, locations } = wanted
  if (devices === 0 || devices > limits.maxDevices) return malformed(`${devices} devices`)
  if (!Number.isFinite(minimumGflops) || minimumGflops < 0) return malformed(`${minimumGflops} GFLOP/s`)
  if (models.length > limits.maxChoices) return malformed(`${models.length} models`)
  if (locations.length > limits.maxChoices) return malformed(`${locations.length} locations`)
  const choices = wanted.choices.flatMap((choice) => [...choice.models, ''])
  if (choices.length > limits.maxChoices) return malformed(`${wanted.choices.length} choices`)
  if ((wanted.noticeS ?? 0) > MAX_NOTICE_S) return malformed(`a notice of ${wanted.noticeS} s`)
  const measured = findUnmeasurable(wanted)
  if (measured !== undefined) return malformed(measured)
  const { allow, deny, attesters } = wanted
  const texts = [wanted.runtime, ...models, ...locations, ...allow, ...deny, ...attesters, ...choices]
  const long = texts.find((text) => text.length > limits.maxTextChars)
  if (long !== undefined) return malformed(`a text of ${long.length} characters`)
  return wanted
}

/** What of the requirements on measured facts no provider could ever meet, or every one would. */
function findUnmeasurable(wanted: Requirements): string | undefined {
  const { maxLatencyMs, minimumReliability = 0, minimumAttestations = 0, attesters } = wanted
  const limits = REQUIREMENTS_LIMITS
  if (maxLatencyMs !== undefined && (maxLatencyMs === 0 || maxLatencyMs > limits.maxLatencyMs))
    return `a latency of ${maxLatencyMs} ms`
  // Not `<`: what is no number is no reliability.
  if (!(minimumReliability >= 0 && minimumReliability <= 1)) return `reliability ${minimumReliability}`
  if (minimumAttestations > limits.maxAttestations) return `${minimumAttestations} attestations`
  return attesters.length > limits.maxChoices ? `${attesters.length} attesters` : undefined
}

function decode(bytes: Uint8Array): Requirements | undefined {
  try {
    return Requirements.decode(bytes)
  } catch {
    return undefined
  }
}

function malformed(detail: string): Refusal<'MALFORMED'> {
  return { refused: 'MALFORMED', detail }
}

/** One provider as a renter sees it: its newest heartbeat joined with its stake on the chain, and what was measured. */
export interface Offer {
  peer: string
  devices: Device[]
  pricePerHour: bigint
  location: string
  runtimes: string[]
  available: boolean
  stake: bigint
  /** What the sources on its host do not agree on, by its own word. */
  disagreement?: string
  /** So long before it leaves of its own will it says so, seconds; missing: at once. */
  noticeS?: number
  /** When its schedule ends, Unix milliseconds; missing: it has none. */
  untilMs?: number
  /** From 0 to 1, by what can be checked of its conduct; missing: nobody has asked. */
  reliability?: number
  /** Round trip from this node in milliseconds; missing: not measured. */
  latencyMs?: number
  /** Peer ids of the verifiers that attest in its favour; missing: nobody has asked. */
  attestedBy?: string[]
  /** Whether it can be where it says that it is; missing: nobody has looked. */
  place?: PlaceJudgement
  /** Hex of the account that owns the provider on the chain; missing: not registered, or not asked. */
  owner?: string
}

/** In the order in which they are told. */
export const MISMATCH_REASONS = [
  'DENIED',
  'NOT_ALLOWED',
  'NOT_AVAILABLE',
  'RUNTIME',
  'LOCATION',
  'PLACE',
  'STAKE',
  'PRICE',
  'LATENCY',
  'RELIABILITY',
  'ATTESTATIONS',
  'NOTICE',
  'NOT_A_GPU',
  'MODEL',
  'MEMORY',
  'GFLOPS',
  'DEVICES',
] as const

export type MismatchReason = (typeof MISMATCH_REASONS)[number]

/** One requirement that an offer does not meet: a literal to match on, and both sides as a person reads them. */
export interface Mismatch {
  /** FILTER: what no requirement can say, but a search expression. */
  reason: MismatchReason | 'FILTER'
  text: string
}

type RequirementMismatch = Mismatch & { reason: MismatchReason }

/** What any provider meets that has a free device. */
export const ANY_OFFER: Requirements = {
  devices: 1,
  memoryBytes: 0n,
  gpu: false,
  models: [],
  runtime: '',
  locations: [],
  minimumStake: 0n,
  minimumGflops: 0,
  allow: [],
  deny: [],
  attesters: [],
  choices: [],
}

/** How an amount of atomic units is written for people: whoever knows the mint's decimals hands it in. */
export type ShowAmount = (amount: bigint) => string

type Miss = (reason: MismatchReason, text: string) => void

/** Every requirement that the offer does not meet, of its devices the one that comes nearest; empty when it qualifies. */
export function findMismatches(
  offer: Offer,
  requirements: Requirements,
  ceilingPricePerHour?: bigint,
  show: ShowAmount = String,
): RequirementMismatch[] {
  const found: RequirementMismatch[] = []
  const miss: Miss = (reason, text) => found.push({ reason, text })

  if (requirements.deny.includes(offer.peer)) miss('DENIED', 'on the deny list')
  if (requirements.allow.length > 0 && !requirements.allow.includes(offer.peer)) {
    miss('NOT_ALLOWED', 'not on the allow list')
  }
  if (!offer.available) miss('NOT_AVAILABLE', 'busy or paused')
  if (requirements.runtime !== '' && !offer.runtimes.includes(requirements.runtime)) {
    miss('RUNTIME', `runtime ${requirements.runtime} not in ${offer.runtimes.join(', ') || 'none'}`)
  }
  findPlaceMismatch(offer, requirements, miss)
  if (offer.stake < requirements.minimumStake) {
    miss('STAKE', `stake ${show(offer.stake)} < ${show(requirements.minimumStake)}`)
  }
  if (ceilingPricePerHour !== undefined && offer.pricePerHour > ceilingPricePerHour) {
    miss('PRICE', `price ${show(offer.pricePerHour)} > ${show(ceilingPricePerHour)}`)
  }
  findMeasuredMismatches(offer, requirements, miss)
  const { noticeS = 0 } = requirements
  if ((offer.noticeS ?? 0) < noticeS) miss('NOTICE', `notice ${offer.noticeS ?? 0} s < ${noticeS} s`)
  found.push(...nearestDevice(offer.devices, requirements))
  return found
}

/** A place that matters must also be possible: a claim that light itself contradicts is none. */
function findPlaceMismatch({ location, place }: Offer, { locations }: Requirements, miss: Miss): void {
  if (locations.length === 0) return
  if (!locations.some((wanted) => liesIn(location, wanted))) {
    miss('LOCATION', `location ${location || 'unknown'} not in ${locations.join(', ')}`)
  } else if (place?.check === 'impossible') {
    miss('PLACE', `location ${location} is impossible: ${place.detail}`)
  }
}

/** What only the renter can know: a fact that it has not got is not taken for granted. */
function findMeasuredMismatches(offer: Offer, wanted: Requirements, miss: Miss): void {
  const { maxLatencyMs, minimumReliability, minimumAttestations = 0 } = wanted
  const { latencyMs, reliability } = offer
  if (maxLatencyMs !== undefined && !(latencyMs !== undefined && latencyMs <= maxLatencyMs)) {
    const measured = latencyMs === undefined ? 'not measured' : `${round(latencyMs)} ms`
    miss('LATENCY', `latency ${measured} > ${maxLatencyMs} ms`)
  }
  if (minimumReliability !== undefined && !(reliability !== undefined && reliability >= minimumReliability)) {
    const known = reliability === undefined ? 'unknown' : String(round(reliability))
    miss('RELIABILITY', `reliability ${known} < ${minimumReliability}`)
  }
  const attesters = countAttesters(offer, wanted)
  if (attesters < minimumAttestations) {
    const whose = wanted.attesters.length === 0 ? '' : ' of the verifiers named'
    miss('ATTESTATIONS', `attestations${whose} ${attesters} < ${minimumAttestations}`)
  }
}

/** Verifiers in the offer's favour that count for the requirements. */
export function countAttesters({ attestedBy = [] }: Offer, { attesters }: Requirements): number {
  if (attesters.length === 0) return attestedBy.length
  return attestedBy.filter((verifier) => attesters.includes(verifier)).length
}

/** The part of the requirements that a provider can judge of itself; the rest is measured by the renter. */
export function judgedByProvider(wanted: Requirements): Requirements {
  const { maxLatencyMs: _, minimumReliability: __, minimumAttestations: ___, ...own } = wanted
  return { ...own, attesters: [] }
}

/** What the nearest group of equal devices lacks; nothing when one of them meets the device requirements. */
function nearestDevice(devices: Device[], wanted: Requirements): RequirementMismatch[] {
  let nearest: RequirementMismatch[] | undefined
  for (const device of devices) {
    const missed = deviceMismatches(device, wanted)
    if (nearest === undefined || missed.length < nearest.length) nearest = missed
    if (nearest.length === 0) break
  }
  return nearest ?? [{ reason: 'DEVICES', text: 'no devices' }]
}

function deviceMismatches(device: Device, wanted: Requirements): RequirementMismatch[] {
  const found: RequirementMismatch[] = []
  const miss: Miss = (reason, text) => found.push({ reason, text })
  if (wanted.gpu && !device.gpu) miss('NOT_A_GPU', `${device.model} is not a GPU`)
  const memoryBytes = leastMemory(device.model, wanted)
  if (memoryBytes === undefined) {
    const names = [wanted.models, ...wanted.choices.map(({ models }) => models)].flat()
    miss('MODEL', `model ${device.model || 'unknown'} is none of ${[...new Set(names)].join(', ')}`)
  }
  const leastBytes = memoryBytes ?? wanted.memoryBytes
  if (device.memoryBytes < leastBytes) miss('MEMORY', compareMemory(device, leastBytes))
  // Not `<`: a figure that is no number meets no requirement.
  if (!(device.gflops >= wanted.minimumGflops)) {
    miss('GFLOPS', `gflops ${device.gflops.toFixed(1)} < ${wanted.minimumGflops}`)
  }
  if (device.free < wanted.devices) {
    const few = `free devices on one host ${device.free} < ${wanted.devices}`
    miss('DEVICES', device.free === 0 ? 'no free device on one host' : few)
  }
  return found
}

/** The memory that a device of this model must have; undefined: it is none of the models that will do. */
export function leastMemory(model: string, wanted: Requirements): bigint | undefined {
  const name = readModel(model)
  const isOneOf = (models: string[]) =>
    models.length === 0 || models.some((each) => isModel(name, readModel(each)))
  if (!isOneOf(wanted.models)) return undefined
  if (wanted.choices.length === 0) return wanted.memoryBytes
  const least = wanted.choices
    .filter((choice: DeviceChoice) => isOneOf(choice.models))
    .map(({ memoryBytes }) => memoryBytes)
    .sort((a, b) => (a < b ? -1 : 1))[0]
  if (least === undefined || least > wanted.memoryBytes) return least
  return wanted.memoryBytes
}

const GIB = 2 ** 30

function compareMemory({ gpu, memoryBytes }: Device, leastBytes: bigint): string {
  const inGib = (bytes: bigint) => String(round(Number(bytes) / GIB))
  const [has, least] = [inGib(memoryBytes), inGib(leastBytes)]
  const name = gpu ? 'vram' : 'memory'
  return has === least ? `${name} ${memoryBytes} < ${leastBytes} bytes` : `${name} ${has} < ${least}`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
