import { spawn } from 'node:child_process'
import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'
import { U64_MAX } from '../../protocols/money.js'
import type { Clock } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import { toJson } from '../control/view.js'
import type { PriceProgram, PriceQuestion, ProgramAnswer } from '../provider/pricing/port.js'

/**
 * Asks a program for a price: the facts as one JSON document on its standard input, its answer as one on its standard
 * output, amounts as strings of atomic units. No shell reads the command, and of the environment it gets PATH alone:
 * keys and tokens of the node are none of its business. It runs with the rights of the node, though: it is the operator's.
 */
const MAX_ANSWER_BYTES = 65_536
const MAX_WHY_CHARS = 256

const answerSchema = z.object({
  price_per_hour: z.union([
    z.string().regex(/^\d{1,20}$/),
    z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  ]),
  why: z.string().max(MAX_WHY_CHARS).optional(),
})

export function createPriceProgram(options: {
  /** Program and arguments. */
  command: readonly string[]
  timeoutMs: number
  /** The one variable that it gets. */
  path: string
  clock: Clock
}): PriceProgram {
  return {
    ask: async (question, signal) => {
      signal?.throwIfAborted()
      return readAnswer(await run(options, writeQuestion(question), signal))
    },
  }
}

/** The names stand in node/README.md: programs of operators depend on them. */
export function writeQuestion({ terms, facts }: PriceQuestion): string {
  const { basePricePerHour, floorPricePerHour, ceilingPricePerHour, electricityPerKwh } = terms
  const { devices, free, total, utilisation, power, market, ceilingPricePerHour: orderCeiling } = facts
  return `${JSON.stringify(
    toJson({
      version: 1,
      base_price_per_hour: basePricePerHour,
      floor_price_per_hour: floorPricePerHour,
      ceiling_price_per_hour: ceilingPricePerHour,
      electricity_per_kwh: electricityPerKwh,
      order_ceiling_price_per_hour: orderCeiling,
      devices,
      free,
      total,
      utilisation,
      watts: power === undefined ? undefined : power.milliwatts / 1_000,
      watts_source: power?.source,
      market_prices_per_hour: market,
    }),
  )}\n`
}

/** Throws PRICING_PROGRAM_FAILED. */
export function readAnswer(text: string): ProgramAnswer {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw failed('its answer is no JSON', cause)
  }
  const answer = answerSchema.safeParse(parsed)
  if (!answer.success) throw failed(`its answer is wrong: ${z.prettifyError(answer.error)}`)
  const pricePerHour = BigInt(answer.data.price_per_hour)
  if (pricePerHour > U64_MAX) throw failed('its price is more than a u64 holds')
  const { why } = answer.data
  return { pricePerHour, why: why === undefined ? [] : [{ what: 'it says', detail: printable(why) }] }
}

function run(
  { command, timeoutMs, path, clock }: Parameters<typeof createPriceProgram>[0],
  question: string,
  signal?: AbortSignal,
): Promise<string> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it has started can be ended with it.
    const child = spawn(program, args, {
      env: { PATH: path },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      shell: false,
    })
    const chunks: Buffer[] = []
    let bytes = 0
    const end = (settle: () => void) => {
      stopWaiting()
      signal?.removeEventListener('abort', onAbort)
      killGroup(child.pid)
      settle()
    }
    const stopWaiting = clock.after(timeoutMs, () =>
      end(() => reject(failed(`it did not answer in ${timeoutMs} ms`))),
    )
    const onAbort = () => end(() => reject(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    child.on('error', (cause) => end(() => reject(failed(`it cannot be started: ${cause.message}`, cause))))
    child.stdin.on('error', () => {}) // it need not read the facts
    child.stdin.end(question)
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      if (bytes > MAX_ANSWER_BYTES)
        end(() => reject(failed(`it answers with more than ${MAX_ANSWER_BYTES} bytes`)))
      else chunks.push(chunk)
    })
    child.on('close', (code, killedBy) => {
      if (code === 0) end(() => resolve(Buffer.concat(chunks).toString()))
      else
        end(() =>
          reject(failed(killedBy === null ? `it ended with exit code ${code}` : `it died of ${killedBy}`)),
        )
    })
  })
}

/** All that it left behind; that there is nothing left is the rule. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!['ESRCH', 'EPERM'].includes(String((error as NodeJS.ErrnoException).code))) throw error
  }
}

function failed(what: string, cause?: unknown): NightshiftError {
  return new NightshiftError('PRICING_PROGRAM_FAILED', `the pricing program: ${what}`, {
    advice: 'run it by hand with the facts of "nightshift price preview --strategy external --json"',
    ...(cause === undefined ? {} : { cause }),
  })
}
