import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../protocols/ports.js'
import { encodeRefusal } from './frame.js'

/** How long a peer has to read a refusal before its stream is reset. */
const LINGER_MS = 2_000

/**
 * Tells the peer why its stream ends, and resets the stream once the peer has closed it, or after a moment. A reset at
 * once would overtake the refusal: the peer may still be negotiating the protocol, and then sees nothing but the reset.
 * Resolves when the stream is closed.
 */
export function dismiss(stream: Stream, code: string, detail: string, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const reset = () => {
      cancelTimer()
      stream.removeEventListener('close', reset)
      stream.abort(new Error(code))
      resolve()
    }
    const cancelTimer = clock.after(LINGER_MS, reset)
    stream.addEventListener('close', reset)
    try {
      stream.send(encodeRefusal(code, detail))
      // what still arrives is thrown away instead of stored
      stream.closeRead().catch(reset)
    } catch {
      reset()
    }
  })
}
