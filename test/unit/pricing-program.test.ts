import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { createPriceProgram, readAnswer, writeQuestion } from '../../node/pricing/program.js'
import { PLAIN_TERMS, type PricingTerms } from '../../node/provider/pricing/facts.js'
import type { PowerMeter, PriceProgram, PriceQuestion } from '../../node/provider/pricing/port.js'
import { createPricing, type Pricing } from '../../node/provider/pricing/pricing.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import type { Log } from '../../protocols/ports.js'
import { createVirtualClock, until } from '../support/clock.js'
import { makeDevice, makeHeartbeat } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('pricing by a program, and the service')

const TERMS: PricingTerms = {
  ...PLAIN_TERMS,
  basePricePerHour: 250_000n,
  floorPricePerHour: 100_000n,
  ceilingPricePerHour: 1_000_000n,
}
const QUESTION: PriceQuestion = {
  terms: TERMS,
  facts: {
    devices: 2,
    ceilingPricePerHour: 300_000n,
    free: 2,
    total: 4,
    utilisation: 0.5,
    power: { milliwatts: 312_500, source: 'measured' },
    market: [200_000n, 220_000n],
  },
}
/** A program: Node with a script, so that no shell is needed on any system. */
const script = (code: string) => [process.execPath, '-e', code]
const program = (code: string, timeoutMs = 30_000): PriceProgram =>
  createPriceProgram({
    command: script(code),
    timeoutMs,
    path: process.env.PATH ?? '',
    clock: systemClock,
  })

async function failure(act: Promise<unknown>): Promise<string> {
  try {
    await act
  } catch (error) {
    assert.is(codeOf(error), 'PRICING_PROGRAM_FAILED')
    return (error as Error).message
  }
  return 'none'
}

const READ = `let text = ''; process.stdin.on('data', (some) => { text += some }).on('end', () => answer(JSON.parse(text)));`

test('a program is told the facts on its standard input, and its price and word are taken', async () => {
  const asked = program(
    `${READ} function answer(facts) { console.log(JSON.stringify({ price_per_hour: String(BigInt(facts.market_prices_per_hour[0]) - 1n), why: Object.keys(facts).length + ' facts, ' + facts.watts + ' W' })) }`,
  )
  const { pricePerHour, why } = await asked.ask(QUESTION)
  assert.is(pricePerHour, 199_999n)
  assert.is(why[0]?.detail, '12 facts, 312.5 W')
})

test('the facts that a program gets are these, amounts as text', () => {
  assert.equal(JSON.parse(writeQuestion(QUESTION)), {
    version: 1,
    base_price_per_hour: '250000',
    floor_price_per_hour: '100000',
    ceiling_price_per_hour: '1000000',
    order_ceiling_price_per_hour: '300000',
    devices: 2,
    free: 2,
    total: 4,
    utilisation: 0.5,
    watts: 312.5,
    watts_source: 'measured',
    market_prices_per_hour: ['200000', '220000'],
  })
})

test('a program sees PATH and nothing else of the node’s environment', async () => {
  process.env.NIGHTSHIFT_TEST_SECRET = 'secret'
  const { why } = await program(
    `console.log(JSON.stringify({ price_per_hour: '1', why: Object.keys(process.env).join() }))`,
  ).ask(QUESTION)
  delete process.env.NIGHTSHIFT_TEST_SECRET
  assert.is(why[0]?.detail, 'PATH')
})

test('no shell reads the command: what looks like one is a name or an argument', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-price-'))
  try {
    const trap = join(folder, 'trap')
    const asked = createPriceProgram({
      command: [...script('process.exit(3)'), `; touch ${trap}`, `$(touch ${trap})`],
      timeoutMs: 30_000,
      path: process.env.PATH ?? '',
      clock: systemClock,
    })
    assert.match(await failure(asked.ask(QUESTION)), 'exit code 3')
    assert.not.ok(existsSync(trap))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a program that fails, talks too much, or says no price is PRICING_PROGRAM_FAILED with the reason', async () => {
  const cases: Array<[code: string, reason: string | RegExp]> = [
    [`process.exit(1)`, 'exit code 1'],
    [`console.log('cheap')`, 'no JSON'],
    [`console.log(JSON.stringify({ price: 5 }))`, 'price_per_hour'],
    [`const more = () => process.stdout.write('x'.repeat(65536), more); more()`, 'more than 65536 bytes'],
  ]
  for (const [code, reason] of cases) assert.match(await failure(program(code).ask(QUESTION)), reason)
  const missing = createPriceProgram({
    command: ['/nowhere/price'],
    timeoutMs: 30_000,
    path: '',
    clock: systemClock,
  })
  assert.match(await failure(missing.ask(QUESTION)), 'cannot be started')
})

test('an answer is a price of an hour in atomic units and nothing else', () => {
  assert.is(readAnswer('{"price_per_hour":"18446744073709551615"}').pricePerHour, 2n ** 64n - 1n)
  assert.is(readAnswer('{"price_per_hour":250000}').pricePerHour, 250_000n)
  for (const wrong of ['-1', '1.5', '"1e3"', '"18446744073709551616"', '9007199254740993', 'null', '""']) {
    let refused = false
    try {
      readAnswer(`{"price_per_hour":${wrong}}`)
    } catch (error) {
      refused = codeOf(error) === 'PRICING_PROGRAM_FAILED'
    }
    assert.ok(refused, wrong)
  }
})

test('a program that does not answer in time is ended, and what it has started with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-price-'))
  try {
    const pids = join(folder, 'pids')
    const code = `const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
require('node:fs').writeFileSync(${JSON.stringify(pids)} + '.partial', process.pid + ' ' + child.pid);
require('node:fs').renameSync(${JSON.stringify(pids)} + '.partial', ${JSON.stringify(pids)});
setInterval(() => {}, 1000)`
    const clock = createVirtualClock()
    const asked = createPriceProgram({
      command: script(code),
      timeoutMs: 300,
      path: process.env.PATH ?? '',
      clock,
    })
    const waiting = failure(asked.ask(QUESTION))
    await until(() => existsSync(pids))
    await clock.advance(300)
    assert.match(await waiting, 'did not answer in 300 ms')
    const [parent, child] = readFileSync(pids, 'utf8').split(' ').map(Number)
    await until(() => !isAlive(parent!) && !isAlive(child!))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A process that has ended and that nobody has asked after is no longer alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

interface Scene {
  pricing: Pricing
  clock: ReturnType<typeof createVirtualClock>
  lines: string[]
  leased: { count: number }
  market: bigint[]
}

function open(
  strategy: Pricing['strategy'],
  changes: {
    terms?: Partial<PricingTerms>
    program?: PriceProgram
    meter?: PowerMeter
    unbacked?: string[]
  } = {},
): Scene {
  const clock = createVirtualClock()
  const lines: string[] = []
  const leased = { count: 0 }
  const market: bigint[] = []
  const log: Log = { ...silentLog, error: (message) => void lines.push(message) }
  const device = makeDevice()
  const { terms, unbacked = [], ...rest } = changes
  const pricing = createPricing({
    ...rest,
    strategy,
    terms: { ...TERMS, ...terms },
    capacity: { total: 4, free: () => 4 - leased.count, unoccupied: () => 4 - leased.count },
    device: () => device,
    others: () =>
      market.map((pricePerHour, at) => ({
        peer: `peer ${at}`,
        heartbeat: makeHeartbeat({ devices: [device], pricePerHour }),
      })),
    isBacked: async (peer) => !unbacked.includes(peer),
    clock,
    log,
  })
  return { pricing, clock, lines, leased, market }
}

test('a program that fails costs no bid: the base price is bid, and the log says so, once a minute', async () => {
  const down: PriceProgram = { ask: () => Promise.reject(new Error('it is on holiday')) }
  const { pricing, lines, clock } = open('external', { program: down })
  for (let order = 0; order < 5; order++) {
    const { pricePerHour, why } = await pricing.quote({ devices: 1 })
    assert.is(pricePerHour, 250_000n)
    assert.match(why[0]!.detail, 'on holiday')
  }
  assert.is(lines.length, 1)
  await clock.advance(60_000)
  await pricing.quote({ devices: 1 })
  assert.is(lines.length, 2)
  assert.match(lines[0]!, 'base price')
})

test('what a program says is held between floor and ceiling', async () => {
  const says = (pricePerHour: bigint): PriceProgram => ({ ask: async () => ({ pricePerHour, why: [] }) })
  const asked = (pricePerHour: bigint) =>
    open('external', { program: says(pricePerHour) }).pricing.quote({ devices: 1 })
  assert.is((await asked(5n)).pricePerHour, 100_000n)
  assert.is((await asked(2n ** 63n)).pricePerHour, 1_000_000n)
  assert.is((await asked(123_456n)).pricePerHour, 123_456n)
})

test('a flood of orders starts four programs at once and no more; the rest is bid at the base price', async () => {
  let running = 0
  let most = 0
  const slow = Promise.withResolvers<void>()
  const counted: PriceProgram = {
    ask: async () => {
      most = Math.max(most, ++running)
      await slow.promise
      running--
      return { pricePerHour: 300_000n, why: [] }
    },
  }
  const { pricing } = open('external', { program: counted })
  const quotes = Array.from({ length: 50 }, () => pricing.quote({ devices: 1 }))
  slow.resolve()
  const prices = (await Promise.all(quotes)).map(({ pricePerHour }) => pricePerHour)
  assert.is(most, 4)
  assert.is(prices.filter((price) => price === 300_000n).length, 4)
  assert.is(prices.filter((price) => price === 250_000n).length, 46)
})

test('a heartbeat tells a change of two per cent at once, a lesser one with the next period', async () => {
  const { pricing, leased, clock } = open('surge', { terms: { surgeFromPercent: 0, surgePercent: 100 } })
  assert.is(pricing.advertised(), 250_000n)
  await pricing.refresh()
  leased.count = 1
  await pricing.refresh()
  await clock.advance(60_000)
  assert.is(await pricing.refresh(), false, 'a minute of a quarter leased: 0.4 %')
  const soon = pricing.advertised()
  assert.ok(soon > 250_000n && soon < 255_000n, String(soon))
  await clock.advance(30_000)
  assert.is(await pricing.refresh(), false)
  assert.is(pricing.advertised(), soon, 'within the period the old price is told')
  leased.count = 4
  await pricing.refresh()
  await clock.advance(300_000)
  assert.is(await pricing.refresh(), true)
  assert.ok(pricing.advertised() > 255_000n)
})

test('undercut looks at the market once a minute, and does not count who has nothing staked', async () => {
  const { pricing, market, clock } = open('undercut', {
    terms: { undercutPercentile: 0, undercutPercent: 0 },
    unbacked: ['peer 0'],
  })
  market.push(1n, 400_000n, 300_000n)
  await pricing.refresh()
  assert.is((await pricing.quote({ devices: 1 })).pricePerHour, 300_000n)
  market.push(200_000n)
  await clock.advance(30_000)
  await pricing.refresh()
  assert.is((await pricing.quote({ devices: 1 })).pricePerHour, 300_000n)
  await clock.advance(30_000)
  await pricing.refresh()
  assert.is((await pricing.quote({ devices: 1 })).pricePerHour, 200_000n)
})

test('a preview of another strategy shows what it would bid, and changes nothing', async () => {
  const { pricing, market } = open('fixed', { terms: { undercutPercentile: 0, undercutPercent: 10 } })
  market.push(200_000n)
  const { quote, facts } = await pricing.preview({ devices: 2 }, 'undercut')
  assert.is(quote.pricePerHour, 180_000n)
  assert.equal(facts.market, [200_000n])
  assert.is(facts.devices, 2)
  assert.is((await pricing.quote({ devices: 2 })).pricePerHour, 250_000n)
  assert.is(pricing.advertised(), 250_000n)
  const { quote: none } = await pricing.preview({ devices: 1 }, 'external')
  assert.match(none.why[0]!.detail, 'no program')
})

test.run()
