import type { Requirements } from '../../../protocols/inventory/wire.js'
import { findNode } from '../../control/client.js'
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
  const running = await findNode(config.dataDir)
  const source: OfferSource =
    running === undefined ? await listen(invocation, waitMs) : { ...running, close: async () => {} }
  try {
    const decimals = (await source.status()).chain.market?.decimals ?? 0
    const ceiling = options.maxPrice as string | undefined
    const offers = await source.offers(
      {
        requirements: readRequirements(options, decimals),
        ...(ceiling === undefined
          ? {}
          : { ceilingPricePerHour: readTokens('--max-price', ceiling, decimals) }),
      },
      shell.signal,
    )
    const shown = offers.filter((offer) => options.all === true || offer.qualifies).sort(compareOffers)
    report.result(shown, renderOffers(shown, offers.length, decimals, options.all === true, report.out.style))
    return EXIT.OK
  } finally {
    await source.close()
  }
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

function compareOffers(a: OfferView, b: OfferView): number {
  if (a.qualifies !== b.qualifies) return a.qualifies ? -1 : 1
  const difference = BigInt(a.price_per_hour) - BigInt(b.price_per_hour)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function renderOffers(
  offers: OfferView[],
  known: number,
  decimals: number,
  all: boolean,
  style: Style,
): string {
  if (offers.length === 0) {
    return known === 0
      ? 'no offers have been heard; a provider announces itself every minute or sooner: try --wait 60s'
      : `none of ${known} offers qualifies; --all shows them with the reasons`
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
  if (all) {
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
