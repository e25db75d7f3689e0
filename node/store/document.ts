/**
 * Documents as JSON text that keeps bigints and byte arrays: `{ "$bigint": "5" }`, `{ "$bytes": "base64" }`.
 * A document never has a key of its own that starts with `$`, so nothing can be mistaken for these.
 */
export function writeDocument(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return { $bigint: item.toString() }
    if (item instanceof Uint8Array) return { $bytes: Buffer.from(item).toString('base64') }
    return item
  })
}

export function readDocument(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => {
    if (item === null || typeof item !== 'object') return item
    if ('$bigint' in item) return BigInt(String(item.$bigint))
    if ('$bytes' in item) return new Uint8Array(Buffer.from(String(item.$bytes), 'base64'))
    return item
  })
}
