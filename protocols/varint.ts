import { U64_MAX } from './money.js'

/** What protons generates against, as far as it is needed here. */
interface Writer {
  uint64(value: bigint): unknown
  uint64Number(value: number): unknown
}

/**
 * Writes a protobuf `uint64`; the generated code calls this instead of the writer's own method. protons-runtime 7.1.2
 * (and 8.0.1) writes one byte and leaves four as they were for every value from 2^31 to 2^32 − 1, because its low word
 * is signed there; its path for numbers goes through `uint8-varint` and is right up to 2^53 − 1.
 */
export function writeUint64(writer: Writer, value: bigint): void {
  if (value < 0n || value > U64_MAX) throw new RangeError(`${value} is no unsigned 64-bit integer`)
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) writer.uint64Number(Number(value))
  else writer.uint64(value)
}
