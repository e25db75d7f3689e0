import type { Duplex } from 'node:stream'
import type { Container } from 'dockerode'
import { NightshiftError } from '../../../protocols/errors.js'
import type { Clock, Log } from '../../../protocols/ports.js'
import type { ExecOptions, Execution, OutputFile, Run, RunEvent } from '../port.js'
import { explainCards } from './cards.js'
import { watchDisk } from './disk.js'
import { type ContainerEngine, statusOf } from './engine.js'
import { execute } from './exec.js'
import { createIdleMeter } from './idle.js'
import { createLineWriter } from './output.js'
import { findFreedoms } from './process.js'
import type { Relay } from './relay.js'
import { createService, type Service } from './service.js'
import { type ContainerSpec, isService } from './spec.js'
import type { Vessel } from './vessel.js'
import { listOutputs, readFolder } from './volume.js'

const SETTLE_MS = 100
/** After the streams have ended the process is gone, or its engine does not know it yet. */
const MAX_SETTLES = 100
const KILLED_BY_SIGKILL = 137
const MEMORY_CGROUP_HINT = 'the limit is `memory` plus `tmp` of the manifest’s `job`'

/** What ended a run before its program did. */
type Ending = 'stopped' | 'disk' | 'unconfined' | 'unreachable'

export interface RunParts {
  engine: ContainerEngine
  vessel: Vessel
  spec: ContainerSpec
  volume: { name: string; mountpoint: string }
  /** The way to the ports of a service. */
  relay?: Relay
  clock: Clock
  log: Log
  logLinesPerSecond: number
  onEvent: (event: RunEvent) => void
  /** Removes all that was made for the job. */
  remove: () => Promise<void>
}

/** A container that was made and filled, from its start to its removal. */
export function createRun(parts: RunParts): Run {
  const { engine, vessel, spec, volume, relay, clock, log, onEvent, remove } = parts
  const { id } = vessel
  const container = () => engine.api.getContainer(id())
  const undo: Array<() => void> = []
  let ending: Ending | undefined
  let because = ''
  let { grace } = spec
  let isRunning = false
  const idle = createIdleMeter(clock)
  /** Aborts when the run is to end: nothing is started again. */
  const over = new AbortController()
  const service = createServiceOf()
  let lastCheckpoint = ''
  let checkpoints = 0
  let isCheckpointing = false
  let looking: Promise<void> = Promise.resolve()

  const signal = async (name: string) => {
    try {
      await engine.ask(`sending ${name}`, () => container().kill({ signal: name }))
    } catch (error) {
      // It has ended meanwhile.
      if (![404, 409, 500].includes(statusOf(error) ?? 0)) throw error
    }
  }
  /** The first reason counts. Before the program runs it is only noted, and acted upon when it does. */
  const end = async (reason: Ending, detail = '') => {
    if (ending !== undefined) return
    ending = reason
    because = detail
    over.abort()
    if (isRunning) await kill(reason === 'stopped')
  }
  const kill = async (isPolite: boolean) => {
    // A process that stands still hears no signal.
    await engine.ask('resuming', () => container().unpause()).catch(() => {})
    if (!isPolite) return signal('SIGKILL')
    undo.push(clock.after(grace, () => void signal('SIGKILL').catch((error) => warn('kill', error))))
    await signal('SIGTERM')
  }
  const warn = (what: string, error: unknown) => {
    log.warn(`${what} of a container failed`, { container: id(), error: String(error) })
  }

  /** A new checkpoint is told once; one that is being written has a name that ends in .partial. */
  const lookForCheckpoint = () => {
    looking = looking
      .then(async () => {
        const bytes = await readFolder(engine, id(), 'checkpoint', spec.checkpoint!.size)
        if (bytes === undefined) return
        const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString(
          'hex',
        )
        if (digest === lastCheckpoint) return
        lastCheckpoint = digest
        onEvent({ kind: 'checkpoint', step: ++checkpoints, bytes })
      })
      .catch((error) => warn('reading a checkpoint', error))
    return looking
  }
  const checkpoint = async () => {
    const { checkpoint: declared } = spec
    if (declared === undefined) {
      throw new NightshiftError('NO_CHECKPOINTS', 'the job writes no checkpoints', {
        advice: 'declare `checkpoint` in the manifest’s `job`',
      })
    }
    if (declared.signal !== undefined) {
      await signal(declared.signal)
      await clock.sleep(Math.min(SETTLE_MS * 10, declared.every / 2))
    }
    await lookForCheckpoint()
  }
  /** A look that takes longer than the time between two is not followed by a queue of others. */
  const checkpointInTurn = () => {
    if (isCheckpointing) return
    isCheckpointing = true
    void checkpoint()
      .catch((error) => warn('checkpoint', error))
      .finally(() => {
        isCheckpointing = false
      })
  }

  function createServiceOf(): Service | undefined {
    const { expose } = spec
    if (expose === undefined || relay === undefined) return undefined
    void relay.ended.then(() => end('unreachable').catch((error) => warn('ending', error)))
    return createService({
      spec: { ...spec, expose },
      connect: relay.connect,
      clock,
      onEvent,
      onHealth: (isHealthy) => idle.set('unhealthy', !isHealthy),
      unpaidMs: () => idle.ms(),
      end: () => void kill(true).catch((error) => warn('ending', error)),
    })
  }

  async function start(): Promise<readonly OutputFile[]> {
    if (ending !== undefined) throw endedEarly()
    let state = await runOnce()
    while (ending === undefined && (await service?.again({ code: state.ExitCode, signal: over.signal }))) {
      await looking
      await vessel.remake()
      state = await runOnce()
    }
    await looking
    judge(state)
    return listOutputs(engine, id(), spec.output)
  }

  async function runOnce(): Promise<Awaited<ReturnType<typeof settle>>> {
    const { ended } = await attach()
    await engine
      .ask('starting the container', () => container().start())
      .catch((error) => Promise.reject(explainCards(spec, error)))
    isRunning = true
    if (ending !== undefined) await kill(ending === 'stopped')
    watch()
    service?.began()
    await checkConfinement()
    await ended
    const state = await settle()
    isRunning = false
    release()
    return state
  }

  /** Before the start, so that no line is lost. `ended` resolves with the end of both streams. */
  async function attach(): Promise<{ ended: Promise<void> }> {
    const writer = createLineWriter({
      clock,
      linesPerSecond: parts.logLinesPerSecond,
      onLine: (line) => onEvent({ kind: 'log', line }),
    })
    const streams = await engine.ask('attaching to the container', () =>
      container().attach({ stream: true, stdout: true, stderr: true }),
    )
    engine.api.modem.demuxStream(streams, writer.out, writer.errors)
    undo.push(() => (streams as unknown as { destroy(): void }).destroy())
    const ended = new Promise<void>((resolve) => {
      const over = () => {
        writer.end()
        resolve()
      }
      for (const event of ['end', 'close', 'error']) streams.once(event, over)
    })
    return { ended }
  }

  function watch(): void {
    const disk = watchDisk({
      engine,
      volume: volume.name,
      mountpoint: volume.mountpoint,
      maxBytes: spec.disk,
      clock,
      log,
      onOver: (detail) => void end('disk', detail),
    })
    undo.push(disk.stop)
    if (spec.checkpoint !== undefined) {
      undo.push(clock.every(spec.checkpoint.every, checkpointInTurn))
    }
  }

  async function checkConfinement(): Promise<void> {
    const { State } = await engine.ask('reading the container', () => container().inspect())
    if (!State.Running || State.Pid <= 0) return
    const freedoms = await findFreedoms(State.Pid, id())
    if (freedoms === undefined)
      return log.debug('the confinement cannot be seen from here', { container: id() })
    if (freedoms.length > 0) await end('unconfined', freedoms.join('; '))
  }

  /** The streams end when the program does, or when it closes them: only the engine knows which. */
  async function settle(): Promise<Awaited<ReturnType<Container['inspect']>>['State']> {
    for (let looks = 0; ; looks++) {
      const { State } = await engine.ask('reading the container', () => container().inspect())
      if (!State.Running && State.Status !== 'stopping') return State
      // A program that has closed its streams and goes on is waited for as long as it runs.
      await clock.sleep(looks < MAX_SETTLES ? SETTLE_MS : SETTLE_MS * 10)
    }
  }

  function judge({
    ExitCode,
    OOMKilled,
    Error: fault,
  }: {
    ExitCode: number
    OOMKilled: boolean
    Error: string
  }) {
    if (ending === 'stopped') {
      if (isService(spec)) return
      throw endedEarly()
    }
    if (ending === 'unreachable') {
      throw failure(
        'ENGINE_FAILED',
        'the way to the ports of the job is gone',
        'look at the engine’s own log',
      )
    }
    const gaveUp = service?.failure()
    if (gaveUp !== undefined) throw gaveUp
    if (ending === 'disk')
      throw failure('DISK_LIMIT', `the job was ended: ${because}`, 'raise `disk`, or write less')
    if (ending === 'unconfined') {
      throw failure(
        'UNCONFINED',
        `the engine did not confine the job: ${because}`,
        'update the container engine',
      )
    }
    if (ExitCode === 0) return
    // Podman 4 never says so; nobody else kills a job with this signal.
    if (OOMKilled || ExitCode === KILLED_BY_SIGKILL) {
      throw failure(
        'OUT_OF_MEMORY',
        `the kernel ended the job for its memory, or it ended itself`,
        MEMORY_CGROUP_HINT,
      )
    }
    const detail = fault === '' ? '' : `: ${fault.slice(0, 300)}`
    throw failure('JOB_FAILED', `the program ended with exit code ${ExitCode}${detail}`, 'its log says why')
  }

  function release(): void {
    service?.stop()
    for (const act of undo.splice(0)) act()
  }

  async function connect(port: number): Promise<Duplex> {
    if (relay === undefined || spec.expose?.includes(port) !== true) {
      const declared = spec.expose?.join(', ') ?? 'none'
      throw failure(
        'PORT_NOT_EXPOSED',
        `port ${port} is not exposed; exposed: ${declared}`,
        'name it in `expose`',
      )
    }
    if (!isRunning) throw notRunning()
    return relay.connect(port)
  }

  async function exec(command: readonly string[], options: ExecOptions): Promise<Execution> {
    if (!spec.exec) {
      const advice = 'declare `exec: true` in the manifest’s service before it is posted'
      throw failure('EXEC_NOT_ALLOWED', 'the order does not allow programs beside the job', advice)
    }
    if (!isRunning) throw notRunning()
    return execute({ engine, container: id(), clock }, command, options)
  }

  return {
    start,
    idleMs: () => idle.ms(),
    checkpoint,
    pause: async () => {
      service?.hold(true)
      await engine.ask('pausing', () => container().pause())
      idle.set('paused', true)
    },
    resume: async () => {
      await engine.ask('resuming', () => container().unpause())
      idle.set('paused', false)
      service?.hold(false)
    },
    isService: isService(spec),
    connect,
    exec,
    stop: (mostGraceMs = grace) => {
      grace = Math.min(grace, mostGraceMs)
      return end('stopped')
    },
    close: async () => {
      isRunning = false
      over.abort()
      release()
      await looking
      await remove()
    },
  }
}

function notRunning(): NightshiftError {
  return failure(
    'NOT_RUNNING',
    'the job does not run at the moment',
    'wait until it is healthy and try again',
  )
}

function endedEarly(): NightshiftError {
  return failure('WORK_ENDED', 'the work was ended', 'it was asked to')
}

function failure(code: string, message: string, advice: string): NightshiftError {
  return new NightshiftError(code, message, { advice })
}
