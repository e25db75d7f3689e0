/** Words after a card's number that make it another card. */
const VARIANTS = ['ti', 'super', 'xt', 'xtx', 'gre', 'd', 'ada', 'blackwell', 'laptop', 'mobile', 'max']

/** A device's name as runs of letters and of digits, and whether each begins a word. */
export type ModelName = ReadonlyArray<{ text: string; begins: boolean }>

export function readModel(model: string): ModelName {
  const words = model.toLowerCase().split(/[^a-z0-9]+/)
  return words.flatMap((word) =>
    (word.match(/[a-z]+|[0-9]+/g) ?? []).map((text, at) => ({ text, begins: at === 0 })),
  )
}

/**
 * Whether a device that calls itself `found` is a `wanted`: whole words, however they are spelt ("rtx4090", "RTX-4090"
 * and "NVIDIA GeForce RTX 4090" are the same), so that an A10 is no A100, and an RTX 4070 no RTX 4070 Ti.
 */
export function isModel(found: ModelName, wanted: ModelName): boolean {
  if (wanted.length === 0) return false
  return found.some((run, start) => {
    const end = start + wanted.length
    const matches = run.begins && wanted.every(({ text }, at) => found[start + at]?.text === text)
    const next = found[end]
    return matches && (next === undefined || (next.begins && !VARIANTS.includes(next.text)))
  })
}

const USABLE_PERCENT = 93n

/**
 * Drivers report less memory than a card is sold with: an L4 of 24 GB 23,034 MiB, a T4 of 16 GB 15,360 MiB, an H100 of
 * 80 GB 81,559 MiB (nvidia-smi, as collected in github.com/modal-labs/modal-client/pull/2797). So a card "of 24 GiB" is
 * one that reports 93 % of it, which is still above the next smaller card.
 */
export function usableBytes(soldBytes: number): bigint {
  return (BigInt(Math.floor(soldBytes)) * USABLE_PERCENT) / 100n
}
