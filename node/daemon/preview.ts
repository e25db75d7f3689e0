import type { Config } from '../../config/schema.js'
import { readNvidiaSmi } from '../../kernels/devices/detect.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { createPricing, type StrategyName } from '../provider/pricing/pricing.js'
import type { PricePreview } from '../provider.js'
import { openPricing, readPrice } from './pricing.js'

/** Nothing is compared with it: nobody is heard. */
const UNKNOWN_DEVICE = {
  memoryBytes: 0n,
  gpu: false,
  backend: '',
  driver: '',
  cudaVersion: '',
  gflops: 0,
  count: 1,
  free: 1,
}

/**
 * What a provider with this configuration would bid if it started now, as far as this machine can tell without opening a
 * device or joining the network. Throws PRICE_MISSING, PRICING_INCOMPLETE.
 */
export async function previewWithoutNode(
  config: Config,
  decimals: number,
  asked: { devices: number; strategy?: StrategyName; clock: Clock; log: Log },
): Promise<{ preview: PricePreview; missing: string[] }> {
  const { devices, clock, log } = asked
  const strategy = asked.strategy ?? config.provider.pricing.strategy
  const named = {
    ...config,
    provider: { ...config.provider, pricing: { ...config.provider.pricing, strategy } },
  }
  const basePricePerHour = readPrice(config, decimals)
  const cards = await readNvidiaSmi()
  const model = cards[0]?.model
  const { terms: set, ...opened } = openPricing(
    named,
    decimals,
    { model: model ?? '', gpu: model !== undefined },
    clock,
  )
  const terms = { ...set, basePricePerHour }
  const total = Math.max(1, cards.length)
  const pricing = createPricing({
    ...opened,
    strategy,
    terms,
    capacity: { total, free: () => total, unoccupied: () => total },
    device: () => ({ ...UNKNOWN_DEVICE, model: model ?? '' }),
    others: () => [],
    isBacked: async () => false,
    clock,
    log,
  })
  await opened.meter?.sample(false)
  const { quote, facts } = await pricing.preview({ devices }, strategy)
  const missing = [
    'utilisation: no node runs on the data directory, so nothing is leased out',
    'market: no node listens to the offers of others',
    ...(facts.power === undefined
      ? ['power: no card that nvidia-smi knows; name it with --provider-pricing-watts']
      : []),
  ]
  return {
    preview: { strategy, quote, facts, terms, advertisedPricePerHour: quote.pricePerHour },
    missing,
  }
}
