import { isIP, connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { WebSocket } from 'ws'
import type { Clock } from '../../protocols/ports.js'

/**
 * Hears over an RPC node's websocket when a transaction was executed (`signatureSubscribe`), which is sooner and cheaper than asking
 * again and again. A hint and no more: whoever hears it looks at the status, and whoever hears nothing keeps on asking, more often
 * once the socket is dead. Neither socket nor subscription keeps a process alive.
 */
export interface Confirmations {
  /** `onNews` is called at most once: the transaction may be executed now, or nothing will be heard of it any more. */
  watch(signature: string, onNews: () => void): Watch
}

export interface Watch {
  /** Whether news can still come. */
  isLive(): boolean
  end(): void
}

/** A dead socket is opened again at the next watch that is later than this. */
const REOPEN_MS = 10_000
const HANDSHAKE_MS = 10_000
/** Notifications of signatures have about 200 bytes. */
const MAX_MESSAGE_BYTES = 65_536

interface Subscriber {
  signature: string
  onNews: () => void
  /** Nobody listens any more. */
  hasEnded: boolean
  /** As the node counts them; undefined until it has answered. */
  subscription?: number
}

export function createConfirmations(parts: {
  wsUrl: string
  commitment: 'processed' | 'confirmed' | 'finalized'
  clock: Pick<Clock, 'elapsed'>
}): Confirmations {
  const { wsUrl, commitment, clock } = parts
  /** By the number of their request. */
  const subscribers = new Map<number, Subscriber>()
  let socket: WebSocket | undefined
  let diedAt = Number.NEGATIVE_INFINITY
  let requests = 0

  const open = (): WebSocket => {
    const opened = new WebSocket(wsUrl, {
      createConnection: (wsUrl.startsWith('wss:') ? connectSecurely : connectPlainly) as typeof netConnect,
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    })
    opened.on('open', () => {
      for (const [id, { signature }] of subscribers) subscribe(opened, id, signature)
    })
    opened.on('message', (bytes) => hear(String(bytes)))
    // What went wrong does not matter: 'close' follows, and asking goes on without it.
    opened.on('error', () => {})
    opened.on('close', () => {
      socket = undefined
      diedAt = clock.elapsed()
      for (const id of [...subscribers.keys()]) tell(id)
    })
    return opened
  }

  const say = (to: WebSocket, id: number, method: string, params: unknown[]) =>
    to.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))

  const subscribe = (to: WebSocket, id: number, signature: string) =>
    say(to, id, 'signatureSubscribe', [signature, { commitment }])

  const hear = (text: string): void => {
    const { id, result, error, method, params } = parse(text)
    const asked = typeof id === 'number' ? subscribers.get(id) : undefined
    if (asked !== undefined && typeof result === 'number') {
      asked.subscription = result
      if (asked.hasEnded) end(Number(id))
    }
    if (asked !== undefined && error !== undefined) tell(Number(id))
    if (method !== 'signatureNotification') return
    for (const [key, { subscription }] of subscribers) {
      if (subscription !== undefined && subscription === params?.subscription) tell(key)
    }
  }

  /** A subscription whose number is not known yet is ended when it is. */
  const end = (id: number): void => {
    const subscriber = subscribers.get(id)
    if (subscriber === undefined) return
    subscriber.hasEnded = true
    if (subscriber.subscription === undefined) return
    subscribers.delete(id)
    if (socket?.readyState === WebSocket.OPEN) {
      say(socket, ++requests, 'signatureUnsubscribe', [subscriber.subscription])
    }
  }

  const tell = (id: number): void => {
    const subscriber = subscribers.get(id)
    subscribers.delete(id)
    if (subscriber?.hasEnded === false) subscriber.onNews()
  }

  return {
    watch: (signature, onNews) => {
      if (socket === undefined && clock.elapsed() - diedAt < REOPEN_MS) return DEAD
      socket ??= open()
      const id = ++requests
      subscribers.set(id, { signature, onNews, hasEnded: false })
      if (socket.readyState === WebSocket.OPEN) subscribe(socket, id, signature)
      return {
        isLive: () => subscribers.get(id)?.hasEnded === false,
        end: () => end(id),
      }
    },
  }
}

const DEAD: Watch = { isLive: () => false, end: () => {} }

interface Message {
  id?: unknown
  result?: unknown
  error?: unknown
  method?: unknown
  params?: { subscription?: unknown }
}

/** An RPC node that says nonsense is one that says nothing. */
function parse(text: string): Message {
  try {
    const message: unknown = JSON.parse(text)
    return typeof message === 'object' && message !== null ? message : {}
  } catch {
    return {}
  }
}

/** As the websocket library connects, but a process that has nothing else to do may end. */
function connectPlainly({ host, port }: TcpNetConnectOpts): Socket {
  return netConnect({ host: host ?? 'localhost', port }).unref()
}

function connectSecurely({ host = '', port }: TcpNetConnectOpts): Socket {
  return tlsConnect({ host, port, servername: isIP(host) === 0 ? host : '' }).unref()
}

/** Where a node of this RPC address listens for websockets by convention; undefined where there is none: an own port, another one. */
export function websocketUrlOf(rpcUrl: string): string | undefined {
  const url = new URL(rpcUrl)
  if (url.port !== '') return undefined
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
