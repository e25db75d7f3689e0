/** Readers for what people write with a unit. Undefined for anything else; the caller says what would be right. */

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** "90s", "10m", "1h30m", "500ms", "2d" in milliseconds. Whole numbers, units from large to small are not required. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:ms|s|m|h|d))+$/.test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    totalMs += Number(count) * (DURATION_MS[unit ?? ''] ?? 0)
  }
  return Number.isSafeInteger(totalMs) ? totalMs : undefined
}

const SIZE_FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/** "512Mi", "24Gi", "16GB", "1.5Gi" or a plain number of bytes, in bytes. Suffixes as in SDL: Ki is 1024, k is 1000. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s?([kmgt]i?)?b?$/i.exec(text)
  if (match === null) return undefined
  const factor = SIZE_FACTORS[(match[2] ?? '').toLowerCase()]
  if (factor === undefined) return undefined
  const bytes = Number(match[1]) * factor
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
