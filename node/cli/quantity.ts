import { parseDuration, parseSize } from '../../config/units.js'
import { NightshiftError } from '../../protocols/errors.js'
import { parseAmount } from '../../protocols/money.js'

/** Readers of what a person types after a flag; each names the flag, what came and what would be right. */
export function readSize(flag: string, text: string): number {
  return parseSize(text) ?? refuse(flag, text, 'a size such as 24Gi')
}

export function readDuration(flag: string, text: string): number {
  return parseDuration(text) ?? refuse(flag, text, 'a duration such as 5s or 2m')
}

export function readTokens(flag: string, text: string, decimals: number): bigint {
  return (
    parseAmount(text, decimals) ??
    refuse(flag, text, `an amount such as 0.25, with at most ${decimals} decimals`)
  )
}

export function readCount(flag: string, text: string, least: number, most: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  return count >= least && count <= most
    ? count
    : refuse(flag, text, `a whole number from ${least} to ${most}`)
}

export function readList(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function refuse(flag: string, text: string, expected: string): never {
  throw new NightshiftError('USAGE', `${flag} ${JSON.stringify(text)} is not ${expected}`, {
    advice: `write ${expected}`,
    context: { flag, text },
  })
}
