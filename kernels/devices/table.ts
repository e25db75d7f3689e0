/**
 * What the cards that people own can do at most, by their makers' figures. `tflops` is plain float32 at boost clock;
 * `matrixTflops` is dense TF32 on tensor cores, where that is more: TensorFlow uses it by itself, and it is exact for
 * this proof's integers. Bandwidth in 10^9 bytes a second, memory in GiB as sold (all sizes that were sold).
 */
export interface DeviceFigures {
  /** Found in the name that a driver gives, after normalisation: the longest match counts. */
  readonly name: string
  readonly maker: 'NVIDIA' | 'AMD' | 'Intel' | 'Apple'
  readonly tflops: number
  readonly matrixTflops?: number
  readonly memoryGib: readonly number[]
  readonly bandwidthGbs: number
  readonly source: string
}

const BLACKWELL = 'NVIDIA RTX Blackwell GPU Architecture whitepaper (2025)'
const ADA = 'NVIDIA Ada GPU Architecture whitepaper v2.1 and product pages'
const AMPERE = 'NVIDIA Ampere GA102 GPU Architecture whitepaper v2 and product pages'
const TURING = 'NVIDIA Turing GPU Architecture whitepaper and product pages'
const PASCAL = 'NVIDIA GeForce GTX 10 series product pages'
const NVIDIA_DATASHEET = 'NVIDIA datasheet of the product'
const AMD_PAGE = 'AMD product page, peak single precision'
const INTEL_ARK = 'Intel ARK and Arc product briefs, at graphics boost clock'
const APPLE_NEWS = "Apple's announcement of the chip, GPU teraflops and memory bandwidth"

type Row = [
  name: string,
  tflops: number,
  memoryGib: number | number[],
  bandwidthGbs: number,
  matrixTflops?: number,
]

function rows(maker: DeviceFigures['maker'], source: string, list: readonly Row[]): DeviceFigures[] {
  return list.map(([name, tflops, memory, bandwidthGbs, matrixTflops]) => ({
    name,
    maker,
    tflops,
    memoryGib: typeof memory === 'number' ? [memory] : memory,
    bandwidthGbs,
    source,
    ...(matrixTflops === undefined ? {} : { matrixTflops }),
  }))
}

export const DEVICES: readonly DeviceFigures[] = [
  ...rows('NVIDIA', BLACKWELL, [
    ['rtx 5090', 104.8, 32, 1792],
    ['rtx 5080', 56.3, 16, 960],
    ['rtx 5070 ti', 43.9, 16, 896],
    ['rtx 5070', 30.9, 12, 672],
  ]),
  ...rows('NVIDIA', ADA, [
    ['rtx 4090', 82.6, 24, 1008],
    ['rtx 4080 super', 52.2, 16, 736],
    ['rtx 4080', 48.7, 16, 717],
    ['rtx 4070 ti super', 44.1, 16, 672],
    ['rtx 4070 ti', 40.1, 12, 504],
    ['rtx 4070 super', 35.5, 12, 504],
    ['rtx 4070', 29.1, 12, 504],
    ['rtx 4060 ti', 22.1, [8, 16], 288],
    ['rtx 4060', 15.1, 8, 272],
    ['rtx 6000 ada', 91.1, 48, 960],
    ['rtx 5000 ada', 65.3, 32, 576],
    ['rtx 4000 ada', 26.7, 20, 360],
  ]),
  ...rows('NVIDIA', AMPERE, [
    ['rtx 3090 ti', 40, 24, 1008],
    ['rtx 3090', 35.6, 24, 936],
    ['rtx 3080 ti', 34.1, 12, 912],
    ['rtx 3080', 29.8, [10, 12], 760],
    ['rtx 3070 ti', 21.7, 8, 608],
    ['rtx 3070', 20.3, 8, 448],
    ['rtx 3060 ti', 16.2, 8, 448],
    ['rtx 3060', 12.7, [8, 12], 360],
    ['rtx a6000', 38.7, 48, 768, 77.4],
    ['rtx a5000', 27.8, 24, 768, 55.6],
    ['rtx a4000', 19.2, 16, 448, 38.3],
  ]),
  ...rows('NVIDIA', TURING, [
    ['rtx 2080 ti', 13.4, 11, 616],
    ['rtx 2080', 10.1, 8, 448],
    ['rtx 2070', 7.5, 8, 448],
    ['rtx 2060', 6.5, [6, 12], 336],
    ['gtx 1660', 5, 6, 192],
    ['gtx 1650', 3, 4, 128],
  ]),
  ...rows('NVIDIA', PASCAL, [
    ['gtx 1080 ti', 11.3, 11, 484],
    ['gtx 1080', 8.9, 8, 320],
    ['gtx 1070', 6.5, 8, 256],
    ['gtx 1060', 4.4, [3, 6], 192],
  ]),
  ...rows('NVIDIA', NVIDIA_DATASHEET, [
    ['h200', 67, 141, 4800, 494],
    ['h100 pcie', 51, 80, 2000, 378],
    ['h100', 67, [80, 94, 96], 3350, 494],
    ['a100', 19.5, [40, 80], 2039, 156],
    ['a40', 37.4, 48, 696, 74.8],
    ['a30', 10.3, 24, 933, 82],
    ['a10', 31.2, 24, 600, 62.5],
    ['l40s', 91.6, 48, 864, 183],
    ['l40', 90.5, 48, 864],
    ['l4', 30.3, 24, 300, 60],
    ['t4', 8.1, 16, 320],
    ['v100', 15.7, [16, 32], 900],
    ['p100', 10.6, [12, 16], 732],
  ]),
  ...rows('AMD', AMD_PAGE, [
    ['rx 9070 xt', 48.7, 16, 640],
    ['rx 9070', 36.1, 16, 640],
    ['rx 7900 xtx', 61.4, 24, 960],
    ['rx 7900 xt', 51.5, 20, 800],
    ['rx 7800 xt', 37.3, 16, 624],
    ['rx 7700 xt', 35.2, 12, 432],
    ['rx 7600', 21.8, 8, 288],
    ['rx 6950 xt', 23.7, 16, 576],
    ['rx 6900 xt', 23, 16, 512],
    ['rx 6800 xt', 20.7, 16, 512],
    ['rx 6800', 16.2, 16, 512],
    ['rx 6700 xt', 13.2, 12, 384],
    ['rx 6600 xt', 10.6, 8, 256],
    ['rx 6600', 8.9, 8, 224],
    ['rx 580', 6.2, [4, 8], 256],
    ['mi300x', 163.4, 192, 5300],
    ['mi250x', 47.9, 128, 3277],
    ['mi210', 22.6, 64, 1638],
    ['mi100', 23.1, 32, 1229],
  ]),
  ...rows('Intel', INTEL_ARK, [
    ['arc b580', 14.6, 12, 456],
    ['arc b570', 11.5, 10, 380],
    ['arc a770', 19.7, [8, 16], 560],
    ['arc a750', 17.2, 8, 512],
    ['arc a380', 5, 6, 186],
  ]),
  // Unified memory: the size says nothing about the chip, so none is listed.
  ...rows('Apple', APPLE_NEWS, [
    ['apple m1 ultra', 21, [], 800],
    ['apple m1 max', 10.4, [], 400],
    ['apple m1 pro', 5.2, [], 200],
    ['apple m1', 2.6, [], 68],
    ['apple m2', 3.6, [], 100],
  ]),
]

/** Drivers decorate names differently: "NVIDIA GeForce RTX 4090", "AMD Radeon RX 7900 XTX (RADV NAVI31)", "Intel(R) Arc(tm) A770". */
export function normalizeModel(model: string): string {
  return model
    .toLowerCase()
    .replaceAll(/\((r|tm)\)|[™®]/g, '')
    .replaceAll(/\([^)]*\)/g, ' ')
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .replaceAll(/\b(\d{3,4})(ti|xtx?|super)\b/g, '$1 $2')
    .trim()
}

/** The row that fits a driver's name best; a laptop's chip of the same name is another, slower device: none. */
export function findDevice(model: string): DeviceFigures | undefined {
  const words = ` ${normalizeModel(model)} `
  if (/ (laptop|mobile|max q) /.test(words)) return undefined
  const fitting = DEVICES.filter(({ name }) => words.includes(` ${name} `))
  return fitting.sort((a, b) => b.name.length - a.name.length)[0]
}
