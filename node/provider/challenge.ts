import type { Device } from '../../kernels/worker/device.js'
import { equal } from '../../protocols/bytes.js'
import {
  checkParams,
  flops,
  holdsEntry,
  type ProofParams,
  SEED_BYTES,
} from '../../protocols/challenge/params.js'
import { challengeProtocol, MAX_OPENINGS } from '../../protocols/challenge/protocol.js'
import { encodeReceipt } from '../../protocols/challenge/receipt.js'
import type { Ask, ChallengeRequest, ChallengeResponse, Entry } from '../../protocols/challenge/wire.js'
import { isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { TokenBucket } from '../../protocols/limits.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { Ledger } from './ledger.js'

export type AskRefusal =
  | 'MALFORMED'
  | 'FOREIGN_MARKET'
  | 'UNKNOWN_LEASE'
  | 'TOO_LARGE'
  | 'BUSY'
  | 'TOO_OFTEN'
  | 'PAUSED'

export interface ChallengeService {
  stop(): Promise<void>
  counts(): { answered: number; declined: Record<string, number> }
}

interface Parts {
  network: Pick<Network, 'publicKey' | 'privateKey' | 'engine'>
  device: Pick<Device, 'report' | 'prove'>
  market: Uint8Array
  ledger: Ledger
  clock: Clock
  log: Log
  pausedBecause: () => string | undefined
}

/**
 * Seconds of device time, by the device's own measured speed, that one proof may cost: a renter with a lease pays for
 * them; anyone else may ask an idle device for a little, so that a provider can be looked at before an award.
 */
const LEASED_SECONDS = 60
const IDLE_SECONDS = 10
/** Small products are far from the measured speed, so this much is always allowed. */
const ALWAYS_FLOPS = 1e10
/** Of all who ask without a lease together. */
const IDLE_RATE = { perMinute: 12, burst: 6 }
/** Whoever asks without a lease names its entries at once: the device is not held for one who thinks it over. */
const IDLE_OPEN_MS = 10_000

/** A proof that is being made, or that waits to be opened. */
interface Proving {
  isLeased: boolean
  /** Ends it in favour of a renter with a lease; resolves when the device is free. */
  giveWay(): Promise<void>
}

export async function serveChallenges(parts: Parts): Promise<ChallengeService> {
  const { network, clock, log } = parts
  const idle = new TokenBucket(IDLE_RATE, clock.elapsed())
  const counts = { answered: 0, declined: {} as Record<string, number> }
  let proving: Proving | undefined

  function judge(ask: Ask, asker: string): ProofParams | Refusal<AskRefusal> {
    const params = checkParams(ask.params)
    if (isRefusal(params)) return { refused: 'MALFORMED', detail: params.detail }
    if (ask.seed.length !== SEED_BYTES)
      return { refused: 'MALFORMED', detail: `a seed has ${SEED_BYTES} bytes` }
    if (!equal(ask.market, parts.market)) return { refused: 'FOREIGN_MARKET', detail: 'another market' }
    const isLeased = ask.lease.length > 0
    const verdict = isLeased ? judgeLeased(params, ask.lease, asker) : undefined
    if (verdict !== undefined && isRefusal(verdict)) return verdict
    // A stranger's proof costs nothing to ask for, so it never keeps a renter with a lease waiting.
    if (proving !== undefined && (!isLeased || proving.isLeased)) {
      return { refused: 'BUSY', detail: 'another proof is being made' }
    }
    return verdict ?? judgeIdle(params)
  }

  function judgeLeased(params: ProofParams, lease: Uint8Array, asker: string) {
    const record = parts.ledger.get(lease)
    if (record === undefined || record.renter !== asker || record.state === 'closed') {
      return { refused: 'UNKNOWN_LEASE' as const, detail: 'no open lease of this renter' }
    }
    // A lease can stay open long after its job: the devices may be another renter's by now.
    if (!record.occupies) {
      return { refused: 'UNKNOWN_LEASE' as const, detail: 'its devices were given back' }
    }
    return limitFlops(params, LEASED_SECONDS)
  }

  function judgeIdle(params: ProofParams): ProofParams | Refusal<AskRefusal> {
    const because = parts.pausedBecause()
    if (because !== undefined) return { refused: 'PAUSED', detail: because }
    if (parts.ledger.all().some(({ occupies }) => occupies)) {
      return { refused: 'BUSY', detail: 'the device works for a lease' }
    }
    const limited = limitFlops(params, IDLE_SECONDS)
    if (isRefusal(limited)) return limited
    return idle.take(clock.elapsed()) ? params : { refused: 'TOO_OFTEN', detail: 'ask again in a minute' }
  }

  function limitFlops(params: ProofParams, seconds: number): ProofParams | Refusal<'TOO_LARGE'> {
    const most = Math.max(ALWAYS_FLOPS, (parts.device.report.gflops ?? 0) * 1e9 * seconds)
    return flops(params) <= most
      ? params
      : { refused: 'TOO_LARGE', detail: `${flops(params)} operations, at most ${Math.round(most)}` }
  }

  async function prove(
    session: Session<ChallengeResponse, ChallengeRequest>,
    ask: Ask,
    params: ProofParams,
  ): Promise<void> {
    const { signal } = session
    const startedMs = clock.now()
    const proof = await parts.device.prove({ seed: ask.seed, params }, { signal })
    try {
      const receipt = encodeReceipt({
        market: parts.market,
        lease: ask.lease.length === 0 ? new Uint8Array(32) : ask.lease,
        provider: network.publicKey,
        asker: solanaKeyOf(session.peer),
        seed: ask.seed,
        params,
        root: proof.root,
        startedMs,
        endedMs: Math.max(startedMs, clock.now()),
      })
      const signature = await network.privateKey.sign(receipt)
      await session.send({ receipt: { receipt, signature } })
      const entries = await receiveEntries(session, ask)
      if (entries === undefined) return
      const wrong = findWrongEntries(params, entries)
      if (wrong !== undefined) return await decline(session, { refused: 'MALFORMED', detail: wrong })
      const openings = await proof.open(entries, { signal })
      await session.send({
        openings: { openings: openings.map(({ path, ...opening }) => ({ ...opening, path: [...path] })) },
      })
      counts.answered++
    } finally {
      await proof.release()
    }
  }

  async function receiveEntries(
    session: Session<ChallengeResponse, ChallengeRequest>,
    { lease }: Ask,
  ): Promise<Entry[] | undefined> {
    const late = () => session.abort(ended('CHALLENGE_NOT_OPENED', `no entries within ${IDLE_OPEN_MS} ms`))
    const cancel = lease.length === 0 ? clock.after(IDLE_OPEN_MS, late) : () => {}
    try {
      return (await session.receive())?.open?.entries
    } finally {
      cancel()
    }
  }

  async function decline(
    session: Session<ChallengeResponse, ChallengeRequest>,
    { refused, detail }: Refusal<AskRefusal>,
  ): Promise<void> {
    counts.declined[refused] = (counts.declined[refused] ?? 0) + 1
    log.debug('challenge declined', { peer: session.peer, refused, detail })
    await session.send({ declined: { reason: refused, detail } })
  }

  await network.engine.handle(
    challengeProtocol,
    async (session: Session<ChallengeResponse, ChallengeRequest>) => {
      const ask = (await session.receive())?.ask
      if (ask === undefined) return decline(session, { refused: 'MALFORMED', detail: 'ask first' })
      const params = judge(ask, session.peer)
      if (isRefusal(params)) return decline(session, params)
      const before = proving
      const done = Promise.withResolvers<void>()
      const mine: Proving = {
        isLeased: ask.lease.length > 0,
        giveWay: () => {
          session.abort(ended('CHALLENGE_DISPLACED', 'a renter with a lease asks'))
          return done.promise
        },
      }
      proving = mine
      try {
        await before?.giveWay()
        await prove(session, ask, params)
      } finally {
        if (proving === mine) proving = undefined
        done.resolve()
      }
    },
  )
  return {
    stop: () => network.engine.unhandle(challengeProtocol),
    counts: () => structuredClone(counts),
  }
}

function ended(code: string, message: string): NightshiftError {
  return new NightshiftError(code, message, { advice: 'ask again later, or under a lease' })
}

function findWrongEntries(params: ProofParams, entries: readonly Entry[]): string | undefined {
  if (entries.length === 0 || entries.length > MAX_OPENINGS) {
    return `${entries.length} entries; 1 to ${MAX_OPENINGS} can be opened`
  }
  return entries.every((entry) => holdsEntry(params, entry)) ? undefined : 'an entry outside the proof'
}
