import type { BackendReport } from '../../kernels/backend/backend.js'
import { chooseCards } from '../../kernels/devices/cards.js'
import type { DetectedDevice } from '../../kernels/devices/detect.js'
import type { Device, DeviceOptions } from '../../kernels/worker/device.js'

export type OpenDevice = (options: DeviceOptions) => Promise<Device>

/**
 * Opens all equal devices of this host, each in a process of its own: every NVIDIA card under TensorFlow, which is told by
 * CUDA_VISIBLE_DEVICES which one it may see, and as many software devices as were asked for. WebGPU chooses a card by its
 * name, so of equal ones it offers one. A device that does not open beside the first, or turns out to be another one than
 * the first, is left out with a warning. Throws what the first throws.
 */
export async function openDevices(
  options: DeviceOptions,
  host: { nvidia: readonly DetectedDevice[]; softwareCount: number },
  openDevice: OpenDevice,
): Promise<Device[]> {
  const [card, ...otherCards] = chooseCards(host.nvidia)
  const isOneOfMany = card !== undefined && otherCards.length > 0
  const first = await openDevice({ ...options, ...(isOneOfMany ? { card } : {}) })
  const { backend, gpu } = first.report
  const others = gpu
    ? backend === 'tensorflow-gpu'
      ? otherCards.map((each) => ({ ...options, backend, card: each }))
      : []
    : Array.from({ length: host.softwareCount - 1 }, () => ({ ...options, backend }))
  const opened = await Promise.allSettled(others.map((each) => openDevice(each)))
  const devices = [first]
  for (const each of opened) {
    if (each.status === 'rejected') {
      options.log.warn('a device does not open and is not offered', { backend, error: String(each.reason) })
    } else if (!isSame(each.value.report, first.report)) {
      options.log.warn('a device is another than the first and is not offered', { ...each.value.report })
      await each.value.close()
    } else {
      devices.push(each.value)
    }
  }
  return devices
}

function isSame(a: BackendReport, b: BackendReport): boolean {
  return a.backend === b.backend && a.model === b.model && a.gpu === b.gpu
}
