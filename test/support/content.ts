import { nativeSha256 } from '../../node/files/hash.js'
import type { Network } from '../../node/net/ports.js'
import { toHex } from '../../protocols/bytes.js'
import { CHUNK_BYTES, chunkCount, contentOf, createContentHasher } from '../../protocols/job/content.js'
import { contentProtocol } from '../../protocols/job/protocol.js'
import { type Blob, ContentAnswer, type ContentRequest } from '../../protocols/job/wire.js'

/** The other side of a transfer, written for itself: it gives what it is told to, true or false, and takes without a check. */
export interface Holding {
  /** Gives these bytes from now on; whoever asked for them before has waited. */
  give(bytes: Uint8Array, lie?: Lie): void
  /** Refuses to give them. */
  refuse(bytes: Uint8Array, reason: string): void
  /** What was asked for, in order. */
  readonly asked: ContentRequest[]
  /** Throws an Error whose message is the refusal. */
  take(peer: string, blob: Pick<Blob, 'sha256' | 'bytes'>, first?: number): Promise<Uint8Array>
}

export interface Lie {
  leaves?: (leaves: Uint8Array) => Uint8Array
  chunk?: (chunk: Uint8Array, index: number) => Uint8Array | Promise<Uint8Array>
}

interface Given extends Lie {
  bytes: Uint8Array
  refused?: string
}

const holdings = new WeakMap<object, Holding>()

export async function holdContent(network: Pick<Network, 'engine'>): Promise<Holding> {
  const known = holdings.get(network.engine)
  if (known !== undefined) return known
  const given = new Map<string, Given>()
  const waiting = new Set<() => void>()
  const asked: ContentRequest[] = []
  const put = (bytes: Uint8Array, how: Omit<Given, 'bytes'>) => {
    given.set(toHex(contentOf(bytes, nativeSha256)), { bytes, ...how })
    for (const wake of waiting) wake()
  }
  const find = async (root: string, signal: AbortSignal): Promise<Given | undefined> => {
    while (!given.has(root) && !signal.aborted) {
      await new Promise<void>((resolve) => {
        waiting.add(resolve)
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return given.get(root)
  }
  const holding: Holding = {
    asked,
    give: (bytes, lie = {}) => put(bytes, lie),
    refuse: (bytes, refused) => put(bytes, { refused }),
    take: async (peer, { sha256, bytes }, from = 0) => {
      const session = await network.engine.open(contentProtocol, peer)
      const pieces: Uint8Array[] = []
      for (let first = from; first < chunkCount(bytes); first += 64) {
        const count = Math.min(64, chunkCount(bytes) - first)
        await session.send({ root: sha256, first, count, held: 0 })
        const { refused } = ContentAnswer.decode((await session.receive()) as Uint8Array)
        if (refused !== '') throw new Error(refused)
        for (let index = 0; index < count; index++) pieces.push((await session.receive()) as Uint8Array)
      }
      await session.close()
      return new Uint8Array(Buffer.concat(pieces))
    },
  }
  holdings.set(network.engine, holding)
  await network.engine.handle(contentProtocol, async (session) => {
    for await (const request of session) {
      asked.push(request)
      const found = await find(toHex(request.root), session.signal)
      if (found === undefined) return
      const { bytes, refused = '', leaves = (list) => list, chunk = (data) => data } = found
      await session.send(ContentAnswer.encode({ refused, detail: '' }))
      if (refused !== '') continue
      if (request.count === 0) {
        const hasher = createContentHasher(nativeSha256)
        hasher.update(bytes)
        await session.send(leaves(hasher.end().leaves))
      }
      for (let index = request.first; index < request.first + request.count; index++) {
        const data = bytes.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
        await session.send(await chunk(data, index))
      }
    }
  })
  return holding
}
