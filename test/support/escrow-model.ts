import * as escrow from '../../chain/client/instructions.js'
import type { Kind, ModelProvider, Step } from './escrow-books.js'
import { DisputeBooks } from './escrow-disputes.js'
import { least } from './escrow-leases.js'

const UPDATE_DELAY = 86_400

/** What happens to stakes and markets, and the choice of the step. */
export class Model extends DisputeBooks {
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
      demand: lease && (() => this.demand(step, lease)),
      answer: () => this.answer(step),
      silence: () => this.silence(step),
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
      !this.demands.some((demand) => demand.open && demand.provider === provider) &&
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
}
