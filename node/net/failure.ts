import { NightshiftError } from '../../protocols/errors.js'
import type { WireRefusal } from './frame.js'

/** What a session can die of, and what to do about each. The peer learns the code where there is one to tell. */
const ADVICE = {
  PEER_UNREACHABLE:
    'Check that the peer runs and that its address can be reached from here; try again later.',
  PROTOCOL_UNSUPPORTED:
    'The peer runs another version or another role; ask a peer that offers this protocol.',
  PEER_GONE: 'The connection broke off; open a new session to the peer, or turn to another one.',
  PEER_RESET: 'The peer broke the session off without a reason; try again, or turn to another peer.',
  PEER_REFUSED: 'See `context.reason` for the code the peer gave; wait before asking again if it is a quota.',
  PEER_SILENT: 'The peer ended the session without an answer; turn to another peer.',
  PEER_STALLED: 'The peer did not go on in time; try again, or turn to another peer.',
  SESSION_TIMEOUT: 'The session outlived its limit; split the work into several sessions.',
  SESSION_CANCELLED: 'The session was cancelled on this side; nothing needs to be done.',
  SESSION_CLOSED: 'The session has ended on this side; open a new one.',
  FRAME_MALFORMED: 'The peer does not speak this protocol correctly; turn to another peer.',
  FRAME_TOO_LARGE: 'The peer sent more than the protocol allows; turn to another peer.',
  FRAME_TRUNCATED: 'The peer left in the middle of a message; open a new session and start again.',
  MESSAGE_UNDECODABLE: 'The peer sent bytes that are no message of this protocol; turn to another peer.',
  MESSAGE_TOO_LARGE: 'Send less at once: split the message, or use a transfer in chunks.',
  QUOTA_EXCEEDED: 'The peer asks more often than its quota allows; it should wait.',
  HANDLER_FAILED: 'See the cause; the peer was told only that the handler failed.',
  NETWORK_STOPPED: 'This node is shutting down; start it again.',
} as const

export type SessionCode = keyof typeof ADVICE

export function failure(
  code: SessionCode,
  message: string,
  context: Record<string, unknown> = {},
  cause?: unknown,
): NightshiftError {
  return new NightshiftError(code, message, { advice: ADVICE[code], context, cause })
}

export function refusedByPeer(word: string, peer: string, refusal: WireRefusal): NightshiftError {
  const detail = refusal.detail === '' ? '' : `: ${refusal.detail}`
  return failure('PEER_REFUSED', `the peer broke off ${word} with ${refusal.code}${detail}`, {
    word,
    peer,
    reason: refusal.code,
  })
}

/** The code that the peer gave, when `error` is its refusal. */
export function refusalReason(error: unknown): string | undefined {
  if (!(error instanceof NightshiftError) || error.code !== 'PEER_REFUSED') return undefined
  return String(error.context.reason)
}
