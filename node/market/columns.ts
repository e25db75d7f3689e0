/** Columns of numbers for many rows, in typed arrays: what a query reads lies side by side, and no row is an object. */

type Numbers = Float64Array | Uint32Array | Int32Array | Uint8Array

/** The same numbers with room for more; new places hold `filler`. */
export function grown<Column extends Numbers>(column: Column, length: number, filler = 0): Column {
  const larger = new (column.constructor as new (length: number) => Column)(length)
  larger.set(column)
  if (filler !== 0) larger.fill(filler, column.length)
  return larger
}

/** Unsigned 64-bit numbers in two halves: a bigint that is read from a typed array is an object each time. */
export interface BigColumn {
  high: Uint32Array
  low: Uint32Array
}

export interface Halves {
  high: number
  low: number
}

const HALF = 2 ** 32

export function bigColumn(length: number): BigColumn {
  return { high: new Uint32Array(length), low: new Uint32Array(length) }
}

export function grownBig({ high, low }: BigColumn, length: number): BigColumn {
  return { high: grown(high, length), low: grown(low, length) }
}

/** Of a number from 0 to 2^64 - 1. */
export function halvesOf(value: bigint): Halves {
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) }
}

export function writeBig({ high, low }: BigColumn, row: number, value: bigint): void {
  const halves = halvesOf(value)
  high[row] = halves.high
  low[row] = halves.low
}

export function isBelow(column: BigColumn, row: number, least: Halves): boolean {
  const high = column.high[row]!
  return high < least.high || (high === least.high && column.low[row]! < least.low)
}

export function isAbove(column: BigColumn, row: number, most: Halves): boolean {
  const high = column.high[row]!
  return high > most.high || (high === most.high && column.low[row]! > most.low)
}

/** For an order by size; rounded beyond 2^53. */
export function approximate({ high, low }: BigColumn, row: number): number {
  return high[row]! * HALF + low[row]!
}

/** Texts that many rows share, each kept once and read once; the number of one that nobody holds is given out again. */
export interface Dictionary<Value> {
  hold(text: string): number
  release(id: number): void
  valueOf(id: number): Value
  /** Ids are below this. */
  readonly limit: number
}

export function createDictionary<Value>(read: (text: string) => Value): Dictionary<Value> {
  const ids = new Map<string, number>()
  const entries: Array<{ text: string; value: Value; holders: number }> = []
  const free: number[] = []
  return {
    get limit() {
      return entries.length
    },
    hold: (text) => {
      const known = ids.get(text)
      if (known !== undefined) {
        entries[known]!.holders++
        return known
      }
      const id = free.pop() ?? entries.length
      entries[id] = { text, value: read(text), holders: 1 }
      ids.set(text, id)
      return id
    },
    release: (id) => {
      const entry = entries[id]!
      if (--entry.holders > 0) return
      ids.delete(entry.text)
      free.push(id)
    },
    valueOf: (id) => entries[id]!.value,
  }
}
