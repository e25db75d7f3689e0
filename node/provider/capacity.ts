import type { Clock } from '../../protocols/ports.js'

/** Devices that a lease occupies; `id` is the name of its order, under which they were reserved before. */
export interface Binding {
  id: string
  devices: number
}

/**
 * Which devices may still be promised. What leases occupy is read from the ledger each time, never counted here, so
 * nothing that is missed or crashes in between can leak a device. A reservation is a promise with an end: it holds
 * between a bid and its lease, and a lease of the same id takes its place.
 */
export interface Capacity {
  readonly total: number
  /** Devices that are neither occupied nor promised. */
  free(): number
  /** Devices that no lease occupies, promised or not: what heartbeats say. */
  unoccupied(): number
  /**
   * Promises devices until a moment of Unix time; again for the same id moves that moment. False, and nothing changes,
   * when there are too few. True without a promise when a lease of that id holds them already.
   */
  reserve(id: string, devices: number, untilMs: number): boolean
  release(id: string): void
  /** Forgets promises that have ended or became leases; `free` never counts them. */
  sweep(): void
}

export function createCapacity(parts: {
  total: number
  clock: Clock
  occupied: () => Iterable<Binding>
}): Capacity {
  const { total, clock, occupied } = parts
  // By the clock that is never set: a promise must not last for hours because the time of day was put right.
  const promises = new Map<string, { devices: number; endsAt: number }>()

  const bindings = () => new Map([...occupied()].map(({ id, devices }) => [id, devices]))
  const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0)

  function promisedBeside(bound: Map<string, number>, id?: string): number {
    const counted = [...promises].filter(
      ([other, { endsAt }]) => other !== id && !bound.has(other) && endsAt > clock.elapsed(),
    )
    return sum(counted.map(([, { devices }]) => devices))
  }

  function freeBeside(id?: string): number {
    const bound = bindings()
    return Math.max(0, total - sum(bound.values()) - promisedBeside(bound, id))
  }

  return {
    total,
    free: () => freeBeside(),
    unoccupied: () => Math.max(0, total - sum(bindings().values())),
    reserve: (id, devices, untilMs) => {
      if (!Number.isInteger(devices) || devices < 1) return false
      const held = bindings().get(id)
      if (held !== undefined) return held >= devices
      if (freeBeside(id) < devices) return false
      promises.set(id, { devices, endsAt: clock.elapsed() + untilMs - clock.now() })
      return true
    },
    release: (id) => {
      promises.delete(id)
    },
    sweep: () => {
      const bound = bindings()
      for (const [id, { endsAt }] of promises) {
        if (bound.has(id) || endsAt <= clock.elapsed()) promises.delete(id)
      }
    },
  }
}
