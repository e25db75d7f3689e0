import { digest, toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'
import { type Pauses, retryPauseMs } from '../../protocols/limits.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Escrow, FraudEvidence, FraudRefusal, OpeningDemand, Slash } from '../escrow/port.js'
import type { Store } from '../store/port.js'

/** What a provider signed and cannot stand by: from before it is reported until the chain has judged it, and the rents are back. */
export interface FraudRecord {
  peer: string
  deployment: string
  lease: Uint8Array
  /** An entry that is false, or one that it did not open. */
  evidence: FraudEvidence | OpeningDemand
  foundAtMs: number
  /** `asked`: the chain waits for the provider's opening; `answered`: it was given, and is true. */
  state: 'found' | 'asked' | 'answered' | 'slashed' | 'refused'
  slash?: Slash
  refused?: FraudRefusal
  /** Attempts since the last one that came to something, and when the next one is due, Unix milliseconds. */
  failures?: number
  nextAtMs?: number
  /** Nothing of this wallet's is locked in it any more. */
  isRentBack?: boolean
}

/**
 * Brings before the chain what can be proved there: lies, and openings that are withheld. What was found is stored first, so that no
 * crash lets a liar off.
 */
export interface Prosecutor {
  /** Stores evidence; nothing is sent yet. */
  keep(found: Pick<FraudRecord, 'peer' | 'deployment' | 'lease' | 'evidence'>): Promise<FraudRecord>
  /**
   * Undefined: the program refuses the evidence for good, or the provider has time to answer, or has answered. Throws what only
   * keeps it from being reported now.
   */
  prosecute(record: FraudRecord, signal: AbortSignal): Promise<Slash | undefined>
  /** Does what is due, with ever longer pauses after failures; for start and timer. `onSlashed` is called for each that was slashed. */
  reconcile(
    inUse: (record: FraudRecord) => boolean,
    onSlashed: (record: FraudRecord) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
  records(): Promise<FraudRecord[]>
}

/** A demand locks rent and bond, 0.005 SOL: no more than so many of them at once. */
const MAX_DEMANDS = 4
const FAILED: Pauses = { firstMs: 10_000, longestMs: 3_600_000 }
/** Between two looks at a demand that is not answered, and at a verdict whose registration goes on. */
const WAITING: Pauses = { firstMs: 30_000, longestMs: 6 * 3_600_000 }

export function createProsecutor(parts: {
  store: Store
  escrow: Pick<Escrow, 'reportFraud' | 'demandOpening' | 'closeVerdict'>
  clock: Clock
  random: Random
  log: Log
}): Prosecutor {
  const { escrow, clock, random, log } = parts
  const book = parts.store.collection<FraudRecord>('frauds')
  const keyOf = ({ evidence }: Pick<FraudRecord, 'evidence'>) => toHex(digest(evidence.receipt))
  /** A report takes several transactions, and the timer does not wait for it. */
  const underway = new Set<string>()

  const save = (record: FraudRecord) => book.put(keyOf(record), record)

  /** It came to something: the pauses begin anew. */
  const move = async (record: FraudRecord, change: Partial<FraudRecord>): Promise<void> => {
    Object.assign(record, { failures: 0, nextAtMs: 0 }, change)
    await save(record)
  }

  const postpone = async (record: FraudRecord, pauses: Pauses, until = Number.POSITIVE_INFINITY) => {
    record.failures = (record.failures ?? 0) + 1
    record.nextAtMs = Math.min(until, clock.now() + retryPauseMs(record.failures, pauses, random))
    await save(record)
  }

  /** One after the other: of several that failed in one moment, each counts those before it. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = last.then(act)
    last = mine.catch(() => {})
    return mine
  }

  const mayDemand = async (record: FraudRecord): Promise<boolean> => {
    const open = (await records()).filter(
      (other) => other.state === 'asked' && keyOf(other) !== keyOf(record),
    )
    return record.state === 'asked' || open.length < MAX_DEMANDS
  }

  const demand = async (
    record: FraudRecord,
    evidence: OpeningDemand,
    signal: AbortSignal,
  ): Promise<Slash | undefined> => {
    if (!(await mayDemand(record))) {
      log.info('an opening is demanded later: enough are open', { peer: record.peer })
      await postpone(record, FAILED)
      return undefined
    }
    const answer = await escrow.demandOpening(evidence, signal)
    if (isRefusal(answer)) return refuse(record, answer)
    if (answer.state === 'slashed') return slashed(record, answer.slash)
    if (answer.state === 'answered') {
      log.info('the provider has opened its proof on the chain', { peer: record.peer })
      await move(record, { state: 'answered', isRentBack: true })
      return undefined
    }
    if (record.state !== 'asked') {
      const { answerBy } = answer
      log.info('an opening is demanded on the chain', { peer: record.peer, answerBy })
      await move(record, { state: 'asked' })
    }
    await postpone(record, WAITING, Math.max(clock.now(), answer.answerBy * 1000))
    return undefined
  }

  const refuse = async (
    record: FraudRecord,
    { refused, detail }: { refused: FraudRefusal; detail: string },
  ) => {
    log.warn('the chain does not punish a false proof', { peer: record.peer, reason: refused, detail })
    await move(record, { state: 'refused', refused, isRentBack: true })
    return undefined
  }

  const slashed = async (record: FraudRecord, slash: Slash): Promise<Slash> => {
    await move(record, { state: 'slashed', slash })
    return slash
  }

  const prosecute = async (record: FraudRecord, signal: AbortSignal): Promise<Slash | undefined> => {
    const { evidence } = record
    if (!('opening' in evidence)) return inTurn(() => demand(record, evidence, signal))
    const answer = await escrow.reportFraud(evidence, signal)
    return isRefusal(answer) ? refuse(record, answer) : slashed(record, answer)
  }

  /** The rent of a verdict stays until the registration that was slashed has ended. */
  const closeVerdict = async (record: FraudRecord, signal: AbortSignal): Promise<void> => {
    if (await escrow.closeVerdict(record.evidence, signal)) await move(record, { isRentBack: true })
    else await postpone(record, WAITING)
  }

  const records = async () => (await book.list()).map(({ value }) => value)

  const isDue = ({ state, isRentBack = false, nextAtMs = 0 }: FraudRecord): boolean =>
    (state === 'found' || state === 'asked' || (state === 'slashed' && !isRentBack)) &&
    nextAtMs <= clock.now()

  const attempt = async (
    record: FraudRecord,
    onSlashed: (record: FraudRecord) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> => {
    const key = keyOf(record)
    underway.add(key)
    try {
      if (record.state === 'slashed') await closeVerdict(record, signal)
      else if ((await prosecute(record, signal)) !== undefined) await onSlashed(record)
    } catch (error) {
      signal.throwIfAborted()
      await postpone(record, FAILED)
      const inS = Math.round(((record.nextAtMs ?? 0) - clock.now()) / 1000)
      log.warn('a false proof is reported later', { peer: record.peer, inS, error: String(error) })
    } finally {
      underway.delete(key)
    }
  }

  return {
    keep: async (found) => {
      const record: FraudRecord = { ...found, foundAtMs: clock.now(), state: 'found' }
      await save(record)
      return record
    },
    prosecute,
    reconcile: async (inUse, onSlashed, signal) => {
      const left = (await records()).filter(
        (record) => isDue(record) && !inUse(record) && !underway.has(keyOf(record)),
      )
      await Promise.all(left.map((record) => attempt(record, onSlashed, signal)))
    },
    records,
  }
}
