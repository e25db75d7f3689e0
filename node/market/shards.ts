import { topicName } from '../../protocols/descriptor.js'
import { ALL_SHARDS } from '../../protocols/inventory/shard.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Network, TopicRules } from '../net/ports.js'
import { createMembers, type Members, pick } from './members.js'
import type { Neighbours, Place, ShardName } from './place.js'
import type { AskRoster } from './roster.js'

export interface ShardsInit {
  network: Pick<Network, 'name' | 'gossip' | 'dht' | 'dial' | 'peers' | 'onPeer'>
  ask: AskRoster
  clock: Clock
  random: Random
  log: Log
  /** A shard in which nothing is offered by this node is left after so long without a search or an order. */
  idleMs?: number
  /** First and longest pause between two looks for members of a shard that has few. */
  lookAgainMs?: { first: number; longest: number }
}

/** Ten minutes: later rounds of an auction, the next search. */
const IDLE_MS = 600_000
const LOOK_AGAIN_MS = { first: 2_000, longest: 300_000 }
/** Most shards that a renter wants "or more" have no members, and each look asks a good part of a small network. */
const NOBODY_TIMES = 8
/** Gossip's mesh has 6 neighbours; with fewer in a shard more are looked for, now and then. */
const FEW_PEERS = 6
const TICK_MS = 1_000
/** Nobody waits for longer than this for a shard that may have no members at all. */
const PATIENCE_MS = 2_500
/** A member that was dialled says within a round trip or two which topics it is in. */
const SUBSCRIBED_MS = 1_000
const POLL_MS = 20
const LOOKS_AT_ONCE = 4
/** Each new neighbour may be one from whom nothing was heard for a while; whoever listens asks it. */
const TOLD_EVERY_MS = 5_000
/** What was looked for so lately is not waited for again. */
const RECENT_MS = 60_000
const ASKED_NEIGHBOURS = 4
/** So few are looked for at once when no neighbour knows of any of them. */
const FEW_SHARDS = 8
/** Shards of which no neighbour knows are looked for as well, one after the other. */
const UNHEARD_EVERY_MS = 3_000
/** Provider records are told again while the routing table may still have been small, then rarely. */
const ANNOUNCE_AFTER_MS = [0, 2_000, 10_000, 60_000, 600_000]
/** What failed is told again after the third of these pauses at most. */
const RETRIED_AS = 2

interface Shard {
  name: ShardName
  isOwn: boolean
  /** By the clock's `elapsed`, as all times here. */
  wantedUntilMs: number
  isJoined: boolean
  /** Neighbours that listeners were told of. */
  known: Set<string>
  toldAtMs: number
  pauseMs: number
  lookAtMs: number
  lookedAtMs: number
  looking: Promise<void> | undefined
  announceAtMs: number
  isAnnouncing: boolean
  announced: number
}

/** The shards of a market that this node takes part in. */
export function createShards(init: ShardsInit): Place {
  const { network, clock, random, log, ask, idleMs = IDLE_MS } = init
  const { first, longest } = init.lookAgainMs ?? LOOK_AGAIN_MS
  const { gossip } = network
  const members: Members = createMembers(init)
  const shards = new Map<ShardName, Shard>()
  const words = new Map<string, (shard: ShardName) => TopicRules>()
  const listeners = new Set<(news: Neighbours) => void>()
  const informants = new Map<ShardName, string[]>()
  const closing = new AbortController()
  const { signal: closed } = closing

  const topicOf = (word: string, name: ShardName) => topicName(network.name, word, ...name.split('/'))
  const peers = (name: ShardName) => gossip.peers(topicOf('heartbeat', name))
  const isWanted = ({ isOwn, wantedUntilMs }: Shard) => isOwn || wantedUntilMs > clock.elapsed()

  function shardOf(name: ShardName): Shard {
    let shard = shards.get(name)
    if (shard === undefined) {
      shard = {
        name,
        isOwn: false,
        wantedUntilMs: 0,
        isJoined: false,
        known: new Set(),
        toldAtMs: Number.NEGATIVE_INFINITY,
        pauseMs: first,
        lookAtMs: 0,
        lookedAtMs: Number.NEGATIVE_INFINITY,
        looking: undefined,
        announceAtMs: 0,
        isAnnouncing: false,
        announced: 0,
      }
      shards.set(name, shard)
    }
    return shard
  }

  function join(shard: Shard): void {
    if (shard.isJoined) return
    shard.isJoined = true
    for (const [word, rulesOf] of words) gossip.join(topicOf(word, shard.name), rulesOf(shard.name))
    log.debug('shard joined', { shard: shard.name, peers: peers(shard.name).length })
  }

  function leave(shard: Shard): void {
    shards.delete(shard.name)
    if (!shard.isJoined) return
    for (const word of words.keys()) gossip.leave(topicOf(word, shard.name))
    log.debug('shard left', { shard: shard.name })
  }

  /** Brings one shard nearer to what it should be; called on every tick, and whenever something has changed. */
  function tend(shard: Shard): void {
    if (!isWanted(shard)) {
      leave(shard)
      return
    }
    const now = clock.elapsed()
    const neighbours = peers(shard.name)
    const count = neighbours.length
    if (shard.isOwn || count > 0) join(shard)
    tellOf(shard, neighbours)
    const isDue = shard.isOwn && shard.announceAtMs <= now && !shard.isAnnouncing
    if (isDue && network.peers().length > 0) announce(shard)
    if (count < FEW_PEERS && shard.lookAtMs <= now && looking() < LOOKS_AT_ONCE) void look(shard)
  }

  function tellOf(shard: Shard, neighbours: readonly string[]): void {
    const fresh = neighbours.filter((peer) => !shard.known.has(peer))
    const isFirst = fresh.length === neighbours.length
    const isSoon = clock.elapsed() - shard.toldAtMs < TOLD_EVERY_MS
    if (neighbours.length === 0) shard.known.clear()
    if (fresh.length === 0 || (isSoon && !isFirst)) return
    shard.known = new Set(neighbours)
    shard.toldAtMs = clock.elapsed()
    for (const tell of listeners) tell({ shard: shard.name, fresh, isFirst })
  }

  const tendAll = () => {
    if (!closed.aborted) for (const shard of [...shards.values()]) tend(shard)
  }

  const looking = () => [...shards.values()].filter((shard) => shard.looking !== undefined).length

  function announce(shard: Shard): void {
    const pauseMs = ANNOUNCE_AFTER_MS[Math.min(++shard.announced, ANNOUNCE_AFTER_MS.length - 1)]!
    shard.announceAtMs = clock.elapsed() + pauseMs
    shard.isAnnouncing = true
    members
      .announce(shard.name, closed)
      .catch((error) => {
        log.debug('a membership was not told', { shard: shard.name, error: String(error) })
        shard.announced = Math.min(shard.announced, RETRIED_AS)
      })
      .finally(() => {
        shard.isAnnouncing = false
      })
  }

  /** Looks for members once; the next look is due after a pause that doubles while there are few. */
  function look(shard: Shard): Promise<void> {
    shard.looking ??= (async () => {
      const found = await members.find(shard.name, askInformants(shard.name), closed)
      const isHopeless = found === 0 && !shard.isOwn
      if (isHopeless) shard.pauseMs = Math.min(shard.pauseMs * NOBODY_TIMES, longest)
      shard.lookedAtMs = clock.elapsed()
      shard.lookAtMs = shard.lookedAtMs + shard.pauseMs / 2 + random.below(Math.ceil(shard.pauseMs / 2))
      shard.pauseMs = Math.min(shard.pauseMs * 2, longest)
      shard.looking = undefined
      if (!closed.aborted && shards.get(shard.name) === shard) tend(shard)
    })()
    return shard.looking
  }

  /** Whom the neighbours that know members of the shard name. */
  async function askInformants(name: ShardName): Promise<string[]> {
    const asked = informants.get(name) ?? []
    informants.delete(name)
    const rosters = await Promise.all(asked.map((peer) => ask(peer, { shard: name, brief: true }, closed)))
    return rosters.flatMap((roster) => roster?.members ?? [])
  }

  /** Shards that neighbours know members in; undefined when none of them could say. */
  async function hear(signal: AbortSignal): Promise<Set<ShardName> | undefined> {
    while (network.peers().length === 0) await clock.sleep(POLL_MS, signal)
    const asked = pick(network.peers(), ASKED_NEIGHBOURS, random)
    const rosters = await Promise.all(asked.map((peer) => ask(peer, { shard: '', brief: true }, signal)))
    const heard = new Set<ShardName>()
    rosters.forEach((roster, index) => {
      for (const name of roster?.shards ?? []) {
        heard.add(name)
        informants.set(name, [...(informants.get(name) ?? []), asked[index]!].slice(-ASKED_NEIGHBOURS))
      }
    })
    return rosters.every((roster) => roster === undefined) ? undefined : heard
  }

  const hasCompany = (some: readonly Shard[]) => some.some(({ name }) => peers(name).length > 0)

  /**
   * Looks for those that a neighbour knows of at once, and for the others in the background, in no hurry: a look costs
   * every node on its way something, and most shards that are wanted "or more" have no members. Where nothing is known of
   * any of a few, all of them are looked for.
   */
  async function lookFor(
    wanted: readonly Shard[],
    missing: readonly Shard[],
    signal: AbortSignal,
  ): Promise<void> {
    const heard = await hear(signal)
    const known = missing.filter(({ name }) => heard?.has(name) ?? true)
    const isHopeless = known.length === 0 && missing.length <= FEW_SHARDS && !hasCompany(wanted)
    const urgent = isHopeless ? missing : known
    const rest = missing.filter((shard) => !urgent.includes(shard))
    const now = clock.elapsed()
    rest.forEach((shard, index) => {
      shard.lookedAtMs = now
      shard.lookAtMs = now + (index + 1) * UNHEARD_EVERY_MS
    })
    const queue = [...urgent]
    const work = async () => {
      for (let shard = queue.shift(); shard !== undefined; shard = queue.shift()) await look(shard)
    }
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work))
    const until = clock.elapsed() + SUBSCRIBED_MS
    const isSilent = (shard: Shard) => heard?.has(shard.name) === true && peers(shard.name).length === 0
    while (urgent.some(isSilent) && clock.elapsed() < until) await clock.sleep(POLL_MS, signal)
    tendAll()
  }

  async function seek(names: readonly ShardName[], signal?: AbortSignal): Promise<void> {
    const now = clock.elapsed()
    const wanted = names.map(shardOf)
    for (const shard of wanted) {
      shard.wantedUntilMs = Math.max(shard.wantedUntilMs, now + idleMs)
      // Not by the tick: whoever seeks decides below what is looked for first.
      if (!shard.isJoined && shard.lookAtMs === 0) shard.lookAtMs = now + PATIENCE_MS
    }
    tendAll()
    const missing = wanted.filter(
      ({ name, lookedAtMs }) => peers(name).length === 0 && now - lookedAtMs > RECENT_MS,
    )
    if (missing.length === 0) return
    const late = new AbortController()
    const cancel = clock.after(PATIENCE_MS, () => late.abort(new Error('enough was waited')))
    const limit = AbortSignal.any([closed, late.signal, ...(signal === undefined ? [] : [signal])])
    try {
      await Promise.race([lookFor(wanted, missing, limit), untilAborted(limit)])
    } catch {
      signal?.throwIfAborted()
    } finally {
      cancel()
    }
  }

  const stopTicking = clock.every(TICK_MS, tendAll)
  // Peers come and go: after a partition that is how its end is seen. What was announced meanwhile reached few.
  const stopListening = network.onPeer(({ kind }) => {
    const now = clock.elapsed()
    for (const shard of shards.values()) {
      if (peers(shard.name).length >= FEW_PEERS) continue
      if (kind === 'disconnected') shard.pauseMs = first
      if (shard.lookAtMs > 0) shard.lookAtMs = Math.min(shard.lookAtMs, now + first)
      shard.announceAtMs = Math.min(shard.announceAtMs, now + first)
    }
  })

  return {
    attach: (word, rulesOf) => {
      words.set(word, rulesOf)
      for (const { name, isJoined } of shards.values())
        if (isJoined) gossip.join(topicOf(word, name), rulesOf(name))
      return () => {
        words.delete(word)
        for (const { name, isJoined } of shards.values()) if (isJoined) gossip.leave(topicOf(word, name))
      }
    },
    settle: (names) => {
      for (const shard of shards.values()) {
        if (!shard.isOwn || names.includes(shard.name)) continue
        shard.isOwn = false
        members.retract(shard.name)
      }
      for (const name of names) shardOf(name).isOwn = true
      tendAll()
    },
    seek,
    joined: (names) => names.filter((name) => shards.get(name)?.isJoined === true),
    publish: async (word, names, data) => {
      const sent = names
        // A message that was sent to nobody counts as sent: it could not be sent again once somebody is there.
        .filter((name) => shards.get(name)?.isJoined === true && peers(name).length > 0)
        .map((name) => gossip.publish(topicOf(word, name), data))
      const counts = await Promise.all(sent)
      return counts.reduce((sum, { recipients }) => sum + recipients, 0)
    },
    peers,
    onNeighbours: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      closing.abort(new Error('the market is left'))
      stopTicking()
      stopListening()
      for (const shard of [...shards.values()]) {
        if (shard.isOwn) members.retract(shard.name)
        leave(shard)
      }
    },
  }
}

/** Shards in which some neighbour says that it is. */
export function populatedShards(network: Pick<Network, 'name' | 'gossip'>): ShardName[] {
  return ALL_SHARDS.filter(
    (name) => network.gossip.peers(topicName(network.name, 'heartbeat', ...name.split('/'))).length > 0,
  )
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
