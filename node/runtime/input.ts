import type { InputFile } from './port.js'

/** The whole content in memory; for what is known to be small enough. */
export async function readWhole(input: InputFile): Promise<Uint8Array> {
  const whole = new Uint8Array(input.bytes)
  let at = 0
  for await (const piece of input.read()) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
