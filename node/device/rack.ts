import type { Proof } from '../../kernels/worker/device.js'
import { toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { OfferedDevice, Rack, Unit } from './port.js'

/**
 * Which device works for which lease. Who occupies how many is read from the ledger each time; only the choice is kept
 * here, in memory: what ran when a node died does not go on, so a lease may get other devices after a restart.
 */
export function createRack(parts: {
  /** At least one; all of the same kind. */
  devices: readonly OfferedDevice[]
  clock: Clock
  /** Leases that occupy devices now, by the hex of their address. */
  occupied: () => Iterable<{ lease: string; devices: number }>
}): Rack {
  const { devices, clock, occupied } = parts
  const [first] = devices
  if (first === undefined) {
    throw new NightshiftError('NO_DEVICE', 'a provider without a device', {
      advice: 'open one and hand it over',
    })
  }
  const units = devices.map((device, place) => createUnit(device, place, clock))
  const chosen = new Map<string, readonly Unit[]>()
  const gflops = Math.min(...devices.map(({ report }) => report.gflops ?? 0))
  return {
    units,
    report: { ...first.report, gflops },
    unitsOf: (address) => {
      const lease = toHex(address)
      const occupying = new Map([...occupied()].map((each) => [each.lease, each.devices]))
      for (const known of chosen.keys()) if (!occupying.has(known)) chosen.delete(known)
      const count = occupying.get(lease)
      if (count === undefined) return []
      const held = chosen.get(lease)
      if (held !== undefined) return held
      const taken = new Set([...chosen.values()].flat())
      const free = units.filter((unit) => !taken.has(unit)).slice(0, count)
      chosen.set(lease, free)
      return free
    },
  }
}

function createUnit(device: OfferedDevice, place: number, clock: Clock): Unit {
  let active = 0
  let since = 0
  let spentMs = 0
  const listeners = new Set<(isProving: boolean) => void>()
  const tell = (isProving: boolean) => {
    for (const listen of listeners) listen(isProving)
  }
  const begin = () => {
    if (active++ > 0) return
    since = clock.elapsed()
    tell(true)
  }
  const end = () => {
    if (--active > 0) return
    spentMs += clock.elapsed() - since
    tell(false)
  }
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    begin()
    try {
      return await work()
    } finally {
      end()
    }
  }
  const timeProof = (proof: Proof): Proof => ({
    root: proof.root,
    elapsedMs: proof.elapsedMs,
    open: (entries, options) => timed(() => proof.open(entries, options)),
    recall: async (nonce, options) => {
      const memory = await timed(() => proof.recall(nonce, options))
      return { ...memory, open: (folds, openOptions) => timed(() => memory.open(folds, openOptions)) }
    },
    release: () => proof.release(),
  })
  return {
    place,
    report: device.report,
    prove: async (request, options) => timeProof(await timed(() => device.prove(request, options))),
    run: (job, options) => device.run(job, options),
    provedMs: () => spentMs + (active === 0 ? 0 : clock.elapsed() - since),
    onProving: (listen) => {
      listeners.add(listen)
      if (active > 0) listen(true)
      return () => void listeners.delete(listen)
    },
  }
}

export function devicesGone(): NightshiftError {
  return new NightshiftError('LEASE_CLOSED', 'its devices were given back', { advice: 'open another lease' })
}
