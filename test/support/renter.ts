import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  DemandState,
  Escrow,
  FraudRefusal,
  LeaseAccount,
  LeaseOutcome,
  LeaseProposal,
  Slash,
} from '../../node/escrow/port.js'
import { openFolder } from '../../node/files/folder.js'
import type { Files } from '../../node/files/port.js'
import { openStore } from '../../node/store/level.js'
import type { Store } from '../../node/store/port.js'
import { digest, toHex } from '../../protocols/bytes.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import { NightshiftError, type Refusal } from '../../protocols/errors.js'
import { depositFor } from '../../protocols/money.js'
import { decodeVoucher } from '../../protocols/settlement/voucher.js'
import type { VirtualClock } from './clock.js'
import { fill, MARKET } from './messages.js'

/** Moves time on in small steps until `work` has ended; what it does on the disk takes no virtual time to speak of. */
export async function drive<T>(clock: VirtualClock, work: Promise<T>, stepMs = 25): Promise<T> {
  let ended = false
  const watched = work.finally(() => {
    ended = true
  })
  watched.catch(() => {})
  while (!ended) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (!ended) await clock.advance(stepMs)
  }
  return watched
}

export interface Disk {
  path: string
  files: Files
  store: Store
  /** Opens the store again, as a process does that was killed. */
  reopen(): Promise<Store>
  remove(): Promise<void>
}

/** A real store and real files in a folder of their own. */
export async function openDisk(): Promise<Disk> {
  const path = mkdtempSync(join(tmpdir(), 'nightshift-renter-'))
  const disk: Disk = {
    path,
    files: openFolder(join(path, 'files')),
    store: await openStore(join(path, 'store')),
    reopen: async () => {
      await disk.store.close()
      disk.store = await openStore(join(path, 'store'))
      return disk.store
    },
    remove: async () => {
      await disk.store.close().catch(() => {})
      rmSync(path, { recursive: true, force: true })
    },
  }
  return disk
}

export const DISPUTE_S = 10
/** How long a demand in memory waits for its answer. */
export const ANSWER_S = 3_600

/** The escrow program's rules as a renter meets them, in memory; the real ones are tested in test/chain. */
export interface MemoryEscrow extends Escrow {
  leases: Map<string, LeaseAccount>
  outcomes: Map<string, LeaseOutcome>
  /** What was sent, in order: `open`, `settle`, `close`, `cancel`, `expire`, `slash`. */
  sent: string[]
  /** Stakes by node key in hex. */
  stakes: Map<string, bigint>
  /** Owners by node key in hex; a provider that is not listed owns itself. */
  owners: Map<string, Uint8Array>
  /** By the receipt's SHA-256 in hex. */
  slashes: Map<string, Slash>
  /** What the chain says of demands, by the receipt's SHA-256 in hex. */
  demandStates: Map<string, DemandState | Refusal<FraudRefusal>>
  /** Whether verdicts can be closed. */
  areRegistrationsOver: boolean
  /** Called before every call; throwing is a chain that does not answer. */
  before: (call: string) => void | Promise<void>
}

export function createMemoryEscrow(clock: VirtualClock): MemoryEscrow {
  const proposals = new Map<string, LeaseProposal>()
  let serial = 100n
  const nowS = () => Math.floor(clock.now() / 1000)
  const addressOf = ({ termsHash }: LeaseProposal) => termsHash
  const find = (address: Uint8Array) => {
    const lease = escrow.leases.get(toHex(address))
    if (lease === undefined) throw new NightshiftError('LEASE_GONE', 'no such lease', { advice: 'none' })
    return lease
  }
  const refuse = (code: string): never => {
    throw new NightshiftError(code, code, { advice: 'none' })
  }
  const record = (kind: string) => {
    escrow.sent.push(kind)
    return { signature: `${kind}-${escrow.sent.length}` }
  }
  const end = (address: Uint8Array, paid: bigint) => {
    const { deposit } = find(address)
    escrow.leases.delete(toHex(address))
    const outcome = { transactions: ['open', 'end'], deposited: deposit, paid, refunded: deposit - paid }
    escrow.outcomes.set(toHex(address), outcome)
  }
  const escrow: MemoryEscrow = {
    leases: new Map(),
    outcomes: new Map(),
    sent: [],
    stakes: new Map(),
    owners: new Map(),
    slashes: new Map(),
    demandStates: new Map(),
    areRegistrationsOver: false,
    before: () => {},
    market: async () => ({
      address: MARKET,
      mint: fill(32, 8),
      decimals: 6,
      minimumStake: 0n,
      disputeWindowS: DISPUTE_S,
    }),
    provider: async (nodeKey) => {
      await escrow.before('provider')
      const stake = escrow.stakes.get(toHex(nodeKey))
      return stake === undefined
        ? undefined
        : {
            nodeKey,
            owner: escrow.owners.get(toHex(nodeKey)) ?? nodeKey,
            payout: fill(32, 2),
            stake,
            bound: 0n,
            openDemands: 0,
          }
    },
    providers: (nodeKeys) => Promise.all(nodeKeys.map((nodeKey) => escrow.provider(nodeKey))),
    funds: async () => 2n ** 60n,
    proposeLease: async (proposal) => {
      await escrow.before('propose')
      const lease = addressOf(proposal)
      proposals.set(toHex(lease), proposal)
      return { transaction: lease, lease }
    },
    signLease: async () => refuse('NOT_A_PROVIDER'),
    openLease: async (transaction, signature) => {
      await escrow.before('open')
      if (signature.length !== 64) refuse('PROVIDER_SIGNATURE_INVALID')
      const proposal = proposals.get(toHex(transaction))!
      const lease = addressOf(proposal)
      escrow.leases.set(toHex(lease), {
        address: lease,
        serial: ++serial,
        wallet: proposal.wallet,
        sessionKey: proposal.sessionKey,
        termsHash: proposal.termsHash,
        pricePerHour: proposal.pricePerHour,
        deposit: depositFor(proposal.pricePerHour, proposal.durationS),
        paid: 0n,
        bond: 0n,
        openedAt: nowS(),
        deadline: nowS() + proposal.durationS + DISPUTE_S,
        cancelled: false,
        completed: false,
      })
      return record('open')
    },
    lease: async (address) => {
      await escrow.before('lease')
      const lease = escrow.leases.get(toHex(address))
      return lease && { ...lease }
    },
    settle: async (voucher) => {
      find(voucher.lease).paid = voucher.amount
      return record('settle')
    },
    closeLease: async (lease, voucher) => {
      const { amount, final, serial: named } = decodeVoucher(voucher.bytes)
      const account = find(lease)
      if (!final || named !== account.serial || amount > account.deposit) refuse('ESCROW_VOUCHER_FOREIGN')
      end(lease, amount)
      return record('close')
    },
    cancelLease: async (address) => {
      await escrow.before('cancel')
      const lease = find(address)
      if (lease.cancelled) refuse('ESCROW_ALREADY_CANCELLED')
      if (nowS() >= lease.deadline) refuse('ESCROW_LEASE_ENDED')
      lease.cancelled = true
      lease.deadline = Math.min(lease.deadline, nowS() + DISPUTE_S)
      return record('cancel')
    },
    expireLease: async (address) => {
      await escrow.before('expire')
      const lease = find(address)
      if (nowS() < lease.deadline) refuse('ESCROW_LEASE_NOT_ENDED')
      end(address, lease.paid)
      return record('expire')
    },
    outcome: async (address) => {
      await escrow.before('outcome')
      return escrow.outcomes.get(toHex(address))
    },
    reportFraud: async ({ receipt }) => {
      await escrow.before('report')
      const known = escrow.slashes.get(toHex(digest(receipt)))
      if (known !== undefined) return known
      const { provider, lease } = decodeReceipt(receipt)!
      const stake = escrow.stakes.get(toHex(provider))!
      const slashed = stake / 2n
      escrow.stakes.set(toHex(provider), stake - slashed)
      const open = escrow.leases.get(toHex(lease))
      if (open !== undefined) open.deadline = Math.min(open.deadline, nowS())
      const { signature } = record('slash')
      const slash = { transactions: [signature], slashed, compensation: 0n, bounty: slashed / 10n }
      escrow.slashes.set(toHex(digest(receipt)), slash)
      await escrow.before('reported')
      return slash
    },
    demandOpening: async ({ receipt }) => {
      await escrow.before('demand')
      const state = escrow.demandStates.get(toHex(digest(receipt)))
      if (state !== undefined) return state
      const asked: DemandState = { state: 'asked', answerBy: nowS() + ANSWER_S }
      escrow.demandStates.set(toHex(digest(receipt)), asked)
      record('demand')
      return asked
    },
    closeVerdict: async () => {
      await escrow.before('verdict')
      return escrow.areRegistrationsOver
    },
    complete: async () => refuse('NOT_A_PROVIDER'),
    demands: async () => [],
    answerDemand: async () => refuse('NOT_A_PROVIDER'),
    chainTime: async () => nowS(),
  }
  return escrow
}

/** The code of what `act` throws, or the text of an error without one. */
export async function codeThrown(act: Promise<unknown>): Promise<string | undefined> {
  try {
    await act
  } catch (error) {
    return error instanceof NightshiftError ? error.code : String(error)
  }
  return undefined
}
