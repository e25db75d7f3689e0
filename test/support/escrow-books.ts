import type { Keypair, PublicKey, TransactionInstruction } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Opening } from '../../chain/client/disputes.js'
import type * as escrow from '../../chain/client/instructions.js'
import {
  DEFAULT_TERMS,
  type LeaseParty,
  MarketWorld,
  type ProviderParty,
  type RenterParty,
} from './escrow.js'

/**
 * A model of the escrow program in plain numbers, run beside it. Each step says beforehand whether the program must take it, by
 * the rules of chain/README.md; afterwards every balance, every stake and every lease on the chain must be what the model says.
 */
export interface Step {
  kind: Kind
  /** Which provider, renter, lease; taken modulo how many there are. */
  provider: number
  renter: number
  lease: number
  /** Who signs where one certain key must: the right one, or somebody else of the cast. */
  by: number
  amount: bigint
  sequence: bigint
  flag: boolean
}

const KINDS = [
  'open',
  'open',
  'open',
  'extend',
  'settle',
  'settle',
  'settle',
  'close with voucher',
  'close with voucher',
  'close by both',
  'cancel',
  'complete',
  'expire',
  'expire',
  'add stake',
  'request unstake',
  'withdraw',
  'withdraw',
  'close provider',
  'close provider',
  'register',
  'register',
  'set payout',
  'announce',
  'wait',
  'wait',
  'give',
  'slash',
  'demand',
  'demand',
  'answer',
  'silence',
  'silence',
] as const

export type Kind = (typeof KINDS)[number]

const RIGHT = 7

export const steps: fc.Arbitrary<Step> = fc.record(
  {
    kind: fc.constantFrom(...KINDS),
    provider: fc.nat(1),
    renter: fc.nat(1),
    lease: fc.nat(3),
    by: fc.nat(9),
    amount: fc.oneof(
      fc.bigInt(0n, 4_000_000n),
      fc.constantFrom(0n, 1n, 600n, 3_600n, 1_000_000n, 9_000_000n, 2n ** 64n - 1n),
    ),
    sequence: fc.oneof(fc.bigInt(0n, 30n), fc.constantFrom(0n, 2n ** 64n - 1n)),
    flag: fc.boolean(),
  },
  { noNullPrototype: true },
)

/** Somebody else than the one whose signature is needed. */
const WRONG = 9
const PLAIN = { provider: 1, renter: 1, lease: 0, by: 0, amount: 0n, sequence: 0n, flag: false }
const step = (kind: Kind, fields: Partial<Step> = {}): Step => ({ ...PLAIN, ...fields, kind })

/** Every kind of step, refused and then taken: random steps may miss those that need others before them. */
export const EVERY_KIND: readonly Step[] = [
  step('open', { by: WRONG }),
  step('open', { amount: 1n, sequence: 2n }),
  step('settle', { by: WRONG }),
  step('settle', { amount: 1_000n, sequence: 1n }),
  step('extend', { by: WRONG }),
  step('extend', { sequence: 1n }),
  step('give', { flag: true }),
  step('demand', { by: WRONG, sequence: 1n, flag: true }),
  step('demand', { sequence: 1n, flag: true }),
  step('answer', { by: WRONG }),
  step('answer'),
  step('demand', { sequence: 1n, flag: true }),
  step('silence'),
  step('wait', { sequence: 4n }),
  step('silence'),
  step('complete', { by: WRONG }),
  step('complete'),
  step('close with voucher', { by: WRONG, flag: true }),
  step('close with voucher', { amount: 2_000n, sequence: 1n, flag: true }),
  step('give', { flag: true }),
  step('open'),
  step('expire'),
  step('cancel', { by: WRONG }),
  step('cancel'),
  step('wait', { sequence: 2n }),
  step('expire'),
  step('open'),
  step('close by both', { by: WRONG }),
  step('close by both'),
  step('slash', { by: WRONG, lease: 1 }),
  step('slash', { lease: 1 }),
  step('add stake', { provider: 0, by: WRONG }),
  step('add stake', { provider: 0, amount: 5n }),
  step('set payout', { provider: 0, by: WRONG }),
  step('set payout', { provider: 0 }),
  step('announce', { by: WRONG }),
  step('announce'),
  step('request unstake', { provider: 0, by: WRONG, flag: true }),
  step('request unstake', { provider: 0, flag: true }),
  step('withdraw', { provider: 0 }),
  step('close provider', { provider: 0 }),
  step('wait', { sequence: 5n }),
  step('withdraw', { provider: 0 }),
  step('close provider', { provider: 0 }),
  step('register', { provider: 0 }),
  step('register', { provider: 0, amount: 2_000_000n }),
]

/** All that the program can be asked for: time goes by without it. */
export const ASKED: readonly Kind[] = [...new Set(KINDS)].filter((kind) => kind !== 'wait')

export interface ModelProvider {
  party: ProviderParty
  registered: boolean
  registeredAt: number
  stake: bigint
  bound: bigint
  unstaking: bigint
  unstakeAt: number
  payout: PublicKey
}

export interface ModelLease {
  party: LeaseParty
  open: boolean
  provider: ModelProvider
  renter: RenterParty
  payout: PublicKey
  pricePerHour: bigint
  duration: number
  deadline: number
  deposit: bigint
  paid: bigint
  sequence: bigint
  bond: bigint
  window: number
  slashBps: number
  feeBps: number
  compensated: bigint
  ended: boolean
  void: boolean
  demanded: boolean
}

/** An opening that was demanded: of which lease, and until when it is due. */
export interface ModelDemand {
  address: PublicKey
  opening: Opening
  honest: boolean
  provider: ModelProvider
  lease: ModelLease
  reporter: Keypair
  answerBy: number
  bound: bigint
  open: boolean
}

/** The books, and the comparison with the chain. */
export class Books {
  readonly world = new MarketWorld({ feeBps: 137 })
  protected readonly stranger = this.world.wallet('stranger')
  protected readonly renters = [this.world.newRenter(5_000_000n), this.world.newRenter(500_000_000n)]
  protected readonly providers: ModelProvider[] = [this.enrol(3_000_000n), this.enrol(10_000_000n)]
  protected readonly leases: ModelLease[] = []
  protected readonly demands: ModelDemand[] = []
  protected terms: escrow.NewTerms = {
    ...DEFAULT_TERMS,
    feeBps: 137,
    governance: this.world.governance.publicKey,
    feeAccount: this.world.feeAccount,
  }
  protected announced: { from: number; terms: escrow.NewTerms } | undefined
  protected supply = this.world.supply(this.world.mint)
  protected readonly balances = new Map<string, bigint>()
  protected count = 0
  readonly taken = new Map<Kind, number>()
  readonly refused = new Map<Kind, number>()

  constructor() {
    for (const { source } of this.renters) this.track(source)
    for (const { party } of this.providers) {
      this.track(party.source)
      this.track(party.payout)
      this.track(party.vault)
    }
    this.track(this.world.feeAccount)
  }

  protected enrol(stake: bigint): ModelProvider {
    const party = this.world.newProvider(stake)
    return {
      party,
      registered: true,
      registeredAt: this.world.time,
      stake,
      bound: 0n,
      unstaking: 0n,
      unstakeAt: 0,
      payout: party.payout,
    }
  }

  protected track(account: PublicKey): void {
    this.balances.set(account.toBase58(), this.world.tokens(account))
  }

  protected move(from: PublicKey | undefined, to: PublicKey | undefined, amount: bigint): void {
    if (from !== undefined) this.balances.set(from.toBase58(), this.held(from) - amount)
    if (to !== undefined) this.balances.set(to.toBase58(), this.held(to) + amount)
    if (to === undefined) this.supply -= amount
  }

  protected held(account: PublicKey): bigint {
    return this.balances.get(account.toBase58()) ?? 0n
  }

  protected current(): escrow.NewTerms {
    if (this.announced !== undefined && this.world.time >= this.announced.from) {
      this.terms = this.announced.terms
      this.announced = undefined
    }
    return this.terms
  }

  /** The key that must sign, mostly; else somebody else's. */
  protected signer(step: Step, right: Keypair): Keypair {
    if (step.by < RIGHT) return right
    const others = [
      this.stranger,
      this.providers[0]!.party.node,
      this.providers[1]!.party.owner,
      this.renters[0]!.session,
    ]
    return others[(step.by + this.count) % others.length]!
  }

  protected is(left: Keypair, right: Keypair): boolean {
    return left.publicKey.equals(right.publicKey)
  }

  /** Sends, compares what happened with what had to, and then the whole state. */
  protected play(
    step: Step,
    expected: boolean,
    instructions: TransactionInstruction[],
    signers: Keypair[],
    effect: () => void,
  ): void {
    const outcome = this.world.heavy(instructions, [this.world.payer, ...signers])
    const what = `step ${this.count}, ${step.kind}`
    if (expected !== (outcome.code === '')) {
      const logs = outcome.logs.slice(0, 10).join('\n')
      assert.unreachable(
        `${what}: ${expected ? 'should be taken' : 'should be refused'}, got "${outcome.code}"\n${logs}`,
      )
    }
    const tally = expected ? this.taken : this.refused
    tally.set(step.kind, (tally.get(step.kind) ?? 0) + 1)
    if (expected) effect()
    this.compare(what)
  }

  protected compare(what: string): void {
    const { world } = this
    let sum = 0n
    for (const [account, amount] of this.balances) {
      assert.is(world.tokensAt(account), amount, `${what}: ${account}`)
      sum += amount
    }
    assert.is(world.supply(world.mint), this.supply, `${what}: supply`)
    assert.is(sum, this.supply, `${what}: every token is in one of these accounts`)
    for (const provider of this.providers) {
      if (!provider.registered) {
        assert.is(world.account(provider.party.address), null, what)
        continue
      }
      const state = world.provider(provider.party.address)
      assert.is(state.stake, provider.stake, `${what}: stake`)
      assert.is(state.bound, provider.bound, `${what}: bound`)
      assert.is(state.unstaking, provider.unstaking, `${what}: unstaking`)
      const open = this.leases.filter((lease) => lease.open && lease.provider === provider)
      assert.is(state.openLeases, open.length, `${what}: open leases`)
      const demands = this.demands.filter((demand) => demand.open && demand.provider === provider)
      assert.is(state.openDisputes, demands.length, `${what}: open demands`)
      assert.is(
        state.bound,
        open.reduce((total, { bond }) => total + bond, 0n) +
          demands.reduce((total, { bound }) => total + bound, 0n),
        `${what}: bonds`,
      )
      assert.ok(this.held(provider.party.vault) >= state.stake, `${what}: the stake is there`)
    }
    for (const lease of this.leases) {
      if (!lease.open) {
        assert.is(world.account(lease.party.address), null, what)
        continue
      }
      const state = world.lease(lease.party.address)
      assert.is(state.paid, lease.paid, `${what}: paid`)
      assert.is(state.deposit, lease.deposit, `${what}: deposit`)
      assert.is(state.deadline, lease.deadline, `${what}: deadline`)
      assert.is(state.demanded, lease.demanded, `${what}: demanded`)
      assert.ok(this.held(lease.party.vault) >= lease.deposit - lease.paid, `${what}: the deposit is there`)
    }
  }
}
