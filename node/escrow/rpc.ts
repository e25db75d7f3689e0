import type { Clock } from '../../protocols/ports.js'

/** A server that takes a request and never answers counts as one that is down. */
const RPC_TIMEOUT_MS = 10_000

/** The `fetch` of every connection to a chain: none of its requests lasts longer than RPC_TIMEOUT_MS. */
export function createTimedFetch(clock: Clock): typeof fetch {
  return async (input, init) => {
    const late = new AbortController()
    const stop = clock.after(RPC_TIMEOUT_MS, () => late.abort(new Error(`no answer in ${RPC_TIMEOUT_MS} ms`)))
    try {
      const response = await fetch(input, { ...init, signal: late.signal })
      // Read here, so that the time limit holds for the body too.
      const body = await response.arrayBuffer()
      return new Response(body, response)
    } finally {
      stop()
    }
  }
}
