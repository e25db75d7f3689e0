import type { Config } from '../../config/schema.js'
import { requirePricing } from '../../config/start.js'
import type { BackendReport } from '../../kernels/backend/backend.js'
import { type DetectedDevice, readNvidiaSmi } from '../../kernels/devices/detect.js'
import { NightshiftError } from '../../protocols/errors.js'
import { parseAmount } from '../../protocols/money.js'
import type { Clock } from '../../protocols/ports.js'
import { createPowerMeter } from '../pricing/meter.js'
import { createPriceProgram } from '../pricing/program.js'
import type { PricingTerms } from '../provider/pricing/facts.js'
import type { ProviderOptions } from '../provider.js'
import { environment } from '../system/environment.js'

/** What the operator asks for an hour of one device. Throws PRICE_MISSING. */
export function readPrice({ provider }: Config, decimals: number): bigint {
  const price = parseAmount(provider.pricePerHour ?? '', decimals)
  if (price !== undefined && price > 0n) return price
  throw new NightshiftError(
    'PRICE_MISSING',
    'this provider has no price that the market’s token can express',
    {
      advice: `say what an hour of one device costs, with at most ${decimals} decimals: --provider-price-per-hour 0.25`,
      context: { pricePerHour: provider.pricePerHour, decimals },
    },
  )
}

/** The settings of all strategies in atomic units. Throws PRICING_INCOMPLETE. */
export function readTerms({ provider }: Config, decimals: number): Omit<PricingTerms, 'basePricePerHour'> {
  const { pricing } = provider
  requirePricing(pricing)
  const read = (name: string, text: string | undefined): bigint | undefined => {
    if (text === undefined) return undefined
    const amount = parseAmount(text, decimals)
    if (amount !== undefined) return amount
    throw new NightshiftError(
      'PRICING_INCOMPLETE',
      `provider.pricing.${name} ${text} is no amount of the market’s token`,
      { advice: `use at most ${decimals} decimals`, context: { name, text, decimals } },
    )
  }
  const ceiling = read('ceiling', pricing.ceiling)
  const electricity = read('electricity_per_kwh', pricing.electricityPerKwh)
  const { marginPercent, surgeFromPercent, surgePercent, undercutPercentile, undercutPercent } = pricing
  return {
    floorPricePerHour: read('floor', pricing.floor) ?? 0n,
    ...(ceiling === undefined ? {} : { ceilingPricePerHour: ceiling }),
    ...(electricity === undefined ? {} : { electricityPerKwh: electricity }),
    depreciationPerHour: read('depreciation_per_hour', pricing.depreciationPerHour) ?? 0n,
    marginPercent,
    surgeFromPercent,
    surgePercent,
    undercutPercentile,
    undercutPercent,
  }
}

export function openPricing(
  config: Config,
  decimals: number,
  { model, gpu }: Pick<BackendReport, 'model' | 'gpu'>,
  clock: Clock,
  /** The cards as another part of the node has read them lately. */
  latestCards: () => readonly DetectedDevice[] | undefined = () => undefined,
): NonNullable<ProviderOptions['pricing']> {
  const { strategy, watts, command, commandTimeoutMs: timeoutMs } = config.provider.pricing
  const path = environment.PATH ?? ''
  return {
    strategy,
    terms: readTerms(config, decimals),
    meter: createPowerMeter({
      model,
      gpu,
      ...(watts === undefined ? {} : { configuredWatts: watts }),
      readCards: async () => latestCards() ?? readNvidiaSmi(),
    }),
    ...(command.length === 0 ? {} : { program: createPriceProgram({ command, timeoutMs, path, clock }) }),
  }
}
