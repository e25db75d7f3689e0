import { tellWatch } from '../../check/owner.js'
import { connectToNode } from '../../control/client.js'
import type { NodeStatus } from '../../control/view.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { tellVerdict } from '../owner.js'
import { showAmount } from '../story.js'
import type { Style } from '../style.js'
import { renderPairs } from '../table.js'

export async function run(invocation: Invocation): Promise<number> {
  const { config } = await invocation.config()
  const node = await connectToNode(config.dataDir)
  const status = await node.status()
  invocation.report.result(status, renderStatus(status, systemClock.now(), invocation.report.out.style))
  return EXIT.OK
}

function renderStatus(status: NodeStatus, now: number, style: Style): string {
  const { network, chain, provider, renter } = status
  const decimals = chain.market?.decimals
  const tokens = (amount: string | undefined) =>
    amount === undefined ? 'unknown' : `${showAmount(amount, decimals)} tokens`
  const pairs: Array<[string, string]> = [
    ['node', `${network.peer} on ${network.name}`],
    [
      'running',
      `${showDuration(now - status.startedAtMs)}, process ${status.pid}, version ${status.version}`,
    ],
    ['data', status.dataDir],
    ['listens on', network.addresses.join(`\n${' '.repeat(12)}`) || 'nothing'],
    ['peers', String(network.peers)],
    ['chain', chain.problem === undefined ? chain.rpcUrl : `${chain.rpcUrl}: ${style.red(chain.problem)}`],
    ['address', chain.address],
    ['market', chain.market?.address ?? 'unknown'],
  ]
  if (renter !== undefined) {
    pairs.push(
      ['wallet', `${renter.wallet}, ${tokens(renter.balance)}`],
      ['my jobs', `${renter.jobs} not ended`],
    )
  }
  if (provider === undefined) pairs.push(['provider', 'no (start with --provider-enabled true)'])
  else {
    pairs.push(
      [
        'provider',
        `${provider.state}, ${tokens(provider.pricePerHour)} an hour, stake ${tokens(provider.stake)}`,
      ],
      ['serving', `${provider.jobs} jobs`],
      ['owner', tellVerdict(provider.owner.verdict)],
      ['watched', tellWatch(provider.owner).join(`\n${' '.repeat(12)}`) || 'nothing'],
    )
    for (const device of provider.devices) {
      const kind = device.gpu ? 'GPU' : 'software device'
      const memory = `${(device.memoryBytes / 2 ** 30).toFixed(1)} GiB`
      const many = device.count > 1 ? `${device.count} × ` : ''
      const free = device.count > 1 ? `, ${device.free} free` : ''
      pairs.push([
        'device',
        `${many}${device.model} (${kind}, ${device.backend}), ${memory}, ${device.gflops.toFixed(1)} GFLOP/s${free}`,
      ])
    }
  }
  return renderPairs(pairs, style.dim)
}

function showDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
