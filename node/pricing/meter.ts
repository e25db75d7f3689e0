import { type DetectedDevice, sameModel } from '../../kernels/devices/detect.js'
import { ratedWatts } from '../../kernels/devices/power.js'
import type { Power } from '../provider/pricing/facts.js'
import type { PowerMeter } from '../provider/pricing/port.js'

/** How much the newest look counts; with a look every 15 s about a minute is remembered. */
const NEWEST_SHARE = 0.2

/**
 * What one device of this host draws under load, from the best source there is: what the operator says, the driver's
 * own measurement while a job ran, the driver's limit, the maker's figure. An idle card's draw is nobody's cost of a job.
 */
export function createPowerMeter(parts: {
  model: string
  gpu: boolean
  configuredWatts?: number
  /** The cards as the driver sees them now; none where there is no such driver. */
  readCards: () => Promise<readonly DetectedDevice[]>
}): PowerMeter {
  const { model, gpu, configuredWatts, readCards } = parts
  let measured: number | undefined
  let limit: number | undefined
  let looked = false

  return {
    sample: async (loaded) => {
      // The limit is asked for once; a software device has no card whose draw would be its own.
      if (!gpu || configuredWatts !== undefined || (looked && !loaded)) return
      looked = true
      const cards = (await readCards()).filter((card) => sameModel(card.model, model))
      limit = highest(cards.map(({ powerLimitWatts }) => powerLimitWatts)) ?? limit
      const drawn = highest(cards.map(({ powerWatts }) => powerWatts))
      if (!loaded || drawn === undefined) return
      measured = measured === undefined ? drawn : measured + NEWEST_SHARE * (drawn - measured)
    },
    power: () =>
      choosePower({ configuredWatts, measured, limit, rated: gpu ? ratedWatts(model) : undefined }),
  }
}

/** Pure: the first that is known. */
export function choosePower(watts: {
  configuredWatts: number | undefined
  measured: number | undefined
  limit: number | undefined
  rated: number | undefined
}): Power | undefined {
  const found: Array<[Power['source'], number | undefined]> = [
    ['configured', watts.configuredWatts],
    ['measured', watts.measured],
    ['driver limit', watts.limit],
    ['rated', watts.rated],
  ]
  for (const [source, value] of found) {
    if (value !== undefined) return { milliwatts: Math.ceil(value * 1_000), source }
  }
  return undefined
}

function highest(values: ReadonlyArray<number | undefined>): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}
