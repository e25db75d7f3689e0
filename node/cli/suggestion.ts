import type { Invocation } from './command.js'

/** How the program is called from a clone after `npm install`; `npx` finds an installed one as well. */
export const PROGRAM = 'npx nightshift'

/** A command line to go on with: it runs as printed, on the same configuration as the command that suggests it. */
export function suggest({ options }: Pick<Invocation, 'options'>, words: string): string {
  const { config, dataDir } = options
  const flags = [
    ...(config === undefined ? [] : ['--config', quote(String(config))]),
    ...(dataDir === undefined ? [] : ['--data-dir', quote(String(dataDir))]),
  ]
  return [PROGRAM, words, ...flags].join(' ')
}

/** For a shell; most paths need no quotes. */
function quote(text: string): string {
  return /^[\w./~@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
