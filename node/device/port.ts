import type { BackendReport } from '../../kernels/backend/backend.js'
import type { Device } from '../../kernels/worker/device.js'

/** What a provider needs of a device. */
export type OfferedDevice = Pick<Device, 'report' | 'prove' | 'run'>

/** One offered device beside its equals. */
export interface Unit extends OfferedDevice {
  /** From 0; the same as long as the provider runs. */
  readonly place: number
  /** Milliseconds that it has spent on proofs so far, one that is being made included. */
  provedMs(): number
  /** Tells when a proof begins and when none is left: work beside this device stands still meanwhile. Undone by the result. */
  onProving(listen: (isProving: boolean) => void): () => void
}

/** All devices that a provider offers. They are equal, so it does not matter which of them a lease gets. */
export interface Rack {
  readonly units: readonly Unit[]
  /** What each of them is, at the speed of the slowest. */
  readonly report: BackendReport
  /** The devices of a lease: the same ones as long as it occupies any, none when it occupies none. */
  unitsOf(lease: Uint8Array): readonly Unit[]
}
