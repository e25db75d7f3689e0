import type { Device } from '../heartbeat/wire.js'
import { CONTINENTS, type Continent, continentOf } from './continent.js'
import { continentsIn } from './place.js'
import type { Requirements } from './wire.js'

/**
 * A market is divided by what cannot change from one minute to the next: how much memory a device has, and on which
 * continent it stands. A shard is a gossip topic for heartbeats and one for auctions, under a name such as `24g/EU`.
 */

/**
 * The sizes in which cards are sold in numbers: 8, 12, 16 and 24 GiB to consumers, 48, 80 and 141 to data centres; what
 * lies between belongs to the next smaller class (a 32 GiB card to `24g`). Every class more is a topic more for all who
 * want "at least", so rare sizes have none. `0g` holds smaller cards and all software devices.
 */
export const VRAM_CLASSES = ['0g', '8g', '12g', '16g', '24g', '48g', '80g', '141g'] as const

export type VramClass = (typeof VRAM_CLASSES)[number]

/** The name of a shard: class and continent. */
export type Shard = `${VramClass}/${Continent}`

const GIB = 2 ** 30
/**
 * Drivers report less than what is sold: 15.0 GiB of a T4's 16, 45.0 of an L40S's 48 (memory kept for error correction),
 * 79.6 of an H100's 80. A tenth below its name a card still belongs to the class.
 */
const TOLERANCE = 0.9

/** By the memory of one device as its driver reports it, bytes. Never falls when memory grows. */
export function vramClassOf(memoryBytes: bigint): VramClass {
  const gib = Number(memoryBytes) / GIB
  return VRAM_CLASSES.findLast((name) => gib >= Number.parseInt(name, 10) * TOLERANCE) ?? '0g'
}

/** The shard of a card with so much memory at a location such as `DE-Berlin`. */
export function shardOf(memoryBytes: bigint, location: string): Shard {
  return `${vramClassOf(memoryBytes)}/${continentOf(countryOf(location))}`
}

/** Where a provider belongs: one shard for each class among its groups of devices, so rarely more than one. */
export function shardsOf(offer: { devices: readonly Device[]; location: string }): Shard[] {
  const found = offer.devices.map(({ gpu, memoryBytes }) => shardOf(gpu ? memoryBytes : 0n, offer.location))
  return [...new Set(found)]
}

/** What of a renter's requirements decides where the providers are that can meet them. */
export type ShardNeeds = Pick<Requirements, 'memoryBytes' | 'gpu' | 'locations'>

/**
 * Every shard in which a provider can be that meets the requirements: all classes from the least memory upwards, and
 * `0g` as well where software devices qualify; the continents of the places named, or all.
 */
export function shardsFor({ memoryBytes, gpu, locations }: ShardNeeds): Shard[] {
  const least = VRAM_CLASSES.indexOf(vramClassOf(memoryBytes))
  const classes = VRAM_CLASSES.filter((name, index) => index >= least || (name === '0g' && !gpu))
  const continents = locations.length === 0 ? CONTINENTS : continentsOf(locations)
  return classes.flatMap((name) => continents.map((continent): Shard => `${name}/${continent}`))
}

/** All there are. */
export const ALL_SHARDS: readonly Shard[] = shardsFor({ memoryBytes: 0n, gpu: false, locations: [] })

export function isShard(name: string): name is Shard {
  return (ALL_SHARDS as readonly string[]).includes(name)
}

/** Of every place, whether a country, a city of it, or a region of several. */
function continentsOf(places: readonly string[]): Continent[] {
  const wanted = new Set(places.flatMap(continentsIn))
  return CONTINENTS.filter((continent) => wanted.has(continent))
}

function countryOf(location: string): string {
  return location.split('-', 1)[0]!
}
