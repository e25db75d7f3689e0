import { equal, fromHex, toHex } from '../../protocols/bytes.js'
import { createContentHasher } from '../../protocols/job/content.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { nativeSha256 } from '../files/hash.js'
import type { FileEntry, Files } from '../files/port.js'
import type { Content, ContentCache } from './port.js'

const FOLDER = 'cache'
export const SHARED = 'shared'
const READ_BYTES = 2 ** 20

/**
 * Files of their own names in `cache/`, which are second names of what leases use: that a lease uses one shows in the number of
 * its names, on the disk itself, so a crash leaves nothing to mend. Shared blobs are given to whoever asks, and announced.
 */
export async function openCache(parts: {
  files: Files
  content: Pick<Content, 'announce' | 'withdraw' | 'offer'>
  /** 0: nothing is kept. */
  maxBytes: number
  clock: Clock
  log: Log
}): Promise<ContentCache> {
  const { files, content, maxBytes, clock, log } = parts
  const nameOf = (scope: string, root: Uint8Array) => `${FOLDER}/${scope}/${toHex(root)}`
  const isShared = (name: string) => name.startsWith(`${FOLDER}/${SHARED}/`)
  const rootIn = (name: string) => fromHex(name.split('/').at(-1) as string)
  let turn: Promise<unknown> = Promise.resolve()

  /** One change after the other: two that made room at once would both count the same file. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = turn.then(act)
    turn = done.catch(() => {})
    return done
  }

  async function remove({ name, bytes }: FileEntry): Promise<number> {
    if (isShared(name)) content.withdraw(rootIn(name))
    await files.remove(name)
    return bytes
  }

  /** The least recently used first; what a lease uses would free nothing, and stays. */
  async function shrink(toBytes: number): Promise<{ freed: number; total: number }> {
    const entries = (await files.list(FOLDER)).sort((a, b) => a.usedAtMs - b.usedAtMs)
    let total = entries.reduce((sum, { bytes }) => sum + bytes, 0)
    let freed = 0
    for (const entry of entries) {
      if (total <= toBytes) break
      if (entry.otherNames > 0) continue
      freed += await remove(entry)
      total -= entry.bytes
    }
    return { freed, total }
  }

  async function isWhole(
    name: string,
    { sha256, bytes }: { sha256: Uint8Array; bytes: number },
  ): Promise<boolean> {
    const hasher = createContentHasher(nativeSha256)
    for (let at = 0; at < bytes; at += READ_BYTES) {
      hasher.update(await files.read(name, at, Math.min(READ_BYTES, bytes - at)))
    }
    const found = hasher.end()
    return found.bytes === bytes && equal(found.root, sha256)
  }

  content.offer(async (root) => {
    const name = nameOf(SHARED, root)
    const bytes = await files.size(name)
    if (bytes === 0) return undefined
    return { bytes, read: (offset, length) => files.read(name, offset, length) }
  })
  await shrink(maxBytes)
  for (const { name } of await files.list(`${FOLDER}/${SHARED}`)) content.announce(rootIn(name))

  return {
    take: (scope, blob, to) =>
      inTurn(async () => {
        const name = nameOf(scope, blob.sha256)
        if (blob.bytes === 0 || (await files.size(name)) !== blob.bytes) return false
        if (!(await isWhole(name, blob))) {
          log.warn('what was kept is damaged, and thrown away', { root: toHex(blob.sha256) })
          await files.remove(name)
          return false
        }
        await files.link(name, to)
        await files.touch(name, clock.now())
        return true
      }),
    keep: (scope, blob, from) =>
      inTurn(async () => {
        if (blob.bytes === 0 || blob.bytes > maxBytes) return
        const { total } = await shrink(maxBytes - blob.bytes)
        if (total > maxBytes - blob.bytes) return
        const name = nameOf(scope, blob.sha256)
        await files.link(from, name)
        await files.touch(name, clock.now())
        if (scope === SHARED) content.announce(blob.sha256)
      }),
    clear: () => inTurn(async () => (await shrink(0)).freed),
  }
}
