import { NightshiftError } from '../../protocols/errors.js'

/** A failure on its way from a child process to the daemon. */
export interface WorkerFault {
  readonly code: string
  readonly message: string
  readonly advice: string
  readonly context: Readonly<Record<string, unknown>>
}

/** An error that nobody foresaw becomes DEVICE_WORK_FAILED. */
export function describeFault(error: unknown): WorkerFault {
  if (error instanceof NightshiftError) {
    const { code, message, advice, context } = error
    return { code, message, advice, context }
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  return {
    code: 'DEVICE_WORK_FAILED',
    message: `the work failed on the device: ${message}`,
    advice: 'Run "nightshift node check"; if it persists, report the context of this error.',
    context: { stack },
  }
}

export function toError({ code, message, advice, context }: WorkerFault): NightshiftError {
  return new NightshiftError(code, message, { advice, context })
}
