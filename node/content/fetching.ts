import { setMaxListeners } from 'node:events'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { areLeavesOf, CHUNK_BYTES, chunkCount, chunkLength, isChunkOf } from '../../protocols/job/content.js'
import { contentProtocol } from '../../protocols/job/protocol.js'
import { ContentAnswer, type ContentRequest } from '../../protocols/job/wire.js'
import { type Pauses, retryPauseMs } from '../../protocols/limits.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import { nativeSha256 } from '../files/hash.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'
import { type Draft, openDraft, openLog } from './draft.js'
import { createPace } from './pace.js'
import type { WantedContent } from './port.js'
import type { Throttle } from './throttle.js'

export interface FetchParts {
  engine: Engine
  clock: Clock
  random: Random
  log: Log
  down: Throttle
  /** Others that may have a shared blob. */
  findPeers: (root: Uint8Array, signal: AbortSignal) => AsyncIterable<string>
}

/** Streams to one peer: while one waits for the next request's way, the others carry on. See node/net/README.md for figures. */
const STREAMS = 3
const MAX_STREAMS = 8
/** Chunks that are put on the disk at once: a mebibyte. */
const WRITE_CHUNKS = 4
/** A peer that gives nothing for so long is left alone. */
const PATIENCE_MS = 60_000
/**
 * Anybody can say that it has a shared blob, take a part of it upon itself and send nothing. When nothing else is left to ask for,
 * those who were named wait so long for those who were found, and then give their part themselves.
 */
const LATE_MS = 3_000
const PAUSES: Pauses = { firstMs: 100, longestMs: 5_000 }

type Asking = Session<ContentRequest, Uint8Array>

interface Range {
  first: number
  count: number
}

interface Holder {
  peer: string
  /** Why nothing more is asked of it. */
  lost?: NightshiftError
  failures: number
  patienceMs: number
  heardAtMs: number
  /** Nobody named it: it was found by the name of the blob. */
  isFound: boolean
  /** Aborts when it is not waited for any more. */
  dropped: AbortController
}

/** What is left to be asked for; a range that was not answered goes back to the front. */
interface Queue {
  isEmpty(): boolean
  take(): Range | undefined
  giveBack(range: Range): void
}

/** Fetches one blob into its file, from all who have it at once. For the codes see `Content.fetch`. */
export async function fetchContent(
  parts: FetchParts,
  wanted: WantedContent,
  signal: AbortSignal,
): Promise<void> {
  const draft = await open(wanted, parts.clock)
  const ending = new AbortController()
  const limit = AbortSignal.any([signal, ending.signal])
  try {
    await fill(parts, wanted, draft, limit)
    await draft.finish(wanted.file)
  } catch (error) {
    // What has arrived is kept: the next attempt goes on from it.
    await draft.sync().catch(() => {})
    signal.throwIfAborted()
    throw error
  } finally {
    ending.abort(new NightshiftError('TRANSFER_ENDED', 'the transfer is over', { advice: 'nothing' }))
    await draft.close()
  }
}

function open(wanted: WantedContent, clock: Clock): Promise<Draft> {
  const { files, log, partial } = wanted
  if (log !== undefined) return openLog(log, partial, wanted, clock)
  if (files !== undefined) return openDraft(files, partial, wanted)
  throw new TypeError('a blob needs files to go to')
}

async function fill(
  parts: FetchParts,
  wanted: WantedContent,
  draft: Draft,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = parts
  const holders: Holder[] = []
  const failed = new AbortController()
  const whole = new AbortController()
  const limit = AbortSignal.any([signal, failed.signal, whole.signal])
  // Every stream listens to it, and what each waits for.
  setMaxListeners(8 * MAX_STREAMS, limit)
  const workers = new Set<Promise<void>>()
  const known = await findLeaves()
  const missing = await draft.begin(known)
  const total = chunkCount(wanted.bytes)
  const pace = createPace(clock, wanted.bytes, wanted.onProgress ?? (() => {}))
  let held = wanted.bytes - missing.reduce((sum, index) => sum + chunkLength(index, wanted.bytes), 0)
  let left = missing.length
  if (left === 0) return
  pace.reach(held)
  const queue = createQueue(missing, draft.rangeChunks)
  log.debug('content is fetched', { root: toHex(wanted.sha256), chunks: total, missing: left })

  for (const peer of wanted.peers) admit(peer)
  const searching = wanted.shared === true ? search() : Promise.resolve()
  // Workers come while others work: it is over when none is left and none can come.
  const settle = async () => {
    for (;;) {
      await Promise.all([...workers])
      if (workers.size > 0) continue
      if (left === 0 || limit.aborted) return
      await searching
      if (workers.size === 0) return
    }
  }
  await settle()
  failed.signal.throwIfAborted()
  signal.throwIfAborted()
  if (left > 0) throw unavailable(wanted, holders)

  async function findLeaves(): Promise<Uint8Array> {
    if (draft.leaves !== undefined) return draft.leaves
    const none = new Uint8Array()
    if (wanted.bytes === 0 && areLeavesOf(none, wanted, nativeSha256)) return none
    if (wanted.bytes === 0) throw corrupt(wanted, wanted.peers[0] ?? '', undefined)
    const asked: Holder[] = []
    for (const peer of wanted.peers) {
      const holder = holderOf(peer)
      asked.push(holder)
      const leaves = await ask(parts, holder, signal, (session) => askForLeaves(session, wanted))
      if (leaves !== undefined) return leaves
    }
    if (wanted.shared === true) {
      for await (const peer of parts.findPeers(wanted.sha256, signal)) {
        const holder = holderOf(peer)
        asked.push(holder)
        const leaves = await ask(parts, holder, signal, (session) => askForLeaves(session, wanted))
        if (leaves !== undefined) return leaves
      }
    }
    throw unavailable(wanted, asked)
  }

  async function search(): Promise<void> {
    try {
      for await (const peer of parts.findPeers(wanted.sha256, limit)) {
        if (left === 0 || limit.aborted) return
        admit(peer)
      }
    } catch (error) {
      if (!limit.aborted) log.debug('nobody else was found', { error: String(error) })
    }
  }

  function holderOf(peer: string): Holder {
    const { patienceMs = PATIENCE_MS } = wanted
    const isFound = !wanted.peers.includes(peer)
    const dropped = new AbortController()
    return { peer, failures: 0, patienceMs, heardAtMs: clock.elapsed(), isFound, dropped }
  }

  function admit(peer: string): void {
    if (holders.some((holder) => holder.peer === peer)) return
    const holder = holderOf(peer)
    holders.push(holder)
    for (let stream = 0; stream < STREAMS && workers.size < MAX_STREAMS; stream++) {
      const worker: Promise<void> = work(holder)
        .catch((error) => {
          if (!whole.signal.aborted) failed.abort(error)
        })
        .finally(() => workers.delete(worker))
      workers.add(worker)
    }
  }

  /** Asks one peer for one range after the other. Ends when nothing is left to ask for, or the peer is lost. */
  async function work(holder: Holder): Promise<void> {
    let idleSinceMs: number | undefined
    while (left > 0 && holder.lost === undefined && !limit.aborted) {
      if (queue.isEmpty()) {
        // Other streams still have the last of it: were one to fail, this one would take its part.
        idleSinceMs ??= clock.elapsed()
        if (!holder.isFound && clock.elapsed() - idleSinceMs > LATE_MS) dropFound()
        await clock.sleep(PAUSES.firstMs, limit).catch(() => {})
        continue
      }
      idleSinceMs = undefined
      await ask(parts, holder, limit, async (session) => {
        for (let range = queue.take(); range !== undefined; range = queue.take()) {
          const rest = { ...range }
          try {
            await takeRange(session, holder, rest)
          } catch (error) {
            queue.giveBack(rest)
            throw error
          }
        }
        return true
      })
    }
  }

  function dropFound(): void {
    for (const holder of holders) {
      if (!holder.isFound || holder.lost !== undefined) continue
      holder.lost = late(holder.peer)
      holder.dropped.abort(holder.lost)
    }
  }

  /** What has been taken of the range is taken off it. */
  async function takeRange(session: Asking, holder: Holder, rest: Range): Promise<void> {
    await session.send({ root: wanted.sha256, first: rest.first, count: rest.count, held })
    await takeAnswer(session)
    let waiting: Uint8Array[] = []
    const goOn = () => {
      limit.throwIfAborted()
      if (holder.lost !== undefined) throw holder.lost
    }
    const write = async () => {
      if (waiting.length === 0) return
      const chunks = waiting
      waiting = []
      await draft.write(rest.first, chunks, goOn)
      rest.first += chunks.length
      rest.count -= chunks.length
      left -= chunks.length
      held += chunks.reduce((sum, { length }) => sum + length, 0)
      pace.reach(held)
      if (left === 0)
        whole.abort(new NightshiftError('TRANSFER_ENDED', 'the blob is whole', { advice: 'nothing' }))
    }
    try {
      while (rest.count > waiting.length) {
        const index = rest.first + waiting.length
        const chunk = await session.receive()
        if (chunk === undefined) throw ended()
        // Another of its streams has found it out.
        if (holder.lost !== undefined) throw holder.lost
        if (
          chunk.length !== chunkLength(index, wanted.bytes) ||
          !isChunkOf(chunk, index, known, nativeSha256)
        ) {
          throw corrupt(wanted, session.peer, index)
        }
        holder.failures = 0
        holder.heardAtMs = clock.elapsed()
        waiting.push(chunk)
        wanted.onChunk?.()
        await parts.down.pass(chunk.length, limit)
        if (waiting.length === WRITE_CHUNKS) await write()
      }
    } finally {
      await write()
    }
  }
}

/**
 * Opens a session with a peer and does `act` with it; undefined when it broke off, after a pause. Sets `lost` when there is no use in
 * another try; what is ours (a full disk) is thrown.
 */
async function ask<T>(
  { engine, clock, random, log }: FetchParts,
  holder: Holder,
  signal: AbortSignal,
  act: (session: Asking) => Promise<T>,
): Promise<T | undefined> {
  while (holder.lost === undefined) {
    signal.throwIfAborted()
    let session: Asking | undefined
    try {
      session = await engine.open(contentProtocol, holder.peer, {
        signal: AbortSignal.any([signal, holder.dropped.signal]),
      })
      const result = await act(session)
      await session.end()
      void session.close().catch(() => {})
      return result
    } catch (error) {
      session?.abort(error instanceof Error ? error : new Error(String(error)))
      signal.throwIfAborted()
      const code = codeOf(error) ?? ''
      if (OURS.includes(code)) throw error
      if (holder.lost !== undefined) return undefined
      if (isFinal(code)) {
        holder.lost = error as NightshiftError
        log.warn('a peer does not give what it should', { peer: holder.peer, error: String(error), code })
        return undefined
      }
      holder.failures++
      log.debug('a transfer broke off', { peer: holder.peer, error: String(error), code })
      if (clock.elapsed() - holder.heardAtMs > holder.patienceMs) {
        holder.lost = error as NightshiftError
        return undefined
      }
      await clock.sleep(retryPauseMs(holder.failures, PAUSES, random), signal)
    }
  }
  return undefined
}

/** No peer is at fault, and none can help. */
const OURS = ['DISK_FULL', 'FILE_WRITE_FAILED', 'FILE_NAME_INVALID', 'FILE_CHANGED', 'NETWORK_STOPPED']

function isFinal(code: string): boolean {
  return ['CONTENT_CORRUPT', 'CONTENT_REFUSED'].includes(code)
}

async function askForLeaves(session: Asking, wanted: WantedContent): Promise<Uint8Array> {
  await session.send({ root: wanted.sha256, first: 0, count: 0, held: 0 })
  await takeAnswer(session)
  const leaves = await session.receive()
  if (leaves === undefined) throw ended()
  if (!areLeavesOf(leaves, wanted, nativeSha256)) throw corrupt(wanted, session.peer, undefined)
  return leaves
}

async function takeAnswer(session: Asking): Promise<void> {
  const bytes = await session.receive()
  if (bytes === undefined) throw ended()
  const { refused, detail } = decodeAnswer(bytes, session.peer)
  if (refused === '') return
  throw new NightshiftError('CONTENT_REFUSED', printable(`${refused}: ${detail}`.slice(0, 500)), {
    advice: 'the peer does not give it, or not any more; another may',
    context: { peer: session.peer, reason: printable(refused.slice(0, 64)) },
  })
}

function decodeAnswer(bytes: Uint8Array, peer: string): ContentAnswer {
  try {
    return ContentAnswer.decode(bytes)
  } catch (cause) {
    throw new NightshiftError('CONTENT_CORRUPT', `${peer} answers with what is no answer`, {
      advice: 'turn to another peer',
      context: { peer },
      cause,
    })
  }
}

function createQueue(missing: readonly number[], rangeChunks: number): Queue {
  const ranges: Range[] = []
  for (const index of missing) {
    const last = ranges.at(-1)
    if (last !== undefined && last.first + last.count === index && last.count < rangeChunks) last.count++
    else ranges.push({ first: index, count: 1 })
  }
  return {
    isEmpty: () => ranges.length === 0,
    take: () => ranges.shift(),
    giveBack: (range) => {
      if (range.count > 0) ranges.unshift(range)
    },
  }
}

function ended(): NightshiftError {
  return new NightshiftError('CONTENT_INCOMPLETE', 'the peer ended the stream too early', {
    advice: 'it is asked again',
  })
}

function late(peer: string): NightshiftError {
  return new NightshiftError('CONTENT_INCOMPLETE', `${peer} keeps the last of a blob waiting`, {
    advice: 'what it has not sent is asked of the others',
    context: { peer },
  })
}

function corrupt(wanted: WantedContent, peer: string, chunk: number | undefined): NightshiftError {
  const what =
    chunk === undefined ? 'a list of hashes' : `chunk ${chunk} (from byte ${chunk * CHUNK_BYTES} on)`
  return new NightshiftError('CONTENT_CORRUPT', `${peer} sent ${what} that does not belong to the blob`, {
    advice: 'the data or the disk of that peer is damaged, or it lies; turn to another',
    context: { peer, root: toHex(wanted.sha256), ...(chunk === undefined ? {} : { chunk }) },
  })
}

/** The most telling of what befell each of them: damage before refusals before silence. */
function unavailable(wanted: WantedContent, holders: readonly Holder[]): NightshiftError {
  const lost = holders.flatMap(({ lost }) => lost ?? [])
  const of = (code: string) => lost.find((error) => error.code === code)
  return (
    of('CONTENT_CORRUPT') ??
    of('CONTENT_REFUSED') ??
    new NightshiftError('CONTENT_UNAVAILABLE', `nobody who can be reached has ${toHex(wanted.sha256)}`, {
      advice: 'see that the other side is connected, then try again: what has arrived is kept',
      context: { peers: holders.map(({ peer }) => peer) },
      ...(lost[0] === undefined ? {} : { cause: lost[0] }),
    })
  )
}
