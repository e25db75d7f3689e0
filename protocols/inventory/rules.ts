import type { Refusal } from '../errors.js'
import type { Device } from '../heartbeat/wire.js'
import { Requirements } from './wire.js'

export const REQUIREMENTS_LIMITS = {
  /** Bytes of encoded requirements: 128 peer ids of 54 bytes each, and some texts. */
  maxBytes: 8_192,
  /** On one host. Above what any host has, and small enough that price × devices stays far from a u64's end. */
  maxDevices: 1_024,
  /** Models, locations: each is compared with each device of each offer. */
  maxChoices: 64,
  maxTextChars: 128,
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
  const texts = [wanted.runtime, ...models, ...locations, ...wanted.allow, ...wanted.deny]
  const long = texts.find((text) => text.length > limits.maxTextChars)
  if (long !== undefined) return malformed(`a text of ${long.length} characters`)
  return wanted
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

/** One provider as a renter sees it: its newest heartbeat joined with its stake on the chain. */
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
  /** From 0 to 1, by what can be checked of its conduct; missing: nobody has asked. */
  reliability?: number
  /** Round trip from this node in milliseconds; missing: not measured. */
  latencyMs?: number
  /** Hex of the account that owns the provider on the chain; missing: not registered, or not asked. */
  owner?: string
  /** Multiaddrs at which it says it is reached. */
  addresses?: readonly string[]
}

export type MismatchReason =
  | 'NOT_AVAILABLE'
  | 'NOT_A_GPU'
  | 'MEMORY'
  | 'MODEL'
  | 'GFLOPS'
  | 'DEVICES'
  | 'RUNTIME'
  | 'LOCATION'
  | 'STAKE'
  | 'PRICE'
  | 'DENIED'
  | 'NOT_ALLOWED'

/** One requirement that an offer does not meet: a literal to match on, and both sides as a person reads them. */
export interface Mismatch {
  reason: MismatchReason
  text: string
}

const GIB = 2 ** 30

/** Every requirement that the offer does not meet, of its devices the one that comes nearest; empty when it qualifies. */
export function findMismatches(
  offer: Offer,
  requirements: Requirements,
  ceilingPricePerHour?: bigint,
): Mismatch[] {
  const found: Mismatch[] = []
  const miss = (reason: MismatchReason, text: string) => found.push({ reason, text })

  if (requirements.deny.includes(offer.peer)) miss('DENIED', 'on the deny list')
  if (requirements.allow.length > 0 && !requirements.allow.includes(offer.peer)) {
    miss('NOT_ALLOWED', 'not on the allow list')
  }
  if (!offer.available) miss('NOT_AVAILABLE', 'busy or paused')
  if (requirements.runtime !== '' && !offer.runtimes.includes(requirements.runtime)) {
    miss('RUNTIME', `runtime ${requirements.runtime} not in ${offer.runtimes.join(', ') || 'none'}`)
  }
  const { locations } = requirements
  if (locations.length > 0 && !locations.some((place) => liesIn(offer.location, place))) {
    miss('LOCATION', `location ${offer.location || 'unknown'} not in ${locations.join(', ')}`)
  }
  if (offer.stake < requirements.minimumStake) {
    miss('STAKE', `stake ${offer.stake} < ${requirements.minimumStake}`)
  }
  if (ceilingPricePerHour !== undefined && offer.pricePerHour > ceilingPricePerHour) {
    miss('PRICE', `price ${offer.pricePerHour} > ${ceilingPricePerHour}`)
  }
  found.push(...nearestDevice(offer.devices, requirements))
  return found
}

/** "DE-Berlin" lies in "DE" and in "DE-Berlin"; "DEN-Aarhus" does not lie in "DE". */
function liesIn(location: string, place: string): boolean {
  return location === place || (place !== '' && location.startsWith(`${place}-`))
}

/** What the nearest group of equal devices lacks; nothing when one of them meets the device requirements. */
function nearestDevice(devices: Device[], wanted: Requirements): Mismatch[] {
  let nearest: Mismatch[] | undefined
  for (const device of devices) {
    const missed = deviceMismatches(device, wanted)
    if (nearest === undefined || missed.length < nearest.length) nearest = missed
    if (nearest.length === 0) break
  }
  return nearest ?? [{ reason: 'DEVICES', text: 'no devices' }]
}

function deviceMismatches(device: Device, wanted: Requirements): Mismatch[] {
  const found: Mismatch[] = []
  const miss = (reason: MismatchReason, text: string) => found.push({ reason, text })
  if (wanted.gpu && !device.gpu) miss('NOT_A_GPU', `${device.model} is not a GPU`)
  if (device.memoryBytes < wanted.memoryBytes) {
    miss('MEMORY', `memory ${gib(device.memoryBytes)} < ${gib(wanted.memoryBytes)} GiB`)
  }
  if (wanted.models.length > 0 && !wanted.models.some((name) => isModel(device.model, name))) {
    miss('MODEL', `${device.model} is none of ${wanted.models.join(', ')}`)
  }
  // Not `<`: a figure that is no number meets no requirement.
  if (!(device.gflops >= wanted.minimumGflops)) {
    miss('GFLOPS', `${device.gflops.toFixed(1)} < ${wanted.minimumGflops} GFLOP/s`)
  }
  if (device.free < wanted.devices) {
    miss('DEVICES', `${device.free} free devices on one host < ${wanted.devices}`)
  }
  return found
}

/** Words after a card's number that make it another card. */
const VARIANTS = ['ti', 'super', 'xt', 'xtx', 'gre', 'd', 'ada', 'blackwell', 'laptop', 'mobile', 'max']

/**
 * Whether a device that calls itself `device` is a `name`: whole words, however they are spelt ("rtx4090", "RTX-4090"
 * and "NVIDIA GeForce RTX 4090" are the same), so that an A10 is no A100, and an RTX 4070 no RTX 4070 Ti.
 */
function isModel(device: string, name: string): boolean {
  const wanted = readModel(name)
  const found = readModel(device)
  return found.some((run, start) => {
    if (wanted.length === 0) return false
    const end = start + wanted.length
    const matches = run.begins && wanted.every(({ text }, at) => found[start + at]?.text === text)
    const next = found[end]
    return matches && (next === undefined || (next.begins && !VARIANTS.includes(next.text)))
  })
}

/** Runs of letters and of digits, and whether each begins a word. */
function readModel(model: string): Array<{ text: string; begins: boolean }> {
  const words = model.toLowerCase().split(/[^a-z0-9]+/)
  return words.flatMap((word) =>
    (word.match(/[a-z]+|[0-9]+/g) ?? []).map((text, at) => ({ text, begins: at === 0 })),
  )
}

function gib(bytes: bigint): string {
  return String(Math.round((Number(bytes) / GIB) * 100) / 100)
}
