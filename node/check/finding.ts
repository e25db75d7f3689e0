/** One thing that was looked at. `warn` does not keep the node from running; `fail` does. */
export interface Finding {
  verdict: 'ok' | 'warn' | 'fail'
  found: string
  /** What to do about it, with a command where there is one. Only where something is to be done. */
  advice?: string
}
