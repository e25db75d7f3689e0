import { createProcessGroup } from '../../node/swarm/process.js'
import { systemClock } from '../../node/system/clock.js'

/** A parent that a test kills: starts the children named by its arguments and tells their process ids. */
const [logDir = '', entry = '', ...kinds] = process.argv.slice(2)
const group = createProcessGroup({ logDir, clock: systemClock, env: process.env })
const children = kinds.map((kind, index) => group.start({ name: `${kind}-${index}`, entry, args: [kind] }))
await Promise.all(
  children.map((child) =>
    child.waitFor((line) => (line === 'ready' ? true : undefined), { timeoutMs: 20_000 }),
  ),
)
process.stdout.write(`${JSON.stringify(children.map(({ pid }) => pid))}\n`)
