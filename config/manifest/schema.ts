import { peerIdFromString } from '@libp2p/peer-id'
import { z } from 'zod'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import { GROUP, MAX_N, MAX_ROUNDS, MIN_N } from '../../protocols/challenge/params.js'
import { MAX_OPENINGS } from '../../protocols/challenge/protocol.js'
import { MAX_NOTICE_S } from '../../protocols/heartbeat/rules.js'
import { isRegion, REGION_NAMES } from '../../protocols/inventory/place.js'
import { REQUIREMENTS_LIMITS } from '../../protocols/inventory/rules.js'
import { AMOUNT, isLocation, RUNTIMES } from '../schema.js'
import { parseDuration, parseSize } from '../units.js'
import { MATRIX_LIMITS, type MatrixValue, readRange } from './matrix.js'

/**
 * The job manifest: the field's SDL (`version`, `services`, `profiles`, `deployment`) and our additions to a service.
 * Keys are as in the file. The `error` of each check says what would be right; the reader adds what was read, and
 * where. An amount may be written as a number: the reader hands on its digits as they stand in the file, so that no
 * binary fraction comes between.
 */

declare module 'zod' {
  interface GlobalMeta {
    /** The editor's schema lets a number stand here as well as text. */
    digits?: boolean
  }
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62})$/
const NAME_ERROR = 'a name of lower-case letters, digits and dashes, at most 63'

function text(error: string, accepts: (value: string) => boolean = (value) => value.length > 0) {
  return z.string({ error }).max(1024, { error }).refine(accepts, { error })
}

function integer(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error })
}

function mapping<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  return z.strictObject(shape, { error: what })
}

function named<Value extends z.ZodType>(what: string, value: Value) {
  return z.record(z.string().regex(NAME, { error: NAME_ERROR }), value, { error: what })
}

/** One text, or a list of them. */
function oneOrMore(error: string, item = text(error)) {
  return z.union([item, z.array(item, { error }).max(64, { error: 'at most 64 entries' })], { error })
}

const amount = (error: string) => z.string({ error }).regex(AMOUNT, { error }).meta({ digits: true })

const units = (error: string) =>
  z
    .string({ error })
    .regex(/^\d{1,20}$/, { error })
    .meta({ digits: true })

const size = (example: string) => {
  const error = `a size such as ${example}`
  return text(error, (value) => (parseSize(value) ?? 0) > 0).meta({ digits: true })
}

const duration = (example: string) =>
  text(`a duration such as ${example}`, (value) => parseDuration(value) !== undefined)

const pricing = mapping('a mapping with max_price_per_hour, or with denom and amount', {
  max_price_per_hour: amount('tokens per device-hour, such as 0.25')
    .optional()
    .describe('The most that one hour of one device may cost, in whole tokens of the market’s mint.'),
  denom: text('the name of the market’s smallest unit')
    .optional()
    .describe('Name of the smallest unit of the mint.'),
  amount: units('whole atomic units per device-hour, such as 250000')
    .optional()
    .describe('The same price in atomic units. In other networks this is per block; here it is per hour.'),
})

const split = mapping('a mapping with train, seed and header', {
  train: integer(1, 2 ** 31).describe('Rows for training, drawn at random; only these are sent.'),
  seed: integer(0, 2 ** 32 - 1).describe('Seed of the draw.'),
  header: z.boolean({ error: 'true or false' }).default(false).describe('The first line names the columns.'),
})

/** Relative, so that a manifest from elsewhere cannot name a secret by its well-known place. */
export function isInputPath(value: string): boolean {
  return /^[^/\\~]/.test(value) && !/^[a-z]:|\\|\0/i.test(value)
}

const inputPath = text('a path relative to the manifest, with / between names', isInputPath)

const value = (error: string) => z.union([z.string().max(256), z.number(), z.boolean()], { error })

const VALUES = 'a mapping of parameters to values'
const values = z.record(z.string(), value('text, a number, true or false'), { error: VALUES })

const input = z.union(
  [
    inputPath,
    mapping('a mapping with path and, if you like, split, shared and keep; or with from and output', {
      path: inputPath.optional().describe('The file, relative to the manifest.'),
      split: split.optional().describe('CSV only: hold the other rows back to check the result.'),
      shared: z
        .boolean({ error: 'true or false' })
        .optional()
        .describe('Public data: whoever has it may give it to whoever asks. Default: false.'),
      keep: z
        .boolean({ error: 'true or false' })
        .optional()
        .describe('The provider may keep it for your later jobs, unsealed. Default: false.'),
      from: z
        .string({ error: NAME_ERROR })
        .regex(NAME, { error: NAME_ERROR })
        .optional()
        .describe('The service whose output it is; this one waits for it.'),
      output: text('the name of an output').optional().describe('Which of its outputs.'),
      part: z
        .union([z.literal('best', { error: 'best, or a mapping of parameters to values' }), values], {
          error: 'best, or a mapping of parameters to values',
        })
        .optional()
        .describe('Of a matrix: the best part, or the one with these values; left out: all parts, as a tar.'),
    }),
  ],
  {
    error:
      'a path relative to the manifest, or a mapping with path, split, shared and keep, or with from and output',
  },
)

const AXIS = 'a list of values, or a range such as 1..24'

/** The values of one parameter. */
const axis = z.union(
  [
    z
      .string({ error: AXIS })
      .refine((written) => readRange(written) !== undefined, { error: AXIS })
      .transform((written): MatrixValue[] => readRange(written) ?? []),
    z
      .array(value('text, a number, true or false'), { error: AXIS })
      .min(1, { error: 'one value at least' })
      .max(MATRIX_LIMITS.maxParts, { error: `at most ${MATRIX_LIMITS.maxParts} values` }),
  ],
  { error: AXIS },
)

const combinations = z
  .array(values, { error: 'a list of mappings' })
  .max(MATRIX_LIMITS.maxParts, { error: `at most ${MATRIX_LIMITS.maxParts} entries` })
  .default([])

const matrix = z
  .object(
    {
      include: combinations.describe('Further parts, each with a value for every parameter.'),
      exclude: combinations.describe('Parts with these values are left out.'),
      max_parallel: integer(1, MATRIX_LIMITS.maxParts)
        .optional()
        .describe('So many parts at a time at most.'),
      fail_fast: z
        .boolean({ error: 'true or false' })
        .default(true)
        .describe('When one part has failed, the others are stopped.'),
      best: mapping('a mapping with metric and goal', {
        metric: text('the name of a metric, such as accuracy'),
        goal: z.enum(['max', 'min'], { error: 'one of max, min' }).default('max'),
      })
        .optional()
        .describe('Which part was best.'),
    },
    { error: 'a mapping of parameters to lists of values' },
  )
  .catchall(axis)

const challenge = mapping('a mapping with n, rounds, openings and random', {
  n: integer(MIN_N, MAX_N)
    .multipleOf(GROUP, { error: `a multiple of ${GROUP}` })
    .optional()
    .describe('Size of the matrices.'),
  rounds: integer(1, MAX_ROUNDS).optional().describe('Products per proof.'),
  openings: integer(1, MAX_OPENINGS).optional().describe('Entries that are recomputed.'),
  random: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Ask for proofs at random moments of the job too.'),
})

function isPeerId(value: string): boolean {
  try {
    return peerIdFromString(value).toString() === value
  } catch {
    return false
  }
}

const latency = () => {
  const error = `a round trip such as 80ms, at most ${REQUIREMENTS_LIMITS.maxLatencyMs / 1000}s`
  return text(error, (value) => {
    const ms = parseDuration(value) ?? 0
    return ms > 0 && ms <= REQUIREMENTS_LIMITS.maxLatencyMs
  })
}

const notice = () => {
  const error = `a duration such as 60s, at most ${MAX_NOTICE_S} s`
  return text(error, (value) => {
    const ms = parseDuration(value) ?? 0
    return ms >= 1_000 && ms <= MAX_NOTICE_S * 1_000
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

const peers = () =>
  z
    .array(text('a peer id', isPeerId), { error: 'a list of peer ids' })
    .max(64, { error: 'at most 64 entries' })
    .default([])

/** What would be right where a place stands. */
export const PLACE = `a country or a city of it, such as DE or DE-Berlin, or one of ${REGION_NAMES.join(', ')}`

/** Whether requirements can name it: providers themselves tell country and city. */
export function isPlace(value: string): boolean {
  return isLocation(value) || isRegion(value)
}

const share = (error: string) => z.number({ error }).min(0, { error }).max(1, { error })

const weight = (least: number) => integer(least, 100).default(0)

const scoring = mapping('a mapping with price, stake, reliability, speed, latency and exploration', {
  price: integer(1, 100).describe('How much a low price counts.'),
  stake: weight(0).describe('How much the provider has to lose.'),
  reliability: weight(0).describe('How its earlier leases ended, and what verifiers say.'),
  speed: weight(0).describe('Measured float32 speed.'),
  latency: weight(0).describe('A short round trip to this node.'),
  exploration: weight(0).describe('By lot, for providers that nobody knows yet.'),
}).refine((weights) => sum(Object.values(weights)) === 100, { error: 'weights that make 100 together' })

const ladder = mapping('a mapping with step, every and max_price_per_hour', {
  step: text('a share of the first price, such as 10%', (value) =>
    /^\d{1,4}(?:\.\d{1,2})?%$/.test(value),
  ).describe('What is added each time, as a share of the first price.'),
  every: duration('30s').describe('How long an unanswered order stands before the next step.'),
  max_price_per_hour: amount('tokens per device-hour, such as 0.40').describe('No order goes beyond it.'),
})

const attestations = mapping('a mapping with minimum and by', {
  minimum: integer(1, REQUIREMENTS_LIMITS.maxAttestations)
    .default(1)
    .describe('Verifiers with a stake that must speak for the provider.'),
  by: peers().describe('Only these verifiers count; empty: all.'),
})

const MAX_PORTS = 16
const RESTARTS = ['never', 'on-failure', 'always'] as const
const portNumber = () => integer(1, 65_535)

const exposed = mapping('a mapping with port', {
  port: portNumber().describe('Where the program listens, on 127.0.0.1 or on all addresses.'),
  as: portNumber().optional().describe('Of other networks; here `job forward` names the local port.'),
  proto: z
    .enum(['tcp', 'http'], { error: 'one of tcp, http' })
    .optional()
    .describe('All that is TCP passes through; there is no UDP.'),
  to: z.unknown().optional().describe('Of other networks; here only the renter reaches a port.'),
  accept: z.unknown().optional().describe('Of other networks; no names lead to a port here.'),
})

/** A duration within bounds. */
const within = (example: string, leastMs: number, mostMs: number, error: string) =>
  text(`a duration such as ${example}, ${error}`, (value) => {
    const ms = parseDuration(value) ?? -1
    return ms >= leastMs && ms <= mostMs
  })

const health = mapping('a mapping with http, port, interval, timeout, retries and start_period', {
  http: text('a path such as /health', (value) => /^\/[\x21-\x7e]{0,1023}$/.test(value))
    .optional()
    .describe('A GET of it is answered with 200 to 399. Left out: a connection is taken.'),
  port: portNumber().optional().describe('Default: the first that is exposed.'),
  interval: within('10s', 1_000, 3_600_000, 'from 1s to 1h').optional().describe('Default: 10s.'),
  timeout: within('5s', 1_000, 60_000, 'from 1s to 60s').optional().describe('Default: 5s.'),
  retries: integer(1, 100).optional().describe('Failures in a row that make it unhealthy. Default: 3.'),
  start_period: within('1m', 1_000, 600_000, 'from 1s to 10m')
    .optional()
    .describe('How long failures before the first success do not count. Default: 60s.'),
})

const restartPolicy = z.enum(RESTARTS, { error: `one of ${RESTARTS.join(', ')}` })

const restart = mapping('a mapping with policy, max and backoff', {
  policy: restartPolicy.optional().describe('Default: on-failure.'),
  max: integer(0, 100).optional().describe('In a row; ten healthy minutes begin a new count. Default: 5.'),
  backoff: within('1s', 1_000, 60_000, 'from 1s to 60s')
    .optional()
    .describe('Before the first, then doubled, to a minute at most. Default: 1s.'),
})

const service = mapping('a mapping with runtime and job', {
  runtime: z.enum(RUNTIMES, { error: `one of ${RUNTIMES.join(', ')}` }).describe('What runs the job.'),
  job: z
    .record(z.string(), z.unknown(), { error: 'the declared job, a mapping' })
    .describe('The declared job; its shape is the runtime’s.'),
  inputs: named('a mapping of names to files', input)
    .default({})
    .describe('Files that the job reads, by the name that it knows them by.'),
  depends_on: z
    .union(
      [z.string().regex(NAME), z.array(z.string({ error: NAME_ERROR }).regex(NAME, { error: NAME_ERROR }))],
      {
        error: 'a list of services',
      },
    )
    .optional()
    .describe('Services that must have ended well before this one begins.'),
  matrix: matrix
    .optional()
    .describe(
      'Runs the service once for every combination of values; matrix.<name> between double braces, after a dollar sign, stands for a value.',
    ),
  retries: integer(0, 10).default(0).describe('How often a part that failed is posted again.'),
  expect: mapping('a mapping with accuracy', {
    accuracy: z
      .number({ error: 'a number from 0 to 1' })
      .min(0, { error: 'a number from 0 to 1' })
      .max(1, { error: 'a number from 0 to 1' })
      .describe('Least share of the held-back rows that the result must get right.'),
  })
    .optional()
    .describe('What the renter checks on the data that it held back.'),
  verify: mapping('a mapping with challenge', { challenge: challenge.optional() })
    .optional()
    .describe('How the provider proves that it has the device.'),
  auction: mapping('a mapping with pricing, scoring, ladder, enough, commit_ms and reveal_ms', {
    pricing: z
      .enum(['first-price', 'second-price'], { error: 'one of first-price, second-price' })
      .default('first-price')
      .describe('What the winner is paid: its own bid, or the next one.'),
    commit_ms: integer(1, 119_999).optional().describe('How long providers may commit to a bid.'),
    reveal_ms: integer(1, 119_999).optional().describe('How long they may then reveal it.'),
    scoring: scoring
      .optional()
      .describe('What counts for how much, in percent. Left out: the cheapest that qualifies wins.'),
    enough: integer(1, AUCTION_LIMITS.maxBids)
      .optional()
      .describe('So many revealed bids close the auction early. Left out: all that were committed to.'),
    ladder: ladder.optional().describe('How the price rises while nobody takes the job.'),
  }).optional(),
  timeouts: mapping('a mapping with duration, queue, silence and stall', {
    duration: duration('10m')
      .default('1h')
      .describe('Longest duration of the lease: the deposit is price times this.'),
    queue: duration('2m').default('2m').describe('How long to go on asking when nobody takes the job.'),
    silence: duration('1m')
      .optional()
      .describe('How long to wait for a provider that is gone before the job goes elsewhere; default 6s.'),
    stall: duration('5m')
      .optional()
      .describe('How long a provider may run without working before the job goes elsewhere; default 1m.'),
  }).prefault({}),
  checkpoint: mapping('a mapping with every or steps', {
    every: duration('5m').optional().describe('Time between two checkpoints, from 1s to 24h.'),
    steps: integer(1, 1_000_000_000).optional().describe('Steps between two checkpoints.'),
  })
    .optional()
    .describe('How often the state of a training or a shader is kept: another provider goes on from there.'),
  expose: z
    .array(exposed, { error: 'a list of ports, such as [{port: 8080}]' })
    .min(1, { error: 'at least one port' })
    .max(MAX_PORTS, { error: `at most ${MAX_PORTS} ports` })
    .optional()
    .describe('Makes a container a service: ports that its renter reaches with `job forward`.'),
  health: health.optional().describe('When a service is healthy; other time is not charged.'),
  restart: z
    .union([restartPolicy, restart], { error: `one of ${RESTARTS.join(', ')}, or a mapping with policy` })
    .optional()
    .describe('Whether a service that ends, or is not healthy, is started again.'),
  exec: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Whether the renter may run programs in the container with `job exec`.'),
  placement: mapping('a mapping with location, max_latency, min_stake, allow and others', {
    location: oneOrMore(PLACE, text(PLACE, isPlace))
      .optional()
      .describe('Places, any of which will do: a country, a city, EU, EEA, or a continent such as europe.'),
    region: oneOrMore(PLACE, text(PLACE, isPlace)).optional().describe('The same as location.'),
    min_stake: amount('tokens, such as 100').optional().describe('Least stake of the provider, in tokens.'),
    min_reliability: share('a number from 0 to 1')
      .optional()
      .describe('Least reliability of the provider, as `offers reputation` tells it.'),
    max_latency: latency().optional().describe('Longest round trip from this node to the provider.'),
    notice: notice()
      .optional()
      .describe(
        'The provider may leave before the end, when it says so that long before. Left out: it may not plan to.',
      ),
    attestations: attestations.optional().describe('Whose attestations of its hardware it must have.'),
    allow: peers().describe('Only these providers.'),
    deny: peers().describe('Never these providers.'),
  }).prefault({}),
  pricing: pricing.optional(),
})

const gpuModel = mapping('a mapping with model, ram and interface', {
  model: oneOrMore('a model such as rtx4090, or several: [h100, a100]')
    .optional()
    .describe('Part of the card’s name; several are alternatives.'),
  ram: size('24Gi').optional().describe('Memory of the card as it is sold.'),
  interface: z.enum(['pcie', 'sxm'], { error: 'one of pcie, sxm' }).optional(),
})

const gpu = mapping('a mapping with units and attributes', {
  units: integer(0, 64).describe('Devices on one host; 0: a software device is good enough.'),
  attributes: mapping('a mapping with vendor', {
    vendor: z
      .partialRecord(
        z.enum(['nvidia', 'amd', 'intel'], { error: 'one of nvidia, amd, intel' }),
        z.array(gpuModel, { error: 'a list of models' }).max(32, { error: 'at most 32 entries' }).nullable(),
        { error: 'a mapping with nvidia' },
      )
      .optional(),
  }).optional(),
})

const resources = mapping('a mapping with memory and gpu', {
  cpu: z.record(z.string(), z.unknown(), { error: 'a mapping with units' }).optional(),
  memory: mapping('a mapping with size', { size: size('512Mi') })
    .optional()
    .describe('With no GPU asked for: the memory that the device must offer.'),
  storage: z.unknown().optional(),
  gpu: gpu.optional(),
})

export const manifestSchema = z
  .strictObject(
    {
      version: z.enum(['2.0', '2.1'], { error: '"2.0"' }).describe('Version of SDL.'),
      services: named('a mapping of names to services', service),
      profiles: mapping('a mapping with compute and placement', {
        compute: named(
          'a mapping of names to profiles',
          mapping('a mapping with resources', { resources, pricing: pricing.optional() }),
        ),
        placement: named(
          'a mapping of names to placements',
          mapping('a mapping with pricing', {
            attributes: z.record(z.string(), z.unknown(), { error: 'a mapping' }).optional(),
            signedBy: z.unknown().optional(),
            pricing: named('a mapping of services to prices', pricing).optional(),
          }),
        ).default({}),
      }),
      deployment: named(
        'a mapping of services to placements',
        named(
          'a mapping of placements to profiles',
          mapping('a mapping with profile and count', {
            profile: text('the name of a compute profile'),
            count: integer(1, AUCTION_LIMITS.maxCount)
              .default(1)
              .describe(
                'Providers that do the same job, on distinct hosts and of distinct owners, all or none.',
              ),
          }),
        ),
      ).optional(),
      pricing: pricing
        .extend({
          max_total: amount('tokens, such as 5')
            .optional()
            .describe('The most that all services together may have paid and deposited at any moment.'),
        })
        .optional()
        .describe('For all services that say nothing else; and the budget of all of them.'),
    },
    { error: 'a mapping with version, services, profiles and deployment' },
  )
  .meta({ title: 'Nightshift job manifest' })

export type Manifest = z.output<typeof manifestSchema>
export type Service = Manifest['services'][string]
