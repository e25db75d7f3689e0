import Docker from 'dockerode'
import { NightshiftError } from '../../../protocols/errors.js'
import type { Clock } from '../../../protocols/ports.js'

/** One container engine that answers on a local socket. */
export interface ContainerEngine {
  readonly kind: 'docker' | 'podman'
  readonly version: string
  readonly socket: string
  readonly api: Docker
  /** Gives a call so long, then ENGINE_FAILED: an engine that hangs must not hang the node. `ms` 30,000 by default. */
  ask<T>(what: string, call: (api: Docker, signal: AbortSignal) => Promise<T>, ms?: number): Promise<T>
}

const FIND_MS = 3_000
const CALL_MS = 30_000

/** The first socket on which an engine answers. Throws NO_ENGINE, which tells what each said. */
export async function findEngine(sockets: readonly string[], clock: Clock): Promise<ContainerEngine> {
  const problems: string[] = []
  for (const socket of sockets) {
    try {
      return await openEngine(socket, clock)
    } catch (error) {
      const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {}
      if (code !== 'ENOENT') problems.push(`${socket}: ${code ?? (error as Error).message}`)
    }
  }
  const said = problems.length === 0 ? 'none listens' : problems.join('; ')
  throw new NightshiftError('NO_ENGINE', `no container engine can be used: ${said}`, {
    advice: 'install Docker or Podman and let this user use its socket; `nightshift node check` tells how',
    context: { sockets: [...sockets], problems },
  })
}

/** Throws ENGINE_FAILED. */
export async function openEngine(socket: string, clock: Clock): Promise<ContainerEngine> {
  const api = new Docker({ socketPath: socket })
  const ask = <T>(what: string, call: (api: Docker, signal: AbortSignal) => Promise<T>, ms = CALL_MS) =>
    limited(clock, what, ms, (signal) => call(api, signal))
  const found = await ask('asking for its version', (engine) => engine.version(), FIND_MS)
  const components = found.Components ?? []
  const isPodman = components.some(({ Name }) => /podman/i.test(Name))
  return { kind: isPodman ? 'podman' : 'docker', version: found.Version, socket, api, ask }
}

async function limited<T>(
  clock: Clock,
  what: string,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const cancel = clock.after(ms, () => late.abort(new Error(`no answer within ${ms} ms`)))
  const expired = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => reject(late.signal.reason), { once: true })
  })
  expired.catch(() => {})
  try {
    return await Promise.race([call(late.signal), expired])
  } catch (cause) {
    if (cause instanceof NightshiftError) throw cause
    throw new NightshiftError('ENGINE_FAILED', `the container engine failed at ${what}: ${saidBy(cause)}`, {
      advice: 'look at the engine’s own log; `nightshift node check` tells whether it answers',
      context: { what, status: statusOf(cause) },
      cause,
    })
  } finally {
    cancel()
  }
}

function saidBy(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return message.replace(/\s+/g, ' ').slice(0, 500)
}

/** The HTTP status with which the engine refused; undefined when it did not answer at all. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode, context, cause } = (error ?? {}) as {
    statusCode?: number
    context?: { status?: number }
    cause?: { statusCode?: number }
  }
  return statusCode ?? context?.status ?? cause?.statusCode
}
