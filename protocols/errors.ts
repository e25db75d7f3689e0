/**
 * A failure: something that should have worked did not. It carries a stable code to match on (never the message),
 * typed context, the cause, and what the reader can do next. A refusal is no failure: it is a value (see Refusal).
 */
export class NightshiftError extends Error {
  readonly code: string
  /** What a person can do about it, as one sentence. */
  readonly advice: string
  readonly context: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { advice: string; context?: Record<string, unknown>; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NightshiftError'
    this.code = code
    this.advice = options.advice
    this.context = Object.freeze({ ...options.context })
  }
}

/** A normal "no": it travels on the wire, `reason` is a literal that programs match on, `detail` is for people. */
export interface Refusal<Reason extends string = string> {
  readonly refused: Reason
  readonly detail: string
}

export function isRefusal<T extends object>(value: T | Refusal): value is Refusal {
  return 'refused' in value
}

/** The code of an error of ours, or undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof NightshiftError ? error.code : undefined
}
