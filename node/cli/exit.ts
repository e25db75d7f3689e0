/** The exit codes of every command; `nightshift --help` lists them. */
export const EXIT = {
  OK: 0,
  /** It was tried and did not work: a job failed, a node cannot be reached, a check found something. */
  FAILED: 1,
  /** The command line, the configuration or the manifest is wrong: nothing was tried. */
  USAGE: 2,
} as const

/** 128 and the number of the signal, as shells do. A second signal ends the process at once with the same code. */
export const SIGNAL_EXIT: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
}

/** The reason that the shell's signal aborts with. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.name = 'Interrupted'
    this.exitCode = exitCode
  }
}
