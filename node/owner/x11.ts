import { printable } from '../../protocols/text.js'
import type { Sensor } from './port.js'
import type { LineProgram } from './stream.js'

/**
 * Full-screen programs on an X display (Xwayland is one): `xprop -spy` tells each change of the active window and of that
 * window's state by itself, so nothing is asked again and again.
 */
export const ACTIVE_WINDOW = ['xprop', '-root', '-spy', '_NET_ACTIVE_WINDOW'] as const
export const windowState = (id: string) => ['xprop', '-id', id, '-spy', 'WM_CLASS', '_NET_WM_STATE'] as const

/** `_NET_ACTIVE_WINDOW(WINDOW): window id # 0x1a00003`; undefined: none is active. */
export function readActiveWindow(line: string): string | undefined {
  const id = /^_NET_ACTIVE_WINDOW\(WINDOW\): window id # (0x[0-9a-f]+)/.exec(line)?.[1]
  return id === undefined || Number(id) === 0 ? undefined : id
}

/** `_NET_WM_STATE(ATOM) = _NET_WM_STATE_FOCUSED, _NET_WM_STATE_FULLSCREEN`; undefined for another property. */
export function readFullscreen(line: string): boolean | undefined {
  if (!line.startsWith('_NET_WM_STATE')) return undefined
  return /\b_NET_WM_STATE_FULLSCREEN\b/.test(line)
}

/** `WM_CLASS(STRING) = "navigator", "Firefox"` gives Firefox. */
export function readClass(line: string): string | undefined {
  const names = line.startsWith('WM_CLASS') ? [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)] : []
  const name = names.at(-1)?.[1]
  return name === undefined ? undefined : printable(name).slice(0, 64)
}

export function createFullscreenSensor(parts: {
  display: string
  /** Starts a program on that display. */
  program: (command: readonly string[], onEnd?: () => void) => LineProgram
}): Sensor {
  const root = parts.program(ACTIVE_WINDOW)
  let watched: { id: string; program: LineProgram } | undefined
  let isStopped = false
  const ending = new Set<Promise<void>>()

  const leave = () => {
    if (watched === undefined) return
    const stopped = watched.program.stop().finally(() => ending.delete(stopped))
    ending.add(stopped)
    watched = undefined
  }

  return {
    name: 'fullscreen',
    means: `xprop on display ${parts.display}`,
    start: (tell) =>
      root.start((line) => {
        const id = readActiveWindow(line)
        if (isStopped || id === watched?.id) return
        leave()
        tell({ fullscreen: undefined })
        if (id === undefined) return
        // A window that is gone ends the program that watched it; the next active one is told by the root.
        const program = parts.program(windowState(id), () => tell({ fullscreen: undefined }))
        watched = { id, program }
        let name = ''
        let isFull = false
        program.start((change) => {
          if (watched?.id !== id) return
          name = readClass(change) ?? name
          isFull = readFullscreen(change) ?? isFull
          tell({ fullscreen: isFull ? name : undefined })
        })
      }),
    stop: async () => {
      isStopped = true
      leave()
      await Promise.all([root.stop(), ...ending])
    },
  }
}
