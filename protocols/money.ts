/**
 * Money is a bigint of atomic units of the market's mint. Decimals exist only where a person types or reads.
 * Rounding never creates money: what goes into a vault is rounded up, what leaves it is rounded down.
 */
export const U64_MAX = 2n ** 64n - 1n

const HOUR_MS = 3_600_000n

/** What a lease locks up front: price × longest duration (whole seconds, else a RangeError), rounded up. Atomic units. */
export function depositFor(pricePerHour: bigint, durationS: number): bigint {
  const product = pricePerHour * BigInt(durationS) * 1000n
  return (product + HOUR_MS - 1n) / HOUR_MS
}

/**
 * What `elapsedMs` of work have earned, rounded down, never more than the deposit. Atomic units. A time that is no
 * number earns nothing: a meter that is broken, or lied to, must not pay.
 */
export function earned(pricePerHour: bigint, elapsedMs: number, deposit: bigint): bigint {
  if (!(elapsedMs > 0)) return 0n
  const wholeMs = Math.floor(Math.min(elapsedMs, Number.MAX_SAFE_INTEGER))
  const amount = (pricePerHour * BigInt(wholeMs)) / HOUR_MS
  return amount < deposit ? amount : deposit
}

/**
 * Reads an amount as a person writes it ("0.25", "12") in whole tokens of a mint with `decimals` digits.
 * Undefined for anything else: signs, exponents, more digits than the mint has, more than a u64.
 */
export function parseAmount(text: string, decimals: number): bigint | undefined {
  const match = /^(\d{1,20})(?:\.(\d+))?$/.exec(text.trim())
  if (match === null) return undefined
  const [, whole = '', fraction = ''] = match
  if (fraction.length > decimals) return undefined
  const amount = BigInt(whole + fraction.padEnd(decimals, '0'))
  return amount <= U64_MAX ? amount : undefined
}

/**
 * Writes atomic units as whole tokens, without trailing zeros: 250000n with 6 decimals is "0.25". With `places`, at
 * least so many digits stand after the point.
 */
export function formatAmount(amount: bigint, decimals: number, places = 0): string {
  const sign = amount < 0n ? '-' : ''
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits
    .slice(digits.length - decimals)
    .replace(/0+$/, '')
    .padEnd(places, '0')
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
