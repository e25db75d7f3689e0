import { parseSearch } from '../../../config/search.js'
import { NightshiftError } from '../../../protocols/errors.js'
import { isOfferOrder, OFFER_ORDERS, type OfferOrder } from '../../../protocols/inventory/order.js'
import type { Requirements } from '../../../protocols/inventory/wire.js'
import { findNode } from '../../control/client.js'
import type { OfferQuery } from '../../control/port.js'
import type { OfferView } from '../../control/view.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { readCount, readDuration, readList, readSize, readTokens } from '../quantity.js'
import { shortPeer, showAmount } from '../story.js'
import type { Style } from '../style.js'
import { type Column, renderTable } from '../table.js'
import { listen, type OfferSource } from './listen.js'

export async function run(invocation: Invocation): Promise<number> {
  const { options, report, shell } = invocation
  const { config } = await invocation.config()
  const waitMs = readDuration('--wait', String(options.wait))
  const expression = invocation.arguments.join(' ').trim()
  // What is wrong with it is told before anybody is waited for; the market's own decimals count later.
  if (expression !== '') parseSearch(expression, MOST_DECIMALS)
  const sort = readOrder(options.sort as string | undefined)
  const limit = readCount('--limit', String(options.limit), 1, 10_000)
  const shows: Shown = {
    misfits: options.all === true || options.explain === true,
    explains: options.explain === true,
  }
  const running = await findNode(config.dataDir)
  const source: OfferSource =
    running === undefined
      ? await listen(invocation, options.watch === true ? 0 : waitMs)
      : { ...running, close: async () => {} }
  try {
    const decimals = (await source.status()).chain.market?.decimals ?? 0
    const ceiling = options.maxPrice as string | undefined
    const query: OfferQuery = {
      requirements: readRequirements(options, decimals),
      ...(ceiling === undefined ? {} : { ceilingPricePerHour: readTokens('--max-price', ceiling, decimals) }),
      ...(expression === '' ? {} : { search: expression }),
      sort,
      limit,
      all: options.watch !== true || shows.misfits,
    }
    if (options.watch === true) return await watch(source, query, invocation, decimals)
    const offers = await source.offers(query, shell.signal)
    const shown = offers.filter((offer) => shows.misfits || offer.qualifies)
    report.result(shown, renderOffers(shown, offers.length, decimals, shows, report.out.style))
    return EXIT.OK
  } finally {
    await source.close()
  }
}

interface Shown {
  /** Also those that do not qualify, with the reasons. */
  misfits: boolean
  /** Also what was found out about each. */
  explains: boolean
}

/** A mint has no more; syntax does not depend on them. */
const MOST_DECIMALS = 18

function readOrder(text = 'price'): OfferOrder {
  if (isOfferOrder(text)) return text
  throw new NightshiftError('USAGE', `--sort ${JSON.stringify(text)} is no order`, {
    advice: `write one of ${OFFER_ORDERS.join(', ')}; a minus before it turns it round`,
    context: { text },
  })
}

const MARKS = { appeared: '+', changed: '~', left: '-' } as const

/** A line for each change, until it is interrupted. */
async function watch(
  source: OfferSource,
  query: OfferQuery,
  { report, shell }: Invocation,
  decimals: number,
): Promise<number> {
  for await (const change of await source.watchOffers(query, shell.signal)) {
    const { kind, offer } = change
    const { style } = report.out
    const place = offer.location || 'no place told'
    const price = `${showAmount(offer.price_per_hour, decimals)} tokens/h`
    const facts = [
      offer.gpu_model,
      `${offer.vram_gb} GB`,
      `${offer.free}/${offer.devices} free`,
      place,
      price,
    ]
    const reasons = offer.mismatches.map(({ text }) => text).join('; ')
    const line = `${MARKS[kind]} ${shortPeer(offer.peer)}  ${facts.join(', ')}`
    report.event(change, reasons === '' ? line : `${line}  ${style.yellow(reasons)}`)
  }
  return EXIT.OK
}

function readRequirements(options: Invocation['options'], decimals: number): Requirements {
  const text = (name: string) => options[name] as string | undefined
  const gflops = text('minGflops')
  return {
    devices: readCount('--devices', text('devices') ?? '1', 1, 1024),
    memoryBytes: BigInt(readSize('--min-memory', text('minMemory') ?? '0')),
    gpu: options.gpu === true,
    models: readList(text('model')),
    runtime: text('runtime') ?? '',
    locations: readList(text('location')),
    minimumStake: readTokens('--min-stake', text('minStake') ?? '0', decimals),
    minimumGflops: gflops === undefined ? 0 : readCount('--min-gflops', gflops, 0, 1e9),
    allow: [],
    deny: [],
    attesters: [],
    choices: [],
  }
}

/** Verifiers in its favour of all, and what they have at stake. */
function showEvidence({ count, favourable, weight }: OfferView['attestations'], decimals: number): string {
  if (count === 0) return '-'
  const sign = weight.startsWith('-') ? '-' : ''
  return `${favourable}/${count}, ${sign}${showAmount(weight.replace('-', ''), decimals)} tokens`
}

export function renderOffers(
  offers: readonly OfferView[],
  known: number,
  decimals: number,
  shows: Shown,
  style: Style,
): string {
  if (offers.length === 0) {
    return known === 0
      ? 'no offers have been heard; a provider announces itself every minute or sooner: try --wait 60s'
      : `none of ${known} offers qualifies; --explain shows them with the reasons`
  }
  const columns: Column<OfferView>[] = [
    { title: 'PEER', cell: (offer) => shortPeer(offer.peer) },
    { title: 'DEVICE', cell: (offer) => offer.gpu_model },
    { title: 'VRAM GB', align: 'right', cell: (offer) => String(offer.vram_gb) },
    { title: 'FREE', align: 'right', cell: (offer) => `${offer.free}/${offer.devices}` },
    { title: 'GFLOP/S', align: 'right', cell: (offer) => offer.gflops.toFixed(1) },
    { title: 'BACKEND', cell: (offer) => offer.backend },
    { title: 'CUDA', cell: (offer) => offer.cuda_version || '-' },
    { title: 'LOCATION', cell: (offer) => offer.location || '-' },
    { title: 'STATE', cell: (offer) => offer.availability },
    { title: 'TOKENS/H', align: 'right', cell: (offer) => showAmount(offer.price_per_hour, decimals) },
    { title: 'STAKE', align: 'right', cell: (offer) => showAmount(offer.stake, decimals) },
    { title: 'ATTESTED', cell: ({ attestations }) => showEvidence(attestations, decimals) },
  ]
  if (shows.explains) {
    columns.push(
      { title: 'RTT MS', align: 'right', cell: ({ latency_ms }) => String(latency_ms ?? '-') },
      { title: 'RELIABLE', align: 'right', cell: ({ reliability }) => String(reliability ?? '-') },
      { title: 'PLACE IS', cell: (offer) => showPlace(offer, style) },
    )
  }
  if (shows.misfits) {
    columns.push({
      title: 'QUALIFIES',
      cell: (offer) =>
        offer.qualifies
          ? style.green('yes')
          : style.yellow(offer.mismatches.map((mismatch) => mismatch.text).join('; ')),
    })
  }
  return renderTable(offers, columns, style.dim)
}

function showPlace({ location_check, location_detail }: OfferView, style: Style): string {
  return location_check === 'impossible' ? style.red(`impossible: ${location_detail ?? ''}`) : location_check
}
