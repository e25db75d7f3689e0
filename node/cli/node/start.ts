import type { Daemon } from '../../daemon.js'
import type { Invocation } from '../command.js'
import { type OpenDeviceOption, openDaemon } from '../daemon.js'
import { EXIT } from '../exit.js'
import type { Style } from '../style.js'
import { renderPairs } from '../table.js'
import { aborted } from '../wait.js'

export async function run(invocation: Invocation, option: OpenDeviceOption = {}): Promise<number> {
  const { shell, report } = invocation
  const { config } = await invocation.config()
  const node = await openDaemon(invocation, option)
  try {
    report.event(
      {
        event: 'ready',
        peer: node.peer,
        addresses: node.addresses(),
        controlUrl: node.controlUrl,
        pid: shell.pid,
        provider: config.provider.enabled,
      },
      renderReady(node, config.dataDir, config.provider.enabled, report.out.style),
    )
    await Promise.race([aborted(shell.signal), node.stopRequested])
    report.progress('stopping …')
    return EXIT.OK
  } finally {
    await node.close()
  }
}

function renderReady(node: Daemon, dataDir: string, isProvider: boolean, style: Style): string {
  const what = isProvider ? 'The node runs and takes jobs.' : 'The node runs.'
  return `${style.bold(what)} Ctrl-C stops it.

${renderPairs(
  [
    ['peer', node.peer],
    ['listens on', node.addresses()[0] ?? 'nothing'],
    ['data', dataDir],
  ],
  style.dim,
)}`
}
