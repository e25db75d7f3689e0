import { type PublicKey, SYSVAR_CLOCK_PUBKEY, TransactionInstruction } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { disputeAddress, verdictAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute, decodeVerdict } from '../../chain/client/layouts.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import type { Opening } from '../../kernels/proof/opening.js'
import type { Entry, ProofParams } from '../../protocols/challenge/params.js'
import type { Receipt } from '../../protocols/challenge/receipt.js'
import { type LeaseParty, MarketWorld, type ProviderParty } from '../support/escrow.js'
import { commit, lieAbout, receiptOf, type SignedReceipt, sha256, trueSegment } from '../support/fraud.js'
import { hashOf, type Outcome, signMessage } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('false proofs on the chain')
const units = new Map<string, number>()
const seed = hashOf('seed of the challenge')

function measure(name: string, outcome: Outcome): Outcome {
  units.set(name, Math.max(units.get(name) ?? 0, outcome.units))
  return outcome
}

/** A reporter who holds nothing but the receipt and the opening. */
function createReporter(world: MarketWorld) {
  const wallet = world.wallet('reporter')
  const tokens = world.createTokenAccount(world.mint, wallet.publicKey)
  return { wallet, tokens }
}

interface Case {
  params: ProofParams
  entry: Entry
  honest?: boolean
  lease?: LeaseParty
  receipt?: Partial<Receipt>
}

function createFraud(world: MarketWorld, provider: ProviderParty, { params, entry, ...rest }: Case) {
  const truth = trueSegment(seed, params, entry)
  const segment = rest.honest === true ? truth : lieAbout(truth, entry.column)
  const { root, opening, expected } = commit(seed, params, entry, segment)
  const lease = rest.lease === undefined ? {} : { lease: rest.lease.address.toBytes() }
  const receipt = receiptOf(world, provider, { seed, params, root, ...lease, ...rest.receipt })
  const reporter = createReporter(world)
  const dispute = disputeAddress(world.programId, reporter.wallet.publicKey, receipt.hash)
  return { provider, params, opening, expected, receipt, reporter, dispute, root }
}

type Fraud = ReturnType<typeof createFraud>

function opening(world: MarketWorld, fraud: Fraud, receipt: SignedReceipt = fraud.receipt) {
  return disputes.openDispute({
    programId: world.programId,
    reporter: fraud.reporter.wallet.publicKey,
    provider: fraud.provider.address,
    node: fraud.provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
}

function slashing(world: MarketWorld, fraud: Fraud, refund = fraud.reporter.tokens): TransactionInstruction {
  const state = decodeDispute(fraud.dispute, world.account(fraud.dispute), world.programId)
  const { programId, mint } = world
  return disputes.slashFraud({
    programId,
    mint,
    dispute: fraud.dispute,
    state,
    bounty: fraud.reporter.tokens,
    refund,
  })
}

function show(world: MarketWorld, fraud: Fraud, shown: Opening = fraud.opening): Outcome[] {
  const { wallet } = fraud.reporter
  return disputes
    .postOpening(world.programId, wallet.publicKey, fraud.dispute, shown)
    .map((part, index) => measure(index === 0 ? 'postOpening' : 'postPath', world.send([part], [wallet])))
}

/** All the way: receipt, opening, computation, slash. Returns the last transaction's outcome. */
function prosecute(world: MarketWorld, fraud: Fraud, refund?: Parameters<typeof slashing>[2]): Outcome {
  const { wallet } = fraud.reporter
  world.expect(measure('openDispute', world.send(opening(world, fraud), [wallet])))
  for (const outcome of show(world, fraud)) world.expect(outcome)
  for (const step of disputes.computeEntry(world.programId, fraud.dispute, fraud.params.n)) {
    world.expect(measure('computeEntry', world.heavy([step], [wallet])))
  }
  return measure(`slashFraud n=${fraud.params.n}`, world.heavy([slashing(world, fraud, refund)], [wallet]))
}

const SIZES: [ProofParams, Entry][] = [
  [
    { n: 16, rounds: 1 },
    { round: 0, row: 15, column: 3 },
  ],
  [
    { n: 1040, rounds: 3 },
    { round: 2, row: 1039, column: 259 },
  ],
  [
    { n: 4096, rounds: 12 },
    { round: 11, row: 4095, column: 700 },
  ],
  [
    { n: 32_768, rounds: 256 },
    { round: 255, row: 32_767, column: 8191 },
  ],
]

test(
  'a single wrong entry costs the stake its share, at every size, by a reporter who holds only receipt and opening',
  () => {
    for (const [params, entry] of SIZES) {
      const world = new MarketWorld()
      const provider = world.newProvider()
      const supply = world.supply(world.mint)
      const fraud = createFraud(world, provider, { params, entry })
      const before = world.lamports(fraud.reporter.wallet.publicKey)
      const outcome = world.expect(prosecute(world, fraud))
      const event = outcome.events[0]!
      assert.is(event.name, 'ProviderSlashed')
      assert.equal(
        { ...event.values },
        { penalty: 5_000_000n, compensation: 0n, bounty: 500_000n, burned: 4_500_000n },
      )
      assert.is(world.provider(provider.address).stake, 5_000_000n)
      assert.is(world.tokens(provider.vault), 5_000_000n)
      assert.is(world.tokens(fraud.reporter.tokens), 500_000n)
      assert.is(world.supply(world.mint), supply - 4_500_000n)
      assert.is(world.account(fraud.dispute), null, 'the dispute is closed')
      const address = verdictAddress(world.programId, provider.address, fraud.receipt.hash)
      const verdict = decodeVerdict(address, world.account(address), world.programId)
      assert.is(verdict.penalty, 5_000_000n)
      const spent = before - world.lamports(fraud.reporter.wallet.publicKey)
      assert.ok(spent < 2_500_000n, `fees and the rent of the verdict: ${spent}`)
    }
  },
  { timeoutMs: 120_000 },
)

test(
  'a right entry cannot be punished, at any size',
  () => {
    for (const [params, entry] of SIZES) {
      const world = new MarketWorld()
      const fraud = createFraud(world, world.newProvider(), { params, entry, honest: true })
      assert.is(prosecute(world, fraud).code, 'ESCROW_ENTRY_IS_RIGHT')
      assert.is(world.provider(fraud.provider.address).stake, 10_000_000n)
    }
  },
  { timeoutMs: 120_000 },
)

test('the renter of the lease is made whole first, no further voucher is paid, and the deposit comes back at once', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 1_000_000n })), [world.payer]))
  const [params, entry] = SIZES[0]!
  const fraud = createFraud(world, provider, { params, entry, lease })
  const outcome = world.expect(prosecute(world, fraud, lease.renter.source))
  assert.equal(
    { ...outcome.events[0]!.values },
    { penalty: 5_000_000n, compensation: 1_000_000n, bounty: 400_000n, burned: 3_600_000n },
  )
  assert.is(world.tokens(lease.renter.source), 1_000_000_000n - 3_600_000n + 1_000_000n)
  assert.ok(world.lease(lease.address).void)
  const late = world.voucher(lease, { amount: 2_000_000n, sequence: 9n, final: true })
  assert.is(world.send(world.settling(lease, late), [world.payer]).code, 'ESCROW_LEASE_VOID')
  const close = world.closing(lease, { voucher: late })
  assert.is(world.send(close, [world.payer, provider.node]).code, 'ESCROW_LEASE_VOID')
  world.expect(world.send([world.expiring(lease)], [world.payer]))
  assert.is(world.tokens(lease.renter.source), 1_000_000_000n)
  assert.is(world.provider(provider.address).stake, 5_000_000n, 'nothing is burned a second time')
})

test('a provider that slashes itself for a renter of its own loses a quarter of the penalty and more', () => {
  const world = new MarketWorld({ bountyBps: 5_000 })
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter(), { pricePerHour: 36_000_000n })
  world.expect(
    world.send(world.settling(lease, world.voucher(lease, { amount: 36_000_000n })), [world.payer]),
  )
  const [params, entry] = SIZES[0]!
  const fraud = createFraud(world, provider, { params, entry, lease })
  const { values } = world.expect(prosecute(world, fraud, lease.renter.source)).events[0]!
  assert.equal(
    { ...values },
    { penalty: 5_000_000n, compensation: 2_500_000n, bounty: 1_250_000n, burned: 1_250_000n },
  )
})

test('a second lie in the same lease is punished again, but what the renter paid comes back once', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 1_000_000n })), [world.payer]))
  const [params, entry] = SIZES[0]!
  world.expect(prosecute(world, createFraud(world, provider, { params, entry, lease }), lease.renter.source))
  const second = createFraud(world, provider, { params, entry, lease, receipt: { asker: hashOf('another') } })
  const outcome = world.expect(prosecute(world, second, lease.renter.source))
  assert.equal(
    { ...outcome.events[0]!.values },
    { penalty: 2_500_000n, compensation: 0n, bounty: 250_000n, burned: 2_250_000n },
  )
  assert.is(world.lease(lease.address).compensated, 1_000_000n)
})

test('leases whose bond was slashed away still end', () => {
  const world = new MarketWorld({ slashBps: 10_000 })
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const fraud = createFraud(world, provider, { params: SIZES[0]![0], entry: SIZES[0]![1] })
  world.expect(prosecute(world, fraud))
  assert.is(world.provider(provider.address).stake, 0n)
  world.advance(3600 + 600)
  world.expect(world.send([world.expiring(lease)], [world.payer]))
  assert.is(world.tokens(lease.renter.source), 1_000_000_000n)
  assert.is(world.provider(provider.address).bound, 0n)
})

test('stake that is asked back is slashed too, as long as it has not been withdrawn', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const { programId, address: market } = world
  const owner = provider.owner.publicKey
  const request = escrow.requestUnstake({
    programId,
    market,
    provider: provider.address,
    owner,
    amount: 10_000_000n,
  })
  world.expect(world.send([request], [provider.owner]))
  const fraud = createFraud(world, provider, { params: SIZES[0]![0], entry: SIZES[0]![1] })
  world.expect(prosecute(world, fraud))
  world.advance(3600)
  const withdraw = escrow.withdrawStake({
    programId,
    provider: provider.address,
    owner,
    destination: provider.source,
  })
  const outcome = world.expect(world.send([withdraw], [provider.owner]))
  assert.equal({ ...outcome.events[0]!.values }, { amount: 5_000_000n, stake: 0n })
})

test('after a slash, what open leases bind cannot be withdrawn, though it was asked for before', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  world.open(provider, world.newRenter())
  const { programId, address: market } = world
  const who = { programId, provider: provider.address, owner: provider.owner.publicKey }
  world.expect(world.send([escrow.requestUnstake({ ...who, market, amount: 9_000_000n })], [provider.owner]))
  world.expect(prosecute(world, createFraud(world, provider, { params: SIZES[0]![0], entry: SIZES[0]![1] })))
  world.advance(3600)
  const withdraw = escrow.withdrawStake({ ...who, destination: provider.source })
  assert.is(world.send([withdraw], [provider.owner]).code, 'ESCROW_INSUFFICIENT_STAKE')
  world.expect(world.send([escrow.requestUnstake({ ...who, market, amount: 4_000_000n })], [provider.owner]))
  world.advance(3600)
  world.expect(world.send([withdraw], [provider.owner]))
  assert.is(world.provider(provider.address).stake, 1_000_000n)
  assert.ok(world.provider(provider.address).bound <= 1_000_000n)
})

test('one receipt is punished once, whoever reports it, also after the provider registers anew', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const [params, entry] = SIZES[0]!
  const fraud = createFraud(world, provider, { params, entry })
  const second = { ...fraud, reporter: createReporter(world) }
  second.dispute = disputeAddress(world.programId, second.reporter.wallet.publicKey, fraud.receipt.hash)
  world.expect(world.send(opening(world, second), [second.reporter.wallet]))
  for (const outcome of show(world, second)) world.expect(outcome)
  world.expect(prosecute(world, fraud))
  assert.is(world.heavy([slashing(world, second)], [second.reporter.wallet]).code, 'ESCROW_ALREADY_SLASHED')
  assert.is(prosecute(world, fraud).code, 'ESCROW_ALREADY_SLASHED')

  const { programId, address: market } = world
  const who = { programId, provider: provider.address, owner: provider.owner.publicKey }
  const early = disputes.closeVerdict(
    programId,
    fraud.reporter.wallet.publicKey,
    provider.address,
    fraud.receipt.hash,
  )
  assert.is(world.send([early], [world.payer]).code, 'ESCROW_PROVIDER_STILL_REGISTERED')
  world.expect(world.send([escrow.requestUnstake({ ...who, market, amount: 5_000_000n })], [provider.owner]))
  world.advance(3600)
  world.expect(world.send([escrow.withdrawStake({ ...who, destination: provider.source })], [provider.owner]))
  world.expect(world.send([escrow.closeProvider({ ...who, destination: provider.source })], [provider.owner]))
  world.expect(world.send([world.registration(provider, 2_000_000n)], [provider.owner, provider.node]))
  const rent = world.lamports(fraud.reporter.wallet.publicKey)
  world.expect(measure('closeVerdict', world.send([early], [world.payer])))
  assert.ok(world.lamports(fraud.reporter.wallet.publicKey) > rent)
  assert.is(world.heavy([slashing(world, second)], [second.reporter.wallet]).code, 'ESCROW_RECEIPT_TOO_OLD')
  assert.is(world.provider(provider.address).stake, 2_000_000n)
  const again = { ...fraud, reporter: createReporter(world) }
  again.dispute = disputeAddress(programId, again.reporter.wallet.publicKey, fraud.receipt.hash)
  assert.is(world.send(opening(world, again), [again.reporter.wallet]).code, 'ESCROW_RECEIPT_TOO_OLD')
  const back = disputes.closeDispute(programId, second.reporter.wallet.publicKey, second.dispute)
  world.expect(measure('closeDispute', world.send([back], [second.reporter.wallet])))
  assert.is(world.account(second.dispute), null)
})

test('receipts that the provider did not sign, of others, of other markets or versions open no dispute', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const other = world.newProvider()
  const [params, entry] = SIZES[0]!
  const fraud = createFraud(world, provider, { params, entry })
  const { wallet } = fraud.reporter
  const base = { seed, params, root: fraud.root }
  const patched = (at: number, value: number): SignedReceipt => {
    const message = Uint8Array.from(fraud.receipt.signed.message)
    message[at] = value
    return { signed: signMessage(message, provider.node), hash: sha256(message) }
  }
  const cases: [string, string, SignedReceipt, ProviderParty?][] = [
    ["the reporter's signature", 'ESCROW_RECEIPT_FOREIGN', receiptOf(world, provider, base, wallet)],
    ["another node's receipt", 'ESCROW_RECEIPT_FOREIGN', receiptOf(world, other, base)],
    ["this node's receipt against another", 'ESCROW_RECEIPT_FOREIGN', fraud.receipt, other],
    [
      "another's name in it",
      'ESCROW_RECEIPT_FOREIGN',
      receiptOf(world, provider, { ...base, provider: other.node.publicKey.toBytes() }),
    ],
    [
      'another market',
      'ESCROW_RECEIPT_FOREIGN',
      receiptOf(world, provider, { ...base, market: new Uint8Array(32) }),
    ],
    [
      'a time before the registration',
      'ESCROW_RECEIPT_TOO_OLD',
      receiptOf(world, provider, { ...base, endedMs: (world.time - 1) * 1000 }),
    ],
    ['another domain', 'ESCROW_RECEIPT_MALFORMED', patched(19, 50)],
    ['a byte in the domain’s padding', 'ESCROW_RECEIPT_MALFORMED', patched(31, 1)],
    [
      'n of 8',
      'ESCROW_RECEIPT_MALFORMED',
      receiptOf(world, provider, { ...base, params: { n: 8, rounds: 1 } }),
    ],
    [
      'n of 20',
      'ESCROW_RECEIPT_MALFORMED',
      receiptOf(world, provider, { ...base, params: { n: 20, rounds: 1 } }),
    ],
    [
      'n of 32,784',
      'ESCROW_RECEIPT_MALFORMED',
      receiptOf(world, provider, { ...base, params: { n: 32_784, rounds: 1 } }),
    ],
    [
      'no rounds',
      'ESCROW_RECEIPT_MALFORMED',
      receiptOf(world, provider, { ...base, params: { n: 16, rounds: 0 } }),
    ],
    [
      '257 rounds',
      'ESCROW_RECEIPT_MALFORMED',
      receiptOf(world, provider, { ...base, params: { n: 16, rounds: 257 } }),
    ],
  ]
  for (const [what, code, receipt, against] of cases) {
    const instructions = opening(world, { ...fraud, provider: against ?? provider }, receipt)
    if (what === "the reporter's signature")
      instructions[0] = escrow.verifyMessage(wallet.publicKey, receipt.signed)
    if (what === "another node's receipt")
      instructions[0] = escrow.verifyMessage(other.node.publicKey, receipt.signed)
    if (against !== undefined) instructions[0] = escrow.verifyMessage(provider.node.publicKey, receipt.signed)
    assert.is(world.send(instructions, [wallet]).code, code, what)
  }
  const good = opening(world, fraud)
  assert.is(world.send(good.slice(1), [wallet]).code, 'ESCROW_RECEIPT_MISSING')
  const voucherInstead = world.voucher(world.open(provider, world.newRenter()), {}, provider.node)
  const asReceipt = [escrow.verifyMessage(provider.node.publicKey, voucherInstead), good[1]!]
  assert.is(world.send(asReceipt, [wallet]).code, 'ESCROW_RECEIPT_MALFORMED')
  good[1]!.keys[3]!.pubkey = SYSVAR_CLOCK_PUBKEY
  assert.is(world.send(good, [wallet]).code, 'ESCROW_WRONG_SYSVAR')
  world.expect(world.send(opening(world, fraud), [wallet]))
  assert.is(world.send(opening(world, fraud), [wallet]).code, 'ESCROW_ALREADY_EXISTS')
})

test('openings of other entries, other segments or other paths are refused, in whatever way they are wrong', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const params = { n: 1040, rounds: 3 }
  const entry = { round: 1, row: 700, column: 259 }
  const fraud = createFraud(world, provider, { params, entry })
  const { wallet } = fraud.reporter
  world.expect(world.send(opening(world, fraud), [wallet]))
  assert.is(world.heavy([slashing(world, fraud)], [wallet]).code, 'ESCROW_OPENING_INCOMPLETE')
  const early = disputes.computeEntry(world.programId, fraud.dispute, 8192)[0]!
  assert.is(world.send([early], [wallet]).code, 'ESCROW_OPENING_INCOMPLETE')
  const { opening: good } = fraud
  const cases: [string, string, Opening][] = [
    ['a round too high', 'ESCROW_OPENING_OUT_OF_RANGE', { ...good, round: 3 }],
    ['a row too high', 'ESCROW_OPENING_OUT_OF_RANGE', { ...good, row: 1040 }],
    ['a column too high', 'ESCROW_OPENING_OUT_OF_RANGE', { ...good, column: 260 }],
    ['the largest index', 'ESCROW_OPENING_OUT_OF_RANGE', { ...good, row: 2 ** 32 - 1 }],
    ['another round', 'ESCROW_OPENING_PATH_MISMATCH', { ...good, round: 0 }],
    ['another row', 'ESCROW_OPENING_PATH_MISMATCH', { ...good, row: 701 }],
    ['another segment’s column', 'ESCROW_MALFORMED_INSTRUCTION', { ...good, column: 3 }],
    ['a changed segment', 'ESCROW_OPENING_PATH_MISMATCH', { ...good, segment: lieAbout(good.segment, 0) }],
    [
      'a changed sibling',
      'ESCROW_OPENING_PATH_MISMATCH',
      { ...good, path: [hashOf('x'), ...good.path.slice(1)] },
    ],
    ['siblings in another order', 'ESCROW_OPENING_PATH_MISMATCH', { ...good, path: good.path.toReversed() }],
    ['a sibling more', 'ESCROW_OPENING_MALFORMED', { ...good, path: [...good.path, hashOf('x')] }],
    ['half a sibling', 'ESCROW_OPENING_MALFORMED', { ...good, path: [good.path[0]!.subarray(0, 16)] }],
    ['a shorter segment', 'ESCROW_OPENING_MALFORMED', { ...good, segment: good.segment.subarray(2) }],
  ]
  for (const [what, code, shown] of cases) {
    const codes = show(world, fraud, shown).map((outcome) => outcome.code)
    assert.is(codes.find((found) => found !== '') ?? '', code, what)
  }
  for (const outcome of show(world, fraud, { ...good, path: good.path.slice(0, -1) })) world.expect(outcome)
  assert.is(world.heavy([slashing(world, fraud)], [wallet]).code, 'ESCROW_OPENING_INCOMPLETE')
  const stranger = world.wallet('stranger')
  const [shown] = disputes.postOpening(world.programId, stranger.publicKey, fraud.dispute, good)
  assert.is(world.send([shown!], [stranger]).code, 'ESCROW_WRONG_AUTHORITY')
  for (const outcome of show(world, fraud)) world.expect(outcome)
  world.expect(world.heavy([slashing(world, fraud)], [wallet]))
})

test('a slash with wrong accounts or by others is refused', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const other = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  world.expect(world.send(world.settling(lease, world.voucher(lease, { amount: 9_000n })), [world.payer]))
  const [params, entry] = SIZES[0]!
  const fraud = createFraud(world, provider, { params, entry, lease })
  const { wallet } = fraud.reporter
  world.expect(world.send(opening(world, fraud), [wallet]))
  for (const outcome of show(world, fraud)) world.expect(outcome)
  const stranger = world.wallet('stranger')
  const strange = world.createTokenAccount(world.mint, stranger.publicKey)
  const mint = world.createMint()
  const foreign = world.createTokenAccount(mint, wallet.publicKey)
  const cases: [number, PublicKey, string][] = [
    [0, stranger.publicKey, 'ESCROW_WRONG_AUTHORITY'],
    [1, provider.address, 'ESCROW_WRONG_KIND'],
    [2, other.address, 'ESCROW_WRONG_PROVIDER'],
    [3, other.vault, 'ESCROW_WRONG_ADDRESS'],
    [3, lease.vault, 'ESCROW_WRONG_ADDRESS'],
    [4, mint, 'ESCROW_WRONG_MINT'],
    [5, provider.vault, 'ESCROW_DUPLICATE_ACCOUNT'],
    [5, foreign, 'CHAIN_TOKEN_MINT'],
    [6, lease.address, 'ESCROW_WRONG_KIND'],
    [7, lease.address, 'ESCROW_WRONG_ADDRESS'],
    [8, other.address, 'ESCROW_WRONG_LEASE'],
    [9, strange, 'ESCROW_WRONG_TOKEN_ACCOUNT'],
    [9, provider.payout, 'ESCROW_WRONG_TOKEN_ACCOUNT'],
    [9, provider.vault, 'ESCROW_DUPLICATE_ACCOUNT'],
    [10, world.programId, 'ESCROW_WRONG_PROGRAM'],
    [11, world.programId, 'ESCROW_WRONG_PROGRAM'],
  ]
  for (const [index, pubkey, code] of cases) {
    const slash = slashing(world, fraud, lease.renter.source)
    slash.keys[index]!.pubkey = pubkey
    const signers = index === 0 ? [stranger] : [wallet]
    assert.is(world.heavy([slash], signers).code, code, `account ${index}`)
  }
  for (const index of [2, 3, 4, 5, 6, 7, 8, 9]) {
    const slash = slashing(world, fraud, lease.renter.source)
    slash.keys[index]!.isWritable = false
    assert.is(world.heavy([slash], [wallet]).code, 'ESCROW_NOT_WRITABLE', `account ${index} as read-only`)
  }
  const stolen = disputes.closeDispute(world.programId, stranger.publicKey, fraud.dispute)
  assert.is(world.send([stolen], [stranger]).code, 'ESCROW_WRONG_AUTHORITY')
  world.expect(world.heavy([slashing(world, fraud, lease.renter.source)], [wallet]))
})

test(
  'every instruction of a dispute needs its signature, its rights and its form',
  () => {
    const world = new MarketWorld()
    const provider = world.newProvider()
    const fraud = createFraud(world, provider, {
      params: { n: 32_768, rounds: 256 },
      entry: { round: 0, row: 0, column: 0 },
    })
    const { wallet } = fraud.reporter
    const { programId } = world
    const verdictOf = () =>
      disputes.closeVerdict(programId, wallet.publicKey, provider.address, fraud.receipt.hash)
    const [shown, path] = disputes.postOpening(programId, wallet.publicKey, fraud.dispute, fraud.opening)
    const stages: [string, () => TransactionInstruction[]][] = [
      ['open_dispute', () => opening(world, fraud)],
      ['post_opening', () => [shown!]],
      ['post_path', () => [path!]],
      ...disputes
        .computeEntry(programId, fraud.dispute, 32_768)
        .map((step): (typeof stages)[number] => ['compute_entry', () => [step]]),
      ['slash_fraud', () => [slashing(world, fraud)]],
    ]
    const signersOf = (instructions: TransactionInstruction[]) =>
      instructions.at(-1)!.keys.some((meta) => meta.isSigner) ? [world.payer, wallet] : [world.payer]
    let refused = 0
    const check = (name: string, build: () => TransactionInstruction[]) => {
      const last = () => structured(build())
      const cases: [string, string, (instruction: TransactionInstruction) => void][] = [
        [
          'an account more',
          'ESCROW_WRONG_ACCOUNT_COUNT',
          (i) => i.keys.push({ ...i.keys[0]!, isSigner: false }),
        ],
        ['an account less', 'ESCROW_WRONG_ACCOUNT_COUNT', (i) => i.keys.pop()],
      ]
      build()
        .at(-1)!
        .keys.forEach((meta, index) => {
          if (meta.isSigner) {
            cases.push([
              `unsigned ${index}`,
              'ESCROW_MISSING_SIGNATURE',
              (i) => {
                i.keys[index]!.isSigner = false
              },
            ])
          }
          // Nothing is paid to a lease or a renter here, and bounty and refund are one account.
          if (meta.isWritable && !(name === 'slash_fraud' && (index === 5 || index > 7))) {
            cases.push([
              `read-only ${index}`,
              'ESCROW_NOT_WRITABLE',
              (i) => {
                i.keys[index]!.isWritable = false
              },
            ])
          }
        })
      if (name !== 'open_dispute' && name !== 'compute_entry') {
        cases.push([
          'another reporter',
          'ESCROW_WRONG_AUTHORITY',
          (i) => {
            i.keys[0]!.pubkey = world.payer.publicKey
          },
        ])
      }
      if (!name.startsWith('post')) {
        cases.push([
          'a byte more',
          'ESCROW_MALFORMED_INSTRUCTION',
          (i) => {
            i.data = Buffer.concat([i.data, Buffer.alloc(1)])
          },
        ])
      }
      for (const [what, code, change] of cases) {
        const instructions = last()
        change(instructions.at(-1)!)
        const named = instructions.at(-1)!.keys[0]!.pubkey.equals(world.payer.publicKey)
        const outcome = world.heavy(instructions, named ? [world.payer] : signersOf(instructions))
        assert.is(outcome.code, code, `${name}: ${what}`)
        refused++
      }
    }
    for (const [name, build] of stages) {
      check(name, build)
      world.expect(world.heavy(build(), signersOf(build())))
    }
    assert.is(world.provider(provider.address).stake, 5_000_000n)
    world.expect(world.send(opening(world, fraud), [wallet]))
    check('close_dispute', () => [disputes.closeDispute(programId, wallet.publicKey, fraud.dispute)])
    const wrong = verdictOf()
    wrong.keys[0]!.pubkey = world.payer.publicKey
    assert.is(world.send([wrong], [world.payer]).code, 'ESCROW_WRONG_AUTHORITY')
    const other = verdictOf()
    other.keys[1]!.pubkey = wallet.publicKey
    assert.is(world.send([other], [world.payer]).code, 'ESCROW_WRONG_PROVIDER')
    assert.ok(refused > 50, String(refused))
  },
  { timeoutMs: 120_000 },
)

/** Copies whose accounts and bytes can be changed. */
function structured(instructions: TransactionInstruction[]): TransactionInstruction[] {
  return instructions.map(
    ({ programId, keys, data }) =>
      new TransactionInstruction({
        programId,
        keys: keys.map((meta) => ({ ...meta })),
        data: Buffer.from(data),
      }),
  )
}

test(
  'no opening whatever of an honest proof slashes',
  () => {
    const world = new MarketWorld()
    const provider = world.newProvider()
    const params = { n: 64, rounds: 2 }
    const entries = fc.record(
      { round: fc.nat(2), row: fc.nat(65), column: fc.nat(17) },
      { noNullPrototype: true },
    )
    const entry = { round: 1, row: 33, column: 7 }
    const fraud = createFraud(world, provider, { params, entry, honest: true })
    const { wallet } = fraud.reporter
    world.expect(world.send(opening(world, fraud), [wallet]))
    let slashed = 0
    let right = 0
    fc.assert(
      fc.property(
        entries,
        fc.option(fc.tuple(fc.nat(31), fc.integer({ min: 1, max: 255 })), { freq: 2 }),
        fc.option(fc.tuple(fc.nat(7), fc.nat(31), fc.integer({ min: 1, max: 255 })), { freq: 2 }),
        fc.boolean(),
        (place, inSegment, inPath, same) => {
          const segment = Uint8Array.from(fraud.opening.segment)
          if (inSegment !== null) segment[inSegment[0]]! ^= inSegment[1]
          const path = fraud.opening.path.map((sibling) => Uint8Array.from(sibling))
          if (inPath !== null && path[inPath[0]] !== undefined) path[inPath[0]]![inPath[1]]! ^= inPath[2]
          // Columns of the same segment are opened by the same path, and must be right too.
          const shown = same ? { ...entry, column: place.column } : place
          show(world, fraud, { ...shown, segment, path })
          const outcome = world.heavy([slashing(world, fraud)], [wallet])
          if (outcome.code === '') slashed++
          if (outcome.code === 'ESCROW_ENTRY_IS_RIGHT') right++
        },
      ),
      { numRuns: 100, seed: Number(process.env.NIGHTSHIFT_SEED ?? 20261120) },
    )
    assert.is(slashed, 0)
    assert.ok(right > 5, `${right} reached the computation`)
    assert.is(world.provider(provider.address).stake, 10_000_000n)
  },
  { timeoutMs: 120_000 },
)

test('costs are within what the client asks for and what a transaction may use', () => {
  assert.ok(units.size >= 8)
  for (const [name, spent] of units) {
    console.log(`cu.${name} ${spent}`)
    const asked = COMPUTE_UNITS[name.split(' ')[0] as escrow.InstructionName]
    assert.ok(spent <= asked, `${name} took ${spent}`)
    const n = Number(name.split('n=')[1])
    if (n > 0) assert.ok(spent <= disputes.slashComputeUnits(n), `${name} took ${spent}`)
  }
})

test.run()
