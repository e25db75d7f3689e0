import { useEffect, useState } from 'preact/hooks'
import type { JobPanel, Live, StoryEvent } from '../view.js'

/** What the node has told this page, and whether it still does. */
export interface Told extends Partial<Live> {
  state: 'waiting' | 'live' | 'lost' | 'closed'
}

const RETRY_MS = 2_000

/**
 * The live stream of the node. A node that restarts is found again by itself, but it knows no session of its earlier
 * life: then the page says how to get in.
 */
export function useLive(): Told {
  const [told, setTold] = useState<Told>({ state: 'waiting' })
  useEffect(() => {
    let source: EventSource | undefined
    let timer: number | undefined
    const open = () => {
      source = new EventSource('/dashboard/live')
      for (const part of ['node', 'jobs', 'offers', 'prices'] as const) {
        source.addEventListener(part, ({ data }) =>
          setTold((before) => ({ ...before, [part]: JSON.parse(data), state: 'live' })),
        )
      }
      source.onerror = () => {
        source?.close()
        void isClosed().then((closed) => {
          setTold((before) => ({ ...before, state: closed ? 'closed' : 'lost' }))
          timer = window.setTimeout(open, RETRY_MS)
        })
      }
    }
    open()
    return () => {
      window.clearTimeout(timer)
      source?.close()
    }
  }, [])
  return told
}

async function isClosed(): Promise<boolean> {
  try {
    return (await fetch('/dashboard/')).status === 401
  } catch {
    return false
  }
}

/** Browsers slow down with longer lists; the files have all of it. */
const MAX_EVENTS = 5_000

export function useStory(id: string): StoryEvent[] {
  const [events, setEvents] = useState<StoryEvent[]>([])
  useEffect(() => {
    let all: StoryEvent[] = []
    let shown = false
    let source: EventSource | undefined
    let timer: number | undefined
    let seen = 0
    const show = () => {
      shown = false
      setEvents(all)
    }
    const open = () => {
      source = new EventSource(`/dashboard/jobs/${encodeURIComponent(id)}/story?from=${seen}`)
      source.onmessage = ({ data }) => {
        seen++
        all = [...all, JSON.parse(data)].slice(-MAX_EVENTS)
        if (shown) return
        shown = true
        window.requestAnimationFrame(show)
      }
      source.addEventListener('end', () => source?.close())
      source.onerror = () => {
        source?.close()
        timer = window.setTimeout(open, RETRY_MS)
      }
    }
    setEvents([])
    open()
    return () => {
      window.clearTimeout(timer)
      source?.close()
    }
  }, [id])
  return events
}

/** Asks, and asks again whenever `version` changes. */
export function useAnswer<T>(path: string, version: unknown): T | undefined {
  const [answer, setAnswer] = useState<T>()
  useEffect(() => {
    let isNewest = true
    void fetch(path)
      .then(async (response) => (response.ok ? ((await response.json()) as T) : undefined))
      .catch(() => undefined)
      .then((told) => {
        if (isNewest) setAnswer(told)
      })
    return () => {
      isNewest = false
    }
  }, [path, version])
  return answer
}

export const useJob = (id: string, version: unknown) =>
  useAnswer<JobPanel>(`/dashboard/jobs/${encodeURIComponent(id)}`, version)

/** Does what changes something. Rejects with the node's own words. */
export async function act(path: string): Promise<void> {
  const response = await fetch(`/dashboard/${path}`, { method: 'POST' })
  if (response.ok) return
  const { error } = (await response.json().catch(() => ({}))) as {
    error?: { message: string; advice: string }
  }
  throw new Error(
    error === undefined ? `the node answered ${response.status}` : `${error.message}: ${error.advice}`,
  )
}
