import type { Keypair, PublicKey } from '@solana/web3.js'
import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import type { ModelDemand, ModelLease, ModelProvider, Step } from './escrow-books.js'
import { LeaseBooks, least } from './escrow-leases.js'
import { commit, lieAbout, receiptOf, trueSegment } from './fraud.js'
import { hashOf } from './runtime.js'

const PARAMS = { n: 16, rounds: 1 }
const ENTRY = { round: 0, row: 3, column: 2 }
const RECEIPT_LIFE = 86_400

/** What happens to proofs: false ones are shown, and openings demanded, answered or withheld. */
export class DisputeBooks extends LeaseBooks {
  /** A reporter shows an entry of this provider's proof: sometimes a false one, mostly a right one. */
  protected slash(step: Step, provider: ModelProvider, lease: ModelLease | undefined): void {
    if (!provider.registered) return
    const honest = step.flag || step.lease % 2 === 0
    const signer = this.signer(step, provider.party.node)
    const reporter = this.stranger
    const opened = this.dispute(step, { provider, lease, honest, signer, reporter })
    if (opened === undefined) return
    const shown = disputes.postOpening(
      this.world.programId,
      reporter.publicKey,
      opened.address,
      opened.opening,
    )
    this.play(step, true, shown, [reporter], () => {})
    this.punish(step, { ...opened, provider, lease, honest, reporter })
  }

  /** Opens a dispute about a proof of this provider; undefined when its receipt was signed by somebody else. */
  private dispute(
    step: Step,
    of: {
      provider: ModelProvider
      lease: ModelLease | undefined
      honest: boolean
      signer: Keypair
      reporter: Keypair
      endedAt?: number
    },
  ): { address: PublicKey; opening: disputes.Opening } | undefined {
    const { world } = this
    const { provider, signer, reporter } = of
    const seed = hashOf(`seed ${this.count}`)
    const truth = trueSegment(seed, PARAMS, ENTRY)
    const segment = of.honest ? truth : lieAbout(truth, ENTRY.column)
    const { root, opening } = commit(seed, PARAMS, ENTRY, segment)
    const named = of.lease === undefined ? {} : { lease: of.lease.party.address.toBytes() }
    const endedMs = (of.endedAt ?? world.time) * 1000 + 900
    const right = this.is(signer, provider.party.node)
    const receipt = receiptOf(
      world,
      provider.party,
      { seed, params: PARAMS, root, endedMs, ...named },
      signer,
    )
    const open = disputes.openDispute({
      programId: world.programId,
      reporter: reporter.publicKey,
      provider: provider.party.address,
      node: signer.publicKey,
      receipt: receipt.signed,
      receiptHash: receipt.hash,
    })
    this.play(step, right, open, [reporter], () => {})
    const address = disputeAddress(world.programId, reporter.publicKey, receipt.hash)
    return right ? { address, opening } : undefined
  }

  /** What was shown of a proof, by whomever, is judged. */
  private punish(
    step: Step,
    of: {
      address: PublicKey
      provider: ModelProvider
      lease: ModelLease | undefined
      honest: boolean
      reporter: Keypair
    },
  ): void {
    const { world } = this
    const { address, provider, lease, honest, reporter } = of
    const terms = this.current()
    const penalty = (provider.stake * BigInt(terms.slashBps)) / 10_000n
    const hit = lease?.open === true && lease.provider === provider ? lease : undefined
    const owed = hit === undefined ? 0n : hit.paid - hit.compensated
    const compensation = least(owed, penalty / 2n)
    const bounty = ((penalty - compensation) * BigInt(terms.bountyBps)) / 10_000n
    const refund = (lease?.renter ?? this.renters[0]!).source
    const state = decodeDispute(address, world.account(address), world.programId)
    const payment = { programId: world.programId, dispute: address, state, mint: world.mint, refund }
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

  /** Somebody demands an opening in a lease: mostly its renter, sometimes of an old receipt. */
  protected demand(step: Step, lease: ModelLease): void {
    const { provider } = lease
    if (!provider.registered) return
    const { world } = this
    const reporter = step.by < 8 ? lease.renter.wallet : this.stranger
    const age = step.sequence % 4n === 0n ? RECEIPT_LIFE + 1 : RECEIPT_LIFE / 2
    const endedAt = Math.max(provider.registeredAt, world.time - age)
    const honest = step.flag
    const signer = provider.party.node
    const opened = this.dispute(step, { provider, lease, honest, signer, reporter, endedAt })
    if (opened === undefined) return
    const instruction = disputes.demandOpening({
      programId: world.programId,
      reporter: reporter.publicKey,
      provider: provider.party.address,
      lease: lease.party.address,
      dispute: opened.address,
      entry: ENTRY,
    })
    const expected =
      this.is(reporter, lease.renter.wallet) &&
      lease.open &&
      !lease.void &&
      !lease.demanded &&
      world.time < lease.deadline &&
      world.time <= endedAt + RECEIPT_LIFE
    this.play(step, expected, [instruction], [reporter], () => {
      const bound = (lease.bond * BigInt(lease.slashBps)) / 10_000n
      provider.bound += bound
      lease.demanded = true
      const answerBy = world.time + world.lease(lease.party.address).answerWindowSeconds
      this.demands.push({ ...opened, honest, provider, lease, reporter, answerBy, bound, open: true })
    })
  }

  private demandOf(step: Step): ModelDemand | undefined {
    return this.demands.at(-1 - (step.lease % Math.max(1, this.demands.length)))
  }

  /** The provider opens what it was asked for; when that is false, it is judged by it at once. */
  protected answer(step: Step): void {
    const demand = this.demandOf(step)
    if (demand === undefined) return
    const { provider, lease } = demand
    const node = this.signer(step, provider.party.node)
    const [answer] = disputes.answerOpening({
      programId: this.world.programId,
      node: node.publicKey,
      dispute: demand.address,
      state: { provider: provider.party.address, lease: lease.party.address },
      opening: demand.opening,
    })
    const expected = demand.open && this.is(node, provider.party.node)
    this.play(step, expected, [answer!], [node], () => {
      demand.open = false
      provider.bound -= demand.bound
      lease.demanded = false
    })
    if (expected) this.punish(step, demand)
  }

  protected silence(step: Step): void {
    const demand = this.demandOf(step)
    if (demand === undefined) return
    const { provider } = demand
    const slash = disputes.slashSilent({
      programId: this.world.programId,
      dispute: demand.address,
      state: {
        market: this.world.address,
        provider: provider.party.address,
        reporter: demand.reporter.publicKey,
      },
      mint: this.world.mint,
    })
    const expected = demand.open && this.world.time >= demand.answerBy
    this.play(step, expected, [slash], [], () => {
      const burned = least(demand.bound, provider.stake)
      demand.open = false
      provider.bound -= demand.bound
      provider.stake -= burned
      this.move(provider.party.vault, undefined, burned)
    })
  }
}
