/** How a session, or the attempt at one, ended: `ok`, or the code of the error. */
export type Outcome = string

export interface SessionRecord {
  word: string
  direction: 'inbound' | 'outbound'
  outcome: Outcome
  durationMs: number
}

/** Where the engine counts; kept in memory here, an exporter may wrap it. */
export interface Metrics {
  opened(word: string, direction: 'inbound' | 'outbound'): void
  closed(session: SessionRecord): void
  /** One frame went in or out; bytes with its header. */
  frame(word: string, way: 'sent' | 'received', bytes: number): void
  snapshot(): MetricsSnapshot
}

export interface MetricsSnapshot {
  /** Keyed by word. */
  protocols: Record<string, ProtocolMetrics>
}

export interface ProtocolMetrics {
  inbound: SideMetrics
  outbound: SideMetrics
  sent: { frames: number; bytes: number }
  received: { frames: number; bytes: number }
}

export interface SideMetrics {
  /** Sessions open now. */
  open: number
  /** Sessions ended, by outcome. */
  outcomes: Record<Outcome, number>
  durationMs: { count: number; sum: number; max: number }
}

const OK: Outcome = 'ok'

export function createMetrics(): Metrics {
  const protocols = new Map<string, ProtocolMetrics>()
  const of = (word: string) => {
    let found = protocols.get(word)
    if (found === undefined) protocols.set(word, (found = emptyProtocol()))
    return found
  }
  return {
    opened: (word, direction) => {
      of(word)[direction].open++
    },
    closed: ({ word, direction, outcome, durationMs }) => {
      const side = of(word)[direction]
      side.open--
      side.outcomes[outcome] = (side.outcomes[outcome] ?? 0) + 1
      side.durationMs.count++
      side.durationMs.sum += durationMs
      side.durationMs.max = Math.max(side.durationMs.max, durationMs)
    },
    frame: (word, way, bytes) => {
      const count = of(word)[way]
      count.frames++
      count.bytes += bytes
    },
    snapshot: () => ({ protocols: structuredClone(Object.fromEntries(protocols)) }),
  }
}

function emptyProtocol(): ProtocolMetrics {
  return {
    inbound: emptySide(),
    outbound: emptySide(),
    sent: { frames: 0, bytes: 0 },
    received: { frames: 0, bytes: 0 },
  }
}

function emptySide(): SideMetrics {
  return { open: 0, outcomes: { [OK]: 0 }, durationMs: { count: 0, sum: 0, max: 0 } }
}
