import * as assert from 'uvu/assert'
import { renderEvidence } from '../../node/cli/offers/reputation.js'
import { type PriceDocument, renderPreview } from '../../node/cli/price/preview.js'
import { createStyle } from '../../node/cli/style.js'
import { type Json, toJson } from '../../node/control/view.js'
import { PLAIN_TERMS } from '../../node/provider/pricing/facts.js'
import { quoteOf } from '../../node/provider/pricing/strategies.js'
import type { PeerEvidence } from '../../node/reputation/port.js'
import { reliabilityOf } from '../../protocols/inventory/reputation.js'
import { suite } from '../support/suite.js'

const test = suite('what the command line shows of prices and reputation')
const plain = createStyle({ isTty: false, env: {} })
const DAY_MS = 86_400_000
const NOW = 1_800_000_000_000

test('a price is shown with its facts and every step, in tokens', () => {
  const terms = {
    ...PLAIN_TERMS,
    basePricePerHour: 250_000n,
    floorPricePerHour: 200_000n,
    electricityPerKwh: 300_000n,
    marginPercent: 20,
  }
  const facts = {
    devices: 1,
    free: 1,
    total: 2,
    utilisation: 0.5,
    power: { milliwatts: 320_000, source: 'measured' as const },
    market: [300_000n, 90_000n],
  }
  const quote = quoteOf('cost-plus', terms, facts)
  const preview = { strategy: 'cost-plus' as const, quote, facts, terms, advertisedPricePerHour: 200_000n }
  const document: PriceDocument = { ...toJson(preview), decimals: 6, missing: ['market: nobody listens'] }
  const lines = renderPreview(document, plain).split('\n')
  assert.match(lines[0]!, /^bid +0\.2 tokens per device-hour, by the strategy cost-plus$/)
  assert.ok(lines.some((line) => /^market +2 comparable offers, 0\.09 tokens to 0\.3 tokens$/.test(line)))
  assert.ok(lines.some((line) => /^power +320 W per device under load \(measured\)$/.test(line)))
  assert.ok(lines.some((line) => /^missing +market: nobody listens$/.test(line)))
  const steps = lines
    .slice(lines.findIndex((line) => line.startsWith('STEP')) + 1)
    .filter((line) => line !== '')
  assert.equal(
    steps.map((line) => line.trim().split(/ {2,}/).slice(0, 2)),
    [
      ['electricity per kWh', '0.3'],
      ['electricity per hour', '0.096'],
      ['wear per hour', '0'],
      ['with margin', '0.1152'],
      ['floor', '0.2'],
    ],
  )
})

test('a reputation is shown with what speaks for and against it', () => {
  const evidence = reliabilityOf(
    {
      own: ['own'],
      leases: [
        { end: 'settled', renter: 'anna', amount: 150_000n, atMs: NOW - 3 * DAY_MS },
        { end: 'failed', renter: 'bert', amount: 150_000n, atMs: NOW - 5 * DAY_MS },
      ],
      slashedAtMs: [],
      silentAtMs: [],
      verifiersWeight: -5_000_000n,
      verifiers: 2,
      experience: { completed: { count: 3, left: 3, atMs: NOW } },
      minimumStake: 10_000_000n,
    },
    NOW,
  )
  const shown: PeerEvidence = {
    peer: '12D3KooWpeer',
    ...evidence,
    problem: 'the chain does not answer',
    leaseEnds: { settled: 1, failed: 1, unfinished: 0, renters: 2, selfPaid: 4 },
    paid: 150_000n,
    slashes: 0,
    silences: 0,
    verifiers: { count: 2, favourable: 1, weight: -5_000_000n },
    experience: { completed: 3 },
  }
  const text = renderEvidence(toJson(shown) as Json<PeerEvidence>, 6, NOW, plain)
  assert.match(text, `reliability  ${evidence.reliability.toFixed(3)} (a newcomer has 0.500)`)
  assert.match(text, '3 days ago')
  assert.match(text, 'never read')
  assert.match(text, 'the chain does not answer')
  assert.match(text, '4 leases that it paid itself')
  assert.match(text, '1 settled (0.15 tokens), 1 failed, 0 broken off by the renter; 2 renters')
  assert.match(text, '1 of 2 in favour, -5 tokens of stake')
  assert.match(text, '3 jobs done')
})

test.run()
