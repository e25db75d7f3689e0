import { type Keypair, PublicKey, SYSVAR_INSTRUCTIONS_PUBKEY, TransactionInstruction } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import { type LeaseParty, MarketWorld } from '../support/escrow.js'
import { commit, receiptOf, trueSegment } from '../support/fraud.js'
import { hashOf } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('a thief with a provider, a renter and a governed market of its own')

/** One transaction of the thief: an instruction that somebody could honestly send, with some of its accounts and bytes exchanged. */
interface Attempt {
  template: number
  accounts: [slot: number, account: number][]
  writable: number
  data: [at: number, value: number][]
  voucher: number
}

const attempts: fc.Arbitrary<Attempt> = fc.record(
  {
    template: fc.nat(199),
    accounts: fc.array(fc.tuple(fc.nat(11), fc.nat(199)), { maxLength: 4 }),
    writable: fc.nat(2 ** 12 - 1),
    data: fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 2 }),
    voucher: fc.nat(9),
  },
  { noNullPrototype: true },
)

/**
 * Victims are a provider, a renter and their lease; the thief signs with every key that it has and sees all vouchers and receipts
 * there are. No clock runs, so nothing of the victims can end by itself.
 */
function createScene() {
  const world = new MarketWorld({ feeBps: 100 })
  const victim = { provider: world.newProvider(), renter: world.newRenter() }
  const lease = world.open(victim.provider, victim.renter)
  const thief = { provider: world.newProvider(), renter: world.newRenter() }
  const own = world.open(thief.provider, thief.renter)
  const mixed = world.open(thief.provider, victim.renter)
  const hired = world.open(victim.provider, thief.renter)
  const loot = world.createTokenAccount(world.mint, thief.provider.owner.publicKey, 1_000_000n)
  const base = world.key('base')
  const terms = { ...world.market(world.address).terms, governance: thief.provider.owner.publicKey }
  const init = {
    programId: world.programId,
    payer: world.payer.publicKey,
    base: base.publicKey,
    mint: world.mint,
  }
  const market = escrow.initMarket({ ...init, terms, updateDelaySeconds: 1 })
  world.expect(world.send([market], [world.payer, base]))
  const keys = [thief.provider.owner, thief.provider.node, thief.renter.wallet, thief.renter.session]
  return { world, victim, lease, thief, own, mixed, hired, loot, keys, otherMarket: market.keys[2]!.pubkey }
}

type Scene = ReturnType<typeof createScene>

/** A dispute of the thief's about a right entry of the victim's proof, shown and ready. */
function openHonestDispute({ world, victim, thief, lease }: Scene): PublicKey {
  const [seed, params] = [hashOf('seed'), { n: 16, rounds: 1 }]
  const entry = { round: 0, row: 1, column: 1 }
  const { root, opening } = commit(seed, params, entry, trueSegment(seed, params, entry))
  const receipt = receiptOf(world, victim.provider, { seed, params, root, lease: lease.address.toBytes() })
  const { owner } = thief.provider
  const address = disputeAddress(world.programId, owner.publicKey, receipt.hash)
  const open = disputes.openDispute({
    programId: world.programId,
    reporter: owner.publicKey,
    provider: victim.provider.address,
    node: victim.provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
  world.expect(world.send(open, [owner]))
  const shown = disputes.postOpening(world.programId, owner.publicKey, address, opening)
  world.expect(world.send(shown, [owner]))
  return address
}

/** A demand in a lease, about a proof whose root leads nowhere: nobody can answer it. */
function openDemand({ world }: Scene, { provider, renter, address: lease }: LeaseParty): PublicKey {
  const fields = { seed: hashOf('seed'), params: { n: 16, rounds: 1 }, root: hashOf('a root of nothing') }
  const receipt = receiptOf(world, provider, { ...fields, lease: lease.toBytes() })
  const { programId } = world
  const reporter = renter.wallet.publicKey
  const address = disputeAddress(programId, reporter, receipt.hash)
  const who = { programId, reporter, provider: provider.address }
  const open = disputes.openDispute({
    ...who,
    node: provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
  const entry = { round: 0, row: 1, column: 1 }
  const demand = disputes.demandOpening({ ...who, lease, dispute: address, entry })
  world.expect(world.send([...open, demand], [renter.wallet]))
  return address
}

/** What the thief was asked for, and what it asked the victim for. */
interface Demands {
  ofVictim: PublicKey
  ofThief: PublicKey
}

function templatesOf(scene: Scene, dispute: PublicKey, demands: Demands): TransactionInstruction[] {
  const { world, victim, thief, lease, own, mixed, hired, loot } = scene
  const { programId, address: market, mint } = world
  const templates: TransactionInstruction[] = []
  const last = (instructions: TransactionInstruction[]) => templates.push(instructions.at(-1)!)
  const empty = { message: new Uint8Array(88), signature: new Uint8Array(64) }
  for (const party of [lease, own, mixed, hired]) {
    last(world.settling(party, empty))
    last(world.closing(party, { voucher: empty }))
    last(world.closing(party, { signer: party.renter.session.publicKey }))
    last([world.expiring(party)])
    last([escrow.cancelLease({ programId, lease: party.address, signer: party.renter.wallet.publicKey })])
    const { provider } = party
    const node = provider.node.publicKey
    last([
      escrow.complete({
        programId,
        node,
        provider: provider.address,
        lease: party.address,
        output: hashOf('x'),
      }),
    ])
    last([
      escrow.extendLease({
        programId,
        lease: party.address,
        parties: party.parties,
        node,
        source: party.renter.source,
        seconds: 60,
        bondBps: 2_000,
      }),
    ])
    last([escrow.openLease(world.opening(provider, party.renter, { termsHash: hashOf('new') }))])
  }
  for (const provider of [victim.provider, thief.provider]) {
    const who = { programId, provider: provider.address, owner: provider.owner.publicKey }
    last([escrow.addStake({ ...who, source: provider.source, amount: 3n })])
    last([escrow.requestUnstake({ ...who, market, amount: 3n })])
    last([escrow.withdrawStake({ ...who, destination: loot })])
    last([escrow.setPayout({ ...who, market, payout: loot })])
    last([escrow.closeProvider({ ...who, destination: loot })])
    last([world.registration(provider, 2_000_000n)])
  }
  last([
    escrow.updateMarket({
      programId,
      market,
      governance: thief.provider.owner.publicKey,
      terms: world.market(market).terms,
    }),
  ])
  const state = decodeDispute(dispute, world.account(dispute), programId)
  last([disputes.slashFraud({ programId, dispute, state, mint, bounty: loot, refund: loot })])
  last([disputes.closeDispute(programId, thief.provider.owner.publicKey, dispute)])
  last([
    disputes.closeVerdict(
      programId,
      thief.provider.owner.publicKey,
      victim.provider.address,
      state.receiptHash,
    ),
  ])
  for (const address of [dispute, demands.ofVictim, demands.ofThief]) {
    const found = decodeDispute(address, world.account(address), programId)
    const reporter = thief.renter.wallet.publicKey
    const party = [lease, own, mixed, hired].find((each) => each.address.equals(found.lease))!
    const node = party.provider.node.publicKey
    const guess = { segment: new Uint8Array(8), path: Array(4).fill(new Uint8Array(32)) }
    const who = { programId, provider: found.provider, lease: found.lease }
    const entry = { round: 0, row: 1, column: 1 }
    last([disputes.demandOpening({ ...who, reporter, dispute: address, entry })])
    last(disputes.answerOpening({ programId, node, dispute: address, state: found, opening: guess }))
    last([disputes.slashSilent({ programId, dispute: address, state: found, mint })])
    last([disputes.closeDispute(programId, reporter, address)])
  }
  return templates
}

function forge(
  scene: Scene,
  attempt: Attempt,
  templates: TransactionInstruction[],
  pool: PublicKey[],
  vouchers: TransactionInstruction[],
) {
  const template = templates[attempt.template % templates.length]!
  const mine = new Set(scene.keys.map((key) => key.publicKey.toBase58()))
  const keys = template.keys.map((meta) => ({ ...meta }))
  for (const [slot, account] of attempt.accounts) {
    if (slot < keys.length) keys[slot]!.pubkey = pool[account % pool.length]!
  }
  keys.forEach((meta, slot) => {
    // The thief cannot sign for others; it signs wherever its own keys stand.
    meta.isSigner = mine.has(meta.pubkey.toBase58())
    if (attempt.writable % 7 === 0) meta.isWritable = (attempt.writable >> slot) % 2 === 0
  })
  const data = Buffer.from(template.data)
  for (const [at, value] of attempt.data) if (at < data.length) data[at] = value
  const instruction = new TransactionInstruction({ programId: template.programId, keys, data })
  const voucher = vouchers[attempt.voucher]
  return voucher === undefined ? [instruction] : [voucher, instruction]
}

test(
  'takes nothing from anybody, whatever accounts and bytes it exchanges',
  () => {
    let accepted = 0
    let count = 0
    fc.assert(
      fc.property(fc.array(attempts, { minLength: 60, maxLength: 120, size: 'max' }), (sequence) => {
        const scene = createScene()
        const { world, victim, thief, lease, own, mixed, hired, loot } = scene
        const dispute = openHonestDispute(scene)
        const demands = { ofVictim: openDemand(scene, mixed), ofThief: openDemand(scene, hired) }
        const bound = world.provider(victim.provider.address).bound
        const bonds = world.lamports(demands.ofVictim)
        const templates = templatesOf(scene, dispute, demands)
        const leases: LeaseParty[] = [lease, own, mixed, hired]
        const pool = [
          ...leases.flatMap((party) => [party.address, party.vault]),
          ...[victim, thief].flatMap(({ provider, renter }) => [
            provider.owner.publicKey,
            provider.node.publicKey,
            provider.source,
            provider.payout,
            provider.address,
            provider.vault,
            renter.wallet.publicKey,
            renter.session.publicKey,
            renter.source,
          ]),
          ...[world.address, scene.otherMarket, world.mint, world.feeAccount, loot, dispute, world.programId],
          ...[demands.ofVictim, demands.ofThief],
          ...[SYSVAR_INSTRUCTIONS_PUBKEY, PublicKey.default],
        ]
        // All that the victims ever signed: each is worth what it says and no more.
        const signed = [
          { party: lease, amount: 400_000n, sequence: 1n },
          { party: lease, amount: 900_000n, sequence: 2n },
          { party: mixed, amount: 700_000n, sequence: 1n },
          { party: hired, amount: 500_000n, sequence: 3n },
          { party: own, amount: 3_000_000n, sequence: 5n },
        ]
        const vouchers = signed.map(({ party, ...fields }) =>
          escrow.verifyMessage(
            party.renter.session.publicKey,
            world.voucher(party, { ...fields, final: party === own }),
          ),
        )
        const renterBefore = world.tokens(victim.renter.source)
        const stakeBefore = world.tokens(victim.provider.vault)
        for (const attempt of sequence) {
          const instructions = forge(scene, attempt, templates, pool, vouchers)
          const outcome = world.heavy(instructions, [world.payer, ...signersOf(instructions, scene.keys)])
          count++
          if (outcome.code === '') accepted++
          const what = JSON.stringify({ attempt, code: outcome.code })
          assert.is(world.tokens(victim.renter.source), renterBefore, what)
          assert.ok(world.tokens(victim.provider.vault) >= stakeBefore, what)
          const provider = world.provider(victim.provider.address)
          assert.is(provider.stake, 10_000_000n, what)
          assert.is(provider.unstaking, 0n, what)
          assert.is(provider.openDisputes, 1, what)
          assert.ok(provider.bound <= bound, what)
          assert.is(world.lamports(demands.ofVictim), bonds, what)
          assert.is(world.provider(thief.provider.address).openDisputes, 1, what)
          assert.ok(provider.payout.equals(victim.provider.payout), what)
          assert.ok(world.tokens(lease.vault) >= 3_600_000n - 900_000n, what)
          assert.ok(world.tokens(mixed.vault) >= 3_600_000n - 700_000n, what)
          const paid = world.lease(lease.address).paid
          assert.ok(world.tokens(victim.provider.payout) >= paid - paid / 100n, what)
          assert.ok(world.lease(lease.address).deadline === lease.parties.deadline, what)
          assert.is(world.market(world.address).announced, undefined, what)
        }
      }),
      {
        numRuns: Number(process.env.NIGHTSHIFT_RUNS ?? 8),
        seed: Number(process.env.NIGHTSHIFT_SEED ?? 20261120),
      },
    )
    console.log(
      `${count} attempts, ${accepted} accepted: what the thief may do with its own, and vouchers that are owed`,
    )
    assert.ok(accepted > 10 && accepted < count / 2)
  },
  { timeoutMs: 600_000 },
)

function signersOf(instructions: TransactionInstruction[], keys: Keypair[]): Keypair[] {
  const named = new Set(
    instructions.flatMap((instruction) =>
      instruction.keys.filter((meta) => meta.isSigner).map((meta) => meta.pubkey.toBase58()),
    ),
  )
  return keys.filter((key) => named.has(key.publicKey.toBase58()))
}

test.run()
