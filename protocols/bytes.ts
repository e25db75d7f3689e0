import { sha256 } from '@noble/hashes/sha2.js'

/** SHA-256 over a domain tag and parts, each with its length before it, so that no two inputs run into one another. */
export function hash(domain: string, ...parts: Uint8Array[]): Uint8Array {
  const hasher = sha256.create()
  for (const part of [new TextEncoder().encode(domain), ...parts]) {
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, part.length, true)
    hasher.update(length).update(part)
  }
  return hasher.digest()
}

/** Plain SHA-256: the name of a blob. */
export function digest(bytes: Uint8Array): Uint8Array {
  return sha256(bytes)
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** Of an even number of hex digits; what follows the first other character is left out. */
export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
