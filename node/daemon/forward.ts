import { codeOf } from '../../protocols/errors.js'
import { printable } from '../../protocols/text.js'
import type { ForwardEvent, ForwardRequest } from '../control/port.js'
import type { Renter } from '../renter.js'

/** Of failed connections that nobody has read yet, so many are kept. */
const MAX_WAITING = 100

/** Listens before it resolves; the events then tell where, and what fails, until the signal aborts or the job has ended. */
export async function forwardJob(
  renter: Pick<Renter, 'reach' | 'events'>,
  id: string,
  { port, localPort }: ForwardRequest,
  signal: AbortSignal,
): Promise<AsyncIterable<ForwardEvent>> {
  const waiting: ForwardEvent[] = []
  let wake = () => {}
  const tell = (event: ForwardEvent) => {
    if (waiting.length < MAX_WAITING || event.kind === 'ended') waiting.push(event)
    wake()
  }
  const forward = await renter.reach.forward(id, {
    port,
    ...(localPort === undefined ? {} : { localPort }),
    onFailure: (error) => {
      const message = printable(error instanceof Error ? error.message : String(error))
      tell({ kind: 'failed', code: codeOf(error) ?? 'CONNECTION_RESET', message })
    },
  })
  waiting.push({ kind: 'forwarding', host: forward.host, port: forward.port })
  const left = new AbortController()
  const onAbort = () => tell({ kind: 'ended' })
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const follow = async () => {
    for await (const _ of renter.events(id, {
      follow: true,
      signal: AbortSignal.any([signal, left.signal]),
    }));
    tell({ kind: 'ended' })
  }
  follow().catch(() => tell({ kind: 'ended' }))
  return (async function* () {
    try {
      for (;;) {
        const event = waiting.shift()
        if (event !== undefined) {
          yield event
          if (event.kind === 'ended') return
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      left.abort()
      await forward.close()
    }
  })()
}
