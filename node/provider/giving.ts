import { equal } from '../../protocols/bytes.js'
import type { Blob } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { FindContent } from '../content/port.js'
import type { Blobs } from './blobs.js'
import type { Ledger } from './ledger.js'
import type { Live } from './live.js'
import { awaitPaid } from './payment.js'
import type { Roster } from './roster.js'

/**
 * What a job leaves, and its checkpoints, for the renter of its lease alone; what is owed for them is waited for. Jobs of one
 * renter may leave the same content: it is given from the newest lease that still has it.
 */
export function createGiving(parts: {
  ledger: Ledger
  roster: Roster
  blobs: Blobs
  clock: Clock
  /** Aborts when the provider stops. */
  signal: AbortSignal
}): FindContent {
  const { ledger, roster, blobs, clock } = parts

  return async (root, peer, signal) => {
    for (const live of roster.all().reverse()) {
      const { lease } = live.record
      const wanted = ledger.get(lease)?.renter === peer ? find(live, root) : undefined
      if (wanted === undefined || !(await blobs.isComplete(lease, wanted))) continue
      const read = () => ({ lease: ledger.get(lease), workedMs: live.record.workedMs })
      if (!(await awaitPaid(clock, read, AbortSignal.any([signal, parts.signal])))) {
        return { refused: 'UNPAID', detail: 'vouchers for the work are missing' }
      }
      const blob = find(live, root)
      if (blob === undefined) {
        return { refused: 'UNKNOWN_BLOB', detail: 'it has given way to a newer one' }
      }
      return {
        bytes: blob.bytes,
        read: (offset, length) => blobs.readAt(lease, blob, offset, length),
      }
    }
    return undefined
  }
}

function find({ record, checkpoints }: Live, root: Uint8Array): Blob | undefined {
  return [...record.outputs, ...(checkpoints?.list() ?? [])].find(({ sha256 }) => equal(sha256, root))
}
