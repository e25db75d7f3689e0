import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../../config/schema.js'
import { findNode } from '../../control/client.js'
import { type Json, toJson } from '../../control/view.js'
import { openRegistry } from '../../daemon/chain.js'
import { recallDecimals } from '../../daemon/market.js'
import { previewWithoutNode } from '../../daemon/preview.js'
import type { StrategyName } from '../../provider/pricing/pricing.js'
import type { PricePreview } from '../../provider.js'
import { openStore } from '../../store/level.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createProcessLog } from '../log.js'
import { readCount } from '../quantity.js'
import { showAmount } from '../story.js'
import type { Style } from '../style.js'
import { type Column, renderPairs, renderTable } from '../table.js'

/** What a person and a script see: `missing` says which facts nobody could be asked for. */
export type PriceDocument = Json<PricePreview> & { decimals: number; missing: string[] }

export async function run(invocation: Invocation): Promise<number> {
  const { options, report, shell, verbose } = invocation
  const { config } = await invocation.config()
  const devices = readCount('--devices', String(options.devices), 1, 1024)
  const strategy = options.strategy as StrategyName | undefined
  const node = await findNode(config.dataDir)
  const document: PriceDocument =
    node === undefined
      ? await compute(config, { devices, strategy, shell, verbose })
      : {
          ...(await node.price({ devices, ...(strategy === undefined ? {} : { strategy }) })),
          decimals: (await node.status()).chain.market?.decimals ?? 0,
          missing: [],
        }
  report.result(document, renderPreview(document, report.out.style))
  return EXIT.OK
}

async function compute(
  config: Config,
  asked: { devices: number; strategy: StrategyName | undefined } & Pick<Invocation, 'shell' | 'verbose'>,
): Promise<PriceDocument> {
  const { devices, strategy, shell, verbose } = asked
  const known = await findDecimals(config, shell.signal)
  const decimals = known ?? USUAL_DECIMALS
  const log = createProcessLog(verbose ? 'debug' : 'silent', shell.err)
  const { preview, missing } = await previewWithoutNode(config, decimals, {
    devices,
    ...(strategy === undefined ? {} : { strategy }),
    clock: systemClock,
    log,
  })
  if (known === undefined) {
    missing.push(`token: the chain does not answer, so ${decimals} decimals are assumed`)
  }
  return { ...toJson(preview), decimals, missing }
}

/** Of most stablecoins, and of the local market. */
const USUAL_DECIMALS = 6
const CHAIN_PATIENCE_MS = 3_000

/** What a node of this directory has once learnt, or else what the chain says; undefined when nobody knows. */
async function findDecimals(config: Config, signal: AbortSignal): Promise<number | undefined> {
  const folder = join(config.dataDir, 'store')
  if (existsSync(folder)) {
    const store = await openStore(folder)
    try {
      const decimals = await recallDecimals(store)
      if (decimals !== undefined) return decimals
    } finally {
      await store.close()
    }
  }
  const late = new AbortController()
  const stop = systemClock.after(CHAIN_PATIENCE_MS, () => late.abort(new Error('the chain does not answer')))
  try {
    const terms = await openRegistry(config, systemClock).terms(AbortSignal.any([signal, late.signal]))
    return terms.decimals
  } catch (error) {
    if (late.signal.aborted && !signal.aborted) return undefined
    throw error
  } finally {
    stop()
  }
}

export function renderPreview(document: PriceDocument, style: Style): string {
  const { strategy, quote, facts, advertisedPricePerHour, decimals, missing } = document
  const tokens = (amount: string) => `${showAmount(amount, decimals)} tokens`
  const market = [...facts.market].sort((a, b) => Number(BigInt(a) - BigInt(b)))
  const pairs: Array<[string, string]> = [
    ['bid', `${style.bold(tokens(quote.pricePerHour))} per device-hour, by the strategy ${strategy}`],
    ['heartbeat', `${tokens(advertisedPricePerHour)} per device-hour`],
    ['order', `${facts.devices} of ${facts.free} free devices (${facts.total} in all)`],
    ['utilisation', `${(100 * facts.utilisation).toFixed(1)} % of the device-time of about the last hour`],
    [
      'power',
      facts.power === undefined
        ? 'unknown'
        : `${facts.power.milliwatts / 1_000} W per device under load (${facts.power.source})`,
    ],
    [
      'market',
      market.length === 0
        ? 'no comparable offers'
        : `${market.length} comparable offers, ${tokens(market[0]!)} to ${tokens(market.at(-1)!)}`,
    ],
  ]
  for (const each of missing) pairs.push(['missing', style.yellow(each)])
  const columns: Column<(typeof quote.why)[number]>[] = [
    { title: 'STEP', cell: ({ what }) => what },
    {
      title: 'TOKENS',
      align: 'right',
      cell: ({ amount }) => (amount === undefined ? '' : showAmount(amount, decimals)),
    },
    { title: 'WHY', cell: ({ detail }) => detail },
  ]
  return `${renderPairs(pairs, style.dim)}\n${renderTable(quote.why, columns, style.dim)}`
}
