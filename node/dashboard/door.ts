import { createHash } from 'node:crypto'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Random } from '../../protocols/ports.js'

/**
 * Who may see the dashboard: a browser that came in by a link, which works once and not for long. It then holds a
 * session in a cookie that scripts cannot read and that no page of another site can make the browser send.
 */
export interface Door {
  /** The path of a new link. Throws LINKS_TOO_MANY. */
  invite(): string
  /** The session that a link is exchanged for; undefined when the link was used, is too old or was never given. */
  enter(key: string): string | undefined
  isInside(session: string | undefined): boolean
}

export const LINK_MS = 120_000
/** Without a request; an open page asks all the time. */
export const SESSION_MS = 12 * 3_600_000
const KEY_BYTES = 32
const MAX_LINKS = 16
const MAX_SESSIONS = 64

export function createDoor({ clock, random }: { clock: Clock; random: Random }): Door {
  // Kept by digest, and found by it: how long a look takes says nothing about the keys.
  const links = new Map<string, number>()
  const sessions = new Map<string, number>()
  const newKey = () => Buffer.from(random.bytes(KEY_BYTES)).toString('hex')

  return {
    invite: () => {
      dropBefore(links, clock.elapsed() - LINK_MS)
      if (links.size >= MAX_LINKS) {
        throw new NightshiftError('LINKS_TOO_MANY', `${MAX_LINKS} links are open that nobody has used`, {
          advice: 'use one of them, or wait two minutes',
        })
      }
      const key = newKey()
      links.set(digestOf(key), clock.elapsed())
      return `/dashboard/enter?key=${key}`
    },
    enter: (key) => {
      dropBefore(links, clock.elapsed() - LINK_MS)
      if (!links.delete(digestOf(key))) return undefined
      const session = newKey()
      sessions.set(digestOf(session), clock.elapsed())
      const [oldest] = sessions.keys()
      if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest)
      return session
    },
    isInside: (session) => {
      dropBefore(sessions, clock.elapsed() - SESSION_MS)
      if (session === undefined) return false
      const digest = digestOf(session)
      if (!sessions.delete(digest)) return false
      sessions.set(digest, clock.elapsed()) // the newest last
      return true
    },
  }
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function dropBefore(times: Map<string, number>, oldest: number): void {
  for (const [key, at] of times) if (at < oldest) times.delete(key)
}
