/** One measured figure of a bench. A timing stands beside a named reference of the same run, as a ratio. */
export interface Figure {
  name: string
  value: number
  unit: string
  reference?: string
  ratio?: number
}

/** The middle one, or the upper of the two in the middle; of a copy, so that the order stays as measured. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
