export interface Figure {
  name: string
  value: number
  unit: string
  reference?: string
  ratio?: number
}
