import { cpus } from 'node:os'

/** The processor's own name, for backends that compute on it. */
export function processorModel(): string {
  return cpus()[0]?.model.trim() || `${process.arch} processor`
}
