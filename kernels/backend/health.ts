import { NightshiftError } from '../../protocols/errors.js'
import type { GpuDevice } from './gpu.js'

/** Whether a device still does what it was told: WebGPU reports errors late and leaves zeros behind. */
export interface Health {
  /** Waits for all submitted work. Throws DEVICE_LOST, DEVICE_FAILED when any of it failed. */
  settle(): Promise<void>
}

export function watchHealth(device: GpuDevice): Health {
  let failure: NightshiftError | undefined
  let onLost: () => void = () => {}
  const lost = new Promise<void>((resolve) => {
    onLost = resolve
  })
  device.addEventListener('uncapturederror', ({ error }) => {
    failure ??= new NightshiftError('DEVICE_FAILED', `the graphics device reported: ${error.message}`, {
      advice: 'Lower n, or the sizes of the job; if it happens with every one, update the graphics driver.',
    })
  })
  void device.lost.then(({ reason, message }) => {
    failure ??= new NightshiftError('DEVICE_LOST', `the graphics device was lost (${reason}): ${message}`, {
      advice: 'The job can go on elsewhere from its last checkpoint; the next one gets a new device.',
    })
    onLost()
  })
  return {
    settle: async () => {
      if (failure === undefined) {
        // Errors of earlier commands are delivered before this scope's own answer.
        device.pushErrorScope('internal')
        const done = Promise.all([device.queue.onSubmittedWorkDone(), device.popErrorScope()])
        await Promise.race([done.catch(() => lost), lost])
      }
      if (failure !== undefined) throw failure
    },
  }
}
