import { multiaddr } from '@multiformats/multiaddr'
import bs58 from 'bs58'
import { z } from 'zod'
import { AUCTION_LIMITS } from '../protocols/auction/rules.js'
import { GROUP, MAX_N, MAX_ROUNDS, MIN_N } from '../protocols/challenge/params.js'
import { MAX_OPENINGS } from '../protocols/challenge/protocol.js'
import { HEARTBEAT_LIMITS, MAX_NOTICE_S } from '../protocols/heartbeat/rules.js'
import { parseWindow } from './schedule.js'
import { parseDuration } from './units.js'

/**
 * Every option of a node, with its default, its limits and one sentence about it. This is the only place: the loader,
 * the flags and the help of the command line and the table in README.md are derived from it.
 * The `error` of each check says what would be right; what was read and where is added by the loader.
 */

/** How an option is read from text (environment and flags); a file gives the value itself. */
export type OptionKind = 'text' | 'choice' | 'integer' | 'boolean' | 'list' | 'bytes' | 'amount' | 'path'

declare module 'zod' {
  interface GlobalMeta {
    kind?: OptionKind
  }
}

export const PRESETS = ['localnet', 'testnet'] as const
export type PresetName = (typeof PRESETS)[number]

export const RUNTIMES = ['tfjs', 'wgsl', 'container'] as const
export type RuntimeName = (typeof RUNTIMES)[number]

/** `auto` takes the first that works, in this order. The last three are software and never called a GPU. */
export const BACKENDS = ['auto', 'tensorflow-gpu', 'webgpu', 'tensorflow-cpu', 'wasm', 'cpu'] as const

export const PRICING_STRATEGIES = ['fixed', 'cost-plus', 'surge', 'undercut', 'external'] as const
export type PricingStrategyName = (typeof PRICING_STRATEGIES)[number]

/** What is watched to see that the owner wants the machine. */
export const WATCHED = ['gpu', 'fullscreen', 'input', 'cpu'] as const

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
const COMMITMENTS = ['processed', 'confirmed', 'finalized'] as const

const LOCATION = /^[A-Z]{2}(?:-[\p{L}\p{N}][\p{L}\p{N} .'-]{0,62})?$/u
/** Codes that the list of regions knows and that are no country's: the European Union, the world, and an alias. */
const NO_COUNTRIES: readonly string[] = ['EU', 'EZ', 'UN', 'UK', 'ZZ']

/** Whether the text is a country (ISO 3166-1 alpha-2), with a city or region of it or without: "DE", "DE-Berlin". */
export function isLocation(text: string): boolean {
  if (!LOCATION.test(text)) return false
  const country = text.slice(0, 2)
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  return names.of(country) !== undefined && !NO_COUNTRIES.includes(country)
}

/** Whole tokens as a person writes them. How many digits the mint has is known only once the chain was asked. */
export const AMOUNT = /^\d{1,20}(?:\.\d{1,18})?$/

function isMultiaddr(text: string): boolean {
  try {
    return multiaddr(text).getComponents().length > 0
  } catch {
    return false
  }
}

/** Whether the text is a Solana address: 32 bytes in base58. */
export function isAddress(text: string): boolean {
  try {
    return text.length <= 44 && bs58.decode(text).length === 32
  } catch {
    return false
  }
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `one of ${values.join(', ')}` })
}

function integer(least: number, most: number, unit = '') {
  const error = `a whole number from ${least} to ${most}${unit === '' ? '' : ` ${unit}`}`
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error })
}

function text(error: string, accepts: (value: string) => boolean) {
  return z.string({ error }).max(1024, { error }).refine(accepts, { error })
}

function list(error: string, accepts: (value: string) => boolean, most = 64) {
  return z
    .array(text(error, accepts), { error: `a list: ${error}` })
    .max(most, { error: `at most ${most} entries` })
}

function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, { error: 'a mapping of options' })
}

const flag = () => z.boolean({ error: 'true or false' })
const amount = () => text('tokens per hour as text, such as "0.25"', (value) => AMOUNT.test(value))
const address = () => text('an address in base58 (32 bytes)', isAddress)
const path = () => text('a path', (value) => value.length > 0)
const addresses = (error: string, accepts: (value: string) => boolean) =>
  list(error, (value) => isMultiaddr(value) && accepts(value), 16)

/** Slower than this, a chunk of a transfer would take longer than its receiver waits. */
const SLOWEST_BYTES_PER_SECOND = 16_384
const rate = () =>
  integer(0, 2 ** 40, 'bytes, or a size such as "5Mi"')
    .refine((value) => value === 0 || value >= SLOWEST_BYTES_PER_SECOND, {
      error: `0, or at least ${SLOWEST_BYTES_PER_SECOND} bytes a second`,
    })
    .default(0)

const network = section({
  name: text('lower-case letters, digits and dashes, at most 32', (value) => /^[a-z0-9-]{1,32}$/.test(value))
    .default('localnet')
    .meta({ kind: 'text', description: 'Name of the network; part of every protocol id.' }),
  listen: addresses('a multiaddr such as /ip4/0.0.0.0/tcp/4771', () => true)
    .default(['/ip4/0.0.0.0/tcp/4771'])
    .meta({ kind: 'list', description: 'Addresses to listen on.' }),
  announce: addresses('a multiaddr such as /ip4/203.0.113.7/tcp/4771', () => true)
    .default([])
    .meta({ kind: 'list', description: 'Addresses to tell others instead of the ones listened on.' }),
  bootstrap: addresses('a multiaddr that ends in /p2p/<peer id>', (value) => value.includes('/p2p/'))
    .default([])
    .meta({ kind: 'list', description: 'Peers to dial first, and again when they are lost.' }),
  private_addresses: flag().default(false).meta({
    kind: 'boolean',
    description: 'Take peers on loopback and private addresses into the routing table.',
  }),
  upload_bytes_per_second: rate().meta({
    kind: 'bytes',
    description: 'What all transfers together may send in a second; 0: as much as goes.',
  }),
  download_bytes_per_second: rate().meta({
    kind: 'bytes',
    description: 'What all transfers together may take in a second; 0: as much as goes.',
  }),
})

const chain = section({
  rpc_url: text('an http:// or https:// URL', (value) => isUrl(value, ['http:', 'https:']))
    .default('http://127.0.0.1:8899')
    .meta({ kind: 'text', description: 'JSON-RPC of a Solana node.' }),
  ws_url: text('a ws:// or wss:// URL', (value) => isUrl(value, ['ws:', 'wss:']))
    .optional()
    .meta({ kind: 'text', description: 'Its websocket; unset: derived from the RPC URL.' }),
  program_id: address().optional().meta({
    kind: 'text',
    description: 'Address of the escrow program; unset: the one that this release was built for.',
  }),
  market: address()
    .optional()
    .meta({ kind: 'text', description: 'Address of the market; unset: the network’s own.' }),
  wallet_file: path().default('wallet.json').meta({
    kind: 'path',
    description: 'Key file of the wallet that pays and stakes; a relative default lies in `data_dir`.',
  }),
  commitment: choice(COMMITMENTS)
    .default('confirmed')
    .meta({ kind: 'choice', description: 'How final a transaction must be before it counts.' }),
})

const software = section({
  count: integer(1, 64)
    .default(1)
    .meta({ kind: 'integer', description: 'Software devices to offer; cards are counted by their driver.' }),
  memory_bytes: integer(2 ** 20, 2 ** 50, 'bytes, or a size such as "2Gi"')
    .default(2 ** 30)
    .meta({
      kind: 'bytes',
      description: 'Memory that a software device offers; a GPU’s is read from its driver.',
    }),
  label: text('at most 64 characters', (value) => value.length <= 64)
    .default('')
    .meta({
      kind: 'text',
      description: 'Label of a software device; a GPU’s model is read from its driver and cannot be set.',
    }),
})

const percent = (least: number, most: number) => integer(least, most, 'per cent')

const pricing = section({
  strategy: choice(PRICING_STRATEGIES)
    .default('fixed')
    .meta({ kind: 'choice', description: 'How the price of a bid is found (node/README.md).' }),
  floor: amount().optional().meta({
    kind: 'amount',
    description: 'Tokens per device-hour below which nothing is bid; undercut needs it.',
  }),
  ceiling: amount()
    .refine((value) => /[1-9]/.test(value), { error: 'more than zero tokens per hour, such as "0.25"' })
    .optional()
    .meta({ kind: 'amount', description: 'Tokens per device-hour above which nothing is bid.' }),
  electricity_per_kwh: amount()
    .optional()
    .meta({ kind: 'amount', description: 'Tokens that a kilowatt-hour costs you; cost-plus needs it.' }),
  watts: integer(1, 100_000, 'watts').optional().meta({
    kind: 'integer',
    description: 'What one device draws under load; unset: measured, else by its maker’s figures.',
  }),
  depreciation_per_hour: amount().default('0').meta({
    kind: 'amount',
    description: 'Tokens that an hour of work costs you in wear, for cost-plus.',
  }),
  margin_percent: percent(0, 10_000)
    .default(20)
    .meta({ kind: 'integer', description: 'What cost-plus adds to the cost.' }),
  surge_from_percent: percent(0, 99)
    .default(50)
    .meta({ kind: 'integer', description: 'Utilisation from which surge raises the price.' }),
  surge_percent: percent(0, 10_000)
    .default(50)
    .meta({ kind: 'integer', description: 'What surge adds when every device is always leased.' }),
  undercut_percentile: percent(0, 100).default(25).meta({
    kind: 'integer',
    description: 'Which of the comparable offers, from the cheapest on, undercut goes below.',
  }),
  undercut_percent: percent(0, 100)
    .default(1)
    .meta({ kind: 'integer', description: 'How far below it goes.' }),
  command: list('a program and its arguments', (value) => value.length > 0)
    .default([])
    .meta({ kind: 'list', description: 'Program that external asks for each price; no shell reads it.' }),
  command_timeout_ms: integer(10, 10_000, 'milliseconds')
    .default(300)
    .meta({ kind: 'integer', description: 'Longest wait for it; bids are due within half a second.' }),
})

const container = section({
  socket: text('a path, or nothing', () => true)
    .default('')
    .meta({ kind: 'text', description: 'Socket of Docker or Podman; empty: the first that answers.' }),
  memory_bytes: integer(2 ** 24, 2 ** 50, 'bytes, or a size such as "2Gi"')
    .default(2 ** 31)
    .meta({ kind: 'bytes', description: 'Memory that one job in a container may use.' }),
  cpus: integer(1, 1_024).default(2).meta({ kind: 'integer', description: 'Processors that it may use.' }),
  processes: integer(1, 4_096)
    .default(1_024)
    .meta({ kind: 'integer', description: 'Processes and threads that it may have at once.' }),
  disk_bytes: integer(2 ** 20, 2 ** 50, 'bytes, or a size such as "20Gi"')
    .default(10 * 2 ** 30)
    .meta({ kind: 'bytes', description: 'What its inputs, outputs and checkpoints may take on the disk.' }),
  image_bytes: integer(2 ** 20, 2 ** 50, 'bytes, or a size such as "20Gi"')
    .default(20 * 2 ** 30)
    .meta({ kind: 'bytes', description: 'Largest image, unpacked.' }),
  cache_bytes: integer(0, 2 ** 50, 'bytes, or a size such as "20Gi"')
    .default(20 * 2 ** 30)
    .meta({ kind: 'bytes', description: 'Images pulled for jobs that are kept for later ones; 0: none.' }),
  log_lines_per_second: integer(1, 10_000)
    .default(50)
    .meta({ kind: 'integer', description: 'Lines of its log that are passed on; more are counted.' }),
  gpus: list('names of cards', (value) => /^[\w.:/=-]{1,128}$/.test(value), 64)
    .default([])
    .meta({
      kind: 'list',
      description:
        'The engine’s names of your cards, in their order: 0,1 for Docker, nvidia.com/gpu=0 for Podman.',
    }),
})

const wgsl = section({
  step_ms: integer(100, 600_000, 'milliseconds').default(10_000).meta({
    kind: 'integer',
    description: 'Longest time for one step of a shader, and for compiling it; then its process is ended.',
  }),
})

const duration = (longestMs: number, longest: string) =>
  text(`a duration such as 90s or 10m, at most ${longest}`, (value) => {
    const ms = parseDuration(value)
    return ms !== undefined && ms <= longestMs
  })

const availability = section({
  watch: z
    .array(choice(WATCHED), { error: `a list of ${WATCHED.join(', ')}` })
    .max(WATCHED.length, { error: 'each of them once at most' })
    .default(['gpu', 'fullscreen'])
    .meta({
      kind: 'list',
      description: 'What shows that you want the machine: gpu, fullscreen, input, cpu; empty: nothing.',
    }),
  idle_after: duration(86_400_000, '24h')
    .default('5m')
    .meta({ kind: 'text', description: 'So long nothing may be seen of you before jobs are taken again.' }),
  gpu_busy_percent: percent(1, 100).default(15).meta({
    kind: 'integer',
    description: 'Share of the card’s time from which another program counts as using it.',
  }),
  cpu_busy_percent: percent(1, 100)
    .default(60)
    .meta({ kind: 'integer', description: 'Share of all processors from which other programs count.' }),
  command: list('a program and its arguments', (value) => value.length > 0)
    .default([])
    .meta({
      kind: 'list',
      description:
        'A program of yours that prints busy or idle, each time that it changes; no shell reads it.',
    }),
  schedule: list(
    'a window such as 22:00-07:00 Europe/Berlin, or Mon-Fri 20:00-08:00',
    (value) => parseWindow(value) !== undefined,
    32,
  )
    .default([])
    .meta({ kind: 'list', description: 'When jobs are taken, on the wall clock; empty: always.' }),
  notice: duration(MAX_NOTICE_S * 1_000, '1h')
    .default('0s')
    .meta({
      kind: 'text',
      description: 'Promised in bids: so long before you leave by schedule or by pause, the renter is told.',
    }),
  game_waits: flag().default(false).meta({
    kind: 'boolean',
    description: 'What is watched waits for the notice, too; else the card is yours at once.',
  }),
  max_temperature_c: integer(30, 120, '°C').optional().meta({
    kind: 'integer',
    description: 'Above it jobs stand still until the card has cooled by 5 °C, and leave after 45 s.',
  }),
  max_power_w: integer(1, 2_000, 'watts').optional().meta({
    kind: 'integer',
    description: 'Above it jobs stand still as well; a card is better held by its driver: nvidia-smi -pl.',
  }),
})

const provider = section({
  enabled: flag().default(false).meta({ kind: 'boolean', description: 'Offer this machine’s devices.' }),
  price_per_hour: amount()
    .refine((value) => /[1-9]/.test(value), { error: 'more than zero tokens per hour, such as "0.25"' })
    .optional()
    .meta({ kind: 'amount', description: 'Tokens for one hour of one device; needed to offer any.' }),
  location: text('a country and a city, such as "DE-Berlin"', (value) => value === '' || isLocation(value))
    .default('')
    .meta({ kind: 'text', description: 'Where the machine stands, such as DE-Berlin; empty: not told.' }),
  owner: address()
    .optional()
    .meta({ kind: 'text', description: 'Address that may take the stake back; unset: the wallet’s.' }),
  payout: address()
    .optional()
    .meta({ kind: 'text', description: 'Address that earnings go to; unset: the wallet’s.' }),
  stake: amount().default('0').meta({ kind: 'amount', description: 'Tokens to stake when registering.' }),
  backend: choice(BACKENDS)
    .default('auto')
    .meta({ kind: 'choice', description: 'Which device backend to use; auto: the first that works.' }),
  heartbeat_ms: integer(500, HEARTBEAT_LIMITS.maxAgeMs / 3, 'milliseconds')
    .default(60_000)
    .meta({ kind: 'integer', description: 'Period of heartbeats.' }),
  min_slice_ms: integer(100, 3_600_000, 'milliseconds')
    .default(500)
    .meta({ kind: 'integer', description: 'Shortest slice (one voucher each) that a lease may have.' }),
  max_slice_ms: integer(100, 3_600_000, 'milliseconds')
    .default(60_000)
    .meta({ kind: 'integer', description: 'Longest slice: the most work that is done unpaid.' }),
  runtimes: z
    .array(choice(RUNTIMES), { error: `a list of ${RUNTIMES.join(', ')}` })
    .min(1, { error: 'at least one runtime' })
    .default(['tfjs'])
    .meta({ kind: 'list', description: 'Runtimes on offer.' }),
  cache_bytes: integer(0, 2 ** 50, 'bytes, or a size such as "20Gi"')
    .default(10 * 2 ** 30)
    .meta({
      kind: 'bytes',
      description: 'Inputs that are kept for later jobs, the least recently used go first; 0: none.',
    }),
  verify_others: flag().default(true).meta({
    kind: 'boolean',
    description: 'While idle and staked, challenge other providers now and then and attest what was found.',
  }),
  software: software.prefault({}),
  pricing: pricing.prefault({}),
  wgsl: wgsl.prefault({}),
  container: container.prefault({}),
  availability: availability.prefault({}),
})

const challenge = section({
  n: integer(MIN_N, MAX_N)
    .multipleOf(GROUP, { error: `a multiple of ${GROUP}` })
    .default(1024)
    .meta({ kind: 'integer', description: 'Size of the matrices of the matmul proof.' }),
  rounds: integer(1, MAX_ROUNDS).default(4).meta({ kind: 'integer', description: 'Products per proof.' }),
  openings: integer(1, MAX_OPENINGS).default(66).meta({
    kind: 'integer',
    description: 'Entries opened; with 66, who skips a tenth of the work passes once in a thousand times.',
  }),
  random: flag().default(false).meta({
    kind: 'boolean',
    description: 'Ask for proofs at random moments of the job too, within a hundredth of its time.',
  }),
})

const renter = section({
  max_concurrent: integer(1, 256).default(4).meta({ kind: 'integer', description: 'Jobs at the same time.' }),
  commit_ms: integer(1, AUCTION_LIMITS.maxWindowMs, 'milliseconds')
    .default(800)
    .meta({ kind: 'integer', description: 'How long providers may commit to a bid.' }),
  reveal_ms: integer(1, AUCTION_LIMITS.maxWindowMs, 'milliseconds')
    .default(600)
    .meta({ kind: 'integer', description: 'How long they may then reveal it.' }),
  slice_ms: integer(100, 3_600_000, 'milliseconds')
    .default(10_000)
    .meta({ kind: 'integer', description: 'One voucher is signed per slice.' }),
  challenge: challenge.prefault({}),
})

const control = section({
  host: choice(['127.0.0.1', '::1'])
    .default('127.0.0.1')
    .meta({ kind: 'choice', description: 'Where the control API listens: loopback only.' }),
  port: integer(0, 65_535).default(0).meta({ kind: 'integer', description: 'Its port; 0: any free one.' }),
})

export const configSchema = section({
  preset: choice(PRESETS)
    .default('localnet')
    .meta({ kind: 'choice', description: 'Network whose settings stand under yours.' }),
  data_dir: path()
    .default('~/.nightshift')
    .meta({ kind: 'path', description: 'Where keys, database and tokens are kept.' }),
  log: section({
    level: choice(LOG_LEVELS)
      .default('info')
      .meta({ kind: 'choice', description: 'Least level that is logged.' }),
  }).prefault({}),
  network: network.prefault({}),
  chain: chain.prefault({}),
  provider: provider.prefault({}),
  renter: renter.prefault({}),
  control: control.prefault({}),
})

type CamelKey<Key> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelKey<Tail>>}` : Key

type Camel<Value> = Value extends readonly (infer Item)[]
  ? readonly Item[]
  : Value extends object
    ? { readonly [Key in keyof Value as CamelKey<Key>]: Camel<Value[Key]> }
    : Value

/** What the node is given: names in camel case, deeply frozen, paths absolute or relative to the working directory. */
export type Config = Camel<z.output<typeof configSchema>>
