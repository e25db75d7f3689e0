import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import type { Kind, ModelLease, ModelProvider, Step } from './escrow-books.js'
import { LeaseBooks, least } from './escrow-leases.js'
import { commit, lieAbout, receiptOf, trueSegment } from './fraud.js'
import { hashOf } from './runtime.js'

const UPDATE_DELAY = 86_400
const PARAMS = { n: 16, rounds: 1 }
const ENTRY = { round: 0, row: 3, column: 2 }

/** What happens to stakes and markets, and the choice of the step. */
export class Model extends LeaseBooks {
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
    const amount = least(provider.unstaking, provider.stake)
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
    const open = disputes.openDispute({
      programId: world.programId,
      reporter: reporter.publicKey,
      provider: provider.party.address,
      node: signer.publicKey,
      receipt: receipt.signed,
      receiptHash: receipt.hash,
    })
    this.play(step, right, open, [reporter], () => {})
    if (!right) return
    const shown = disputes.postOpening(world.programId, reporter.publicKey, dispute, opening)
    this.play(step, true, shown, [reporter], () => {})
    const terms = this.current()
    const penalty = (provider.stake * BigInt(terms.slashBps)) / 10_000n
    const hit = lease?.open === true && lease.provider === provider ? lease : undefined
    const owed = hit === undefined ? 0n : hit.paid - hit.compensated
    const compensation = least(owed, penalty / 2n)
    const bounty = ((penalty - compensation) * BigInt(terms.bountyBps)) / 10_000n
    const refund = (lease?.renter ?? this.renters[0]!).source
    const state = decodeDispute(dispute, world.account(dispute), world.programId)
    const payment = { programId: world.programId, dispute, state, mint: world.mint, refund }
    const slash = disputes.slashFraud({ ...payment, bounty: world.feeAccount })
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
