/** One measured figure of a bench. A timing stands beside a named reference of the same run, as a ratio. */
export interface Figure {
  name: string
  value: number
  unit: string
  reference?: string
  ratio?: number
}
