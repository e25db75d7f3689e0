import type {
  Escrow,
  LeaseAccount,
  LeaseOutcome,
  LeaseProposal,
  SignedVoucher,
} from '../../node/escrow/port.js'
import { readDocument, writeDocument } from '../../node/store/document.js'
import { digest, equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { depositFor } from '../../protocols/money.js'
import type { Clock } from '../../protocols/ports.js'

/** A chain in memory with the escrow program's rules as the port sees them; for tests of services. */
export interface MemoryChain {
  readonly market: Uint8Array
  escrow(): Escrow
  register(nodeKey: Uint8Array, stake: bigint): void
  /** What wallets hold, by their key in hex. */
  funds: Map<string, bigint>
  leases: Map<string, LeaseAccount>
  outcomes: Map<string, LeaseOutcome>
  /** What was posted as delivered, by lease in hex. */
  completions: Map<string, Uint8Array>
  /** What was executed: `open`, `settle`, … with the lease. */
  transactions: Array<{ kind: string; lease: string; amount?: bigint }>
  /** While true every call waits until it may go on or its signal aborts. */
  isDown: boolean
  /** Seconds that its clock is ahead of the node's. */
  aheadS: number
  /** What all accounts hold together: it never changes. */
  total(): bigint
}

const BOND = 1_000n
const DISPUTE_S = 10

export function createMemoryChain(clock: Clock): MemoryChain {
  const market = digest(new TextEncoder().encode('market'))
  const providers = new Map<string, { stake: bigint; bound: bigint; nodeKey: Uint8Array }>()
  const held = { vaults: 0n, payouts: 0n, wallets: 0n }
  let serial = 0n

  const now = () => Math.floor(clock.now() / 1000) + chain.aheadS
  const up = async (signal?: AbortSignal) => {
    while (chain.isDown) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      signal?.throwIfAborted()
    }
    signal?.throwIfAborted()
  }
  const find = (lease: Uint8Array) => {
    const account = chain.leases.get(toHex(lease))
    if (account === undefined) throw failed('NO_SUCH_LEASE')
    return account
  }
  const record = (kind: string, lease: Uint8Array, amount?: bigint) => {
    chain.transactions.push({ kind, lease: toHex(lease), ...(amount === undefined ? {} : { amount }) })
    return { signature: `${kind}-${chain.transactions.length}` }
  }
  const pay = (account: LeaseAccount, voucher: SignedVoucher) => {
    if (!equal(voucher.lease, account.address) || voucher.serial !== account.serial)
      throw failed('WRONG_LEASE')
    if (voucher.amount > account.deposit || voucher.amount < account.paid) throw failed('VOUCHER_STALE')
    const more = voucher.amount - account.paid
    account.paid = voucher.amount
    held.vaults -= more
    held.payouts += more
  }
  const providerOf = new Map<string, string>()
  const end = (account: LeaseAccount, kind: string) => {
    const refunded = account.deposit - account.paid
    held.vaults -= refunded
    held.wallets += refunded
    const id = toHex(account.address)
    chain.leases.delete(id)
    const { signature } = record(kind, account.address, account.paid)
    const transactions = [signature]
    chain.outcomes.set(id, { transactions, deposited: account.deposit, paid: account.paid, refunded })
    const bond = providers.get(providerOf.get(id) ?? '')
    if (bond !== undefined) bond.bound -= account.bond
    return { signature }
  }

  const escrow: Escrow = {
    market: async () => ({
      address: market,
      mint: new Uint8Array(32),
      decimals: 6,
      minimumStake: 10_000n,
      disputeWindowS: DISPUTE_S,
    }),
    provider: async (nodeKey, signal) => {
      await up(signal)
      const account = providers.get(toHex(nodeKey))
      return account && { ...account, owner: nodeKey, payout: digest(nodeKey), openDemands: 0 }
    },
    providers: (nodeKeys, signal) => Promise.all(nodeKeys.map((nodeKey) => escrow.provider(nodeKey, signal))),
    funds: async (wallet, signal) => {
      await up(signal)
      return chain.funds.get(toHex(wallet)) ?? 0n
    },
    proposeLease: async (proposal, signal) => {
      await up(signal)
      const lease = addressOf(proposal)
      return { transaction: new TextEncoder().encode(writeDocument(proposal)), lease }
    },
    signLease: async (transaction, proposal, signal) => {
      await up(signal)
      if (new TextDecoder().decode(transaction) !== writeDocument(proposal)) {
        return { refused: 'BAD_TRANSACTION', detail: 'a field differs' }
      }
      const account = providers.get(toHex(proposal.provider))
      if (account === undefined || account.stake - account.bound < BOND) {
        return { refused: 'STAKE_TOO_SMALL', detail: 'no free stake' }
      }
      return { signature: new Uint8Array(64).fill(9), lease: addressOf(proposal) }
    },
    openLease: async (transaction, _signature, signal) => {
      await up(signal)
      const proposal = readDocument(new TextDecoder().decode(transaction)) as LeaseProposal
      const address = addressOf(proposal)
      const deposit = depositFor(proposal.pricePerHour, proposal.durationS)
      held.wallets -= deposit
      held.vaults += deposit
      const { provider, wallet, sessionKey, termsHash, pricePerHour, durationS } = proposal
      chain.leases.set(toHex(address), {
        address,
        serial: ++serial,
        wallet,
        sessionKey,
        termsHash,
        pricePerHour,
        deposit,
        paid: 0n,
        bond: BOND,
        openedAt: now(),
        deadline: now() + durationS + DISPUTE_S,
        cancelled: false,
        completed: false,
      })
      providerOf.set(toHex(address), toHex(provider))
      const bond = providers.get(toHex(provider))
      if (bond !== undefined) bond.bound += BOND
      return record('open', address)
    },
    lease: async (address, signal) => {
      await up(signal)
      const account = chain.leases.get(toHex(address))
      return account && { ...account }
    },
    settle: async (voucher, signal) => {
      await up(signal)
      pay(find(voucher.lease), voucher)
      return record('settle', voucher.lease, voucher.amount)
    },
    closeLease: async (lease, voucher, signal) => {
      await up(signal)
      if (!voucher.final) throw failed('VOUCHER_NOT_FINAL')
      const account = find(lease)
      pay(account, voucher)
      return end(account, 'close')
    },
    cancelLease: async (lease, signal) => {
      await up(signal)
      const account = find(lease)
      account.cancelled = true
      account.deadline = Math.min(account.deadline, now() + DISPUTE_S)
      return record('cancel', lease)
    },
    complete: async (lease, output, signal) => {
      await up(signal)
      const account = find(lease)
      if (now() >= account.deadline) throw failed('LEASE_ENDED')
      account.completed = true
      chain.completions.set(toHex(lease), output)
      return record('complete', lease)
    },
    reportFraud: async () => {
      throw failed('WALLET_MISSING')
    },
    demandOpening: async () => {
      throw failed('WALLET_MISSING')
    },
    closeVerdict: async () => true,
    demands: async () => [],
    answerDemand: async () => {
      throw failed('NOT_DEMANDED')
    },
    expireLease: async (lease, signal) => {
      await up(signal)
      const account = find(lease)
      if (now() < account.deadline) throw failed('LEASE_NOT_ENDED')
      return end(account, 'expire')
    },
    outcome: async (lease, signal) => {
      await up(signal)
      return chain.outcomes.get(toHex(lease))
    },
    chainTime: async (signal) => {
      await up(signal)
      return now()
    },
  }

  const chain: MemoryChain = {
    market,
    escrow: () => escrow,
    register: (nodeKey, stake) => void providers.set(toHex(nodeKey), { nodeKey, stake, bound: 0n }),
    funds: new Map(),
    leases: new Map(),
    outcomes: new Map(),
    completions: new Map(),
    transactions: [],
    isDown: false,
    aheadS: 0,
    total: () => held.vaults + held.payouts + held.wallets,
  }
  return chain
}

function addressOf({ provider, wallet, orderId }: LeaseProposal): Uint8Array {
  return digest(Buffer.concat([provider, wallet, orderId]))
}

function failed(code: string): NightshiftError {
  return new NightshiftError(code, code.toLowerCase(), { advice: 'see the test' })
}
