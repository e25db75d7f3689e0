import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../../protocols/ports.js'

/** The operating system's generator. No other file of ours asks for randomness. */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  below: (below) => (below <= 1 ? 0 : randomInt(below)),
}
