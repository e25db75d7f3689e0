import { type Shard, shardOf, shardsFor } from '../../../protocols/inventory/shard.js'
import { ASSUMED } from './costs.js'
import { choose, type Draw } from './draw.js'

const GIB = 2 ** 30

/** Cards by memory, GiB: consumers' as in Steam's hardware survey of 2025, a twentieth of data centres' beside them. */
const MEMORY: ReadonlyArray<readonly [number, number]> = [
  [6, 16],
  [8, 36],
  [12, 20],
  [16, 13],
  [24, 8],
  [32, 2],
  [48, 2],
  [80, 2.5],
  [141, 0.5],
]
/** Where machines stand, by one place of each continent. */
const PLACES: ReadonlyArray<readonly [string, number]> = [
  ['DE-Berlin', 32],
  ['US-Denver', 34],
  ['JP-Tokyo', 26],
  ['BR-Recife', 4],
  ['AU-Perth', 2],
  ['ZA-Durban', 2],
]
/** Memory that orders ask for, GiB. */
const WANTED: ReadonlyArray<readonly [number, number]> = [
  [6, 25],
  [12, 20],
  [16, 20],
  [24, 25],
  [48, 5],
  [80, 5],
]

/** Providers of each shard, by the project's own rule. */
export function populate(providers: number, draw: Draw): Map<Shard, number> {
  const shards = new Map<Shard, number>()
  for (let index = 0; index < providers; index++) {
    const shard = shardOf(BigInt(choose(MEMORY, draw) * GIB), choose(PLACES, draw))
    shards.set(shard, (shards.get(shard) ?? 0) + 1)
  }
  return shards
}

/** The shards that one order goes to, by the project's own rule. */
export function drawOrder(draw: Draw): Shard[] {
  const memoryBytes = BigInt(choose(WANTED, draw) * GIB)
  const locations = draw() < ASSUMED.placed ? [choose(PLACES, draw).slice(0, 2)] : []
  return shardsFor({ memoryBytes, gpu: true, locations })
}
