import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Member, Settings } from '../../node/swarm/member.js'
import { type NodePlan, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import type { CrowdAnswer } from './crowd-child.js'
import type { CrowdHost, CrowdLoad, CrowdNode, CrowdView } from './crowd-host.js'

/**
 * A swarm of many nodes on few cores: chain and bootstrap peer are processes of their own, the nodes share a few. Each
 * is a whole daemon (crowd-host.ts): provider and renter with their own key, wallet, store and sockets on loopback.
 */
export interface Crowd {
  readonly swarm: Swarm
  readonly folder: string
  readonly nodes: readonly CrowdNode[]
  /** A manifest of the smallest job that there is, with these fields of its service replaced. */
  manifest(fields?: Record<string, unknown>): string
  /** The process that holds a node. */
  host(name: string): CrowdHost
  look(): Promise<CrowdView[]>
  load(): Promise<CrowdLoad>
  /** Wallets and node keys, in the order of `nodes`. */
  readonly members: readonly Member[]
  /**
   * These nodes, by name, and all others hear nothing of one another until it is called with nobody. The bootstrap peer
   * stays with the others.
   */
  split(group: readonly string[]): Promise<void>
  /** From now on `heard` of every node counts anew. */
  forget(): Promise<void>
  stop(): Promise<void>
}

export interface CrowdOptions {
  peers: number
  /** Default 2. */
  processes?: number
  /** Of all nodes, beside what a crowd needs. */
  settings?: Settings
  /** Of one node, above the others. */
  settingsOf?: (index: number) => Settings
  onStep?: (step: string) => void
}

/** On a busy machine the first dials fail, and are made again; who has no neighbours yet takes part in nothing. */
const FEW_NEIGHBOURS = 3
const CHILD = fileURLToPath(new URL('./crowd-child.js', import.meta.url))
const TOKEN = 1_000_000n
const STAKE = 100
/** Of each node, atomic units. */
export const STAKE_UNITS = BigInt(STAKE) * TOKEN
/** What a market's tests need: beats as on a public network, prices that differ, a stake that backs a few leases. */
const SETTINGS = {
  provider: {
    enabled: true,
    stake: String(STAKE),
    backend: 'cpu',
    heartbeat_ms: 60_000,
    location: 'DE-Berlin',
  },
}

export async function startCrowd(options: CrowdOptions): Promise<Crowd> {
  const { peers, processes = 2, settings = {}, settingsOf = () => ({}), onStep = () => {} } = options
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-crowd-'))
  const abort = new AbortController()
  const swarm = await startSwarm(
    {
      folder,
      clock: systemClock,
      random: systemRandom,
      environment: process.env,
      signal: abort.signal,
    },
    () => onStep('the chain is up'),
  )
  const children: RemoteHost[] = []
  const stop = async () => {
    await Promise.all(children.map((child) => child.end()))
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const names = Array.from({ length: peers }, (_, index) => `node-${index}`)
    const plans: NodePlan[] = names.map((name, index) => ({
      name,
      tokens: 1_000n * TOKEN,
      settings: merge(
        SETTINGS,
        { provider: { price_per_hour: priceOf(index) } },
        settings,
        settingsOf(index),
      ),
    }))
    const members = await swarm.prepare(plans)
    onStep('wallets are funded')
    for (let index = 0; index < processes; index++) children.push(startChild(folder, index))
    const placed = members.map(({ name, configFile }, index) => ({
      child: children[index % processes] as RemoteHost,
      member: { name, configFile, config: readFileSync(configFile, 'utf8') },
    }))
    const started = await Promise.all(
      children.map((child) =>
        child.host.start(placed.filter((each) => each.child === child).map(({ member }) => member)),
      ),
    )
    const nodes = names.map((name) => started.flat().find((node) => node.name === name) as CrowdNode)
    onStep('all nodes are up')
    const look = async () => (await Promise.all(children.map((child) => child.host.look()))).flat()
    const few = Math.min(FEW_NEIGHBOURS, peers - 1)
    while ((await look()).some(({ connections }) => connections < few)) await systemClock.sleep(250)
    onStep('all nodes have found neighbours')
    const homes = new Map(placed.map(({ child, member }) => [member.name, child.host]))
    const host = (name: string) => homes.get(name) as CrowdHost
    return {
      swarm,
      folder,
      nodes,
      host,
      manifest: (fields) => writeManifest(folder, fields),
      look,
      load: async () => add(await Promise.all(children.map((child) => child.host.load()))),
      members,
      forget: async () => {
        await Promise.all(children.map((child) => child.host.forget()))
      },
      split: async (group) => {
        const isInside = ({ name }: CrowdNode) => group.includes(name)
        const shunnedBy = (node: CrowdNode) => {
          if (group.length === 0) return []
          const others = nodes.filter((other) => isInside(other) !== isInside(node)).map(({ peer }) => peer)
          return isInside(node) ? [...others, swarm.bootstrap.peer] : others
        }
        const shunned = Object.fromEntries(nodes.map((node) => [node.name, shunnedBy(node)]))
        await Promise.all(children.map((child) => child.host.shun(shunned)))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** 0.100, 0.101, … tokens an hour, scattered: whoever is asked first is not the cheapest. */
function priceOf(index: number): string {
  return `0.${100 + ((index * 37) % 400)}`
}

function merge(...layers: readonly Settings[]): Settings {
  const merged: Record<string, Record<string, unknown> | string> = {}
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      merged[key] = typeof value === 'string' ? value : { ...(merged[key] as object), ...value }
    }
  }
  return merged
}

function add(loads: readonly CrowdLoad[]): CrowdLoad {
  const sum = (pick: (load: CrowdLoad) => number) => loads.reduce((all, load) => all + pick(load), 0)
  return {
    cpuMs: sum(({ cpuMs }) => cpuMs),
    memoryBytes: sum(({ memoryBytes }) => memoryBytes),
    published: sum(({ published }) => published),
    delivered: sum(({ delivered }) => delivered),
    validated: sum(({ validated }) => validated),
    deliveredBytes: sum(({ deliveredBytes }) => deliveredBytes),
  }
}

const ROWS = 16
let manifests = 0

/** Sixteen rows, two columns, one neuron, one epoch: what is measured is the market. */
function writeManifest(folder: string, fields: Record<string, unknown> = {}): string {
  const rows = Array.from({ length: ROWS }, (_, index) => `${index % 4},${index % 3},${index % 2}`)
  mkdirSync(join(folder, 'jobs'), { recursive: true })
  writeFileSync(join(folder, 'jobs', 'rows.csv.gz'), gzipSync(`${rows.join('\n')}\n`))
  const service = {
    runtime: 'tfjs',
    job: {
      task: 'train',
      model: { input: [2], layers: [{ type: 'dense', units: 1 }] },
      loss: 'meanSquaredError',
      epochs: 1,
      seed: 1,
      dataset: { format: 'csv.gz', header: false, features: { first: 0, count: 2 }, label: 2 },
    },
    inputs: { data: 'rows.csv.gz' },
    verify: { challenge: { n: 16, rounds: 1, openings: 4 } },
    timeouts: { duration: '1m', queue: '2m' },
    pricing: { max_price_per_hour: 0.5 },
    ...fields,
  }
  const manifest = {
    version: '2.0',
    services: { tiny: service },
    profiles: {
      compute: { any: { resources: { memory: { size: '16Mi' }, gpu: { units: 0 } } } },
      placement: { here: { attributes: { location: 'DE' } } },
    },
    deployment: { tiny: { here: { profile: 'any' } } },
  }
  const file = join(folder, 'jobs', `job-${manifests++}.yaml`)
  writeFileSync(file, JSON.stringify(manifest))
  return file
}

interface RemoteHost {
  host: CrowdHost
  end(): Promise<void>
}

const END_MS = 30_000

/** A host in a process of its own, behind the same methods. */
function startChild(folder: string, index: number): RemoteHost {
  const log = openSync(join(folder, 'logs', `crowd-${index}.log`), 'a')
  const child = fork(CHILD, [], { stdio: ['ignore', log, log, 'ipc'], serialization: 'advanced' })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`crowd-${index} ended: ${code ?? signal}`))
      resolve()
    })
  })
  child.on('message', (answer: CrowdAnswer) => {
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) asked?.reject(new Error(answer.error))
    else asked?.resolve(answer.value)
  })
  let calls = 0
  const call = (method: keyof CrowdHost, args: unknown[]) => {
    const id = calls++
    const asked = Promise.withResolvers<unknown>()
    waiting.set(id, asked)
    child.send({ id, method, args })
    return asked.promise
  }
  const host = new Proxy({} as CrowdHost, {
    get:
      (_, method: keyof CrowdHost) =>
      (...args: unknown[]) =>
        call(method, args),
  })
  return { host, end: () => endChild(child, host, exited) }
}

async function endChild(child: ChildProcess, host: CrowdHost, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  await host.stop().catch(() => {})
  if (child.connected) child.disconnect()
  await exited
  clearTimeout(timer)
}
