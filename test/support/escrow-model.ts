import type { Keypair, PublicKey, TransactionInstruction } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { disputeAddress } from '../../chain/client/addresses.js'
import { bondFor, depositFor, feeOf } from '../../chain/client/amounts.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import {
  DEFAULT_TERMS,
  hashOf,
  type LeaseParty,
  MarketWorld,
  type ProviderParty,
  type RenterParty,
} from './escrow.js'
import { commit, lieAbout, receiptOf, trueSegment } from './fraud.js'

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
  'close provider',
  'register',
  'set payout',
  'announce',
  'wait',
  'wait',
  'give',
  'slash',
] as const

type Kind = (typeof KINDS)[number]

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

interface ModelProvider {
  party: ProviderParty
  registered: boolean
  registeredAt: number
  stake: bigint
  bound: bigint
  unstaking: bigint
  unstakeAt: number
  payout: PublicKey
}

interface ModelLease {
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
}

const MAX_U64 = 2n ** 64n - 1n
const UPDATE_DELAY = 86_400
const PARAMS = { n: 16, rounds: 1 }
const ENTRY = { round: 0, row: 3, column: 2 }

export class Model {
  readonly world = new MarketWorld({ feeBps: 137 })
  private readonly stranger = this.world.wallet('stranger')
  private readonly renters = [this.world.newRenter(5_000_000n), this.world.newRenter(500_000_000n)]
  private readonly providers: ModelProvider[] = [this.enrol(3_000_000n), this.enrol(10_000_000n)]
  private readonly leases: ModelLease[] = []
  private terms: escrow.NewTerms = {
    ...DEFAULT_TERMS,
    feeBps: 137,
    governance: this.world.governance.publicKey,
    feeAccount: this.world.feeAccount,
  }
  private announced: { from: number; terms: escrow.NewTerms } | undefined
  private supply = this.world.supply(this.world.mint)
  private readonly balances = new Map<string, bigint>()
  private count = 0
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

  private enrol(stake: bigint): ModelProvider {
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

  private track(account: PublicKey): void {
    this.balances.set(account.toBase58(), this.world.tokens(account))
  }

  private move(from: PublicKey | undefined, to: PublicKey | undefined, amount: bigint): void {
    if (from !== undefined) this.balances.set(from.toBase58(), this.held(from) - amount)
    if (to !== undefined) this.balances.set(to.toBase58(), this.held(to) + amount)
    if (to === undefined) this.supply -= amount
  }

  private held(account: PublicKey): bigint {
    return this.balances.get(account.toBase58()) ?? 0n
  }

  private current(): escrow.NewTerms {
    if (this.announced !== undefined && this.world.time >= this.announced.from) {
      this.terms = this.announced.terms
      this.announced = undefined
    }
    return this.terms
  }

  /** The key that must sign, mostly; else somebody else's. */
  private signer(step: Step, right: Keypair): Keypair {
    if (step.by < RIGHT) return right
    const others = [
      this.stranger,
      this.providers[0]!.party.node,
      this.providers[1]!.party.owner,
      this.renters[0]!.session,
    ]
    return others[(step.by + this.count) % others.length]!
  }

  private is(left: Keypair, right: Keypair): boolean {
    return left.publicKey.equals(right.publicKey)
  }

  run(step: Step): void {
    this.count++
    const provider = this.providers[step.provider]!
    const renter = this.renters[step.renter]!
    const lease =
      this.leases.length === 0 ? undefined : this.leases.at(-1 - (step.lease % this.leases.length))
    const actions: Record<Kind, (() => void) | undefined> = {
      open: () => this.open(step, provider, renter),
      'add stake': () => this.addStake(step, provider),
      'request unstake': () => this.requestUnstake(step, provider),
      withdraw: () => this.withdraw(step, provider),
      'close provider': () => this.closeProvider(step, provider),
      register: () => this.register(step, provider),
      'set payout': () => this.setPayout(step, provider),
      announce: () => this.announce(step),
      wait: () => this.wait(step),
      slash: () => this.slash(step, provider, lease),
      extend: lease && (() => this.extend(step, lease)),
      settle: lease && (() => this.settle(step, lease)),
      'close with voucher': lease && (() => this.closeWithVoucher(step, lease)),
      'close by both': lease && (() => this.closeByBoth(step, lease)),
      cancel: lease && (() => this.cancel(step, lease)),
      complete: lease && (() => this.complete(step, lease)),
      expire: lease && (() => this.expire(step, lease)),
      give: lease && (() => this.give(step, lease)),
    }
    actions[step.kind]?.()
  }

  /** Sends, compares what happened with what had to, and then the whole state. */
  private play(
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

  private compare(what: string): void {
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
      assert.is(
        state.bound,
        open.reduce((total, lease) => total + lease.bond, 0n),
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
      assert.ok(this.held(lease.party.vault) >= lease.deposit - lease.paid, `${what}: the deposit is there`)
    }
  }

  private open(step: Step, provider: ModelProvider, renter: RenterParty): void {
    const terms = this.current()
    const node = this.signer(step, provider.party.node)
    const durationSeconds = [600, 3_600, 7_200][Number(step.sequence % 3n)]!
    const pricePerHour = [3_599n, 1_000_003n, 3_600_000n][Number(step.amount % 3n)]!
    const opening = this.world.opening(provider.party, renter, {
      durationSeconds,
      pricePerHour,
      bondBps: terms.bondBps,
      feeBps: terms.feeBps,
      disputeWindowSeconds: terms.disputeWindowSeconds,
    })
    const instruction = escrow.openLease(opening)
    instruction.keys[1]!.pubkey = node.publicKey
    const deposit = depositFor(pricePerHour, durationSeconds)
    const bond = bondFor(deposit, terms.bondBps)
    const staying = provider.stake > provider.unstaking ? provider.stake - provider.unstaking : 0n
    const free = provider.stake - provider.bound - provider.unstaking
    const expected =
      provider.registered &&
      this.is(node, provider.party.node) &&
      staying >= terms.minimumStake &&
      (free > 0n ? free : 0n) >= bond &&
      this.held(renter.source) >= deposit
    this.play(step, expected, [instruction], [renter.wallet, node], () => {
      const party = this.world.leaseParty(opening, provider.party, renter)
      this.track(party.vault)
      this.balances.set(party.vault.toBase58(), 0n)
      this.move(renter.source, party.vault, deposit)
      provider.bound += bond
      this.leases.push({
        party,
        open: true,
        provider,
        renter,
        payout: provider.payout,
        pricePerHour,
        duration: durationSeconds,
        deadline: this.world.time + durationSeconds + terms.disputeWindowSeconds,
        deposit,
        paid: 0n,
        sequence: 0n,
        bond,
        window: terms.disputeWindowSeconds,
        slashBps: terms.slashBps,
        feeBps: terms.feeBps,
        compensated: 0n,
        ended: false,
        void: false,
      })
    })
  }

  private extend(step: Step, lease: ModelLease): void {
    if (!lease.open) return
    const terms = this.current()
    const wallet = this.signer(step, lease.renter.wallet)
    const seconds = Number(step.sequence % 3n) * 1_800
    const { provider } = lease
    const instruction = escrow.extendLease({
      programId: this.world.programId,
      lease: lease.party.address,
      parties: this.world.lease(lease.party.address),
      node: provider.party.node.publicKey,
      source: lease.renter.source,
      seconds,
      bondBps: terms.bondBps,
    })
    instruction.keys[0]!.pubkey = wallet.publicKey
    const deposit = depositFor(lease.pricePerHour, lease.duration + seconds) - lease.deposit
    const bond = bondFor(deposit, terms.bondBps)
    const staying = provider.stake - provider.unstaking
    const free = provider.stake - provider.bound - provider.unstaking
    const expected =
      this.is(wallet, lease.renter.wallet) &&
      seconds > 0 &&
      !lease.ended &&
      !lease.void &&
      this.world.time < lease.deadline &&
      staying >= terms.minimumStake &&
      (free > 0n ? free : 0n) >= bond &&
      this.held(lease.renter.source) >= deposit
    this.play(step, expected, [instruction], [wallet, provider.party.node], () => {
      this.move(lease.renter.source, lease.party.vault, deposit)
      lease.deposit += deposit
      lease.duration += seconds
      lease.deadline += seconds
      lease.bond += bond
      provider.bound += bond
    })
  }

  /** Amounts and sequences that are mostly near what was paid before; else whatever the step says. */
  private voucher(step: Step, lease: ModelLease) {
    const near = step.amount < 4_000_000n
    const amount = near ? lease.paid + (step.amount % (lease.deposit - lease.paid + 2n)) : step.amount
    const sequence = near ? lease.sequence + (step.sequence % 3n) : step.sequence
    const key = this.signer(step, lease.renter.session)
    const fields = { amount, sequence: sequence > MAX_U64 ? MAX_U64 : sequence, final: step.flag }
    const signed = this.world.voucher(lease.party, fields, key)
    return { ...fields, signed, right: this.is(key, lease.renter.session) }
  }

  private settle(step: Step, lease: ModelLease): void {
    const claim = this.voucher(step, lease)
    const expected =
      lease.open &&
      claim.right &&
      !lease.void &&
      claim.sequence > lease.sequence &&
      claim.amount > lease.paid &&
      claim.amount <= lease.deposit
    const settle = this.world.settling(lease.party, claim.signed)
    this.play(step, expected, settle, [], () => this.pay(claim, lease))
  }

  private pay(claim: { amount: bigint; sequence: bigint }, lease: ModelLease): void {
    const amount = claim.amount - lease.paid
    const fee = feeOf(amount, lease.feeBps)
    this.move(lease.party.vault, lease.payout, amount - fee)
    this.move(lease.party.vault, this.world.feeAccount, fee)
    lease.paid = claim.amount
    lease.sequence = claim.sequence
  }

  private closeWithVoucher(step: Step, lease: ModelLease): void {
    const claim = this.voucher(step, lease)
    const expected =
      lease.open &&
      claim.right &&
      claim.final &&
      !lease.void &&
      claim.sequence >= lease.sequence &&
      claim.amount >= lease.paid &&
      claim.amount <= lease.deposit
    const close = this.world.closing(lease.party, { voucher: claim.signed })
    this.play(step, expected, close, [lease.provider.party.node], () => {
      this.pay(claim, lease)
      this.end(lease)
    })
  }

  private end(lease: ModelLease): void {
    const rest = this.held(lease.party.vault)
    this.move(lease.party.vault, lease.renter.source, rest)
    this.balances.delete(lease.party.vault.toBase58())
    lease.open = false
    lease.provider.bound -= lease.bond
  }

  private closeByBoth(step: Step, lease: ModelLease): void {
    const key = this.signer(step, step.flag ? lease.renter.wallet : lease.renter.session)
    const allowed = this.is(key, lease.renter.wallet) || this.is(key, lease.renter.session)
    const close = this.world.closing(lease.party, { signer: key.publicKey })
    this.play(step, lease.open && allowed, close, [lease.provider.party.node, key], () => this.end(lease))
  }

  private cancel(step: Step, lease: ModelLease): void {
    const key = this.signer(step, step.flag ? lease.renter.wallet : lease.renter.session)
    const allowed = this.is(key, lease.renter.wallet) || this.is(key, lease.renter.session)
    const cancelled = lease.open && this.world.lease(lease.party.address).cancelled
    const { time } = this.world
    const expected = lease.open && allowed && !cancelled && time < lease.deadline
    const { programId } = this.world
    const cancel = escrow.cancelLease({ programId, lease: lease.party.address, signer: key.publicKey })
    this.play(step, expected, [cancel], [key], () => {
      lease.ended = true
      lease.deadline = Math.min(lease.deadline, time + lease.window)
    })
  }

  private complete(step: Step, lease: ModelLease): void {
    const node = this.signer(step, lease.provider.party.node)
    const completed = lease.open && this.world.lease(lease.party.address).completed
    const expected =
      lease.open && !completed && this.is(node, lease.provider.party.node) && this.world.time < lease.deadline
    const complete = escrow.complete({
      programId: this.world.programId,
      node: node.publicKey,
      provider: lease.provider.party.address,
      lease: lease.party.address,
      output: hashOf('output'),
    })
    this.play(step, expected, [complete], [node], () => {
      lease.ended = true
    })
  }

  private expire(step: Step, lease: ModelLease): void {
    const expected = lease.open && this.world.time >= lease.deadline
    this.play(step, expected, [this.world.expiring(lease.party)], [], () => {
      const { provider } = lease
      const silent = !lease.ended && !lease.void && lease.paid < lease.deposit
      const forfeit = silent ? (lease.bond * BigInt(lease.slashBps)) / 10_000n : 0n
      const burned = forfeit < provider.stake ? forfeit : provider.stake
      this.end(lease)
      provider.stake -= burned
      this.move(provider.party.vault, undefined, burned)
    })
  }

  private give(step: Step, lease: ModelLease): void {
    const { source, wallet } = this.renters[1]!
    const to = step.flag ? lease.party.vault : lease.provider.party.vault
    const there = step.flag ? lease.open : lease.provider.registered
    const expected = there && this.held(source) >= 1n
    const gift = this.world.createReturn(source, wallet, to, 1n)
    this.play(step, expected, [gift], [wallet], () => this.move(source, to, 1n))
  }

  private addStake(step: Step, provider: ModelProvider): void {
    const owner = this.signer(step, provider.party.owner)
    const add = escrow.addStake({
      programId: this.world.programId,
      provider: provider.party.address,
      owner: owner.publicKey,
      source: provider.party.source,
      amount: step.amount,
    })
    const expected =
      provider.registered &&
      this.is(owner, provider.party.owner) &&
      step.amount > 0n &&
      step.amount <= this.held(provider.party.source)
    this.play(step, expected, [add], [owner], () => {
      this.move(provider.party.source, provider.party.vault, step.amount)
      provider.stake += step.amount
    })
  }

  private requestUnstake(step: Step, provider: ModelProvider): void {
    const terms = this.current()
    const owner = this.signer(step, provider.party.owner)
    const amount = step.flag ? provider.stake : step.amount
    const request = escrow.requestUnstake({
      programId: this.world.programId,
      market: this.world.address,
      provider: provider.party.address,
      owner: owner.publicKey,
      amount,
    })
    const staying = provider.stake - amount
    const enough = staying === 0n || staying >= terms.minimumStake
    const expected =
      provider.registered &&
      this.is(owner, provider.party.owner) &&
      staying >= 0n &&
      (amount === 0n || (staying >= provider.bound && enough))
    this.play(step, expected, [request], [owner], () => {
      provider.unstaking = amount
      provider.unstakeAt = amount === 0n ? 0 : this.world.time + terms.coolDownSeconds
    })
  }

  private withdraw(step: Step, provider: ModelProvider): void {
    const owner = this.signer(step, provider.party.owner)
    const withdraw = escrow.withdrawStake({
      programId: this.world.programId,
      provider: provider.party.address,
      owner: owner.publicKey,
      destination: provider.party.source,
    })
    const { unstaking, stake } = provider
    const amount = unstaking < stake ? unstaking : stake
    const expected =
      provider.registered &&
      this.is(owner, provider.party.owner) &&
      amount > 0n &&
      this.world.time >= provider.unstakeAt &&
      provider.stake - amount >= provider.bound
    this.play(step, expected, [withdraw], [owner], () => {
      this.move(provider.party.vault, provider.party.source, amount)
      provider.stake -= amount
      provider.unstaking = 0n
      provider.unstakeAt = 0
    })
  }

  private closeProvider(step: Step, provider: ModelProvider): void {
    const owner = this.signer(step, provider.party.owner)
    const close = escrow.closeProvider({
      programId: this.world.programId,
      provider: provider.party.address,
      owner: owner.publicKey,
      destination: provider.party.source,
    })
    const expected =
      provider.registered &&
      this.is(owner, provider.party.owner) &&
      provider.stake === 0n &&
      !this.leases.some((lease) => lease.open && lease.provider === provider) &&
      this.world.time > provider.registeredAt
    this.play(step, expected, [close], [owner], () => {
      this.move(provider.party.vault, provider.party.source, this.held(provider.party.vault))
      provider.registered = false
    })
  }

  private register(step: Step, provider: ModelProvider): void {
    const terms = this.current()
    const { party } = provider
    const node = this.signer(step, party.node)
    const registration = this.world.registration(party, step.amount)
    registration.keys[1]!.pubkey = node.publicKey
    const expected =
      !provider.registered &&
      this.is(node, party.node) &&
      step.amount >= terms.minimumStake &&
      step.amount <= this.held(party.source)
    this.play(step, expected, [registration], [party.owner, node], () => {
      this.move(party.source, party.vault, step.amount)
      Object.assign(provider, {
        registered: true,
        registeredAt: this.world.time,
        stake: step.amount,
        bound: 0n,
        unstaking: 0n,
        unstakeAt: 0,
        payout: party.payout,
      })
    })
  }

  private setPayout(step: Step, provider: ModelProvider): void {
    const owner = this.signer(step, provider.party.owner)
    const payout = step.flag ? provider.party.payout : provider.party.source
    const set = escrow.setPayout({
      programId: this.world.programId,
      market: this.world.address,
      provider: provider.party.address,
      owner: owner.publicKey,
      payout,
    })
    const expected = provider.registered && this.is(owner, provider.party.owner)
    this.play(step, expected, [set], [owner], () => {
      provider.payout = payout
    })
  }

  private announce(step: Step): void {
    const terms = this.current()
    const governance = this.signer(step, this.world.governance)
    const next = {
      ...terms,
      feeBps: Number(step.sequence % 1_200n),
      bondBps: step.flag ? 1_000 : 3_000,
      slashBps: step.flag ? 10_000 : 4_000,
    }
    const update = escrow.updateMarket({
      programId: this.world.programId,
      market: this.world.address,
      governance: governance.publicKey,
      terms: next,
    })
    const expected = this.is(governance, this.world.governance) && next.feeBps <= 1_000
    this.play(step, expected, [update], [governance], () => {
      this.announced = { from: this.world.time + UPDATE_DELAY, terms: next }
    })
  }

  private wait(step: Step): void {
    const seconds = [1, 300, 601, 3_600, 5_000, 90_000][Number(step.sequence % 6n)]!
    this.world.advance(seconds)
    this.current()
    this.compare(`step ${this.count}, wait`)
  }

  /** A reporter shows an entry of this provider's proof: sometimes a false one, mostly a right one. */
  private slash(step: Step, provider: ModelProvider, lease: ModelLease | undefined): void {
    if (!provider.registered) return
    const { world } = this
    const honest = step.flag || step.lease % 2 === 0
    const seed = hashOf(`seed ${this.count}`)
    const truth = trueSegment(seed, PARAMS, ENTRY)
    const { root, opening } = commit(seed, PARAMS, ENTRY, honest ? truth : lieAbout(truth, ENTRY.column))
    const named = lease === undefined ? {} : { lease: lease.party.address.toBytes() }
    const signer = this.signer(step, provider.party.node)
    const right = this.is(signer, provider.party.node)
    const receipt = receiptOf(world, provider.party, { seed, params: PARAMS, root, ...named }, signer)
    const reporter = this.stranger
    const dispute = disputeAddress(world.programId, reporter.publicKey, receipt.hash)
    const open = escrow.openDispute({
      programId: world.programId,
      reporter: reporter.publicKey,
      provider: provider.party.address,
      node: signer.publicKey,
      receipt: receipt.signed,
      receiptHash: receipt.hash,
    })
    this.play(step, right, open, [reporter], () => {})
    if (!right) return
    const shown = escrow.postOpening(world.programId, reporter.publicKey, dispute, opening)
    this.play(step, true, shown, [reporter], () => {})
    const terms = this.current()
    const penalty = (provider.stake * BigInt(terms.slashBps)) / 10_000n
    const hit = lease?.open === true && lease.provider === provider ? lease : undefined
    const owed = hit === undefined ? 0n : hit.paid - hit.compensated
    const compensation = owed < penalty / 2n ? owed : penalty / 2n
    const bounty = ((penalty - compensation) * BigInt(terms.bountyBps)) / 10_000n
    const refund = (lease?.renter ?? this.renters[0]!).source
    const state = decodeDispute(dispute, world.account(dispute), world.programId)
    const payment = { programId: world.programId, dispute, state, mint: world.mint, refund }
    const slash = escrow.slashFraud({ ...payment, bounty: world.feeAccount })
    this.play(step, !honest, [slash], [reporter], () => {
      provider.stake -= penalty
      this.move(provider.party.vault, refund, compensation)
      this.move(provider.party.vault, world.feeAccount, bounty)
      this.move(provider.party.vault, undefined, penalty - compensation - bounty)
      if (hit === undefined) return
      hit.compensated += compensation
      hit.void = true
      hit.deadline = Math.min(hit.deadline, world.time)
    })
  }
}
