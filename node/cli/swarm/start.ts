import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LOCAL_TOKEN } from '../../swarm/genesis.js'
import type { Member } from '../../swarm/member.js'
import { type NodePlan, type RunningNode, type Swarm, startSwarm } from '../../swarm/swarm.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { readCount } from '../quantity.js'
import { shortPeer } from '../story.js'
import { PROGRAM } from '../suggestion.js'
import { renderTable } from '../table.js'
import { aborted } from '../wait.js'

const EXAMPLE = fileURLToPath(new URL('../../../../config/examples/digits.yaml', import.meta.url))

const UNIT = 10n ** BigInt(LOCAL_TOKEN.decimals)
const WALLET_TOKENS = 1_000n * UNIT
const STAKE = '100'
const MOST_PROVIDERS = 100

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const count = readCount('--providers', String(options.providers), 1, MOST_PROVIDERS)
  const isGiven = options.folder !== undefined
  const folder = isGiven
    ? resolve(shell.cwd, String(options.folder))
    : await mkdtemp(join(tmpdir(), 'nightshift-swarm-'))
  const { style } = report.err
  report.progress('starting the chain …')
  let swarm: Swarm | undefined
  let failed = false
  try {
    swarm = await startSwarm(
      {
        folder,
        clock: systemClock,
        random: systemRandom,
        environment: shell.env,
        signal: shell.signal,
        onRestart: (name) => report.progress(style.yellow(`${name} had died and is started again`)),
      },
      () => report.progress('starting the bootstrap peer …'),
    )
    const plans = planProviders(count, String(options.backend))
    const [renter, ...members] = await swarm.prepare([planRenter(String(options.backend)), ...plans])
    report.progress(`starting ${count} providers …`)
    const providers = await swarm.start(plans, members)
    watch(providers, swarm, invocation)
    report.event(
      describe(swarm, providers, renter as Member, folder),
      render(swarm, providers, renter as Member, invocation),
    )
    await Promise.race([aborted(shell.signal), swarm.failed])
    report.progress('stopping …')
    return EXIT.OK
  } catch (error) {
    failed = !shell.signal.aborted
    throw error
  } finally {
    await swarm?.stop()
    // Errors name logs that lie there.
    if (options.keep === true || isGiven || failed) report.progress(`data and logs are kept in ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}

function planRenter(backend: string): NodePlan {
  return { name: 'renter', tokens: WALLET_TOKENS, settings: { provider: { backend } } }
}

/** Prices differ, so that auctions have something to decide. */
function planProviders(count: number, backend: string): NodePlan[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `provider-${index + 1}`,
    tokens: WALLET_TOKENS,
    settings: {
      provider: {
        enabled: true,
        price_per_hour: `0.${20 + 5 * (index % 10)}`,
        stake: STAKE,
        backend,
        software: { memory_bytes: '2Gi' },
      },
    },
  }))
}

/** A provider that dies is told of and not started again: that is what people try out here. */
function watch(providers: readonly RunningNode[], swarm: Swarm, { report }: Invocation): void {
  for (const { name, process } of providers) {
    process.exited.then(({ code, signal }) => {
      if (swarm.group.isStopping()) return
      report.progress(
        report.err.style.yellow(
          `${name} ended (${signal ?? `exit code ${code}`}); its log: ${process.logFile}`,
        ),
      )
    })
  }
}

function describe(swarm: Swarm, providers: readonly RunningNode[], renter: Member, folder: string) {
  return {
    event: 'ready',
    folder,
    chain: swarm.chain,
    bootstrap: swarm.bootstrap.addresses,
    providers: providers.map(({ name, peer, dataDir, process }) => ({
      name,
      peer,
      dataDir,
      pid: process.pid,
    })),
    renter: { config: renter.configFile, wallet: renter.wallet.toBase58() },
  }
}

function render(
  swarm: Swarm,
  providers: readonly RunningNode[],
  renter: Member,
  { report, shell }: Invocation,
): string {
  const { style } = report.out
  const processes = [
    { name: 'chain', peer: '', pid: swarm.chainProcess().pid, where: swarm.chain.rpcUrl },
    ...[swarm.bootstrap, ...providers].map(({ name, peer, addresses, process }) => ({
      name,
      peer,
      pid: process.pid,
      where: addresses[0]?.replace(/\/p2p\/.*$/, '') ?? '',
    })),
  ]
  const table = renderTable(
    processes,
    [
      { title: 'NAME', cell: ({ name }) => name },
      { title: 'PEER', cell: ({ peer }) => (peer === '' ? '-' : shortPeer(peer)) },
      { title: 'PROCESS', align: 'right', cell: ({ pid }) => String(pid) },
      { title: 'LISTENS ON', cell: ({ where }) => where },
    ],
    style.dim,
  )
  return `
${style.bold('The swarm runs.')} Ctrl-C stops all of it.

${table}
A renter with a funded wallet joins from another terminal:

  ${PROGRAM} offers search --config ${renter.configFile}
  ${PROGRAM} job post -f ${examplePath(shell.cwd)} --config ${renter.configFile}
`
}

/** The example that ships with the program, as it can be typed here. */
function examplePath(cwd: string): string {
  const near = relative(cwd, EXAMPLE)
  return near.startsWith('..') ? EXAMPLE : near
}
