import { bondFor, feeOf } from '../../chain/client/amounts.js'
import * as escrow from '../../chain/client/instructions.js'
import { depositFor } from '../../protocols/money.js'
import type { RenterParty } from './escrow.js'
import { Books, type ModelLease, type ModelProvider, type Step } from './escrow-books.js'
import { hashOf } from './runtime.js'

const MAX_U64 = 2n ** 64n - 1n

export function least(left: bigint, right: bigint): bigint {
  return [left, right].sort((one, other) => (one < other ? -1 : 1))[0]!
}

/** What happens to leases. */
export class LeaseBooks extends Books {
  protected open(step: Step, provider: ModelProvider, renter: RenterParty): void {
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
        demanded: false,
      })
    })
  }

  protected extend(step: Step, lease: ModelLease): void {
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
  protected voucher(step: Step, lease: ModelLease) {
    const near = step.amount < 4_000_000n
    const amount = near ? lease.paid + (step.amount % (lease.deposit - lease.paid + 2n)) : step.amount
    const sequence = near ? lease.sequence + (step.sequence % 3n) : step.sequence
    const key = this.signer(step, lease.renter.session)
    const fields = { amount, sequence: sequence > MAX_U64 ? MAX_U64 : sequence, final: step.flag }
    const signed = this.world.voucher(lease.party, fields, key)
    return { ...fields, signed, right: this.is(key, lease.renter.session) }
  }

  protected settle(step: Step, lease: ModelLease): void {
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

  protected pay(claim: { amount: bigint; sequence: bigint }, lease: ModelLease): void {
    const amount = claim.amount - lease.paid
    const fee = feeOf(amount, lease.feeBps)
    this.move(lease.party.vault, lease.payout, amount - fee)
    this.move(lease.party.vault, this.world.feeAccount, fee)
    lease.paid = claim.amount
    lease.sequence = claim.sequence
  }

  protected closeWithVoucher(step: Step, lease: ModelLease): void {
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

  protected end(lease: ModelLease): void {
    const rest = this.held(lease.party.vault)
    this.move(lease.party.vault, lease.renter.source, rest)
    this.balances.delete(lease.party.vault.toBase58())
    lease.open = false
    lease.provider.bound -= lease.bond
  }

  protected closeByBoth(step: Step, lease: ModelLease): void {
    const key = this.signer(step, step.flag ? lease.renter.wallet : lease.renter.session)
    const allowed = this.is(key, lease.renter.wallet) || this.is(key, lease.renter.session)
    const close = this.world.closing(lease.party, { signer: key.publicKey })
    this.play(step, lease.open && allowed, close, [lease.provider.party.node, key], () => this.end(lease))
  }

  protected cancel(step: Step, lease: ModelLease): void {
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

  protected complete(step: Step, lease: ModelLease): void {
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

  protected expire(step: Step, lease: ModelLease): void {
    const expected = lease.open && this.world.time >= lease.deadline
    this.play(step, expected, [this.world.expiring(lease.party)], [], () => {
      const { provider } = lease
      const silent = !lease.ended && !lease.void && lease.paid < lease.deposit
      const forfeit = silent ? (lease.bond * BigInt(lease.slashBps)) / 10_000n : 0n
      const burned = least(forfeit, provider.stake)
      this.end(lease)
      provider.stake -= burned
      this.move(provider.party.vault, undefined, burned)
    })
  }

  protected give(step: Step, lease: ModelLease): void {
    const { source, wallet } = this.renters[1]!
    const to = step.flag ? lease.party.vault : lease.provider.party.vault
    const there = step.flag ? lease.open : lease.provider.registered
    const expected = there && this.held(source) >= 1n
    const gift = this.world.createReturn(source, wallet, to, 1n)
    this.play(step, expected, [gift], [wallet], () => this.move(source, to, 1n))
  }
}
