import { PassThrough } from 'node:stream'
import type { Clock } from '../../../protocols/ports.js'

const MAX_LINE_CHARS = 4_096
const SECOND_MS = 1_000

/**
 * What a job writes on its two streams, as lines. A flood is cut to so many lines a second, and how many were left out
 * is said, so that a job can fill neither the journal nor the connection.
 */
export function createLineWriter(parts: {
  clock: Clock
  linesPerSecond: number
  onLine: (line: string) => void
}) {
  const { clock, linesPerSecond, onLine } = parts
  let second = clock.elapsed()
  let said = 0
  let dropped = 0

  const tellDropped = () => {
    if (dropped > 0) onLine(`(${dropped} lines left out: more than ${linesPerSecond} a second)`)
    dropped = 0
  }
  const say = (line: string) => {
    if (clock.elapsed() - second >= SECOND_MS) {
      second = clock.elapsed()
      said = 0
      tellDropped()
    }
    if (said++ < linesPerSecond) onLine(line)
    else dropped++
  }
  const lines = () => {
    const decoder = new TextDecoder()
    let rest = ''
    const stream = new PassThrough()
    stream.on('data', (piece: Uint8Array) => {
      const whole = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/)
      rest = whole.pop() ?? ''
      for (const line of whole) say(line.slice(0, MAX_LINE_CHARS))
      if (rest.length <= MAX_LINE_CHARS) return
      say(rest.slice(0, MAX_LINE_CHARS))
      rest = ''
    })
    return { stream, end: () => rest !== '' && say(rest) }
  }
  const out = lines()
  const errors = lines()
  return {
    out: out.stream,
    errors: errors.stream,
    /** The last words, which no line end closed. */
    end: () => {
      out.end()
      errors.end()
      tellDropped()
    },
  }
}
