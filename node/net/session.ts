/** One conversation with one peer over one protocol: typed messages in both directions, one at a time. */
export interface Session<Out, In> {
  readonly word: string
  readonly direction: 'inbound' | 'outbound'
  readonly connection: ConnectionInfo
  /** The other side, as its base58 peer id. */
  readonly peer: string
  /** Aborts, with the error as reason, when the session fails or is cancelled; not when it ends in order. */
  readonly signal: AbortSignal
  /**
   * Resolves when the peer has room for more: a loop that awaits every `send` holds at most one message and a buffer
   * of 256 KiB in memory, however slow the reader is. One `send` at a time.
   */
  send(message: Out): Promise<void>
  /** The next message, or undefined when the peer has ended its side in order. One `receive` at a time. */
  receive(): Promise<In | undefined>
  [Symbol.asyncIterator](): AsyncIterator<In>
  /** Says that no more messages come from this side; receiving goes on. */
  end(): Promise<void>
  /** Ends this side, throws away what the peer still sends (for at most a few seconds), and releases the stream. */
  close(): Promise<void>
  /** Breaks the session off at once; the peer learns the code of a NightshiftError, else a reset. */
  abort(error: Error): void
}

export interface ConnectionInfo {
  readonly id: string
  /** The peer's address as a multiaddr. */
  readonly remoteAddress: string
  readonly direction: 'inbound' | 'outbound'
}
