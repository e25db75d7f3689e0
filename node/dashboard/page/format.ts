/** Numbers as people read them. Amounts are text of atomic units: a JavaScript number would lose digits. */

export function tokens(amount: string | undefined, decimals: number): string {
  if (amount === undefined) return '–'
  const digits = amount.replace('-', '').padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${amount.startsWith('-') ? '−' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ' ')}${fraction === '' ? '' : `.${fraction}`}`
}

export function sum(amounts: readonly string[]): string {
  return amounts.reduce((total, amount) => total + BigInt(amount), 0n).toString()
}

/** For plots only: what a pixel cannot show may be lost. */
export function approximate(amount: string, decimals: number): number {
  return Number(amount) / 10 ** decimals
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : Math.round(value * 10) / 10} ${UNITS[power]}`
}

export function speed(gflops: number): string {
  return gflops >= 1_000
    ? `${Math.round(gflops / 100) / 10} TFLOP/s`
    : `${Math.round(gflops * 10) / 10} GFLOP/s`
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  const s = Math.round(ms / 1_000)
  if (s < 60) return `${s} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 172_800) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`
  return `${Math.floor(s / 86_400)} days`
}

export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
}

export function day(ms: number): string {
  return new Date(ms).toLocaleDateString([], { month: 'short', day: 'numeric' })
}

/** Peers are told apart by the end of their id: all begin alike. */
export function short(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id
}
