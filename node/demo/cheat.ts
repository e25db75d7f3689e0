import '../polyfill.js'
import { runEntry } from '../cli/entry.js'
import { NODE } from '../cli/node.js'
import { type NounGroup, runProgram } from '../cli/program.js'
import { readVersion } from '../cli/version.js'

/**
 * The process of the demo's cheat: the product's own provider daemon on a device that lies. The product knows nothing
 * of it.
 */
const CHEAT: NounGroup = {
  name: NODE.name,
  summary: NODE.summary,
  commands: NODE.commands
    .filter(({ name }) => name === 'start')
    .map((start) => ({
      ...start,
      load: async () => {
        const [{ run }, { openLiar }] = await Promise.all([
          import('../cli/node/start.js'),
          import('./liar.js'),
        ])
        return { run: (invocation) => run(invocation, { openDevice: openLiar }) }
      },
    })),
}

await runEntry((shell) => runProgram([CHEAT], shell, readVersion()))
