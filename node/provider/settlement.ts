import { within } from '../../protocols/abort.js'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal, type Refusal } from '../../protocols/errors.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { judgeVoucher, type VoucherRefusal } from '../../protocols/settlement/rules.js'
import { decodeVoucher, type Voucher } from '../../protocols/settlement/voucher.js'
import type { VoucherRequest, VoucherResponse } from '../../protocols/settlement/wire.js'
import { verifySignature } from '../../protocols/signature.js'
import type { Escrow, SignedVoucher } from '../escrow/port.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import type { Turns } from './turns.js'

export interface SettlementService {
  stop(): Promise<void>
  /** Ends a lease for which a final voucher is held; the signature of the transaction. */
  close(lease: Uint8Array, signal?: AbortSignal): Promise<string | undefined>
  vouchers(): number
}

interface Parts {
  engine: Engine
  escrow: Escrow
  ledger: Ledger
  turns: Turns
  clock: Clock
  log: Log
  /** Reads a lease from the chain whose opening this node has not heard of yet. */
  confirm: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseRecord | Refusal>
  /** The lease ended here and now. */
  onClosed: (record: LeaseRecord) => void
}

/** The renter waits this long for the closing transaction; later the node closes by itself. */
const CLOSING_MS = 30_000
const CONFIRMING_MS = 10_000

export async function serveSettlements(parts: Parts): Promise<SettlementService> {
  const { engine, ledger } = parts
  let count = 0

  async function take(
    request: VoucherRequest,
    session: Session<VoucherResponse, VoucherRequest>,
  ): Promise<LeaseRecord | Refusal<VoucherRefusal>> {
    const voucher = readVoucher(request)
    if (isRefusal(voucher)) return voucher
    const record = await findOpen(parts, voucher.lease, session)
    if (record === undefined) return { refused: 'UNKNOWN_LEASE', detail: 'no open lease of this renter' }
    if (!(await verifySignature(solanaKeyOf(record.renter), request.voucher, request.signature))) {
      return { refused: 'BAD_SIGNATURE', detail: 'not signed by the key that the lease names' }
    }
    return keep(ledger, record, { ...voucher, bytes: request.voucher, signature: request.signature })
  }

  async function answer(
    request: VoucherRequest,
    session: Session<VoucherResponse, VoucherRequest>,
  ): Promise<VoucherResponse> {
    const kept = await take(request, session)
    if (isRefusal(kept)) return { ...kept, amount: 0n, sequence: 0n, closing: '' }
    count++
    const closing = kept.best?.final === true ? await closeSoon(kept, session.signal) : undefined
    const { amount = 0n, sequence = 0n } = kept.best ?? {}
    return { refused: '', detail: '', amount, sequence, closing: closing ?? '' }
  }

  /** A chain that is down costs nothing but time: the voucher is stored, and the node closes later. */
  async function closeSoon(record: LeaseRecord, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await within(parts.clock, CLOSING_MS, signal, (limited) => close(parts, record.lease, limited))
    } catch (error) {
      parts.log.warn('lease not closed yet', {
        lease: toHex(record.lease),
        code: codeOf(error),
        error: String(error),
      })
      return undefined
    }
  }

  await engine.handle(settlementProtocol, async (session: Session<VoucherResponse, VoucherRequest>) => {
    for await (const request of session) await session.send(await answer(request, session))
  })
  return {
    stop: () => engine.unhandle(settlementProtocol),
    close: (lease, signal) => close(parts, lease, signal),
    vouchers: () => count,
  }
}

function close(parts: Parts, lease: Uint8Array, signal?: AbortSignal): Promise<string | undefined> {
  return parts.turns.take(toHex(lease), () => closeNow(parts, lease, signal))
}

async function closeNow(
  { escrow, ledger, clock, log, onClosed }: Parts,
  lease: Uint8Array,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const record = ledger.get(lease)
  if (record?.best?.final !== true || record.state === 'closed') return record?.closing
  const { signature } = await escrow.closeLease(lease, record.best, signal)
  const { amount } = record.best
  const closed = await ledger.change(lease, (now) => ({
    ...now,
    state: 'closed',
    occupies: false,
    paid: amount,
    closing: signature,
    closedAtMs: clock.now(),
    because: 'FINAL_VOUCHER',
  }))
  log.info('lease closed', { lease: toHex(lease), paid: String(amount), transaction: signature })
  if (closed !== undefined) onClosed(closed)
  return signature
}

function readVoucher({ voucher }: VoucherRequest): Voucher | Refusal<'MALFORMED'> {
  try {
    return decodeVoucher(voucher)
  } catch (error) {
    return { refused: 'MALFORMED', detail: error instanceof Error ? error.message : 'no voucher' }
  }
}

/** The lease, as long as it is this renter's; one that is closed too, so that a lost answer can be given again. */
async function findOpen(
  { ledger, clock, confirm }: Parts,
  lease: Uint8Array,
  { peer, signal }: { peer: string; signal: AbortSignal },
): Promise<LeaseRecord | undefined> {
  const record = ledger.get(lease)
  if (record === undefined || record.renter !== peer) return undefined
  if (record.state !== 'signed') return record
  const confirmed = await within(clock, CONFIRMING_MS, signal, (limited) => confirm(record, limited))
  return isRefusal(confirmed) ? undefined : confirmed
}

/** Judged and stored in one turn of the ledger: of two vouchers that come at once, the better one stays. */
async function keep(
  ledger: Ledger,
  { lease }: LeaseRecord,
  voucher: SignedVoucher,
): Promise<LeaseRecord | Refusal<VoucherRefusal>> {
  let refused: Refusal<VoucherRefusal> | undefined
  const kept = await ledger.change(lease, (record) => {
    refused = judgeKept(record, voucher)
    const isKnown = record.best !== undefined && !isBetter(voucher, record.best)
    return refused !== undefined || isKnown || record.state === 'closed'
      ? record
      : { ...record, best: voucher }
  })
  return refused ?? kept ?? { refused: 'UNKNOWN_LEASE', detail: 'the lease is gone' }
}

function judgeKept(record: LeaseRecord, voucher: SignedVoucher): Refusal<VoucherRefusal> | undefined {
  if (voucher.serial !== record.serial) {
    return { refused: 'UNKNOWN_LEASE', detail: `made for another lease at this address: ${voucher.serial}` }
  }
  const refused = judgeVoucher(voucher, { best: record.best, deposit: record.deposit })
  if (refused !== undefined || record.best === undefined) return refused
  const isLast = record.best.final || record.state === 'closed'
  return isLast && voucher.sequence > record.best.sequence
    ? { refused: 'NOT_HIGHER', detail: 'the final voucher is held already' }
    : undefined
}

/** The same claim counts again when it is final now and was not before. */
function isBetter(voucher: SignedVoucher, best: SignedVoucher): boolean {
  if (voucher.sequence === best.sequence) return voucher.final && !best.final
  return voucher.sequence > best.sequence
}
