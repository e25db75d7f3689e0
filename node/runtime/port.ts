import type { Duplex, Readable, Writable } from 'node:stream'
import type { JobEvent } from '../../kernels/tfjs/event.js'

/**
 * What runs jobs of one kind on this host, whatever the kind: declared models, shaders, containers. A job is prepared
 * before the time that is paid for begins, runs once, and leaves nothing behind but its outputs.
 */
export interface Runtime {
  /** As manifests and heartbeats name it. */
  readonly name: string
  /**
   * Judges a declaration before any data is asked for, as far as its inputs' names and sizes tell. Throws
   * JOB_SPEC_INVALID, LIMIT_EXCEEDED, and what the runtime's own device says to it.
   */
  check(
    declared: RuntimeJob['declared'],
    inputs: ReadonlyArray<Pick<InputFile, 'name' | 'bytes'>>,
  ): Promise<void>
  /**
   * All that must be there before the work: data in its place, the image loaded. Throws JOB_SPEC_INVALID, LIMIT_EXCEEDED,
   * IMAGE_UNUSABLE, ENGINE_FAILED; nothing is left behind then.
   */
  prepare(job: RuntimeJob, options: { signal: AbortSignal }): Promise<Run>
  /** What the system calls the processes of its jobs that run now, where they are no children of this node. */
  groups?(): readonly string[]
  /** Removes what earlier processes of this node left when they were killed. Resolves to how many things that were. */
  clean(): Promise<number>
  /** Ends what goes on in the background; called once, when no job runs any more. */
  end?(): void
}

export interface RuntimeJob {
  /** Lower-case hex; names all that is made for the job. */
  id: string
  /** The declaration, as the manifest's `job` has it. */
  declared: Readonly<Record<string, unknown>>
  inputs: readonly InputFile[]
  /** Which of this host's devices are its lease's, by their places from 0. */
  devices: readonly number[]
  /** Goes on from this; as a `checkpoint` event has brought it. */
  from?: Uint8Array
  onEvent: (event: RunEvent) => void
}

export interface InputFile {
  readonly name: string
  readonly bytes: number
  /** The whole content, from the start, each time that it is called. */
  read(): AsyncIterable<Uint8Array>
}

export interface OutputFile {
  readonly name: string
  read(): AsyncIterable<Uint8Array>
}

/** What a running job says, whatever its kind. */
export type RunEvent = JobEvent | ServiceEvent

/** How a service stands, told when it changes. What is not HEALTHY is not charged. */
export interface ServiceEvent {
  kind: 'service'
  status: 'HEALTHY' | 'UNHEALTHY' | 'RESTARTING'
  detail: string
  /** Restarts so far. */
  restarts: number
}

/** One job that is prepared. `start` is called once at most; `close` always, last. */
export interface Run {
  /**
   * Resolves when the work is done, to what it leaves; the files can be read until `close`. Throws JOB_FAILED (its own
   * fault, with the exit code), OUT_OF_MEMORY, DISK_LIMIT, OUTPUT_TOO_LARGE, WORK_ENDED (by `stop`), ENGINE_FAILED.
   */
  start(): Promise<readonly OutputFile[]>
  /** Milliseconds since the start in which it did not work for its renter: they are not charged. */
  idleMs(): number
  /** Asks the job for a checkpoint, which comes as an event. Throws NO_CHECKPOINTS when the job declares none. */
  checkpoint(): Promise<void>
  /** Stands still and keeps its memory; the owner's programs get the processors within two seconds. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends the work: a polite signal, then, after the declared grace or `mostGraceMs`, the end of all its processes. */
  stop(mostGraceMs?: number): Promise<void>
  /** Removes all that was made for the job; never throws. */
  close(): Promise<void>
  /** It has no end of its own: `stop` ends it in order, and `start` then resolves to what it leaves. */
  readonly isService?: boolean
  /**
   * A connection to a port that the job declared; each direction may end before the other. Throws PORT_NOT_EXPOSED,
   * PORT_REFUSED, NOT_RUNNING, TOO_MANY_CONNECTIONS. Missing: jobs of this kind have no ports.
   */
  connect?(port: number): Promise<Duplex>
  /**
   * Runs a program beside the job, as confined as the job. Throws EXEC_NOT_ALLOWED, NOT_RUNNING, EXEC_FAILED. Missing: jobs
   * of this kind run no programs.
   */
  exec?(command: readonly string[], options: ExecOptions): Promise<Execution>
}

export interface ExecOptions {
  /** With a terminal of this size all output comes on `output`. */
  terminal?: TerminalSize
}

export interface TerminalSize {
  rows: number
  columns: number
}

/** A program that runs beside a job. Whoever destroys `input` leaves it; a terminal's programs then get a hang-up. */
export interface Execution {
  readonly input: Writable
  readonly output: Readable
  readonly errors: Readable
  /** The exit code, when it has ended. */
  readonly ended: Promise<number>
  resize(size: TerminalSize): Promise<void>
  /** Gives it up. */
  close(): void
}
