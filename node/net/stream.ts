import { type Connection, type Stream, StreamResetError } from '@libp2p/interface'
import type { Quota } from '../../protocols/descriptor.js'
import { codeOf, type NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { failure, refusedByPeer } from './failure.js'
import { encodeFrame, FrameKind, FrameReader } from './frame.js'
import type { Metrics } from './metrics.js'
import type { ConnectionInfo, Session } from './session.js'
import { Shaper } from './shaper.js'
import { Wakeup } from './wakeup.js'

/**
 * A session over one libp2p stream. All that libp2p's streams leave to their users is here: cutting into frames,
 * back-pressure both ways, time-outs, and one way to end.
 *
 * Back-pressure, sending: `stream.send` queues without limit, so `send` waits until what is queued is small again, on
 * events of its own (`stream.onDrain` resolves at once for ever after its first drain).
 * Back-pressure, receiving: above HIGH_WATER_BYTES of unread frames the stream is paused and yamux gives no more window.
 * The pause is deferred by a microtask, because `resume` hands out stored data before it re-opens the window: a pause
 * inside that hand-out would be overwritten and the stream would be reset when its buffer overflows.
 */
const HIGH_WATER_BYTES = 256 * 1024
const LOW_WATER_BYTES = 64 * 1024
/** How long `close` waits for the peer to end its side before it breaks the stream off. */
const LINGER_MS = 5_000
/** What came whole before the peer was lost is still handed out: a transfer goes on from it later. */
const LOST: ReadonlySet<string> = new Set(['PEER_GONE', 'FRAME_TRUNCATED'])

export interface SessionInit<Out, In> {
  stream: Stream
  connection: Connection
  word: string
  direction: 'inbound' | 'outbound'
  encode: (message: Out) => Uint8Array
  decode: (bytes: Uint8Array) => In
  maxOutBytes: number
  maxInBytes: number
  idleTimeoutMs: number
  frameTimeoutMs?: number
  totalTimeoutMs?: number
  quota: Quota
  clock: Clock
  metrics: Metrics
  signal?: AbortSignal
  /** Tells the peer a code and closes the stream after that. */
  dismiss: (stream: Stream, code: string) => void
  /** Called once, when nothing of the session is left. */
  onReleased?: () => void
}

export class StreamSession<Out, In> implements Session<Out, In> {
  readonly word: string
  readonly direction: 'inbound' | 'outbound'
  readonly peer: string
  readonly connection: ConnectionInfo

  readonly #init: SessionInit<Out, In>
  readonly #stream: Stream
  readonly #clock: Clock
  readonly #frames: FrameReader
  readonly #abort = new AbortController()
  readonly #shaper: Shaper
  readonly #undo: (() => void)[] = []
  readonly #openedMs: number
  /** Rung at every event that a waiting `send`, `receive` or `close` may wait for. */
  readonly #wakeup: Wakeup
  #failed: NightshiftError | undefined
  #outputEnded = false
  #released = false
  #frameBeganMs = 0
  #sending = false
  #receiving = false
  #isLingering = false

  constructor(init: SessionInit<Out, In>) {
    this.#init = init
    this.#stream = init.stream
    this.#clock = init.clock
    this.#frames = new FrameReader(init.maxInBytes)
    this.#openedMs = init.clock.elapsed()
    this.word = init.word
    this.direction = init.direction
    this.peer = init.connection.remotePeer.toString()
    this.connection = {
      id: init.connection.id,
      remoteAddress: init.connection.remoteAddr.toString(),
      direction: init.connection.direction,
    }
    this.#shaper = new Shaper(init.quota, init.clock)
    this.#wakeup = new Wakeup(init.clock)
    init.metrics.opened(this.word, this.direction)
    this.#watchStream()
    this.#watchTime()
    this.#watchSignal()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** How the session stands: undefined while it is open or when it ended in order, else what it failed of. */
  get failed(): NightshiftError | undefined {
    return this.#failed
  }

  get released(): boolean {
    return this.#released
  }

  async send(message: Out): Promise<void> {
    this.#throwIfUnwritable()
    if (this.#sending) throw new TypeError('send was called before the last send had resolved')
    const body = this.#init.encode(message)
    if (body.byteLength > this.#init.maxOutBytes) {
      throw failure(
        'MESSAGE_TOO_LARGE',
        `a message of ${body.byteLength} bytes, ${this.word} allows ${this.#init.maxOutBytes}`,
        { word: this.word, peer: this.peer },
      )
    }
    this.#sending = true
    try {
      this.#write(FrameKind.message, body)
      await this.#roomToSend()
    } finally {
      this.#sending = false
    }
  }

  async receive(): Promise<In | undefined> {
    if (this.#receiving) throw new TypeError('receive was called before the last receive had resolved')
    this.#receiving = true
    try {
      const frame = await this.#nextFrame()
      if (frame === undefined) return undefined
      this.#init.metrics.frame(this.word, 'received', frame.frameBytes)
      await this.#shaper.admit(frame.frameBytes, this.signal)
      if (this.#failed !== undefined && !LOST.has(this.#failed.code)) throw this.#failed
      return this.#decode(frame.body)
    } finally {
      this.#receiving = false
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) {
      yield message
    }
  }

  async end(): Promise<void> {
    if (this.#outputEnded) return
    this.#throwIfUnwritable()
    this.#write(FrameKind.end, new Uint8Array())
    this.#outputEnded = true
    await this.#closeOutput()
    this.#lingerWhenBothEnded()
  }

  async close(): Promise<void> {
    if (this.#failed !== undefined || this.#released) return
    await this.end().catch(() => {})
    const deadlineMs = this.#clock.elapsed() + Math.min(LINGER_MS, this.#init.idleTimeoutMs)
    while (!this.#released) {
      this.#frames.discard()
      this.#resumeStream()
      if (!(await this.#wakeup.until(deadlineMs))) break
    }
    this.#breakOff()
  }

  abort(error: Error): void {
    const code = codeOf(error) ?? 'SESSION_CANCELLED'
    const failed =
      codeOf(error) === undefined ? failure('SESSION_CANCELLED', error.message, this.#facts(), error) : error
    this.#fail(failed as NightshiftError, code)
  }

  // Sending

  #write(kind: number, body: Uint8Array): void {
    const frame = encodeFrame(kind, body)
    try {
      this.#stream.send(frame)
    } catch (cause) {
      throw this.#failUnlessOver('PEER_GONE', 'the stream takes no more data', cause)
    }
    this.#init.metrics.frame(this.word, 'sent', frame.byteLength)
  }

  /** How long the peer may hold up a frame that has begun, in either direction. */
  get #frameTimeoutMs(): number {
    return Math.min(this.#init.idleTimeoutMs, this.#init.frameTimeoutMs ?? this.#init.idleTimeoutMs)
  }

  async #roomToSend(): Promise<void> {
    const deadlineMs = this.#clock.elapsed() + this.#frameTimeoutMs
    while (this.#stream.writeBufferLength > HIGH_WATER_BYTES) {
      if (this.#failed !== undefined) throw this.#failed
      if (this.#stream.status !== 'open') throw this.#failUnlessOver('PEER_GONE', 'the stream closed')
      if (!(await this.#wakeup.until(deadlineMs))) throw this.#stalled('did not take more data')
    }
    if (this.#failed !== undefined) throw this.#failed
  }

  #throwIfUnwritable(): void {
    if (this.#failed !== undefined) throw this.#failed
    if (this.#outputEnded || this.#released) {
      throw failure('SESSION_CLOSED', `${this.word} was already ended on this side`, this.#facts())
    }
  }

  /** Ends our half of the stream, once all that was sent has left. */
  async #closeOutput(): Promise<void> {
    const late = new AbortController()
    const cancelTimer = this.#clock.after(this.#frameTimeoutMs, () => late.abort())
    try {
      await this.#stream.close({ signal: late.signal })
    } catch (cause) {
      if (late.signal.aborted) throw this.#stalled('did not take the rest of the data')
      throw this.#failUnlessOver('PEER_GONE', 'the stream closed', cause)
    } finally {
      cancelTimer()
    }
  }

  // Receiving

  async #nextFrame(): Promise<{ body: Uint8Array; frameBytes: number } | undefined> {
    const beganMs = this.#clock.elapsed()
    for (;;) {
      const { failed } = this
      if (failed !== undefined && !LOST.has(failed.code)) throw failed
      const frame = this.#frames.take()
      if (this.#frames.bufferedBytes < LOW_WATER_BYTES || this.#frames.ready === 0) this.#resumeStream()
      if (frame !== undefined) return frame
      if (this.#frames.ready > 0) continue
      if (this.#failed !== undefined) throw this.#failed
      if (this.#frames.ended) return undefined
      if (!(await this.#wakeup.until(this.#receiveDeadline(beganMs))))
        throw this.#stalled('sent no whole message')
    }
  }

  #receiveDeadline(beganMs: number): number {
    const idleMs = beganMs + this.#init.idleTimeoutMs
    if (!this.#frames.isPartial) return idleMs
    return Math.min(idleMs, Math.max(beganMs, this.#frameBeganMs) + this.#frameTimeoutMs)
  }

  #decode(body: Uint8Array): In {
    try {
      return this.#init.decode(body)
    } catch (cause) {
      throw this.#fail(
        failure(
          'MESSAGE_UNDECODABLE',
          `${this.peer} sent what is no ${this.word} message`,
          this.#facts(),
          cause,
        ),
        'MESSAGE_UNDECODABLE',
      )
    }
  }

  #resumeStream(): void {
    if (this.#stream.readStatus !== 'paused') return
    try {
      this.#stream.resume()
    } catch (error) {
      // what was stored has been handed out by now; the window cannot be re-opened on a connection that is gone
      if (this.#stream.status === 'open') throw error
    }
  }

  #pauseWhenFull(): void {
    const isFull = () => this.#frames.ready > 0 && this.#frames.bufferedBytes >= HIGH_WATER_BYTES
    if (!isFull()) return
    queueMicrotask(() => {
      if (isFull() && this.#stream.readStatus === 'readable') this.#stream.pause()
    })
  }

  // Events of the stream

  #watchStream(): void {
    const stream = this.#stream
    const onMessage = (event: { data: Uint8Array | Iterable<Uint8Array> }) =>
      this.#onBytes(event.data as Uint8Array)
    const onInputClosed = () => this.#onInputClosed()
    const onClose = (event: { error?: Error }) => this.#onClose(event.error)
    const onRoom = () => queueMicrotask(() => this.#wakeup.all())
    stream.addEventListener('message', onMessage)
    stream.addEventListener('remoteCloseWrite', onInputClosed)
    stream.addEventListener('close', onClose)
    stream.addEventListener('drain', onRoom)
    stream.addEventListener('idle', onRoom)
    this.#undo.push(() => {
      stream.removeEventListener('message', onMessage)
      stream.removeEventListener('remoteCloseWrite', onInputClosed)
      stream.removeEventListener('close', onClose)
      stream.removeEventListener('drain', onRoom)
      stream.removeEventListener('idle', onRoom)
    })
    queueMicrotask(() => this.#catchUpWithEnd())
  }

  /** The peer may have sent, ended or reset before we listened; stored data comes in a microtask of its own first. */
  #catchUpWithEnd(): void {
    const { status, remoteWriteStatus } = this.#stream
    if (status === 'reset' || status === 'aborted') this.#onClose(new StreamResetError())
    else if (status === 'closed') this.#onClose(undefined)
    else if (remoteWriteStatus === 'closed') this.#onInputClosed()
  }

  #onBytes(data: Uint8Array): void {
    if (this.#failed !== undefined || this.#released) return
    const wasPartial = this.#frames.isPartial
    const readyBefore = this.#frames.ready
    this.#frames.push(data)
    if (this.#frames.isPartial && (!wasPartial || this.#frames.ready > readyBefore)) {
      this.#frameBeganMs = this.#clock.elapsed()
    }
    const { fault, refusal } = this.#frames
    if (fault !== undefined) {
      this.#fail(failure(fault.code, `${this.peer} sent ${fault.detail}`, this.#facts()), fault.code)
    } else if (refusal !== undefined) {
      this.#fail(refusedByPeer(this.word, this.peer, refusal))
    } else {
      this.#pauseWhenFull()
      this.#catchUpWithEnd()
      this.#lingerWhenBothEnded()
      this.#wakeup.all()
    }
  }

  /** The stream's end without END before it: the peer left, or its node closed the stream on shutdown. */
  #onInputClosed(): void {
    if (this.#stream.readBufferLength > 0 || this.#frames.ended) return
    const code = this.#frames.isPartial ? 'FRAME_TRUNCATED' : 'PEER_GONE'
    this.#failUnlessOver(code, 'the peer closed the stream without ending the session')
  }

  #onClose(error: Error | undefined): void {
    if (error !== undefined) {
      const isReset = error.name === 'StreamResetError'
      this.#failUnlessOver(isReset ? 'PEER_RESET' : 'PEER_GONE', 'the stream broke off', error)
    } else if (this.#frames.ended) {
      // what the peer ended in order can still be read, even where our own side has nowhere to go any more
      this.#finish(this.#outputEnded ? undefined : 'PEER_GONE')
    } else if (this.#stream.readBufferLength === 0) {
      this.#failUnlessOver('PEER_GONE', 'the connection closed')
    }
  }

  // Time and cancellation

  #watchTime(): void {
    const { totalTimeoutMs } = this.#init
    if (totalTimeoutMs === undefined) return
    const onTimeout = () =>
      this.#fail(
        failure(
          'SESSION_TIMEOUT',
          `${this.word} with ${this.peer} took over ${totalTimeoutMs} ms`,
          this.#facts(),
        ),
        'SESSION_TIMEOUT',
      )
    this.#undo.push(this.#clock.after(totalTimeoutMs, onTimeout))
  }

  /** Both sides have ended; a peer that never closes its stream must not keep ours. */
  #lingerWhenBothEnded(): void {
    if (this.#isLingering || this.#released || !this.#outputEnded || !this.#frames.ended) return
    this.#isLingering = true
    this.#undo.push(this.#clock.after(LINGER_MS, () => this.#breakOff()))
  }

  #watchSignal(): void {
    const { signal } = this.#init
    if (signal === undefined) return
    const onAbort = () =>
      this.#fail(
        failure(
          'SESSION_CANCELLED',
          `${this.word} with ${this.peer} was cancelled`,
          this.#facts(),
          signal.reason,
        ),
        'SESSION_CANCELLED',
      )
    if (signal.aborted) queueMicrotask(onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#undo.push(() => signal.removeEventListener('abort', onAbort))
  }

  // Ends

  #stalled(what: string): NightshiftError {
    const message = `${this.peer} ${what} in time (${this.word})`
    return this.#fail(failure('PEER_STALLED', message, this.#facts()), 'PEER_STALLED')
  }

  #failUnlessOver(
    code: 'PEER_GONE' | 'PEER_RESET' | 'FRAME_TRUNCATED',
    why: string,
    cause?: unknown,
  ): NightshiftError {
    return this.#fail(failure(code, `${this.word} with ${this.peer}: ${why}`, this.#facts(), cause))
  }

  /** The first failure counts. The peer is told `tell`, as far as the stream still takes anything, and then reset. */
  #fail(error: NightshiftError, tell?: string): NightshiftError {
    if (this.#failed !== undefined) return this.#failed
    this.#failed = error
    const canTell = tell !== undefined && !this.#outputEnded && this.#stream.status === 'open'
    if (canTell && !this.#released) this.#init.dismiss(this.#stream, tell)
    if (!this.#released) this.#finish(error.code, canTell)
    if (!this.#abort.signal.aborted) this.#abort.abort(error)
    return error
  }

  /** The waiting for an end in order is over. */
  #breakOff(): void {
    if (!this.#released) this.#finish(this.#frames.ended && this.#outputEnded ? undefined : 'SESSION_CLOSED')
  }

  /** Releases everything; without a code the session ended in order. */
  #finish(code: string | undefined, isDismissed = false): void {
    if (this.#released) return
    this.#released = true
    for (const undo of this.#undo) undo()
    if (this.#stream.status === 'open' && !isDismissed) this.#stream.abort(new Error(code ?? 'ended'))
    const durationMs = this.#clock.elapsed() - this.#openedMs
    this.#init.metrics.closed({
      word: this.word,
      direction: this.direction,
      outcome: code ?? 'ok',
      durationMs,
    })
    this.#wakeup.all()
    this.#init.onReleased?.()
  }

  #facts(): Record<string, unknown> {
    return { word: this.word, peer: this.peer, direction: this.direction }
  }
}
