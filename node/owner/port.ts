/**
 * What tells that the owner wants the machine. A sensor watches one thing and says what it sees as soon as it sees it;
 * what it cannot see on this machine it does not guess.
 */
export interface Sensor {
  readonly name: SensorName
  /** How it looks, for people: `nvidia-smi pmon`, `display :0`. */
  readonly means: string
  /** Begins to look; `tell` may be called at once, and until `stop` has resolved. */
  start(tell: (seen: Seen) => void): void
  /** Nothing that it started is left behind. */
  stop(): Promise<void>
}

export const SENSOR_NAMES = ['gpu', 'fullscreen', 'input', 'cpu', 'card', 'command'] as const
export type SensorName = (typeof SENSOR_NAMES)[number]

/** What one sensor saw; a key that is not there was not looked at. An undefined value takes back what was seen before. */
export interface Seen {
  /** The busiest program of the owner's on any card: share of the card's time in per cent, and its name or number. */
  gpu?: { percent: number; program: string } | undefined
  /** The full-screen program, by the name that it gives itself. */
  fullscreen?: string | undefined
  /** Milliseconds since the owner's last key or movement. */
  inputAgoMs?: number | undefined
  /** Share of all processors that programs of others use, per cent. */
  cpuPercent?: number | undefined
  /** Of the hottest card. */
  celsius?: number | undefined
  /** Of the card that draws most. */
  watts?: number | undefined
  /** What the owner's own program says: why the machine is wanted. */
  command?: string | undefined
}

/** A thing that was to be watched and cannot be, and why. */
export interface Blind {
  name: SensorName
  reason: string
}
