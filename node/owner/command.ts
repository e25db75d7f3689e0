import { printable } from '../../protocols/text.js'
import type { Sensor } from './port.js'
import type { LineProgram } from './stream.js'

/** What the owner's own program prints: `busy`, with a reason if it likes, and `idle`; anything else is not heard. */
export function readWord(line: string): { busy: string | undefined } | undefined {
  const [, word, why = ''] = /^(busy|idle)(?:\s+(.*))?$/.exec(line.trim()) ?? []
  if (word === undefined) return undefined
  return { busy: word === 'idle' ? undefined : printable(why).slice(0, 128) }
}

/** For what no sensor of ours sees: a rack's door, a game launcher's log, a cluster's own queue. */
export function createCommandSensor(parts: {
  command: readonly string[]
  /** The program; what it is told to call when it has ended by itself takes back what it said. */
  program: (onEnd: () => void) => LineProgram
}): Sensor {
  let tellEnd = () => {}
  const program = parts.program(() => tellEnd())
  return {
    name: 'command',
    means: parts.command.join(' '),
    start: (tell) => {
      tellEnd = () => tell({ command: undefined })
      program.start((line) => {
        const word = readWord(line)
        if (word !== undefined) tell({ command: word.busy })
      })
    },
    stop: () => program.stop(),
  }
}
