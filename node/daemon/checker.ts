import { type Device, type DeviceOptions, openDevice } from '../../kernels/worker/device.js'
import type { Checker } from '../renter/result.js'

/**
 * Checks results on a device that is opened for the first one and given back a while after the last: a renter's
 * machine has other things to do.
 */
export interface CheckerDevice extends Checker {
  close(): Promise<void>
}

const IDLE_MS = 60_000

export function createChecker(
  options: DeviceOptions,
  openChecking: (options: DeviceOptions) => Promise<Pick<Device, 'evaluate' | 'close'>> = openDevice,
): CheckerDevice {
  let device: ReturnType<typeof openChecking> | undefined
  let inUse = 0
  let cancelIdle = () => {}

  const close = async () => {
    cancelIdle()
    const open = device
    device = undefined
    await (await open?.catch(() => undefined))?.close()
  }

  /** Only one that could not be opened is opened anew: a model that is no model is no fault of the device. */
  const open = async () => {
    const opening = (device ??= openChecking(options))
    try {
      return await opening
    } catch (error) {
      if (device === opening) device = undefined
      throw error
    }
  }

  return {
    evaluate: async (request) => {
      cancelIdle()
      inUse++
      try {
        return await (await open()).evaluate(request)
      } finally {
        inUse--
        if (inUse === 0) cancelIdle = options.clock.after(IDLE_MS, () => void close())
      }
    },
    close,
  }
}
