import type { Config } from '../../config/schema.js'
import type { BackendReport } from '../../kernels/backend/backend.js'
import { detectDevices, readNvidiaSmi } from '../../kernels/devices/detect.js'
import { type Device, openDevice as openRealDevice } from '../../kernels/worker/device.js'
import type { ProviderView } from '../control/view.js'
import { type OpenDevice, openDevices } from '../device/open.js'
import type { OfferedDevice } from '../device/port.js'
import type { Verdict } from '../owner/decision.js'
import type { Guard } from '../owner/guard.js'
import type { PresenceState } from '../provider/presence.js'
import { createProvider, type Provider } from '../provider.js'
import type { ChainSide } from './chain.js'
import { openContainers } from './containers.js'
import type { ProviderControl } from './controlled.js'
import { openGuard, openOwnerWatch, readOwnerSettings } from './owner.js'
import { openPricing, readPrice, readTerms } from './pricing.js'
import { ensureRegistered } from './registration.js'
import type { RoleParts } from './renter.js'
import { openShaders } from './shaders.js'

export interface ProviderRole extends ProviderControl {
  /** Whether it offers its devices and none of them works for a lease. */
  isIdle(): boolean
  stop(): Promise<void>
}

export interface ProviderParts extends RoleParts {
  chain: ChainSide
  version: string
  /** Of this process: what it has started is no use of the owner's. */
  pid: number
  signal: AbortSignal
  onStep: (step: string) => void
}

/** The provider's role of a node: its devices, its registration, its services. */
export async function startProvider(
  parts: ProviderParts,
  openDevice: OpenDevice = openRealDevice,
): Promise<ProviderRole> {
  const { config, clock, log, chain, signal, onStep } = parts
  const { decimals } = await chain.escrow.market(signal)
  const pricePerHour = readPrice(config, decimals)
  readTerms(config, decimals) // refused before a device is opened
  // The slow ones side by side: a device takes a second or more to open, a registration as long to be confirmed.
  const opening = openAll({ config, clock, log }, openDevice)
  const detecting = opening.then(([first]) => detectDevices(first!.report))
  detecting.catch(() => {}) // that no device did open is told by `opening`
  const devices = await both(
    opening,
    ensureRegistered(
      { registry: chain.registry, config, node: chain.node, wallet: chain.wallet, onStep },
      signal,
    ),
  )
  try {
    const { location, runtimes, heartbeatMs, minSliceMs, maxSliceMs } = config.provider
    const { heartbeats, auctions, store } = parts
    const containers = await openContainers(config, { peer: parts.network.peer, clock, log })
    const groups = () => containers?.groups?.() ?? []
    const watch = await openOwnerWatch(config, { pid: parts.pid, clock, log, containers: groups })
    const started: { provider?: Provider } = {}
    const guard = await openGuard(config, {
      watch,
      store,
      clock,
      log,
      devices,
      provider: () => started.provider!,
    })
    const provider = await createProvider({
      ...parts,
      devices: devices.map((device) => offered(device, config)),
      disagreements: (await detecting).disagreements,
      dataDir: config.dataDir,
      cacheBytes: config.provider.cacheBytes,
      pricePerHour,
      pricing: openPricing(config, decimals, devices[0]!.report, clock, watch.latestCards),
      location,
      runtimes,
      shaders: await openShaders(config, { devices: devices.map(({ report }) => report), clock, log }),
      containers,
      noticeS: Math.floor(readOwnerSettings(config).noticeMs / 1_000),
      presence: presenceOf(guard.view().verdict),
      heartbeatPeriodMs: heartbeatMs,
      minSliceMs,
      maxSliceMs,
      topics: { heartbeats, auctions },
    })
    started.provider = provider
    await guard.start()
    return { ...controlOf(provider, guard), stop: () => stopAll(guard, provider, devices) }
  } catch (error) {
    await closeAll(devices)
    throw error
  }
}

function controlOf(provider: Provider, guard: Guard): Omit<ProviderRole, 'stop'> {
  return {
    view: async () => viewProvider(provider, guard),
    status: () => provider.status(),
    isIdle: () => isIdle(provider),
    price: (order, strategy) => provider.previewPrice(order, strategy),
    pause: (options) => guard.pause(options),
    resume: () => guard.resume(),
  }
}

async function stopAll(guard: Guard, provider: Provider, devices: readonly Device[]): Promise<void> {
  await guard.stop()
  await provider.stop()
  await closeAll(devices)
}

/** What a pause that is stored, or the schedule, says before anything is watched: nobody is promised what is not kept. */
function presenceOf(verdict: Verdict): PresenceState {
  if (verdict.kind === 'away') return { paused: verdict.because }
  return verdict.kind === 'free' && verdict.untilMs !== undefined ? { untilMs: verdict.untilMs } : {}
}

async function openAll(
  { config, clock, log }: Pick<ProviderParts, 'config' | 'clock' | 'log'>,
  openDevice: OpenDevice,
): Promise<Device[]> {
  const { backend, software } = config.provider
  const nvidia = SOFTWARE_BACKENDS.includes(backend) ? [] : await readNvidiaSmi()
  const options = { backend, clock, log, ...memoryOf(config) }
  return openDevices(options, { nvidia, softwareCount: software.count }, openDevice)
}

async function closeAll(devices: readonly Device[]): Promise<void> {
  await Promise.all(devices.map((device) => device.close()))
}

/** Waits for both; when the second fails, the devices that were opened are given back. */
async function both(opening: Promise<Device[]>, registering: Promise<void>): Promise<Device[]> {
  const [opened, registered] = await Promise.allSettled([opening, registering])
  if (opened.status === 'rejected') throw opened.reason
  if (registered.status === 'fulfilled') return opened.value
  await closeAll(opened.value)
  throw registered.reason
}

const SOFTWARE_BACKENDS: readonly string[] = ['tensorflow-cpu', 'wasm', 'cpu']

/** A card's own memory is the limit of a card; a software device may take no more than it offers. */
function memoryOf({ provider }: Config): { memoryBytes?: number } {
  return SOFTWARE_BACKENDS.includes(provider.backend) ? { memoryBytes: provider.software.memoryBytes } : {}
}

/** What a card is and has, its driver says; what a software device offers, its owner does. */
function offered(device: Device, { provider }: Config): OfferedDevice {
  const { report, prove, run } = device
  return { report: report.gpu ? report : describeSoftware(report, provider.software), prove, run }
}

function describeSoftware(report: BackendReport, software: Config['provider']['software']): BackendReport {
  const { label, memoryBytes } = software
  return { ...report, memoryBytes, model: label === '' ? report.model : label }
}

function isIdle(provider: Provider): boolean {
  const { pausedBecause, devices } = provider.status()
  return pausedBecause === undefined && devices.every(({ count, free }) => free === count)
}

function viewProvider(provider: Provider, guard: Guard): ProviderView {
  const { availability, pricePerHour, stake, devices, promised, jobs } = provider.status()
  return {
    state: availability.toLowerCase(),
    pricePerHour,
    ...(stake === undefined ? {} : { stake: stake.stake }),
    devices: devices.map(({ model, backend, gpu, memoryBytes, gflops, count, free }) => ({
      model,
      backend,
      gpu,
      memoryBytes: Number(memoryBytes),
      gflops,
      count,
      free,
    })),
    promised,
    jobs: jobs.length,
    owner: guard.view(),
  }
}
