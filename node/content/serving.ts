import { isRefusal, type Refusal } from '../../protocols/errors.js'
import {
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  createContentHasher,
  findMalformedRequest,
} from '../../protocols/job/content.js'
import { ContentAnswer, type ContentRequest } from '../../protocols/job/wire.js'
import { nativeSha256 } from '../files/hash.js'
import type { Session } from '../net/session.js'
import type { FindContent, OfferedContent } from './port.js'
import type { Throttle } from './throttle.js'

type Answering = Session<Uint8Array, ContentRequest>

export interface ServeParts {
  find: FindContent
  leavesOf: (root: Uint8Array, content: OfferedContent) => Promise<Uint8Array>
  up: Throttle
}

/** Chunks that are read at once: a mebibyte. */
const READ_CHUNKS = 4

/** Answers one request after the other, until the asker ends its side. */
export async function serveContent(session: Answering, parts: ServeParts): Promise<void> {
  for await (const request of session) {
    const found = await look(session, request, parts.find)
    if (isRefusal(found)) {
      const { refused, detail } = found
      await session.send(ContentAnswer.encode({ refused, detail: detail.slice(0, 500) }))
      continue
    }
    const leaves = request.count === 0 ? await parts.leavesOf(request.root, found) : undefined
    await session.send(ContentAnswer.encode({ refused: '', detail: '' }))
    if (leaves !== undefined) await session.send(leaves)
    else await sendChunks(session, request, found, parts.up)
  }
}

async function look(
  session: Answering,
  request: ContentRequest,
  find: FindContent,
): Promise<OfferedContent | Refusal> {
  const malformed = findMalformedRequest(request)
  if (malformed !== undefined) return { refused: 'MALFORMED', detail: malformed }
  const found = await find(request.root, session.peer, session.signal)
  if (found === undefined)
    return { refused: 'UNKNOWN_BLOB', detail: 'no such blob is here, or it is not yours' }
  if (isRefusal(found)) return found
  const outside = findMalformedRequest(request, found.bytes)
  return outside === undefined ? found : { refused: 'MALFORMED', detail: outside }
}

async function sendChunks(
  session: Answering,
  { first, count, held }: ContentRequest,
  content: OfferedContent,
  up: Throttle,
): Promise<void> {
  const last = first + count
  const read = (from: number) => {
    const offset = from * CHUNK_BYTES
    const end = Math.min(Math.min(from + READ_CHUNKS, last) * CHUNK_BYTES, content.bytes)
    const block = content.read(offset, end - offset)
    // It is read ahead: whoever waits for it is told, and it may be that nobody does.
    block.catch(() => {})
    return block
  }
  let next = read(first)
  for (let from = first; from < last; from += READ_CHUNKS) {
    const block = await next
    if (from + READ_CHUNKS < last) next = read(from + READ_CHUNKS)
    for (let index = from; index < Math.min(from + READ_CHUNKS, last); index++) {
      const at = (index - from) * CHUNK_BYTES
      const chunk = block.subarray(at, at + chunkLength(index, content.bytes))
      await up.pass(chunk.length, session.signal)
      await session.send(chunk)
      content.onSent?.({ bytes: chunk.length, held })
    }
  }
}

/** Reads the whole blob once; what was changed since it was named shows at the asker's. */
export async function computeLeaves(content: OfferedContent): Promise<Uint8Array> {
  const hasher = createContentHasher(nativeSha256)
  for (let index = 0; index < chunkCount(content.bytes); index += READ_CHUNKS) {
    const offset = index * CHUNK_BYTES
    hasher.update(await content.read(offset, Math.min(READ_CHUNKS * CHUNK_BYTES, content.bytes - offset)))
  }
  return hasher.end().leaves
}
