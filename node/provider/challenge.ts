import type { Opening } from '../../kernels/proof/opening.js'
import type { Proof } from '../../kernels/worker/device.js'
import { digest, equal } from '../../protocols/bytes.js'
import { STRANGERS_RATE } from '../../protocols/challenge/duty.js'
import {
  allowsMemoryPhase,
  checkParams,
  flops,
  holdsEntry,
  holdsFold,
  KERNEL_VERSION,
  NONCE_BYTES,
  type ProofParams,
  SEED_BYTES,
} from '../../protocols/challenge/params.js'
import { challengeProtocol, MAX_OPENINGS } from '../../protocols/challenge/protocol.js'
import { encodeRecall } from '../../protocols/challenge/recall.js'
import { encodeReceipt } from '../../protocols/challenge/receipt.js'
import { mayStay } from '../../protocols/challenge/rules.js'
import type { Ask, ChallengeRequest, ChallengeResponse, Entry } from '../../protocols/challenge/wire.js'
import { isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { TokenBucket } from '../../protocols/limits.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Rack, Unit } from '../device/port.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { Attestations } from './attestations.js'
import type { Ledger } from './ledger.js'

export type AskRefusal =
  | 'MALFORMED'
  | 'OTHER_KERNEL'
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

type Conversation = Session<ChallengeResponse, ChallengeRequest>

interface Parts {
  network: Pick<Network, 'publicKey' | 'privateKey' | 'engine'>
  rack: Rack
  market: Uint8Array
  ledger: Ledger
  attestations: Pick<Attestations, 'take'>
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
/** An asker that is silent for longer after a root keeps the device from others. */
const ASKER_MS = 15_000
/** Proofs of each device, of all who ask without a lease together. */
const IDLE_RATE = { perMinute: 12, burst: 6 }

/** One device's share in all this. */
interface Slot {
  readonly unit: Unit
  proving?: Proving
  /** What strangers may still ask of it: proofs, and milliseconds of its time. */
  readonly proofs: TokenBucket
  readonly time: TokenBucket
}

/** A proof that is being made, or that waits to be opened. */
interface Proving {
  isLeased: boolean
  /** Ends it in favour of a renter with a lease; resolves when the device is free. */
  giveWay(): Promise<void>
}

export async function serveChallenges(parts: Parts): Promise<ChallengeService> {
  const { network, clock, log, rack } = parts
  const counts = { answered: 0, declined: {} as Record<string, number> }
  const slots = rack.units.map(
    (unit): Slot => ({
      unit,
      proofs: new TokenBucket(IDLE_RATE, clock.elapsed()),
      time: new TokenBucket(STRANGERS_RATE, clock.elapsed()),
    }),
  )

  function judge(ask: Ask, asker: string): { params: ProofParams; slot: Slot } | Refusal<AskRefusal> {
    if ((ask.kernel ?? 1) !== KERNEL_VERSION) {
      return { refused: 'OTHER_KERNEL', detail: `this node runs version ${KERNEL_VERSION} of the kernel` }
    }
    const params = judgeParams(ask)
    if (isRefusal(params)) return params
    if (!equal(ask.market, parts.market)) return { refused: 'FOREIGN_MARKET', detail: 'another market' }
    const isLeased = ask.lease.length > 0
    const units = isLeased ? findLeased(ask.lease, asker) : rack.units
    if (isRefusal(units)) return units
    const unit = units[ask.device ?? 0]
    if (unit === undefined) {
      return { refused: 'MALFORMED', detail: `device ${ask.device} of ${units.length}, counted from 0` }
    }
    const slot = slots[unit.place]!
    // A stranger's proof costs nothing to ask for, so it never keeps a renter with a lease waiting.
    if (slot.proving !== undefined && (!isLeased || slot.proving.isLeased)) {
      return { refused: 'BUSY', detail: 'another proof is being made' }
    }
    const refusal =
      limitFlops(params, isLeased ? LEASED_SECONDS : IDLE_SECONDS) ?? (isLeased ? undefined : judgeIdle(slot))
    return refusal ?? { params, slot }
  }

  function judgeParams(ask: Ask): ProofParams | Refusal<AskRefusal> {
    const params = checkParams(ask.params)
    if (isRefusal(params)) return { refused: 'MALFORMED', detail: params.detail }
    if (ask.seed.length !== SEED_BYTES)
      return { refused: 'MALFORMED', detail: `a seed has ${SEED_BYTES} bytes` }
    if (ask.resident && !allowsMemoryPhase(params)) {
      return { refused: 'MALFORMED', detail: `n is ${params.n}; the memory phase needs whole folds` }
    }
    if (ask.resident && !mayStay(params, rack.report.memoryBytes ?? 0)) {
      return { refused: 'TOO_LARGE', detail: 'more than may stay on the device' }
    }
    return params
  }

  function findLeased(lease: Uint8Array, asker: string): readonly Unit[] | Refusal<AskRefusal> {
    const record = parts.ledger.get(lease)
    if (record === undefined || record.renter !== asker || record.state === 'closed') {
      return { refused: 'UNKNOWN_LEASE', detail: 'no open lease of this renter' }
    }
    // A lease can stay open long after its job: the devices may be another renter's by now.
    return record.occupies
      ? rack.unitsOf(lease)
      : { refused: 'UNKNOWN_LEASE', detail: 'its devices were given back' }
  }

  function judgeIdle({ proofs, time }: Slot): Refusal<AskRefusal> | undefined {
    const because = parts.pausedBecause()
    if (because !== undefined) return { refused: 'PAUSED', detail: because }
    if (parts.ledger.all().some(({ occupies }) => occupies)) {
      return { refused: 'BUSY', detail: 'the device works for a lease' }
    }
    if (time.borrow(clock.elapsed(), 0) > 0) {
      return { refused: 'BUSY', detail: 'the time for those without a lease is spent for now' }
    }
    return proofs.take(clock.elapsed())
      ? undefined
      : { refused: 'TOO_OFTEN', detail: 'ask again in a minute' }
  }

  function limitFlops(params: ProofParams, seconds: number): Refusal<'TOO_LARGE'> | undefined {
    const most = Math.max(ALWAYS_FLOPS, (rack.report.gflops ?? 0) * 1e9 * seconds)
    return flops(params) <= most
      ? undefined
      : { refused: 'TOO_LARGE', detail: `${flops(params)} operations, at most ${Math.round(most)}` }
  }

  async function prove(
    session: Conversation,
    ask: Ask,
    params: ProofParams,
    unit: Unit,
  ): Promise<Uint8Array | undefined> {
    const { signal } = session
    const startedMs = clock.now()
    const { resident } = ask
    const proof = await unit.prove({ seed: ask.seed, params, resident }, { signal })
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
      const entries = (await receiveSoon(session))?.open?.entries
      if (entries === undefined) return undefined
      const wrong = findWrongEntries(entries, (entry) => holdsEntry(params, entry))
      if (wrong !== undefined) return await decline(session, { refused: 'MALFORMED', detail: wrong })
      await sendOpenings(session, await proof.open(entries, { signal }))
      const receiptHash = digest(receipt)
      if (resident && !(await recall(session, proof, params, receiptHash))) return undefined
      counts.answered++
      return receiptHash
    } finally {
      await proof.release()
    }
  }

  /** The memory phase. False: the asker did not go through with it. */
  async function recall(
    session: Conversation,
    proof: Proof,
    params: ProofParams,
    receiptHash: Uint8Array,
  ): Promise<boolean> {
    const { signal } = session
    const nonce = (await receiveSoon(session))?.recall?.nonce
    if (nonce === undefined) return false
    if (nonce.length !== NONCE_BYTES) {
      await decline(session, { refused: 'MALFORMED', detail: `a nonce has ${NONCE_BYTES} bytes` })
      return false
    }
    const memory = await proof.recall(nonce, { signal })
    const receipt = encodeRecall({ receiptHash, nonce, root: memory.root })
    await session.send({ recalled: { receipt, signature: await network.privateKey.sign(receipt) } })
    const folds = (await receiveSoon(session))?.openFolds?.entries
    if (folds === undefined) return false
    const wrong = findWrongEntries(folds, (fold) => holdsFold(params, fold))
    if (wrong !== undefined) {
      await decline(session, { refused: 'MALFORMED', detail: wrong })
      return false
    }
    await sendOpenings(session, await memory.open(folds, { signal }))
    return true
  }

  /** While the asker thinks, the device waits for it: not for long. */
  async function receiveSoon(session: Conversation): Promise<ChallengeRequest | undefined> {
    const silent = new NightshiftError('CHALLENGER_SILENT', 'the asker did not go on in time', {
      advice: 'ask again, and open at once',
      context: { peer: session.peer },
    })
    const cancel = clock.after(ASKER_MS, () => session.abort(silent))
    try {
      return await session.receive()
    } finally {
      cancel()
    }
  }

  /** What the asker found, signed by it, if it says so. */
  async function takeAttestation(session: Conversation, receiptHash: Uint8Array): Promise<void> {
    const bytes = (await receiveSoon(session))?.attest?.attestation
    if (bytes === undefined) return
    const refusal = await parts.attestations.take(bytes, { verifier: session.peer, receiptHash })
    if (refusal === undefined) return session.send({ attested: {} })
    await decline(session, { refused: 'MALFORMED', detail: refusal.detail })
  }

  async function decline(
    session: Conversation,
    { refused, detail }: Refusal<AskRefusal>,
  ): Promise<undefined> {
    counts.declined[refused] = (counts.declined[refused] ?? 0) + 1
    log.debug('challenge declined', { peer: session.peer, refused, detail })
    await session.send({ declined: { reason: refused, detail } })
    return undefined
  }

  await network.engine.handle(challengeProtocol, async (session: Conversation) => {
    const ask = (await session.receive())?.ask
    if (ask === undefined) return decline(session, { refused: 'MALFORMED', detail: 'ask first' })
    const judged = judge(ask, session.peer)
    if (isRefusal(judged)) return decline(session, judged)
    const { slot, params } = judged
    const before = slot.proving
    const done = Promise.withResolvers<void>()
    const mine: Proving = {
      isLeased: ask.lease.length > 0,
      giveWay: () => {
        session.abort(displaced())
        return done.promise
      },
    }
    slot.proving = mine
    let receiptHash: Uint8Array | undefined
    try {
      await before?.giveWay()
      const spentBefore = slot.unit.provedMs()
      try {
        receiptHash = await prove(session, ask, params, slot.unit)
      } finally {
        if (!mine.isLeased) slot.time.borrow(clock.elapsed(), slot.unit.provedMs() - spentBefore)
      }
    } finally {
      if (slot.proving === mine) delete slot.proving
      done.resolve()
    }
    if (receiptHash !== undefined) await takeAttestation(session, receiptHash)
  })
  return {
    stop: () => network.engine.unhandle(challengeProtocol),
    counts: () => structuredClone(counts),
  }
}

function displaced(): NightshiftError {
  return new NightshiftError('CHALLENGE_DISPLACED', 'a renter with a lease asks', {
    advice: 'ask again later, or under a lease',
  })
}

function sendOpenings(session: Conversation, openings: readonly Opening[]): Promise<void> {
  return session.send({
    openings: { openings: openings.map(({ path, ...opening }) => ({ ...opening, path: [...path] })) },
  })
}

function findWrongEntries(entries: readonly Entry[], holds: (entry: Entry) => boolean): string | undefined {
  if (entries.length === 0 || entries.length > MAX_OPENINGS) {
    return `${entries.length} entries; 1 to ${MAX_OPENINGS} can be opened`
  }
  return entries.every(holds) ? undefined : 'an entry outside the proof'
}
