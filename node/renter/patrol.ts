import { type Candidate, type Challenged, planDuty } from '../../protocols/challenge/duty.js'
import type { ProofParams } from '../../protocols/challenge/params.js'
import { planChallenge } from '../../protocols/challenge/rules.js'
import { codeOf } from '../../protocols/errors.js'
import { Availability } from '../../protocols/heartbeat/wire.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { HardwareVerdict } from './verification.js'

/**
 * A node that is idle and has a stake looks at others now and then: whom, when and with how large a proof is drawn. What
 * it finds is attested. It costs this node milliseconds of its processor, and each provider a hundredth of its idle time at
 * most, all verifiers together (the provider's own limit); in return a claim is checked before anybody leases it.
 */
export interface Patrol {
  /** Providers that were challenged since the start. */
  counts(): { challenged: number; favourable: number }
  stop(): void
}

/** Mean gap at least: with as many verifiers as providers, each is looked at about as often. */
const LEAST_GAP_MS = 600_000
/** Before anybody was challenged: the larger of the proofs that are asked for. */
const EXPECTED_MS = 2_000
const SECONDS = { least: 0.25, most: 2 }
/** Until somebody is heard, or this node is idle again. */
const LOOK_AGAIN_MS = 60_000
const MAX_PAST = 256

export function startPatrol(parts: {
  self: string
  heartbeats: Pick<HeartbeatTopic, 'all'>
  verify: (peer: string, signal: AbortSignal, params: ProofParams) => Promise<HardwareVerdict>
  /** Atomic units; without one a word weighs nothing. */
  ownStake: (signal: AbortSignal) => Promise<bigint>
  isIdle: () => boolean
  clock: Clock
  random: Random
  log: Log
}): Patrol {
  const { self, heartbeats, clock, random, log } = parts
  const counts = { challenged: 0, favourable: 0 }
  const stopping = new AbortController()
  const { signal } = stopping
  let past: readonly Challenged[] = []

  const candidates = (): Candidate[] =>
    heartbeats.all().flatMap(({ peer, heartbeat }) => {
      const [device] = heartbeat.devices
      if (peer === self || device === undefined || heartbeat.availability !== Availability.FREE) return []
      const claim = { gflops: device.gflops, memoryBytes: Number(device.memoryBytes) }
      const seconds = (effort: number) => SECONDS.least + effort * (SECONDS.most - SECONDS.least)
      return [{ peer, params: (effort) => planChallenge(claim, seconds(effort)) }]
    })

  const challenge = async (peer: string, params: ProofParams) => {
    const atMs = clock.elapsed()
    try {
      const verdict = await parts.verify(peer, signal, params)
      counts.challenged++
      if (verdict.ok) counts.favourable++
      const { ok, reason, speed } = verdict
      log.info('a provider was challenged at random', { peer, ok, ...(reason ? { reason } : { speed }) })
    } catch (error) {
      signal.throwIfAborted()
      log.debug('a provider could not be challenged', { peer, code: codeOf(error), error: String(error) })
    }
    past = [...past, { peer, atMs, tookMs: clock.elapsed() - atMs }].slice(-MAX_PAST)
  }

  const round = async () => {
    const now = clock.elapsed()
    const facts = { past, leastGapMs: LEAST_GAP_MS, expectedMs: EXPECTED_MS }
    const duty = planDuty({ now, candidates: candidates(), ...facts }, random)
    if (duty === undefined) return clock.sleep(LOOK_AGAIN_MS, signal)
    await clock.sleep(duty.atMs - now, signal)
    if (!parts.isIdle() || !candidates().some(({ peer }) => peer === duty.peer)) return
    const stake = await parts.ownStake(signal).catch(() => 0n)
    if (stake > 0n) await challenge(duty.peer, duty.params)
  }
  const go = async () => {
    while (!signal.aborted) await round()
  }
  go().catch((error: unknown) => {
    if (!signal.aborted) log.error('random challenges have ended', { error: String(error) })
  })
  return { counts: () => ({ ...counts }), stop: () => stopping.abort(new Error('the node stops')) }
}
