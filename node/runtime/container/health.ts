import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../protocols/ports.js'
import type { ContainerSpec } from './spec.js'

export type Health = ContainerSpec['health']

/** Looks after a service from its start on; each call of `onChange` is a change. */
export interface HealthWatch {
  stop(): void
}

/**
 * Asks the service how it is, again and again: whatever has not answered well is not charged. Within `health.start` of the
 * start a failure before the first success is no failure yet.
 */
export function watchHealth(parts: {
  health: Health
  port: number
  connect: (port: number) => Promise<Duplex>
  clock: Clock
  /** A job that stands still for its provider's owner is not at fault. */
  isHeld: () => boolean
  onChange: (isHealthy: boolean, detail: string) => void
}): HealthWatch {
  const { health, port, connect, clock, isHeld, onChange } = parts
  const stopping = new AbortController()
  const startedAt = clock.elapsed()
  /** Before the first verdict it is neither. */
  let isHealthy: boolean | undefined
  let failures = 0

  const look = async () => {
    const problem = await findProblem({ health, port, connect, clock, signal: stopping.signal })
    if (stopping.signal.aborted) return
    if (isHeld()) {
      failures = 0
      return
    }
    if (problem === undefined) {
      failures = 0
      if (isHealthy !== true) onChange(true, '')
      isHealthy = true
      return
    }
    const isStarting = isHealthy === undefined && clock.elapsed() - startedAt < health.start
    if (isStarting || ++failures < health.retries || isHealthy === false) return
    isHealthy = false
    onChange(false, problem)
  }
  const goOn = async () => {
    while (!stopping.signal.aborted) {
      await look()
      // A service that starts is not kept waiting for its money, nor its renter for the service.
      const ms = isHealthy === undefined ? Math.min(STARTING_MS, health.interval) : health.interval
      await clock.sleep(ms, stopping.signal).catch(() => {})
    }
  }
  void goOn()
  return { stop: () => stopping.abort() }
}

const STARTING_MS = 250

/** What is wrong with it now; undefined: nothing. */
async function findProblem(parts: {
  health: Health
  port: number
  connect: (port: number) => Promise<Duplex>
  clock: Clock
  signal: AbortSignal
}): Promise<string | undefined> {
  const { health, port, connect, clock, signal } = parts
  const late = new AbortController()
  const cancel = clock.after(health.timeout, () =>
    late.abort(new Error(`no answer within ${health.timeout} ms`)),
  )
  const limit = AbortSignal.any([late.signal, signal])
  let connection: Duplex | undefined
  try {
    const opened = await limited(connect(port), limit)
    connection = opened
    opened.on('error', () => {})
    if (health.http === undefined) return undefined
    const status = await ask(opened, health.http, port, limit)
    return status >= 200 && status < 400 ? undefined : `GET ${health.http} was answered with ${status}`
  } catch (error) {
    return (limit.aborted ? (limit.reason as Error) : (error as Error)).message.slice(0, 300)
  } finally {
    cancel()
    connection?.destroy()
  }
}

async function limited(connecting: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  let stop = () => {}
  const over = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([connecting, over])
  } catch (error) {
    // One that comes late is of no use to anybody.
    void connecting.then(
      (connection) => connection.destroy(),
      () => {},
    )
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function ask(connection: Duplex, path: string, port: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({
      createConnection: () => connection as never,
      path,
      headers: { host: `127.0.0.1:${port}`, connection: 'close' },
      signal,
    })
    sent.once('response', (answer) => {
      answer.resume()
      answer.on('error', () => {})
      resolve(answer.statusCode ?? 0)
    })
    sent.once('error', reject)
    sent.end()
  })
}
