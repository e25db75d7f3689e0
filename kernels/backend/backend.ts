import type * as Core from '@tensorflow/tfjs-core'
import type * as Layers from '@tensorflow/tfjs-layers'

/** Best first. The last three compute on the processor and never claim to be a GPU. */
export const BACKEND_NAMES = ['tensorflow-gpu', 'webgpu', 'tensorflow-cpu', 'wasm', 'cpu'] as const
export type BackendName = (typeof BACKEND_NAMES)[number]

export interface DeviceInfo {
  /** True only for a real graphics card: software adapters and processors say false. */
  readonly gpu: boolean
  /** As the driver or the operating system names it. */
  readonly model: string
  readonly memoryBytes?: number
  readonly driver?: string
}

/** One card of several. */
export interface Card {
  /** Its place in nvidia-smi's list (PCI order): what TensorFlow goes by. */
  readonly index: number
  /** A part of its name as the driver gives it: what WebGPU goes by, which cannot tell two equal cards apart. */
  readonly model: string
}

/** A tfjs backend that is up. Core and layers come with it, because TensorFlow's binding brings its own copy. */
export interface Backend extends DeviceInfo {
  readonly name: BackendName
  readonly core: typeof Core
  readonly layers: typeof Layers
  /** No tensor may be larger: a bound of the adapter, or what is sensible on a processor. */
  readonly maxTensorBytes: number
  /** Whether `data()` copies in the background. TensorFlow's waits for the device, so it is called as late as can be. */
  readonly readsAsync: boolean
  /**
   * Whether freed tensors should become free at once, at the price of a submission per operation: WebGPU otherwise
   * holds them until a batch of operations is full, which for large matrices is many times what is in use.
   */
  frugal(on: boolean): void
  /**
   * Waits for all submitted work and throws DEVICE_FAILED if any of it failed. WebGPU reports errors late and leaves
   * zeros behind, so no result may be trusted before this has passed.
   */
  settle(): Promise<void>
}

/** What a probe found out about one backend. */
export interface BackendReport {
  readonly backend: BackendName
  readonly ok: boolean
  readonly gpu: boolean
  readonly model: string
  readonly memoryBytes?: number
  readonly driver?: string
  /** Measured with plain square products in float32; 10^9 operations a second. */
  readonly gflops?: number
  /** Why it cannot be used. */
  readonly reason?: string
}

/**
 * A step boundary: long work awaits it between two submissions to the device. It lets the event loop breathe, lets a
 * proof overtake a job, and throws the reason when the work was cancelled.
 */
export type Turn = () => Promise<void>
