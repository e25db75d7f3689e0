import { parseWindow, type Window } from '../../config/schedule.js'
import type { Config } from '../../config/schema.js'
import { requireAvailability } from '../../config/start.js'
import { parseDuration } from '../../config/units.js'
import type { Device } from '../../kernels/worker/device.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { OwnerSettings } from '../owner/decision.js'
import { createGuard, type Guard } from '../owner/guard.js'
import { openWatch, type Watch } from '../owner/open.js'
import type { SensorName } from '../owner/port.js'
import type { Provider } from '../provider.js'
import type { Store } from '../store/port.js'
import { environment } from '../system/environment.js'

/** Jobs have so long for their last checkpoint and their end; then their devices are taken from under them. */
const RELEASE_AFTER_MS = 700

/** The settings of `provider.availability` as the decision takes them. */
export function readOwnerSettings({ provider }: Config): OwnerSettings {
  const { idleAfter, gpuBusyPercent, cpuBusyPercent, gameWaits, notice, maxTemperatureC, maxPowerW } =
    provider.availability
  return {
    idleAfterMs: parseDuration(idleAfter) ?? 0,
    gpuBusyPercent,
    cpuBusyPercent,
    noticeMs: parseDuration(notice) ?? 0,
    gameWaits,
    ...(maxTemperatureC === undefined ? {} : { maxCelsius: maxTemperatureC }),
    ...(maxPowerW === undefined ? {} : { maxWatts: maxPowerW }),
  }
}

/** Throws AVAILABILITY_CONFLICT. The card's own sensors are looked at only where a ceiling is set. */
export async function openOwnerWatch(
  config: Config,
  parts: { pid: number; clock: Clock; log: Log; containers: () => readonly string[] },
): Promise<Watch> {
  requireAvailability(config)
  const { watch, command, maxTemperatureC, maxPowerW } = config.provider.availability
  const names: SensorName[] = [...watch]
  if (maxTemperatureC !== undefined || maxPowerW !== undefined) names.push('card')
  return openWatch({ ...parts, watch: names, command, platform: process.platform, env: environment })
}

/** The owner's wishes carried out: `provider` is asked for when the first of them is. */
export async function openGuard(
  config: Config,
  parts: {
    watch: Watch
    store: Store
    clock: Clock
    log: Log
    provider: () => Provider
    devices: ReadonlyArray<Pick<Device, 'release' | 'ready'>>
  },
): Promise<Guard> {
  const { watch, devices, clock, log } = parts
  const windows = config.provider.availability.schedule.flatMap(
    (text): Window[] | Window => parseWindow(text) ?? [],
  )
  const release = async () => {
    await Promise.allSettled(devices.map((device) => device.release()))
  }
  return createGuard({
    ...parts,
    ...watch,
    settings: readOwnerSettings(config),
    windows,
    acts: {
      free: async (untilMs) => {
        // The first who comes must not wait for a driver, and be measured by that.
        await Promise.all(devices.map((device) => device.ready()))
        await parts.provider().resume(untilMs)
      },
      leaving: (atMs, because) => parts.provider().leaveAt(atMs, because),
      standStill: (because) => parts.provider().standStill(because),
      leave: async (because) => {
        const cancelRelease = clock.after(RELEASE_AFTER_MS, () => void release())
        try {
          await parts.provider().pause(because)
        } finally {
          cancelRelease()
          await release()
          log.info('the devices were given back', { because })
        }
      },
    },
  })
}
