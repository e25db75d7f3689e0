import { leastDepositOf } from '../../protocols/auction/backing.js'
import { type ConsentRefusal, judgeConsent } from '../../protocols/auction/wallet.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import type { Refusal } from '../../protocols/errors.js'
import { U64_MAX } from '../../protocols/money.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import { createLookup } from './lookup.js'

/** Whose messages are passed on: names cost nothing, stakes and deposits do. */
export interface Admission {
  /** Whether the provider has the market's least stake; as it was last known where the chain does not answer. */
  isStaked(peer: string): Promise<boolean>
  /** Of a provider, atomic units, as it was last known; undefined: never asked for. */
  standing(peer: string): { stake: bigint; minimumStake: bigint } | undefined
  /**
   * Whether the wallet holds as much, as it was last known; undefined: the chain answers nothing, and has never answered
   * for this wallet. While it answers, a wallet for which too many others wait does not count as one that can pay.
   */
  canPay(wallet: Uint8Array, amount: bigint): Promise<boolean | undefined>
  /** What it holds, atomic units, as it was last known. */
  held(wallet: Uint8Array): bigint | undefined
  /** The least deposit of an order in this market, atomic units; one unit while the chain has not told its terms. */
  leastDeposit(): Promise<bigint>
  /** Whether the wallet that an order names has agreed to the orders of this peer. */
  judgeConsent(order: Order, peer: string): Promise<Refusal<ConsentRefusal> | undefined>
}

/** Takes everybody: for a market without a chain. */
export const everybody: Admission = {
  isStaked: async () => true,
  standing: () => undefined,
  canPay: async () => true,
  held: () => U64_MAX,
  leastDeposit: async () => 1n,
  judgeConsent: async () => undefined,
}

/** A stake is bound for days, but a lie costs it at once. */
const STAKE_MS = 60_000
/** The terms of a market change once in a while, and by notice. */
const TERMS_MS = 600_000
/** What is in a wallet changes with every lease. */
const FUNDS_MS = 15_000

export function createAdmission(parts: {
  escrow: Pick<Escrow, 'market' | 'provider' | 'funds'>
  clock: Clock
  log: Log
}): Admission {
  const { escrow, clock, log } = parts
  const stakes = createLookup<{ stake: bigint; minimumStake: bigint; isEnough: boolean }>({
    ask: async (peer, signal) => {
      const [market, account] = await Promise.all([
        escrow.market(signal),
        escrow.provider(solanaKeyOf(peer), signal),
      ])
      const { minimumStake } = market
      const stake = account?.stake ?? 0n
      return { stake, minimumStake, isEnough: account !== undefined && stake >= minimumStake }
    },
    freshMs: STAKE_MS,
    clock,
    log,
  })
  const funds = createLookup<bigint>({
    ask: (wallet, signal) => escrow.funds(Buffer.from(wallet, 'hex'), signal),
    freshMs: FUNDS_MS,
    clock,
    log,
  })
  const terms = createLookup<bigint>({
    ask: async (_, signal) => leastDepositOf((await escrow.market(signal)).minimumStake),
    freshMs: TERMS_MS,
    clock,
    log,
  })
  return {
    isStaked: async (peer) => {
      const known = await stakes.get(peer, ({ isEnough }) => isEnough)
      return known?.isEnough ?? false
    },
    standing: (peer) => stakes.peek(peer),
    canPay: async (wallet, amount) => {
      const known = await funds.get(toHex(wallet), (held) => held >= amount)
      if (known !== undefined) return known >= amount
      return funds.isAnswered() ? false : undefined
    },
    held: (wallet) => funds.peek(toHex(wallet)),
    leastDeposit: async () => (await terms.get('least deposit', () => true)) ?? 1n,
    judgeConsent: (order, peer) => judgeConsent(order, peer, clock.now()),
  }
}
