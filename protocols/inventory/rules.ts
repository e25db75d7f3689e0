import type { Device } from '../heartbeat/wire.js'
import type { Requirements } from './wire.js'

/** One provider as a renter sees it: its newest heartbeat joined with its stake on the chain. */
export interface Offer {
  peer: string
  devices: Device[]
  pricePerHour: bigint
  location: string
  runtimes: string[]
  available: boolean
  stake: bigint
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

/** Every requirement that the offer does not meet; empty when it qualifies. Pure, no allocation when it fits at once. */
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
  if (locations.length > 0 && !locations.some((prefix) => offer.location.startsWith(prefix))) {
    miss('LOCATION', `location ${offer.location || 'unknown'} not in ${locations.join(', ')}`)
  }
  if (offer.stake < requirements.minimumStake) {
    miss('STAKE', `stake ${offer.stake} < ${requirements.minimumStake}`)
  }
  if (ceilingPricePerHour !== undefined && offer.pricePerHour > ceilingPricePerHour) {
    miss('PRICE', `price ${offer.pricePerHour} > ${ceilingPricePerHour}`)
  }
  const device = bestDevice(offer.devices, requirements)
  if (device.mismatch !== undefined) found.push(device.mismatch)
  return found
}

/** The first group of equal devices that meets the device requirements, or why the nearest one does not. */
function bestDevice(devices: Device[], requirements: Requirements): { mismatch?: Mismatch } {
  let nearest: Mismatch = { reason: 'DEVICES', text: 'no devices' }
  for (const device of devices) {
    const mismatch = deviceMismatch(device, requirements)
    if (mismatch === undefined) return {}
    nearest = mismatch
  }
  return { mismatch: nearest }
}

function deviceMismatch(device: Device, wanted: Requirements): Mismatch | undefined {
  if (wanted.gpu && !device.gpu) return { reason: 'NOT_A_GPU', text: `${device.model} is not a GPU` }
  if (device.memoryBytes < wanted.memoryBytes) {
    return { reason: 'MEMORY', text: `memory ${gib(device.memoryBytes)} < ${gib(wanted.memoryBytes)} GiB` }
  }
  const model = device.model.toLowerCase()
  if (wanted.models.length > 0 && !wanted.models.some((name) => model.includes(name.toLowerCase()))) {
    return { reason: 'MODEL', text: `${device.model} is none of ${wanted.models.join(', ')}` }
  }
  if (device.gflops < wanted.minimumGflops) {
    return { reason: 'GFLOPS', text: `${device.gflops.toFixed(1)} < ${wanted.minimumGflops} GFLOP/s` }
  }
  if (device.free < wanted.devices) {
    return { reason: 'DEVICES', text: `${device.free} free devices on one host < ${wanted.devices}` }
  }
  return undefined
}

function gib(bytes: bigint): string {
  return String(Math.round((Number(bytes) / GIB) * 100) / 100)
}
