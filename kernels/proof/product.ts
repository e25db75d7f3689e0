import { FACTORS, GROUP, MAX_N, type ProofParams } from '../../protocols/challenge/params.js'
import { forEachInner, readLeftRow, readRightRows } from './factors.js'
import { PRODUCT_WASM } from './wasm/product.js'

/**
 * Entries of C from the seed alone, on the processor: the factors are hashed here, the sums over k run in WebAssembly
 * (wasm/product.wat), four values of k at a time.
 */
export interface ProductRound {
  /** C(row, 4·group) to C(row, 4·group + 3). */
  cells(row: number, group: number): readonly number[]
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** Addresses in bytes. */
  expand(factors: number, planes: number, out: number, n: number): void
  multiply(factors: number, planes: number, row: number, n: number): number
}

/** Node has WebAssembly; its declarations come with the browser's library, which is not loaded here. */
interface WebAssemblyNamespace {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { readonly exports: unknown }
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyNamespace }

const COLUMNS = Array.from({ length: GROUP }, (_, at) => at)
const PLANES = 2 * FACTORS
const FLOAT_BYTES = 4
const ROW_AT = PLANES * MAX_N * FLOAT_BYTES
const LEFT_AT = ROW_AT + MAX_N * FLOAT_BYTES
const RIGHT_AT = LEFT_AT + FACTORS * FLOAT_BYTES

function load(): Exports {
  const { Module, Instance } = WebAssembly
  return new Instance(new Module(Buffer.from(PRODUCT_WASM, 'base64'))).exports as Exports
}

let loaded: Exports | undefined

/**
 * Hashes what all entries of a round share, n/2 hashes. There is one memory for it: the round is good until the next one
 * is expanded.
 */
export function expandRound(seed: Uint8Array, params: ProofParams, round: number): ProductRound {
  loaded ??= load()
  const { memory, expand, multiply } = loaded
  const { n } = params
  const floats = new Float32Array(memory.buffer)
  const left = new Float32Array(memory.buffer, LEFT_AT, FACTORS)
  const right = new Float32Array(memory.buffer, RIGHT_AT, GROUP * FACTORS)
  const planeB = FACTORS * n * FLOAT_BYTES
  forEachInner(seed, params, round, (k, words, at) => {
    for (let plane = 0; plane < PLANES; plane++) floats[plane * n + k] = words[at + plane]!
  })
  let expanded = -1
  return {
    cells: (row, group) => {
      if (row !== expanded) {
        readLeftRow(seed, params, round, row, left)
        expand(LEFT_AT, 0, ROW_AT, n)
        expanded = row
      }
      readRightRows(seed, params, round, group, right)
      return COLUMNS.map((at) => multiply(RIGHT_AT + at * FACTORS * FLOAT_BYTES, planeB, ROW_AT, n))
    },
  }
}
