import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/schema.js'
import { type Device, openDevice } from '../../kernels/worker/device.js'
import { readPlan } from '../../node/daemon/manifest.js'
import { type Daemon, startDaemon } from '../../node/daemon.js'
import { openAnnouncement } from '../../node/market/announcements.js'
import { createNetwork, type NetworkInit } from '../../node/net/network.js'
import type { Network } from '../../node/net/ports.js'
import type { DeploymentReport } from '../../node/renter/event.js'
import type { Deployment } from '../../node/renter.js'
import { systemClock } from '../../node/system/clock.js'
import { createLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { type Audit, judgeResult } from '../../protocols/auction/audit.js'
import { orderIdOf } from '../../protocols/auction/rules.js'
import type { Order, Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'

/**
 * Many real nodes in one process: each a whole daemon with its own key, store, sockets and configuration; what they
 * share is the processor and one device. What a node publishes and delivers on its topics is kept as it was on the wire.
 */
export interface CrowdHost {
  start(members: readonly CrowdMember[]): Promise<CrowdNode[]>
  /** Posts a job from this node and resolves to what came of it. */
  post(name: string, manifest: string, until: 'leased' | 'ended'): Promise<Posted>
  /** From now on each of these nodes hangs up on the peers named beside it and lets them in no more; the others on nobody. */
  shun(shunned: Record<string, readonly string[]>): Promise<void>
  look(): Promise<CrowdView[]>
  /** Peers whose offers this node knows; it looks for what it does not know yet. */
  offers(name: string): Promise<string[]>
  /** From now on `heard` counts anew. */
  forget(): Promise<void>
  /** Who is announced as a member of a shard, as the hash table tells this node. */
  members(name: string, shard: string): Promise<string[]>
  /** Holds each result that reached this node, or is its own, against the order and the commitments that did. */
  audit(name: string): Promise<Audited[]>
  /** Traffic on all topics of all nodes of this process, and its processor time. */
  load(): Promise<CrowdLoad>
  stop(): Promise<void>
}

export interface CrowdMember {
  name: string
  configFile: string
  config: string
}

export interface CrowdNode {
  name: string
  peer: string
  addresses: string[]
}

export interface Posted {
  report: DeploymentReport
  /** From the order that led to a lease until the chain had it and the provider had taken it; absent: no lease. */
  orderToLeaseMs?: number
  /** The same from the posting of the job on: with the auctions before that found nobody. */
  postToLeaseMs?: number
  commitments: number
}

export interface CrowdView {
  name: string
  peer: string
  connections: number
  /** Providers of which gossip brought this node a heartbeat. */
  heard: string[]
  provider?: { state: string; promised: number; jobs: number }
}

export interface Audited {
  /** Hex. */
  orderId: string
  isOwn: boolean
  /** `unseen`: no node of this process has the order on its topics, so the result can be held against nothing. */
  verdict: Audit['verdict'] | 'unseen'
  findings: string[]
  winner: string
}

/** What an announcement of an auction said, and who signed it. */
interface Witnessed {
  peer: string
  orderId: Uint8Array
  order?: Order
  /** Hash of a commitment. */
  hash?: Uint8Array
  result?: Result
}

export interface CrowdLoad {
  cpuMs: number
  memoryBytes: number
  published: number
  delivered: number
  validated: number
  deliveredBytes: number
}

interface Hosted {
  name: string
  config: Config
  daemon: Daemon
  network: Network
  seen: Seen
  /** Peers that this node neither dials nor lets in. */
  shunned: Set<string>
}

interface Seen {
  /** Of auctions, as they came. */
  envelopes: Uint8Array[]
  /** Authors of heartbeats. */
  heard: Set<string>
}

/** A start costs half a second of processor time; more at once than cores, and their dials time out. */
const STARTS_AT_ONCE = 2

export function createCrowdHost(): CrowdHost {
  const nodes = new Map<string, Hosted>()
  const load = { published: 0, delivered: 0, validated: 0, deliveredBytes: 0 }
  const ending: Array<Promise<unknown>> = []
  let device: Promise<Device> | undefined
  const log = createLog(process.env.NIGHTSHIFT_TEST_CROWD_LOG === undefined ? 'error' : 'debug')

  const find = (name: string): Hosted => {
    const node = nodes.get(name)
    if (node === undefined) throw new RangeError(`there is no node ${name} in this process`)
    return node
  }

  /** One device for all: it takes one piece of work after the other anyway, and who opened it closes it. */
  const openShared = async (options: Parameters<typeof openDevice>[0]): Promise<Device> => {
    device ??= openDevice(options)
    const shared = await device
    return new Proxy(shared, {
      get: (target, name) =>
        name === 'close' || name === 'release' ? async () => {} : Reflect.get(target, name),
    })
  }

  const watch = (network: Network, seen: Seen): Network => ({
    ...network,
    gossip: {
      ...network.gossip,
      publish: (topic, data) => {
        load.published++
        if (topic.includes('auction')) seen.envelopes.push(data)
        return network.gossip.publish(topic, data)
      },
      join: (topic, rules) =>
        network.gossip.join(topic, {
          ...rules,
          validate: (message) => {
            load.validated++
            return rules.validate(message)
          },
          onMessage: (message) => {
            load.delivered++
            load.deliveredBytes += message.data.length
            if (topic.includes('auction')) seen.envelopes.push(message.data)
            else
              seen.heard.add(
                peerIdFromPublicKey(RecordEnvelope.createFromProtobuf(message.data).publicKey).toString(),
              )
            rules.onMessage(message)
          },
        }),
    },
  })

  const startOne = async ({ name, configFile, config: text }: CrowdMember): Promise<CrowdNode> => {
    const { config } = loadConfig({ file: { path: configFile, text } })
    const seen: Seen = { envelopes: [], heard: new Set() }
    const shunned = new Set<string>()
    let network: Network | undefined
    const daemon = await startDaemon({
      config,
      role: 'peer',
      version: '0.0.0',
      pid: process.pid,
      clock: systemClock,
      random: systemRandom,
      log,
      signal: new AbortController().signal,
      openDevice: openShared,
      openNetwork: async (init: NetworkInit) => {
        network = await createNetwork({ ...init, isShutOut: (peer) => shunned.has(peer) })
        return watch(network, seen)
      },
    })
    nodes.set(name, { name, config, daemon, network: network as Network, seen, shunned })
    return { name, peer: daemon.peer, addresses: daemon.addresses() }
  }

  const post = async (name: string, manifest: string, until: 'leased' | 'ended'): Promise<Posted> => {
    const { daemon, config } = find(name)
    const { decimals } = await daemon.escrow.market()
    const plan = await readPlan(manifest, undefined, { decimals, config })
    const postedAt = systemClock.elapsed()
    const deployment = await daemon.renter.post(plan)
    const leased = await waitForLease(deployment, postedAt)
    if (until === 'leased' && leased.orderToLeaseMs !== undefined) ending.push(deployment.stop())
    const report =
      until === 'leased'
        ? ((await daemon.renter.job(deployment.id)) as DeploymentReport)
        : await deployment.result()
    return { report, ...leased }
  }

  const lookAt = async ({ name, daemon, network, seen }: Hosted): Promise<CrowdView> => {
    const { provider } = await daemon.status()
    return {
      name,
      peer: daemon.peer,
      connections: network.peers().length,
      heard: [...seen.heard],
      ...(provider === undefined ? {} : { provider }),
    }
  }

  return {
    start: async (members) => {
      const started: CrowdNode[] = []
      const waiting = [...members]
      await Promise.all(
        Array.from({ length: STARTS_AT_ONCE }, async () => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            started.push(await startOne(next))
          }
        }),
      )
      return started
    },
    post,
    shun: async (wanted) => {
      for (const { name, shunned } of nodes.values()) {
        shunned.clear()
        for (const peer of wanted[name] ?? []) shunned.add(peer)
      }
      const hangUps = [...nodes.values()].flatMap(({ network, shunned }) =>
        network
          .peers()
          .filter((peer) => shunned.has(peer))
          .map((peer) => network.hangUp(peer)),
      )
      await Promise.allSettled(hangUps)
    },
    forget: async () => {
      for (const { seen } of nodes.values()) seen.heard.clear()
    },
    members: async (name, shard) => {
      const found: string[] = []
      for await (const { peer } of find(name).network.dht.findProviders(`shard/${shard}`, { limit: 64 })) {
        found.push(peer)
      }
      return found
    },
    audit: async (name) => {
      const { seen, daemon } = find(name)
      const all = [...nodes.values()].flatMap((node) => node.seen.envelopes)
      return auditAll(await readAll(seen.envelopes), await readAll(all), daemon.peer)
    },
    look: () => Promise.all([...nodes.values()].map(lookAt)),
    offers: async (name) => (await find(name).daemon.renter.offers()).map(({ peer }) => peer),
    load: async () => {
      const { user, system } = process.cpuUsage()
      return { ...load, cpuMs: (user + system) / 1_000, memoryBytes: process.memoryUsage.rss() }
    },
    stop: async () => {
      await Promise.allSettled(ending)
      await Promise.allSettled([...nodes.values()].map(({ daemon }) => daemon.close()))
      await (await device?.catch(() => undefined))?.close()
    },
  }
}

async function waitForLease(deployment: Deployment, postedAt: number): Promise<Omit<Posted, 'report'>> {
  let commitments = 0
  for await (const event of deployment.events()) {
    if (event.kind === 'committed') commitments++
    if (event.kind !== 'leased') continue
    return {
      orderToLeaseMs: event.orderToLeaseMs,
      postToLeaseMs: systemClock.elapsed() - postedAt,
      commitments,
    }
  }
  return { commitments }
}

/**
 * A node is told of open orders by those that it meets, too, which is not on a topic: an order is named by the hash of what
 * its author signed, so it does not matter whose copy of it is read. Commitments count as this node itself heard them.
 */
async function auditAll(
  own: readonly Witnessed[],
  all: readonly Witnessed[],
  self: string,
): Promise<Audited[]> {
  const orders = new Map(all.flatMap(({ orderId, order }) => (order ? [[toHex(orderId), order]] : [])))
  const commitments = new Map<string, Map<string, Uint8Array>>()
  for (const { orderId, hash, peer } of own) {
    if (hash === undefined) continue
    const id = toHex(orderId)
    commitments.set(id, (commitments.get(id) ?? new Map()).set(peer, hash))
  }
  const audited: Audited[] = []
  for (const { orderId, result, peer } of own) {
    if (result === undefined) continue
    const id = toHex(orderId)
    const named = { orderId: id, isOwn: peer === self, winner: result.winner }
    const order = orders.get(id)
    if (order === undefined) {
      audited.push({ ...named, verdict: 'unseen', findings: [] })
      continue
    }
    const seen = { order, orderId, commitments: commitments.get(id) ?? new Map<string, Uint8Array>() }
    const { verdict, findings } = await judgeResult(seen, result)
    audited.push({ ...named, verdict, findings: findings.map(({ code }) => code) })
  }
  return audited
}

/** The same bytes reach every node of the process; their signature is checked once. */
const witnessed = new Map<string, Promise<Witnessed>>()

function readAll(envelopes: readonly Uint8Array[]): Promise<Witnessed[]> {
  return Promise.all(
    envelopes.map((envelope) => {
      const key = Buffer.from(envelope).toString('latin1')
      const read = witnessed.get(key) ?? readWitnessed(envelope)
      witnessed.set(key, read)
      return read
    }),
  )
}

async function readWitnessed(envelope: Uint8Array): Promise<Witnessed> {
  const opened = await openAnnouncement(envelope)
  if (isRefusal(opened)) throw new Error(`delivered and yet refused: ${opened.refused}`)
  const { peer, announcement } = opened
  const { order, commitment, result } = announcement
  if (commitment !== undefined) return { peer, ...commitment }
  if (result !== undefined) return { peer, orderId: result.orderId, result }
  const orderId = orderIdOf(peer, opened.payload)
  return order === undefined ? { peer, orderId } : { peer, orderId, order }
}
