import { JOB_LIMITS } from '../../protocols/job/rules.js'
import type { Blob } from '../../protocols/job/wire.js'
import type { InputFile, OutputFile } from '../runtime/port.js'
import type { Blobs } from './blobs.js'

const READ_BYTES = 1 << 20

/** An input that has arrived, as a runtime reads it. */
export function readInput(blobs: Blobs, lease: Uint8Array, input: Blob): InputFile {
  return { name: input.name, bytes: input.bytes, read: () => blobs.read(lease, input, 0, READ_BYTES) }
}

/** Stores what a job leaves, one file after the other. Throws OUTPUT_TOO_LARGE. */
export async function keepOutputs(
  blobs: Blobs,
  lease: Uint8Array,
  files: readonly OutputFile[],
): Promise<Blob[]> {
  const outputs: Blob[] = []
  let left: number = JOB_LIMITS.maxOutputBytes
  for (const file of files) {
    const output = await blobs.add(lease, file.name, file.read(), left)
    left -= output.bytes
    outputs.push(output)
  }
  return outputs
}
