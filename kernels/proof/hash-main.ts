import { parentPort } from 'node:worker_threads'
import { encodeEntries, type HashAnswer, type HashRequest } from './hasher.js'
import { hashSegments, raiseLevels } from './tree.js'

/** Entry of a hashing thread; started by hasher.ts and by nothing else. */
parentPort!.on('message', (request: HashRequest) => {
  const hashed =
    request.kind === 'band'
      ? hashSegments(encodeEntries(request.values), request.rows)
      : raiseLevels(request.leaves, request.depth)
  const buffers = (Array.isArray(hashed) ? hashed : [hashed]).map(({ buffer }) => buffer as ArrayBuffer)
  parentPort!.postMessage({ id: request.id, hashed } satisfies HashAnswer, [...new Set(buffers)])
})
