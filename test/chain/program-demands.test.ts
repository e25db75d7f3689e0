import { type Keypair, type PublicKey, SystemProgram } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import type { Entry, ProofParams } from '../../protocols/challenge/params.js'
import type { Receipt } from '../../protocols/challenge/receipt.js'
import { type LeaseParty, MarketWorld, type RenterParty } from '../support/escrow.js'
import {
  type Commitment,
  commit,
  lieAbout,
  receiptOf,
  type SignedReceipt,
  trueSegment,
} from '../support/fraud.js'
import { type Call, type Case, edit, refuseAll, withAccount } from '../support/refusals.js'
import { hashOf, type Outcome } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('openings demanded on the chain')

const seed = hashOf('seed of the challenge')
const SMALL: ProofParams = { n: 16, rounds: 1 }
const ENTRY: Entry = { round: 0, row: 3, column: 2 }
const LARGE: ProofParams = { n: 32_768, rounds: 256 }
const LARGE_ENTRY: Entry = { round: 255, row: 32_767, column: 8191 }
const BOND = BigInt(disputes.DEMAND_BOND)
/** Of a deposit of 3,600,000 a fifth is bound, and half of that is the price of silence. */
const PRICE = 360_000n
/** The cool-down of the market. */
const WINDOW = 3600
const DAY = 86_400
/** For each signature, the receipt's among them. */
const FEE = 5_000n

const units = new Map<string, number>()

function measure(name: string, outcome: Outcome): Outcome {
  units.set(name, Math.max(units.get(name) ?? 0, outcome.units))
  return outcome
}

/** A lease in which the provider signed a receipt, and what it would have to open. */
interface Quarrel {
  world: MarketWorld
  lease: LeaseParty
  renter: RenterParty
  proof: Commitment
  receipt: SignedReceipt
  dispute: PublicKey
  entry: Entry
}

interface Options {
  params?: ProofParams
  entry?: Entry
  honest?: boolean
  receipt?: Partial<Receipt>
}

function quarrelIn(world: MarketWorld, lease: LeaseParty, options: Options = {}): Quarrel {
  const { params = SMALL, entry = ENTRY, honest = true } = options
  const truth = trueSegment(seed, params, entry)
  const proof = commit(seed, params, entry, honest ? truth : lieAbout(truth, entry.column))
  const { renter } = lease
  const fields = { seed, params, root: proof.root, lease: lease.address.toBytes(), ...options.receipt }
  const receipt = receiptOf(world, lease.provider, fields)
  const dispute = disputeAddress(world.programId, renter.wallet.publicKey, receipt.hash)
  return { world, lease, renter, proof, receipt, dispute, entry }
}

function startQuarrel(options: Options = {}): Quarrel {
  const world = new MarketWorld()
  return quarrelIn(world, world.open(world.newProvider(), world.newRenter()), options)
}

function opening({ world, lease, renter, receipt }: Quarrel) {
  return disputes.openDispute({
    programId: world.programId,
    reporter: renter.wallet.publicKey,
    provider: lease.provider.address,
    node: lease.provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
}

function demanding(
  { world, lease, renter, dispute, entry }: Quarrel,
  change: Partial<disputes.DemandOpening> = {},
) {
  return disputes.demandOpening({
    programId: world.programId,
    reporter: renter.wallet.publicKey,
    provider: lease.provider.address,
    lease: lease.address,
    dispute,
    entry,
    ...change,
  })
}

function stateOf({ world, dispute }: Quarrel) {
  return decodeDispute(dispute, world.account(dispute), world.programId)
}

function answering(
  quarrel: Quarrel,
  given: Pick<disputes.Opening, 'segment' | 'path'> = quarrel.proof.opening,
) {
  const { world, lease, dispute } = quarrel
  const node = lease.provider.node.publicKey
  return disputes.answerOpening({
    programId: world.programId,
    node,
    dispute,
    state: stateOf(quarrel),
    opening: given,
  })
}

function silencing(quarrel: Quarrel) {
  const { world, dispute } = quarrel
  return disputes.slashSilent({
    programId: world.programId,
    dispute,
    state: stateOf(quarrel),
    mint: world.mint,
  })
}

/** Receipt and demand in one transaction, as the client sends them. */
function demand(quarrel: Quarrel): Outcome {
  const { world, renter } = quarrel
  return measure(
    'openDispute+demandOpening',
    world.send([...opening(quarrel), demanding(quarrel)], [renter.wallet]),
  )
}

function answer(quarrel: Quarrel, given?: Parameters<typeof answering>[1]): Outcome[] {
  const { world, lease } = quarrel
  const { publicKey } = lease.provider.node
  if (world.lamports(publicKey) === 0n) world.fund(publicKey)
  return answering(quarrel, given).map((part) =>
    measure('answerOpening', world.send([part], [lease.provider.node])),
  )
}

function providerOf({ world, lease }: Quarrel) {
  return world.provider(lease.provider.address)
}

test('a provider that answers gets the bond and owes nothing, whatever the size of the proof', () => {
  for (const [params, entry] of [
    [SMALL, ENTRY],
    [LARGE, LARGE_ENTRY],
  ] as const) {
    const quarrel = startQuarrel({ params, entry })
    const { world, lease, renter, dispute } = quarrel
    const before = { wallet: world.lamports(renter.wallet.publicKey), bound: providerOf(quarrel).bound }
    const asked = world.expect(demand(quarrel)).events.at(-1)!
    assert.is(asked.name, 'OpeningDemanded')
    const answerBy = BigInt(world.time + WINDOW)
    assert.equal(
      { ...asked.values },
      { answerBy, bound: PRICE, serial: lease.parties.serial, lamports: BOND },
    )
    assert.is(providerOf(quarrel).bound, before.bound + PRICE)
    assert.is(providerOf(quarrel).openDisputes, 1)
    assert.ok(world.lease(lease.address).demanded)
    assert.equal(stateOf(quarrel).demand, {
      answerBy: Number(answerBy),
      bound: PRICE,
      serial: lease.parties.serial,
    })

    world.fund(lease.provider.node.publicKey)
    const node = world.lamports(lease.provider.node.publicKey)
    const parts = answering(quarrel)
    assert.is(parts.length, params === SMALL ? 1 : 2)
    const outcomes = answer(quarrel).map((outcome) => world.expect(outcome))
    const answered = outcomes.at(-1)!.events[0]!
    assert.is(answered.name, 'OpeningAnswered')
    assert.equal({ ...answered.values }, { claimed: BigInt(quarrel.proof.expected), lamports: BOND })
    const fees = BigInt(parts.length) * FEE
    assert.is(world.lamports(lease.provider.node.publicKey), node + BOND - fees)
    assert.is(providerOf(quarrel).bound, before.bound)
    assert.is(providerOf(quarrel).openDisputes, 0)
    assert.is(world.lease(lease.address).demanded, false)
    assert.is(stateOf(quarrel).stage, 'proven')
    assert.is(stateOf(quarrel).demand, undefined)

    const back = disputes.closeDispute(world.programId, renter.wallet.publicKey, dispute)
    world.expect(world.send([back], [renter.wallet]))
    assert.is(world.lamports(renter.wallet.publicKey), before.wallet - BOND - 3n * FEE)
    assert.is(providerOf(quarrel).stake, 10_000_000n)
  }
})

test('an answer that is false is slashed as it stands on the chain, by who asked for it', () => {
  for (const [params, entry] of [
    [SMALL, ENTRY],
    [LARGE, LARGE_ENTRY],
  ] as const) {
    const quarrel = startQuarrel({ params, entry, honest: false })
    const { world, renter, dispute } = quarrel
    world.expect(demand(quarrel))
    for (const outcome of answer(quarrel)) world.expect(outcome)
    for (const step of disputes.computeEntry(world.programId, dispute, params.n)) {
      world.expect(world.heavy([step], [renter.wallet]))
    }
    const bounty = world.createTokenAccount(world.mint, renter.wallet.publicKey)
    const slash = disputes.slashFraud({
      programId: world.programId,
      dispute,
      state: stateOf(quarrel),
      mint: world.mint,
      bounty,
      refund: renter.source,
    })
    const event = world.expect(world.heavy([slash], [renter.wallet])).events[0]!
    assert.is(event.name, 'ProviderSlashed')
    assert.is(providerOf(quarrel).stake, 5_000_000n)
    assert.is(world.tokens(bounty), 500_000n)
  }
})

test('silence costs what the lease’s bond says, once for the lease, and nobody gets it', () => {
  const quarrel = startQuarrel()
  const { world, lease, renter } = quarrel
  const before = world.lamports(renter.wallet.publicKey)
  const supply = world.supply(world.mint)
  world.expect(demand(quarrel))
  world.advance(WINDOW - 1)
  assert.is(world.send([silencing(quarrel)], [world.payer]).code, 'ESCROW_ANSWER_NOT_OVERDUE')
  world.advance(1)
  const event = world.expect(measure('slashSilent', world.send([silencing(quarrel)], [world.payer])))
    .events[0]!
  assert.is(event.name, 'ProviderSilent')
  assert.equal({ ...event.values }, { burned: PRICE, stake: 10_000_000n - PRICE })
  assert.is(world.supply(world.mint), supply - PRICE)
  const provider = providerOf(quarrel)
  assert.is(provider.stake, 10_000_000n - PRICE)
  assert.is(provider.lost, PRICE)
  assert.is(provider.bound, lease.parties.bond, 'the lease is as it was')
  assert.is(provider.openDisputes, 0)
  assert.is(world.account(quarrel.dispute), null)
  assert.is(world.lamports(renter.wallet.publicKey), before - 2n * FEE, 'rent and bond are back')

  const again = quarrelIn(world, lease, { receipt: { asker: hashOf('another proof') } })
  assert.is(demand(again).code, 'ESCROW_LEASE_DEMANDED')
  assert.is(demand(quarrel).code, 'ESCROW_LEASE_DEMANDED')
})

test('a late answer counts as long as nobody has punished the silence', () => {
  const quarrel = startQuarrel()
  const { world } = quarrel
  world.expect(demand(quarrel))
  world.advance(WINDOW + 5 * DAY)
  for (const outcome of answer(quarrel)) world.expect(outcome)
  assert.is(world.send([silencing(quarrel)], [world.payer]).code, 'ESCROW_NOT_DEMANDED')
  assert.is(providerOf(quarrel).stake, 10_000_000n)
})

test('the lease may end before the answer comes; the demand goes on, and the next lease is free of it', () => {
  const world = new MarketWorld({ coolDownSeconds: 20_000 })
  const provider = world.newProvider()
  const renter = world.newRenter()
  const termsHash = hashOf('the same terms')
  const lease = world.open(provider, renter, { termsHash })
  const quarrel = quarrelIn(world, lease)
  world.expect(demand(quarrel))
  world.advance(3600 + 600)
  world.expect(world.send([world.expiring(lease)], [world.payer]))
  // The end of the lease burned half of its bond; what the demand binds is beside it.
  assert.is(world.provider(provider.address).stake, 10_000_000n - PRICE)
  assert.is(world.provider(provider.address).bound, PRICE)
  const close = escrow.closeProvider({
    programId: world.programId,
    provider: provider.address,
    owner: provider.owner.publicKey,
    destination: provider.source,
  })
  assert.is(world.send([close], [provider.owner]).code, 'ESCROW_PROVIDER_BUSY')

  const next = world.open(provider, renter, { termsHash })
  assert.ok(next.address.equals(lease.address))
  const later = quarrelIn(world, next, { receipt: { asker: hashOf('later') } })
  world.expect(demand(later))
  for (const outcome of answer(quarrel)) world.expect(outcome)
  assert.ok(world.lease(next.address).demanded, 'the answer to the old demand does not end the new one')
  for (const outcome of answer(later)) world.expect(outcome)
  assert.is(world.lease(next.address).demanded, false)
  assert.is(world.provider(provider.address).openDisputes, 0)
})

test('governance cannot shorten the time for an answer in leases that are open', () => {
  const world = new MarketWorld({ coolDownSeconds: 2 * DAY })
  const lease = world.open(world.newProvider(), world.newRenter(), {
    durationSeconds: 10 * DAY,
    pricePerHour: 3_600n,
  })
  const { terms } = world.market(world.address)
  const shorter = escrow.updateMarket({
    programId: world.programId,
    market: world.address,
    governance: world.governance.publicKey,
    terms: { ...terms, coolDownSeconds: 600, bondBps: 10_000, slashBps: 10_000 },
  })
  world.expect(world.send([shorter], [world.payer, world.governance]))
  world.advance(DAY)
  assert.is(world.lease(lease.address).answerWindowSeconds, 2 * DAY)
  const quarrel = quarrelIn(world, lease)
  world.expect(demand(quarrel))
  const { answerBy, bound } = stateOf(quarrel).demand!
  assert.is(answerBy, world.time + 2 * DAY)
  assert.is(bound, lease.parties.bond / 2n)
  const later = world.open(lease.provider, world.newRenter(), { bondBps: 10_000 })
  assert.is(world.lease(later.address).answerWindowSeconds, 600)
})

test('stake that a demand binds can be neither asked back nor withdrawn', () => {
  const quarrel = startQuarrel()
  const { world, lease } = quarrel
  const { provider } = lease
  const owner = provider.owner.publicKey
  const who = { programId: world.programId, provider: provider.address, owner }
  const request = (amount: bigint) =>
    world.send([escrow.requestUnstake({ ...who, market: world.address, amount })], [provider.owner])
  world.expect(request(9_000_000n))
  world.expect(demand(quarrel))
  assert.is(request(10_000_000n - lease.parties.bond - PRICE + 1n).code, 'ESCROW_INSUFFICIENT_STAKE')
  world.expect(
    world.send(world.closing(lease, { signer: lease.renter.wallet.publicKey }), [
      world.payer,
      provider.node,
      lease.renter.wallet,
    ]),
  )
  world.expect(request(9_000_000n))
  world.advance(WINDOW)
  world.expect(world.send([silencing(quarrel)], [world.payer]))
  const withdraw = escrow.withdrawStake({ ...who, destination: provider.source })
  world.expect(world.send([withdraw], [provider.owner]))
  assert.is(world.provider(provider.address).stake, 1_000_000n - PRICE)
})

test('a silence after the whole stake was slashed still ends', () => {
  const world = new MarketWorld({ slashBps: 10_000 })
  const lease = world.open(world.newProvider(), world.newRenter())
  const quarrel = quarrelIn(world, lease)
  world.expect(demand(quarrel))
  const liar = quarrelIn(world, lease, { honest: false, receipt: { lease: new Uint8Array(32) } })
  world.expect(world.send(opening(liar), [liar.renter.wallet]))
  const shown = disputes.postOpening(
    world.programId,
    liar.renter.wallet.publicKey,
    liar.dispute,
    liar.proof.opening,
  )
  world.expect(world.send(shown, [liar.renter.wallet]))
  const slash = disputes.slashFraud({
    programId: world.programId,
    dispute: liar.dispute,
    state: stateOf(liar),
    mint: world.mint,
    bounty: liar.renter.source,
    refund: liar.renter.source,
  })
  world.expect(world.heavy([slash], [liar.renter.wallet]))
  assert.is(providerOf(quarrel).stake, 0n)
  world.advance(WINDOW)
  const event = world.expect(world.send([silencing(quarrel)], [world.payer])).events[0]!
  assert.is(event.name, 'ProviderSilent')
  assert.equal({ ...event.values }, { burned: 0n, stake: 0n })
  assert.is(providerOf(quarrel).bound, lease.parties.bond)
})

test('only the renter of an open lease may demand, of a fresh receipt, once at a time', () => {
  const quarrel = startQuarrel()
  const { world, lease, renter, entry } = quarrel
  const { programId } = world
  const stranger = world.wallet('stranger')
  const other = world.open(world.newProvider(), world.newRenter())
  const mine = world.open(lease.provider, renter)
  world.expect(world.send(opening(quarrel), [renter.wallet]))

  const asReporter = (wallet: Keypair, of: Quarrel = quarrel): Call => ({
    instructions: [demanding(of, { reporter: wallet.publicKey })],
    signers: [wallet],
  })
  const call = asReporter(renter.wallet)
  // Whoever saw the receipt can open a dispute with it, and show an entry; demanding one is the renter's.
  const onlooker = { ...quarrel, renter: { ...renter, wallet: stranger } }
  onlooker.dispute = disputeAddress(programId, stranger.publicKey, quarrel.receipt.hash)
  world.expect(world.send(opening(onlooker), [stranger]))
  const outside = quarrelIn(world, lease, { receipt: { lease: new Uint8Array(32) } })
  world.expect(world.send(opening(outside), [renter.wallet]))
  const old = quarrelIn(world, lease, { receipt: { asker: hashOf('old') } })
  const ofAnother = quarrelIn(world, mine)
  world.expect(world.send(opening(ofAnother), [renter.wallet]))
  // A provider may sign anything: here, a receipt that names another provider's lease.
  const elsewhere = world.open(other.provider, renter)
  const misnamed = quarrelIn(world, lease, { receipt: { lease: elsewhere.address.toBytes() } })
  world.expect(world.send(opening(misnamed), [renter.wallet]))
  const naming = withAccount(asReporter(renter.wallet, misnamed), 2, elsewhere.address)
  const forgery = world.key('forgery').publicKey
  world.forge(forgery, stranger.publicKey, world.account(lease.address)!.data)
  const at = (change: Partial<Entry>): Call => ({
    instructions: [demanding(quarrel, { entry: { ...entry, ...change } })],
    signers: [renter.wallet],
  })
  const cases: Case[] = [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', asReporter(stranger)],
    ['a stranger with a dispute of its own', 'ESCROW_WRONG_AUTHORITY', asReporter(stranger, onlooker)],
    ["a stranger's dispute", 'ESCROW_WRONG_AUTHORITY', withAccount(call, 3, onlooker.dispute)],
    ["another provider's lease", 'ESCROW_WRONG_PROVIDER', naming],
    ['that lease and its provider', 'ESCROW_WRONG_PROVIDER', withAccount(naming, 1, other.provider.address)],
    ['the provider itself', 'ESCROW_WRONG_AUTHORITY', asReporter(lease.provider.owner)],
    ['a receipt outside of any lease', 'ESCROW_WRONG_LEASE', asReporter(renter.wallet, outside)],
    ['another lease of the renter', 'ESCROW_WRONG_LEASE', withAccount(call, 2, mine.address)],
    ['a receipt of another lease', 'ESCROW_WRONG_LEASE', withAccount(call, 3, ofAnother.dispute)],
    ["another renter's lease", 'ESCROW_WRONG_AUTHORITY', withAccount(call, 2, other.address)],
    ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 2, forgery)],
    ['a provider as lease', 'ESCROW_WRONG_KIND', withAccount(call, 2, lease.provider.address)],
    ['another provider', 'ESCROW_WRONG_PROVIDER', withAccount(call, 1, other.provider.address)],
    ['a lease as dispute', 'ESCROW_WRONG_KIND', withAccount(call, 3, mine.address)],
    ['another system program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 4, programId)],
    ['a round too high', 'ESCROW_OPENING_OUT_OF_RANGE', at({ round: 1 })],
    ['a row too high', 'ESCROW_OPENING_OUT_OF_RANGE', at({ row: 16 })],
    ['a column too high', 'ESCROW_OPENING_OUT_OF_RANGE', at({ column: 4 })],
    ['the largest index', 'ESCROW_OPENING_OUT_OF_RANGE', at({ row: 2 ** 32 - 1 })],
  ]
  refuseAll(world, call, cases)
  const twice = [world.payer, renter.wallet]
  assert.is(world.send(call.instructions, twice).code, 'ESCROW_DEMAND_OPEN', 'demanded twice')
  assert.is(demand(old).code, 'ESCROW_LEASE_DEMANDED', 'another receipt meanwhile')
  for (const outcome of answer(quarrel)) world.expect(outcome)
  world.expect(world.send(call.instructions, twice))
  for (const outcome of answer(quarrel)) world.expect(outcome)
  assert.is(world.provider(lease.provider.address).openDisputes, 0)
})

test('no opening is demanded of a receipt that is a day old, of an ended lease, or of one that is void', () => {
  const world = new MarketWorld()
  const long = world.open(world.newProvider(), world.newRenter(), {
    durationSeconds: 5 * DAY,
    pricePerHour: 3_600n,
  })
  const old = quarrelIn(world, long)
  world.advance(DAY)
  world.expect(demand(old))
  for (const outcome of answer(old)) world.expect(outcome)
  world.advance(1)
  const again = { instructions: [demanding(old)], signers: [world.payer, old.renter.wallet] }
  assert.is(world.send(again.instructions, again.signers).code, 'ESCROW_RECEIPT_EXPIRED')

  const short = world.open(world.newProvider(), world.newRenter())
  const late = quarrelIn(world, short)
  world.advance(3600 + 600)
  assert.is(demand(late).code, 'ESCROW_LEASE_ENDED')
  world.expect(world.send([world.expiring(short)], [world.payer]))
  assert.is(demand(late).code, 'ESCROW_WRONG_OWNER', 'a lease that is closed')

  const liar = quarrelIn(world, world.open(world.newProvider(), world.newRenter()), { honest: false })
  world.expect(demand(liar))
  for (const outcome of answer(liar)) world.expect(outcome)
  const slash = disputes.slashFraud({
    programId: world.programId,
    dispute: liar.dispute,
    state: stateOf(liar),
    mint: world.mint,
    bounty: liar.renter.source,
    refund: liar.renter.source,
  })
  world.expect(world.heavy([slash], [liar.renter.wallet]))
  const second = quarrelIn(world, liar.lease, { receipt: { asker: hashOf('second') } })
  assert.is(demand(second).code, 'ESCROW_LEASE_VOID')
})

test('what a node signed in an earlier registration is not demanded in a lease of the next one', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const termsHash = hashOf('terms of both')
  const lease = world.open(provider, renter, { termsHash })
  const quarrel = quarrelIn(world, lease)
  world.expect(world.send(opening(quarrel), [renter.wallet]))
  const close = world.closing(lease, { signer: renter.wallet.publicKey })
  world.expect(world.send(close, [world.payer, provider.node, renter.wallet]))
  const who = { programId: world.programId, provider: provider.address, owner: provider.owner.publicKey }
  const request = escrow.requestUnstake({ ...who, market: world.address, amount: 10_000_000n })
  world.expect(world.send([request], [provider.owner]))
  world.advance(WINDOW)
  const destination = provider.source
  const leave = [escrow.withdrawStake({ ...who, destination }), escrow.closeProvider({ ...who, destination })]
  world.expect(world.send(leave, [provider.owner]))
  world.expect(world.send([world.registration(provider, 10_000_000n)], [provider.owner, provider.node]))
  assert.ok(world.open(provider, renter, { termsHash }).address.equals(lease.address))
  assert.is(world.send([demanding(quarrel)], [renter.wallet]).code, 'ESCROW_RECEIPT_TOO_OLD')
})

test('who puts no bond down demands nothing', () => {
  const quarrel = startQuarrel()
  const { world, renter } = quarrel
  world.expect(world.send(opening(quarrel), [renter.wallet]))
  const poor = world.lamports(renter.wallet.publicKey) - BOND + 1n
  const fromPubkey = renter.wallet.publicKey
  const away = SystemProgram.transfer({ fromPubkey, toPubkey: world.payer.publicKey, lamports: poor })
  const broke = world.send([away, demanding(quarrel)], [world.payer, renter.wallet])
  assert.is(broke.code, 'CHAIN_INSUFFICIENT_LAMPORTS')
  assert.is(providerOf(quarrel).openDisputes, 0)
})

test('while an opening is demanded, who demanded it can change nothing, and take nothing back', () => {
  const quarrel = startQuarrel({ params: LARGE, entry: LARGE_ENTRY })
  const { world, renter, dispute, proof } = quarrel
  const { programId } = world
  const wallet = renter.wallet.publicKey
  world.expect(demand(quarrel))
  const [show, path] = disputes.postOpening(programId, wallet, dispute, proof.opening)
  const slash = () =>
    disputes.slashFraud({
      programId,
      dispute,
      state: stateOf(quarrel),
      mint: world.mint,
      bounty: renter.source,
      refund: renter.source,
    })
  const check = () => {
    const codes = [show!, path!, disputes.closeDispute(programId, wallet, dispute)].map(
      (instruction) => world.send([instruction], [renter.wallet]).code,
    )
    assert.equal(codes, Array(3).fill('ESCROW_DEMAND_OPEN'))
    const [compute] = disputes.computeEntry(programId, dispute, 8192)
    assert.is(world.send([compute!], [renter.wallet]).code, 'ESCROW_OPENING_INCOMPLETE')
    assert.is(world.heavy([slash()], [renter.wallet]).code, 'ESCROW_OPENING_INCOMPLETE')
    assert.is(world.send(opening(quarrel), [renter.wallet]).code, 'ESCROW_ALREADY_EXISTS')
  }
  check()
  const [first, second] = answering(quarrel)
  const { node } = quarrel.lease.provider
  world.fund(node.publicKey)
  assert.is(world.send([second!], [node]).code, 'ESCROW_OPENING_INCOMPLETE', 'the path before the segment')
  world.expect(world.send([first!], [node]))
  assert.is(stateOf(quarrel).stage, 'answering')
  check()
  // A node that was restarted in between begins anew.
  world.expect(world.send([first!], [node]))
  world.expect(world.send([second!], [node]))
  assert.is(world.send([second!], [node]).code, 'ESCROW_NOT_DEMANDED')
})

test('half an answer is none', () => {
  const quarrel = startQuarrel({ params: LARGE, entry: LARGE_ENTRY })
  const { world, lease } = quarrel
  world.expect(demand(quarrel))
  world.expect(world.send([answering(quarrel)[0]!], [world.payer, lease.provider.node]))
  world.advance(WINDOW)
  world.expect(world.send([silencing(quarrel)], [world.payer]))
  assert.is(providerOf(quarrel).stake, 10_000_000n - PRICE)
})

test('answers of others, of another proof, of another entry, or with wrong accounts', () => {
  const quarrel = startQuarrel({ params: { n: 1040, rounds: 3 }, entry: { round: 1, row: 700, column: 259 } })
  const { world, lease, dispute, proof } = quarrel
  const { programId } = world
  const { node, address } = lease.provider
  world.expect(demand(quarrel))
  const stranger = world.wallet('stranger')
  const other = world.open(world.newProvider(), world.newRenter())
  const by = (signer: Keypair): Call => ({
    instructions: disputes.answerOpening({
      programId,
      node: signer.publicKey,
      dispute,
      state: stateOf(quarrel),
      opening: proof.opening,
    }),
    signers: [signer],
  })
  const given = (opened: Pick<disputes.Opening, 'segment' | 'path'>): Call => ({
    instructions: answering(quarrel, opened),
    signers: [node],
  })
  const { segment, path } = proof.opening
  const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
  const idle = quarrelIn(world, lease, { receipt: { asker: hashOf('idle') } })
  world.expect(world.send(opening(idle), [idle.renter.wallet]))
  const call = by(node)
  assert.is(call.instructions.length, 1)
  const cases: Case[] = [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', by(stranger)],
    ['the owner', 'ESCROW_WRONG_AUTHORITY', by(lease.provider.owner)],
    ['the renter', 'ESCROW_WRONG_AUTHORITY', by(lease.renter.wallet)],
    ['another node', 'ESCROW_WRONG_AUTHORITY', by(other.provider.node)],
    ['another provider', 'ESCROW_WRONG_AUTHORITY', withAccount(call, 1, other.provider.address)],
    [
      'another node for its own provider',
      'ESCROW_WRONG_PROVIDER',
      withAccount(by(other.provider.node), 1, other.provider.address),
    ],
    ['another lease', 'ESCROW_WRONG_LEASE', withAccount(call, 2, other.address)],
    ['a lease as dispute', 'ESCROW_WRONG_KIND', withAccount(call, 3, lease.address)],
    ['a dispute without a demand', 'ESCROW_NOT_DEMANDED', withAccount(call, 3, idle.dispute)],
    [
      'a third part',
      'ESCROW_MALFORMED_INSTRUCTION',
      edit(call, 0, (i) => {
        i.data[1] = 2
      }),
    ],
    [
      'no part',
      'ESCROW_MALFORMED_INSTRUCTION',
      edit(call, 0, (i) => {
        i.data = i.data.subarray(0, 1)
      }),
    ],
    ['no segment', 'ESCROW_MALFORMED_INSTRUCTION', given({ segment: new Uint8Array(), path: [] })],
    ['a shorter segment', 'ESCROW_OPENING_MALFORMED', given({ segment: segment.slice(1), path })],
    [
      'a longer segment',
      'ESCROW_OPENING_MALFORMED',
      given({ segment: Buffer.concat([segment, Buffer.alloc(1)]), path }),
    ],
    ['another segment', 'ESCROW_OPENING_PATH_MISMATCH', given({ segment: flip(segment, 0), path })],
    [
      'another sibling',
      'ESCROW_OPENING_PATH_MISMATCH',
      given({ segment, path: path.with(2, flip(path[2]!, 9)) }),
    ],
    [
      'siblings in another order',
      'ESCROW_OPENING_PATH_MISMATCH',
      given({ segment, path: path.toReversed() }),
    ],
    ['a sibling more', 'ESCROW_OPENING_MALFORMED', given({ segment, path: [...path, path[0]!] })],
  ]
  refuseAll(world, call, cases, { readonly: [], length: true })
  assert.is(world.send(call.instructions, [world.payer, node]).code, 'ESCROW_NOT_DEMANDED', 'answered twice')
  assert.is(world.provider(address).openDisputes, 0)
})

test('silences that are none, and wrong accounts of a punishment', () => {
  const quarrel = startQuarrel()
  const { world, lease, dispute, renter } = quarrel
  const { provider } = lease
  const other = world.newProvider()
  const stranger = world.wallet('stranger')
  world.expect(world.send(opening(quarrel), [renter.wallet]))
  assert.is(world.send([silencing(quarrel)], [world.payer]).code, 'ESCROW_NOT_DEMANDED')
  world.expect(world.send([demanding(quarrel)], [renter.wallet]))
  const idle = quarrelIn(world, lease, { receipt: { asker: hashOf('idle') } })
  world.expect(world.send(opening(idle), [renter.wallet]))
  world.advance(WINDOW)
  const call: Call = { instructions: [silencing(quarrel)], signers: [] }
  const forgery = world.key('forgery').publicKey
  world.forge(forgery, stranger.publicKey, world.account(dispute)!.data)
  refuseAll(world, call, [
    [
      "a stranger's wallet for rent and bond",
      'ESCROW_WRONG_AUTHORITY',
      withAccount(call, 0, stranger.publicKey),
    ],
    ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 1, world.anotherMarket())],
    ['a provider as market', 'ESCROW_WRONG_KIND', withAccount(call, 1, provider.address)],
    ['another provider', 'ESCROW_WRONG_PROVIDER', withAccount(call, 2, other.address)],
    ["another provider's stake", 'ESCROW_WRONG_ADDRESS', withAccount(call, 3, other.vault)],
    ["a lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 3, lease.vault)],
    ['another mint', 'ESCROW_WRONG_MINT', withAccount(call, 4, world.createMint())],
    ['a dispute without a demand', 'ESCROW_NOT_DEMANDED', withAccount(call, 5, idle.dispute)],
    ['a forged dispute', 'ESCROW_WRONG_OWNER', withAccount(call, 5, forgery)],
    ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 6, world.programId)],
  ])
  assert.is(world.send(call.instructions, [world.payer]).code, 'ESCROW_WRONG_OWNER', 'punished twice')
})

test(
  'no answer but the one under the root is taken',
  () => {
    const params = { n: 64, rounds: 2 }
    const entry = { round: 1, row: 33, column: 7 }
    const quarrel = startQuarrel({ params, entry })
    const { world, proof } = quarrel
    world.expect(demand(quarrel))
    const { segment, path } = proof.opening
    let refused = 0
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(segment.length + 32 * path.length - 1), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        }),
        (changes) => {
          const bytes = Buffer.concat([segment, ...path])
          for (const [at, mask] of changes) bytes[at]! ^= mask
          if (bytes.equals(Buffer.concat([segment, ...path]))) return
          const parts = path.map((_, index) => bytes.subarray(segment.length + 32 * index).subarray(0, 32))
          const given = { segment: bytes.subarray(0, segment.length), path: parts }
          assert.is(answer(quarrel, given)[0]!.code, 'ESCROW_OPENING_PATH_MISMATCH')
          refused++
        },
      ),
      { numRuns: 100, seed: Number(process.env.NIGHTSHIFT_SEED ?? 20261120) },
    )
    assert.ok(refused > 50)
    for (const outcome of answer(quarrel)) world.expect(outcome)
  },
  { timeoutMs: 120_000 },
)

test('costs are within what the client asks for', () => {
  const asked: Record<string, number> = {
    'openDispute+demandOpening': COMPUTE_UNITS.openDispute + COMPUTE_UNITS.demandOpening,
    answerOpening: COMPUTE_UNITS.answerOpening,
    slashSilent: COMPUTE_UNITS.slashSilent,
  }
  assert.equal([...units.keys()].sort(), Object.keys(asked).sort())
  for (const [name, spent] of units) {
    console.log(`cu.${name} ${spent}`)
    assert.ok(spent <= asked[name]!, `${name} took ${spent}`)
  }
})

test.run()
