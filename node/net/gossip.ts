import { createHash } from 'node:crypto'
import type { GossipSub, GossipsubOpts, Message, TopicValidatorFn } from '@libp2p/gossipsub'
import { StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import { createTopicScoreParams, type PeerScoreParams } from '@libp2p/gossipsub/score'
import { NightshiftError } from '../../protocols/errors.js'
import { type Rate, TokenBuckets } from '../../protocols/limits.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Gossip, GossipMessage, TopicLimits, TopicRules, Verdict } from './ports.js'

export interface GossipOptions {
  /** Topics that this node takes part in and remembers neighbours' subscriptions of; all when absent. Same network-wide. */
  allowedTopics?: string[]
  /** Mesh degree; the bounds follow. Default 6 (gossipsub v1.0: D). */
  degree?: number
  heartbeatIntervalMs?: number
  /** Largest message of any topic, bytes. Same network-wide. Default 64 KiB. */
  maxMessageBytes?: number
}

/** What this node thinks of a peer for reasons of its own, set when these are known: see `Gossip.rank`. */
export interface Ranking {
  standingOf(peer: string): number
}

export const DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024
const DEFAULT_DEGREE = 6
const DEFAULT_HEARTBEAT_INTERVAL_MS = 1_000
/** Messages are told of for five heartbeats instead of three: topics are quiet, and the mesh of a small swarm is young. */
const HISTORY_GOSSIP_HEARTBEATS = 5
const HISTORY_HEARTBEATS = 8
/** Room for a few dozen subscriptions a peer: gossipsub counts about 1 KiB for each. */
const MAX_TOPIC_BYTES_PER_PEER = 256 * 1024

const DEFAULT_LIMITS: TopicLimits = {
  maxBytes: 16 * 1024,
  perAuthor: { perMinute: 30, burst: 10 },
  perNeighbour: { perMinute: 6_000, burst: 600 },
}

/**
 * Scores (gossipsub v1.1). Below `gossip` a peer gets no more gossip, below `graylist` nothing it says is read and the
 * network layer disconnects it. Four invalid messages within a few minutes are enough for that: a sound peer validates
 * before it passes on, so it never sends one.
 */
export const SCORE_THRESHOLDS = {
  gossipThreshold: -20,
  publishThreshold: -50,
  graylistThreshold: -100,
  acceptPXThreshold: 10,
  opportunisticGraftThreshold: 1,
}
const INVALID_MESSAGE_WEIGHT = -8
/** Per second: 0.99^60 leaves 55 % of the count after a minute. */
const INVALID_MESSAGE_DECAY = 0.99
const BEHAVIOUR_PENALTY_WEIGHT = -10
const BEHAVIOUR_PENALTY_THRESHOLD = 6
const BEHAVIOUR_PENALTY_DECAY = 0.99
/** All good that topics can say of a peer: with the best standing (20) still less than four invalid messages cost. */
const TOPIC_SCORE_CAP = 5
const SCORE_DECAY_INTERVAL_MS = 1_000
const SCORE_RETAIN_MS = 10 * 60_000

/**
 * Messages carry envelopes of our own, so gossipsub's signatures are left off: they would double the cost and would let
 * one envelope travel again and again under new sequence numbers. A message's id is the hash of what it says.
 */
export function gossipsubOptions(
  options: GossipOptions,
  ranking: Ranking,
  isLocal: boolean,
): Partial<GossipsubOpts> {
  const degree = options.degree ?? DEFAULT_DEGREE
  const scoreParams: Partial<PeerScoreParams> = {
    topics: {},
    topicScoreCap: TOPIC_SCORE_CAP,
    appSpecificScore: (peer) => ranking.standingOf(peer),
    appSpecificWeight: 1,
    // many peers of a local swarm share one address
    ...(isLocal ? { IPColocationFactorWeight: 0 } : {}),
    behaviourPenaltyWeight: BEHAVIOUR_PENALTY_WEIGHT,
    behaviourPenaltyThreshold: BEHAVIOUR_PENALTY_THRESHOLD,
    behaviourPenaltyDecay: BEHAVIOUR_PENALTY_DECAY,
    decayInterval: SCORE_DECAY_INTERVAL_MS,
    retainScore: SCORE_RETAIN_MS,
  }
  return {
    ...(options.allowedTopics === undefined ? {} : { allowedTopics: options.allowedTopics }),
    D: degree,
    Dlo: Math.max(1, Math.ceil((degree * 2) / 3)),
    Dhi: degree * 2,
    Dlazy: Math.max(1, Math.floor(degree / 2)),
    Dout: Math.max(0, Math.min(2, Math.floor(degree / 2) - 1)),
    heartbeatInterval: options.heartbeatIntervalMs ?? DEFAULT_HEARTBEAT_INTERVAL_MS,
    mcacheLength: HISTORY_HEARTBEATS,
    mcacheGossip: HISTORY_GOSSIP_HEARTBEATS,
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: messageId,
    fallbackToFloodsub: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    maxTopicBytesPerPeer: MAX_TOPIC_BYTES_PER_PEER,
    scoreParams,
    scoreThresholds: SCORE_THRESHOLDS,
  }
}

function messageId(message: Message): Uint8Array {
  return createHash('sha256').update(message.topic).update('\0').update(message.data).digest()
}

/** Low-rate topics: no reward for time and no penalty for few deliveries, only the cost of invalid messages. */
function topicScore() {
  return createTopicScoreParams({
    topicWeight: 1,
    timeInMeshWeight: 0,
    timeInMeshQuantum: 1_000,
    firstMessageDeliveriesWeight: 0.1,
    firstMessageDeliveriesDecay: 0.99,
    firstMessageDeliveriesCap: 50,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: INVALID_MESSAGE_WEIGHT,
    invalidMessageDeliveriesDecay: INVALID_MESSAGE_DECAY,
  })
}

interface Joined {
  rules: TopicRules
  limits: TopicLimits
}

export interface GossipInit {
  gossipsub: GossipSub & {
    score: { params: PeerScoreParams }
    mesh: ReadonlyMap<string, ReadonlySet<string>>
  }
  options: GossipOptions
  ranking: Ranking
  clock: Clock
  log: Log
}

export function createGossip({
  gossipsub,
  options,
  ranking,
  clock,
  log,
}: GossipInit): Gossip & { stop(): void } {
  const joined = new Map<string, Joined>()
  const allowed = options.allowedTopics === undefined ? undefined : new Set(options.allowedTopics)
  const maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES

  const onMessage = (event: CustomEvent<{ propagationSource: { toString(): string }; msg: Message }>) => {
    const { msg, propagationSource } = event.detail
    const topic = joined.get(msg.topic)
    topic?.rules.onMessage({ topic: msg.topic, data: msg.data, from: propagationSource.toString() })
  }
  gossipsub.addEventListener('gossipsub:message', onMessage)

  function join(topic: string, rules: TopicRules): void {
    if (joined.has(topic)) {
      throw new NightshiftError('TOPIC_JOINED', `the topic ${topic} was joined before`, {
        advice: 'Join a topic once, and leave it before joining it with other rules.',
        context: { topic },
      })
    }
    if (allowed !== undefined && !allowed.has(topic)) {
      throw new NightshiftError('TOPIC_NOT_ALLOWED', `the topic ${topic} is none of this network's`, {
        advice: "Add it to the network's list of topics, on every node, or join another one.",
        context: { topic },
      })
    }
    const limits = { ...DEFAULT_LIMITS, ...rules.limits }
    joined.set(topic, { rules, limits })
    gossipsub.score.params.topics[topic] ??= topicScore()
    gossipsub.topicValidators.set(topic, createValidator(rules, limits, clock, log))
    gossipsub.subscribe(topic)
  }

  function leave(topic: string): void {
    if (!joined.delete(topic)) return
    gossipsub.unsubscribe(topic)
    gossipsub.topicValidators.delete(topic)
  }

  return {
    join,
    leave,
    publish: async (topic, data) => {
      const found = joined.get(topic)
      if (found === undefined) {
        throw new NightshiftError('TOPIC_NOT_JOINED', `the topic ${topic} was not joined`, {
          advice: 'Join the topic before publishing on it.',
          context: { topic },
        })
      }
      const maxBytes = Math.min(found.limits.maxBytes, maxMessageBytes)
      if (data.byteLength > maxBytes) {
        throw new NightshiftError(
          'MESSAGE_TOO_LARGE',
          `${data.byteLength} bytes, ${topic} allows ${maxBytes}`,
          {
            advice: 'Publish less, and let peers ask for the rest over a stream.',
            context: { topic },
          },
        )
      }
      const { recipients } = await gossipsub.publish(topic, data)
      return { recipients: recipients.length }
    },
    topics: () => [...joined.keys()],
    peers: (topic) => gossipsub.getSubscribers(topic).map((peer) => peer.toString()),
    rank: (standingOf) => {
      ranking.standingOf = standingOf
    },
    stop: () => gossipsub.removeEventListener('gossipsub:message', onMessage),
  }
}

/** What a neighbour sends above its rate is ignored; as much again and twice more, and it is a flood that is meant. */
const EXCESS = 2

/**
 * Cheap checks first: size, the neighbour's rate, the word's own rules, and only for what these accept the author's rate,
 * so that nobody can use up the allowance of another by forging its name.
 */
function createValidator(rules: TopicRules, limits: TopicLimits, clock: Clock, log: Log): TopicValidatorFn {
  const { perMinute, burst } = limits.perNeighbour satisfies Rate
  const neighbours = new TokenBuckets(limits.perNeighbour)
  const excess = new TokenBuckets({ perMinute: perMinute * EXCESS, burst: burst * EXCESS })
  const authors = new TokenBuckets(limits.perAuthor satisfies Rate)

  const decide = async (message: GossipMessage): Promise<Verdict> => {
    if (message.data.byteLength > limits.maxBytes) return 'reject'
    if (!neighbours.take(message.from, clock.elapsed())) {
      return excess.take(message.from, clock.elapsed()) ? 'ignore' : 'reject'
    }
    const verdict = await rules.validate(message)
    if (verdict !== 'accept') return verdict
    const author = rules.authorOf === undefined ? message.from : rules.authorOf(message)
    if (author === undefined) return 'reject'
    return authors.take(author, clock.elapsed()) ? 'accept' : 'ignore'
  }

  return async (peer, { topic, data }) => {
    const from = peer.toString()
    let verdict: Verdict
    try {
      verdict = await decide({ topic, data, from })
    } catch (error) {
      log.warn('a topic validator failed', { topic, from, error: String(error) })
      verdict = 'reject'
    }
    if (verdict === 'reject') log.debug('gossip rejected', { topic, from })
    return RESULTS[verdict]
  }
}

const RESULTS: Record<Verdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}
