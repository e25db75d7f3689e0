import { spawn } from 'node:child_process'
import { followParent, LIFELINE_VARIABLE } from '../../node/swarm/lifeline.js'

/**
 * A child of the process tests. `polite` ends on SIGTERM and when its parent is gone; `deaf` ignores SIGTERM; `family`
 * starts a deaf grandchild of its own; `failing` tells its error and ends; `mute` never says that it is ready.
 */
const [kind = ''] = process.argv.slice(2)

followParent(process.env, process, () => process.exit(0))
setInterval(() => {}, 1_000)

if (kind === 'deaf') process.on('SIGTERM', () => {})
if (kind === 'failing') {
  process.stdout.write('{"error":{"code":"X","message":"the disk is full","advice":"make room"}}\n')
  process.exit(3)
}
if (kind === 'family') {
  const grandchild = spawn(process.execPath, [process.argv[1] ?? '', 'alone'], {
    stdio: 'ignore',
    env: { ...process.env, [LIFELINE_VARIABLE]: undefined },
  })
  process.stdout.write(`grandchild ${grandchild.pid}\n`)
}
if (kind !== 'mute') process.stdout.write('ready\n')
