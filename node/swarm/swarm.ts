import { fileURLToPath } from 'node:url'
import type { PublicKey } from '@solana/web3.js'
import type { Clock, Random } from '../../protocols/ports.js'
import { createGenesis, type Funding } from './genesis.js'
import { type Member, prepareMember, type Settings, writeSettings } from './member.js'
import {
  createProcessGroup,
  type ProcessExit,
  type ProcessGroup,
  type ProcessSpec,
  type RunningProcess,
} from './process.js'
import { keepRunning, type Restarting } from './restart.js'

/**
 * A whole network on one machine: chain, bootstrap peer and nodes, each an operating system process of its own with
 * its own key, data directory and configuration. Used by `swarm start`, the demo and tests.
 */
export interface SwarmOptions {
  /** Data and logs of all its processes lie here. */
  folder: string
  clock: Clock
  random: Random
  environment: Readonly<Record<string, string | undefined>>
  /** Aborting it ends the waiting of every method; `stop` ends the processes. */
  signal: AbortSignal
  /** Told when chain or bootstrap peer had died and is started again. */
  onRestart?: (name: string, exit: ProcessExit) => void
}

export interface NodePlan {
  name: string
  settings: Settings
  /** Atomic units that its wallet gets. */
  tokens: bigint
  /** The program to run instead of the product's own. */
  entry?: string
}

export interface ChainReady {
  rpcUrl: string
  wsUrl: string
  programId: string
  market: string
  mint: string
  decimals: number
}

export interface NodeReady {
  peer: string
  addresses: string[]
}

export interface RunningNode extends Member {
  process: RunningProcess
  addresses: string[]
}

export interface Swarm {
  readonly chain: ChainReady
  readonly bootstrap: RunningNode
  readonly group: ProcessGroup
  /** Rejects with PROCESS_KEEPS_DYING when chain or bootstrap peer is beyond help; never resolves. */
  readonly failed: Promise<never>
  /** The one that runs now: it changes when the chain had to be started again. */
  chainProcess(): RunningProcess
  /** Makes keys and configuration of nodes and funds them, without starting them. */
  prepare(plans: readonly NodePlan[]): Promise<Member[]>
  /** Starts nodes that were prepared; resolves when all of them are ready. */
  start(plans: readonly NodePlan[], members: readonly Member[]): Promise<RunningNode[]>
  /** Starts any command of the program on a member's configuration. */
  run(member: Member, name: string, args: readonly string[]): RunningProcess
  stop(): Promise<void>
}

/** A cold start of a node takes two to three seconds of processor time, and there may be many on few cores. */
const READY_TIMEOUT_MS = 60_000
/** Fees and rent of a handful of leases. */
const NODE_LAMPORTS = 1_000_000_000n

const CHAIN = 'chain'
const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url))

export async function startSwarm(
  options: SwarmOptions,
  onChain: (chain: ChainReady) => void,
): Promise<Swarm> {
  const { folder, clock, environment } = options
  const group = createProcessGroup({ logDir: `${folder}/logs`, clock, env: withoutSettings(environment) })
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {}) // told to whoever runs the swarm, and a start may fail before there is anybody
  const restarting: Restarting = { ...options, group, onGiveUp: failure.reject }
  try {
    const chain = await startChain(options, restarting)
    onChain(chain)
    const parts: Parts = { ...options, group, restarting, chain, genesis: createGenesis({ ...chain, clock }) }
    const bootstrap = await Promise.race([startBootstrap(parts), failure.promise])
    const common = commonSettings(chain, bootstrap.addresses)
    return {
      chain,
      bootstrap,
      group,
      failed: failure.promise,
      chainProcess: () => group.processes().findLast(({ name }) => name === CHAIN) as RunningProcess,
      prepare: (plans) => prepareNodes(parts, common, plans),
      start: (plans, members) =>
        Promise.all(plans.map((plan, index) => startNode(parts, members[index] as Member, plan.entry))),
      run: (member, name, args) =>
        group.start({ name, entry: MAIN, args: [...args, '--config', member.configFile] }),
      stop: () => group.stopAll(),
    }
  } catch (error) {
    await group.stopAll()
    throw error
  }
}

interface Parts extends SwarmOptions {
  group: ProcessGroup
  restarting: Restarting
  chain: ChainReady
  genesis: ReturnType<typeof createGenesis>
}

/** What a person has set for nodes of his own must not reach the swarm's: each has a file that says everything. */
function withoutSettings(environment: SwarmOptions['environment']): Record<string, string | undefined> {
  const kept = Object.entries(environment).filter(
    ([name]) => !name.startsWith('NIGHTSHIFT_') || name.startsWith('NIGHTSHIFT_TEST_'),
  )
  return Object.fromEntries(kept)
}

/** Chain and bootstrap peer come back when they die: everything else waits for them and goes on. */
async function startChain(options: SwarmOptions, restarting: Restarting): Promise<ChainReady> {
  const spec = (port: string): ProcessSpec => ({
    name: CHAIN,
    entry: MAIN,
    args: ['chain', 'start', '--json', '--port', port, '--data-dir', `${options.folder}/chain`],
  })
  const started = restarting.group.start(spec('0'))
  const ready = await waitReady<ChainReady>(started, options.signal)
  const { port } = new URL(ready.rpcUrl)
  keepRunning(restarting, spec(port), started)
  return ready
}

async function startBootstrap(parts: Parts): Promise<RunningNode> {
  const member = await prepareMember(parts.folder, 'bootstrap', parts.random)
  await writeSettings(member, commonSettings(parts.chain, []))
  const node = await startNode(parts, member)
  // Its port stays the same when it is started again: others know no other way in.
  await writeSettings(member, commonSettings(parts.chain, []), {
    network: { listen: listenOf(node.addresses) },
  })
  keepRunning(parts.restarting, nodeSpec(member), node.process)
  return node
}

function listenOf(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.replace(/\/p2p\/.*$/, ''))
}

async function prepareNodes(parts: Parts, common: Settings, plans: readonly NodePlan[]): Promise<Member[]> {
  const members = await Promise.all(plans.map(({ name }) => prepareMember(parts.folder, name, parts.random)))
  await Promise.all(
    members.map((member, index) => writeSettings(member, common, plans[index]?.settings ?? {})),
  )
  const fundings: Funding[] = members.flatMap((member, index) => [
    sol(member.nodeKey),
    { ...sol(member.wallet), tokens: plans[index]?.tokens ?? 0n },
  ])
  await parts.genesis.fund(fundings, parts.signal)
  return members
}

function sol(address: PublicKey): Funding {
  return { address, lamports: NODE_LAMPORTS, tokens: 0n }
}

async function startNode(parts: Parts, member: Member, entry = MAIN): Promise<RunningNode> {
  const process = parts.group.start({ ...nodeSpec(member), entry })
  const ready = await waitReady<NodeReady>(process, parts.signal)
  return { ...member, process, addresses: ready.addresses }
}

function nodeSpec(member: Member): ProcessSpec {
  return {
    name: member.name,
    entry: MAIN,
    args: ['node', 'start', '--json', '--config', member.configFile],
  }
}

function commonSettings(chain: ChainReady, bootstrap: readonly string[]): Settings {
  return {
    chain: {
      rpc_url: chain.rpcUrl,
      ws_url: chain.wsUrl,
      program_id: chain.programId,
      market: chain.market,
    },
    network: { bootstrap },
  }
}

function waitReady<Ready>(process: RunningProcess, signal: AbortSignal): Promise<Ready> {
  return process.waitFor(
    (line) => {
      const event = parseEvent(line)
      return event?.event === 'ready' ? (event as unknown as Ready) : undefined
    },
    { timeoutMs: READY_TIMEOUT_MS, signal },
  )
}

/** Undefined for a line that is no JSON object. */
export function parseEvent(line: string): Record<string, unknown> | undefined {
  try {
    const event = JSON.parse(line) as unknown
    return typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
