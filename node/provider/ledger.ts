import { toHex } from '../../protocols/bytes.js'
import type { Terms } from '../../protocols/lease/wire.js'
import type { SignedVoucher } from '../escrow/port.js'
import type { Collection, Store } from '../store/port.js'

/** What this provider knows of one lease. `signed`: its signature went out; `open`: the chain says so; then `closed`. */
export interface LeaseRecord {
  /** The lease account's address, 32 bytes. */
  lease: Uint8Array
  orderId: Uint8Array
  terms: Terms
  termsHash: Uint8Array
  /** Base58 peer id; its key signs the vouchers. */
  renter: string
  state: 'signed' | 'open' | 'closed'
  signedAtMs: number
  /** From the chain, once it is open. Amounts are atomic units, times Unix seconds of the chain's clock. */
  serial: bigint
  deposit: bigint
  paid: bigint
  deadline: number
  /** Whether its devices are kept for it: until the job has ended. */
  occupies: boolean
  /** When the job ended, Unix milliseconds. */
  endedAtMs?: number
  /** Digest of what the job delivered; absent when it did not complete. */
  output?: Uint8Array
  /** The best voucher; nothing is paid without it, so it is stored before it is answered. */
  best?: SignedVoucher
  /** The transaction that closed it, when this node sent it. */
  closing?: string
  closedAtMs?: number
  /** Why it was closed: a code. */
  because?: string
}

/**
 * The leases of this provider, in memory as they are on the disk: a change is visible to others only once it is
 * stored, and changes happen one after another.
 */
export interface Ledger {
  get(lease: Uint8Array): LeaseRecord | undefined
  all(): LeaseRecord[]
  add(record: LeaseRecord): Promise<void>
  /** Stores what `act` makes of the record; undefined, or the same record, changes nothing. Resolves to what holds then. */
  change(
    lease: Uint8Array,
    act: (record: LeaseRecord) => LeaseRecord | undefined,
  ): Promise<LeaseRecord | undefined>
  forget(lease: Uint8Array): Promise<void>
  onChange(listener: (record: LeaseRecord) => void): () => void
}

export async function openLedger(store: Store): Promise<Ledger> {
  const collection: Collection<LeaseRecord> = store.collection('provider-leases')
  const records = new Map((await collection.list()).map(({ key, value }) => [key, value]))
  const listeners = new Set<(record: LeaseRecord) => void>()
  let last: Promise<unknown> = Promise.resolve()

  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = last.then(act)
    last = mine.catch(() => {})
    return mine
  }
  const write = async (key: string, record: LeaseRecord) => {
    await collection.put(key, record)
    records.set(key, record)
    for (const listener of listeners) listener(record)
  }

  return {
    get: (lease) => records.get(toHex(lease)),
    all: () => [...records.values()],
    add: (record) => inTurn(() => write(toHex(record.lease), record)),
    change: (lease, act) =>
      inTurn(async () => {
        const record = records.get(toHex(lease))
        if (record === undefined) return undefined
        const changed = act(record)
        if (changed === undefined || changed === record) return record
        await write(toHex(lease), changed)
        return changed
      }),
    forget: (lease) =>
      inTurn(async () => {
        const record = records.get(toHex(lease))
        await collection.delete(toHex(lease))
        records.delete(toHex(lease))
        if (record !== undefined) for (const listener of listeners) listener(record)
      }),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
