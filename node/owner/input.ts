import type { Clock } from '../../protocols/ports.js'
import type { Sensor } from './port.js'

/** Runs a program to its end; resolves to what it printed. Rejects when it fails or takes long. */
export type Ask = (command: readonly string[]) => Promise<string>

/** A way to learn how long nobody has touched keyboard and mouse: what to run, and how to read the answer. */
export interface IdleSource {
  command: readonly string[]
  /** Milliseconds; undefined for what is no answer. `unixMs`: now. */
  read(text: string, unixMs: number): number | undefined
}

/** The XScreenSaver extension of an X display. */
export const XPRINTIDLE: IdleSource = {
  command: ['xprintidle'],
  read: (text) => (/^\d+\s*$/.test(text) ? Number.parseInt(text, 10) : undefined),
}

/** GNOME, on Wayland too: `(uint64 5124,)`. */
export const MUTTER: IdleSource = {
  command: [
    'gdbus',
    'call',
    '--session',
    '--dest',
    'org.gnome.Mutter.IdleMonitor',
    '--object-path',
    '/org/gnome/Mutter/IdleMonitor/Core',
    '--method',
    'org.gnome.Mutter.IdleMonitor.GetIdletime',
  ],
  read: (text) => {
    const ms = /^\(uint64 (\d+),\)/.exec(text)?.[1]
    return ms === undefined ? undefined : Number(ms)
  },
}

/** The desktop at the machine tells logind that it is idle, after minutes of its own choice; `IdleSinceHint` is Unix microseconds. */
export const LOGIND: IdleSource = {
  command: ['loginctl', 'show-seat', 'seat0', '--property=IdleHint', '--property=IdleSinceHint'],
  read: (text, unixMs) => {
    const hint = /^IdleHint=(yes|no)$/m.exec(text)?.[1]
    const since = /^IdleSinceHint=(\d+)$/m.exec(text)?.[1]
    if (hint === undefined || since === undefined) return undefined
    return hint === 'no' ? 0 : Math.max(0, unixMs - Number(since) / 1_000)
  },
}

/** macOS: nanoseconds, of several devices the one that was used last. */
export const IOREG: IdleSource = {
  command: ['ioreg', '-c', 'IOHIDSystem', '-d', '4'],
  read: (text) => {
    const all = [...text.matchAll(/"HIDIdleTime" = (\d+)/g)].map(([, ns]) => Number(ns) / 1e6)
    return all.length === 0 ? undefined : Math.min(...all)
  },
}

/** One short program each time; a game is seen by what it does to the card and the screen, and sooner. */
const EVERY_MS = 2_000

export function createInputSensor(parts: { source: IdleSource; ask: Ask; clock: Clock }): Sensor {
  const { source, ask, clock } = parts
  let stopAsking = () => {}
  let asking: Promise<void> | undefined
  return {
    name: 'input',
    means: source.command[0]!,
    start: (tell) => {
      const look = async () => {
        try {
          tell({ inputAgoMs: source.read(await ask(source.command), clock.now()) })
        } catch {
          // Whether somebody is there is not known then.
          tell({ inputAgoMs: undefined })
        }
      }
      stopAsking = clock.every(EVERY_MS, () => {
        asking ??= look().finally(() => {
          asking = undefined
        })
      })
    },
    stop: async () => {
      stopAsking()
      await asking
    },
  }
}
