import * as assert from 'uvu/assert'
import { PLAIN_TERMS, type PricingTerms } from '../../node/provider/pricing/facts.js'
import type { PowerMeter, PriceProgram } from '../../node/provider/pricing/port.js'
import { until } from '../support/clock.js'
import { PRICE } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider bids what its strategy says')

const POWER: PowerMeter = {
  sample: async () => {},
  power: () => ({ milliwatts: 320_000, source: 'configured' }),
}
const terms = (changes: Partial<PricingTerms>) => ({ ...PLAIN_TERMS, ...changes })

test('cost-plus: the heartbeat tells it, and so does the bid', async () => {
  const pricing = {
    strategy: 'cost-plus' as const,
    terms: terms({ electricityPerKwh: 300_000n, marginPercent: 20 }),
    meter: POWER,
  }
  await withWorld(
    async ({ house, renter }) => {
      const { provider } = house
      const { peer } = provider.status()
      assert.is(provider.status().pricePerHour, '115200')
      await until(() => renter.heartbeats.newest(peer) !== undefined)
      assert.is(renter.heartbeats.newest(peer)?.heartbeat.pricePerHour, 115_200n)
      await renter.order()
      await until(() => renter.bids.length === 1)
      assert.is(renter.bids[0]?.bid.pricePerHour, 115_200n)
      const { quote, facts, strategy } = await provider.previewPrice({ devices: 1 })
      assert.is(strategy, 'cost-plus')
      assert.is(quote.pricePerHour, 115_200n)
      assert.is(facts.power?.milliwatts, 320_000)
      assert.is((await provider.previewPrice({ devices: 1 }, 'fixed')).quote.pricePerHour, PRICE)
    },
    { pricing },
  )
})

test('a program is asked per order, with the ceiling of the order; above the ceiling there is no bid', async () => {
  const asked: Array<bigint | undefined> = []
  let price = 1_000_000n
  const program: PriceProgram = {
    ask: async ({ facts }) => {
      asked.push(facts.ceilingPricePerHour)
      return { pricePerHour: price, why: [] }
    },
  }
  await withWorld(
    async ({ house, renter }) => {
      const ceilingPricePerHour = 2_000_000n
      await renter.order({ ceilingPricePerHour })
      await until(() => renter.bids.length === 1)
      assert.is(renter.bids[0]?.bid.pricePerHour, 1_000_000n)
      assert.ok(asked.includes(ceilingPricePerHour))
      assert.ok(asked.includes(undefined), 'and for the heartbeat without one')
      price = 3_000_000n
      await renter.order({ ceilingPricePerHour })
      await until(() => house.provider.status().counters.passed.PRICE === 1)
      assert.is(renter.bids.length, 1)
    },
    { pricing: { strategy: 'external', terms: terms({}), program } },
  )
})

test.run()
