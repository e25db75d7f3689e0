import type { Duplex } from 'node:stream'
import { NightshiftError } from '../../../protocols/errors.js'
import type { Clock } from '../../../protocols/ports.js'
import type { ServiceEvent } from '../port.js'
import { type HealthWatch, watchHealth } from './health.js'
import type { ContainerSpec } from './spec.js'

/** A service from its first start to its last end: how it stands, and whether it is started again. */
export interface Service {
  /** Its program was started, the first time or again. */
  began(): void
  /** Its program has ended. Resolves to whether it is to be started again, after the wait before that. */
  again(exit: { code: number; signal: AbortSignal }): Promise<boolean>
  /** Looks no further after it. */
  stop(): void
  /** It stands still, or goes on. */
  hold(isHeld: boolean): void
  /** Why it was given up. */
  failure(): NightshiftError | undefined
}

const LONGEST_BACKOFF_MS = 60_000
/** Healthy for so long it has recovered: earlier restarts are forgiven. */
const RECOVERED_MS = 600_000
/**
 * What is not healthy is not paid for, and the device is not free for others meanwhile: no provider gives more of that away
 * than this in one lease.
 */
const MAX_UNPAID_MS = 600_000
const UNPAID_CHECK_MS = 5_000

export function createService(parts: {
  spec: ContainerSpec & { expose: number[] }
  connect: (port: number) => Promise<Duplex>
  clock: Clock
  onEvent: (event: ServiceEvent) => void
  /** Whether it may be charged for. */
  onHealth: (isHealthy: boolean) => void
  /** So long it was not healthy, milliseconds. */
  unpaidMs: () => number
  /** Ends the program, which is not healthy. */
  end: () => void
}): Service {
  const { spec, connect, clock, onEvent, onHealth, unpaidMs, end } = parts
  const { policy, max, backoff } = spec.restart
  let watch: HealthWatch | undefined
  let cancelCheck = () => {}
  let restarts = 0
  let inRow = 0
  let healthySince: number | undefined
  let unhealthyBecause: string | undefined
  let isHeld = false
  let gaveUp: NightshiftError | undefined

  const tell = (status: ServiceEvent['status'], detail: string) =>
    onEvent({ kind: 'service', status, detail, restarts })
  const giveUp = (why: string) => {
    gaveUp ??= new NightshiftError('SERVICE_UNHEALTHY', `the service was given up: ${why}`, {
      advice: 'its log says why; `health` and `restart` of the manifest say what is waited for',
    })
  }
  const stop = () => {
    watch?.stop()
    watch = undefined
    cancelCheck()
  }
  const onChange = (isHealthy: boolean, detail: string) => {
    onHealth(isHealthy)
    healthySince = isHealthy ? clock.elapsed() : undefined
    tell(isHealthy ? 'HEALTHY' : 'UNHEALTHY', detail)
    if (isHealthy) return
    unhealthyBecause = detail
    end()
  }
  const isFailed = (code: number) => code !== 0 || unhealthyBecause !== undefined

  return {
    began: () => {
      unhealthyBecause = undefined
      healthySince = undefined
      onHealth(false)
      const port = spec.health.port ?? spec.expose[0]!
      watch = watchHealth({ health: spec.health, port, connect, clock, isHeld: () => isHeld, onChange })
      cancelCheck = clock.every(UNPAID_CHECK_MS, () => {
        if (unpaidMs() <= MAX_UNPAID_MS) return
        giveUp(`it was not healthy for ${MAX_UNPAID_MS / 60_000} minutes in all`)
        end()
      })
    },
    again: async ({ code, signal }) => {
      stop()
      onHealth(false)
      if (healthySince !== undefined && clock.elapsed() - healthySince > RECOVERED_MS) inRow = 0
      const why = unhealthyBecause ?? `the program ended with exit code ${code}`
      const isWanted = policy === 'always' || (policy === 'on-failure' && isFailed(code))
      if (gaveUp !== undefined) return false
      if (!isWanted || inRow >= max) {
        if (unhealthyBecause !== undefined) giveUp(`${why}, after ${restarts} restarts`)
        return false
      }
      const wait = Math.min(LONGEST_BACKOFF_MS, backoff * 2 ** inRow)
      inRow++
      restarts++
      tell('RESTARTING', `${why}; again in ${wait / 1000} s`)
      return clock.sleep(wait, signal).then(
        () => true,
        () => false,
      )
    },
    stop,
    hold: (held) => {
      isHeld = held
    },
    failure: () => gaveUp,
  }
}
