import { digest, toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow, FraudEvidence, FraudRefusal, Slash } from '../escrow/port.js'
import type { Store } from '../store/port.js'

/** A lie that this renter can prove: from before it is reported until the chain has judged it. */
export interface FraudRecord {
  peer: string
  deployment: string
  lease: Uint8Array
  evidence: FraudEvidence
  foundAtMs: number
  state: 'found' | 'slashed' | 'refused'
  slash?: Slash
  refused?: FraudRefusal
}

/** Brings proven lies before the chain. What was found is stored first, so that no crash lets a liar off. */
export interface Prosecutor {
  /** Stores evidence; nothing is sent yet. */
  keep(found: Omit<FraudRecord, 'foundAtMs' | 'state'>): Promise<FraudRecord>
  /** Undefined: the program refuses the evidence for good. Throws what only keeps it from being reported now. */
  prosecute(record: FraudRecord, signal: AbortSignal): Promise<Slash | undefined>
  /** Reports what is not reported yet; for start and timer. `onSlashed` is called for each that was slashed. */
  reconcile(
    inUse: (record: FraudRecord) => boolean,
    onSlashed: (record: FraudRecord) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
  records(): Promise<FraudRecord[]>
}

export function createProsecutor(parts: {
  store: Store
  escrow: Escrow
  clock: Clock
  log: Log
}): Prosecutor {
  const { escrow, clock, log } = parts
  const book = parts.store.collection<FraudRecord>('frauds')
  const keyOf = ({ evidence }: Pick<FraudRecord, 'evidence'>) => toHex(digest(evidence.receipt))
  /** A report takes several transactions, and the timer does not wait for it. */
  const underway = new Set<string>()

  const prosecute = async (record: FraudRecord, signal: AbortSignal): Promise<Slash | undefined> => {
    const answer = await escrow.reportFraud(record.evidence, signal)
    if (isRefusal(answer)) {
      const { refused, detail } = answer
      log.warn('the chain does not punish a false proof', { peer: record.peer, reason: refused, detail })
      await book.put(keyOf(record), { ...record, state: 'refused', refused })
      return undefined
    }
    record.state = 'slashed'
    record.slash = answer
    await book.put(keyOf(record), record)
    return answer
  }

  const records = async () => (await book.list()).map(({ value }) => value)

  return {
    keep: async (found) => {
      const record: FraudRecord = { ...found, foundAtMs: clock.now(), state: 'found' }
      await book.put(keyOf(record), record)
      return record
    },
    prosecute,
    reconcile: async (inUse, onSlashed, signal) => {
      const left = (await records()).filter(
        (record) => record.state === 'found' && !inUse(record) && !underway.has(keyOf(record)),
      )
      await Promise.all(
        left.map(async (record) => {
          const key = keyOf(record)
          underway.add(key)
          try {
            if ((await prosecute(record, signal)) !== undefined) await onSlashed(record)
          } catch (error) {
            log.warn('a false proof is reported later', { peer: record.peer, error: String(error) })
          } finally {
            underway.delete(key)
          }
        }),
      )
    },
    records,
  }
}
