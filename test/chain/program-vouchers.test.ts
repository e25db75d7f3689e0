import { PublicKey } from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createSigner, createVerifier } from '../../chain/client/signing.js'
import { verifySignature } from '../../protocols/signature.js'
import { type LeaseParty, MarketWorld } from '../support/escrow.js'
import { suite } from '../support/suite.js'

const test = suite('vouchers on the chain: never more than the highest valid one is paid')

const DEPOSIT = 3_600_000n

/** A voucher in some way good or bad, and how often it is sent. */
interface Attempt {
  kind:
    | 'good'
    | 'foreign lease'
    | 'foreign serial'
    | "provider's key"
    | "owner's key"
    | 'changed after signing'
  amount: bigint
  sequence: bigint
  final: boolean
  close: boolean
  times: number
}

const attempts: fc.Arbitrary<Attempt[]> = fc.array(
  fc.record<Attempt>({
    kind: fc.constantFrom<Attempt['kind'][]>(
      'good',
      'good',
      'good',
      'foreign lease',
      'foreign serial',
      "provider's key",
      "owner's key",
      'changed after signing',
    ),
    amount: fc.oneof(fc.bigInt(0n, DEPOSIT), fc.constantFrom(0n, 1n, DEPOSIT, DEPOSIT + 1n, 2n ** 64n - 1n)),
    sequence: fc.oneof(fc.bigInt(0n, 12n), fc.constant(2n ** 64n - 1n)),
    final: fc.boolean(),
    close: fc.nat(9).map((roll) => roll === 0),
    times: fc.integer({ min: 1, max: 2 }),
  }),
  { minLength: 1, maxLength: 14 },
)

test(
  'whatever is sent, in whatever order, the payout is what one of the good vouchers said, and the token sum is constant',
  () => {
    const world = new MarketWorld()
    const provider = world.newProvider(1_000_000_000n)
    const renter = world.newRenter(1_000_000_000n)
    const other = world.open(world.newProvider(), world.newRenter())
    const supply = world.supply(world.mint)
    const held = () =>
      world.tokens(provider.payout) + world.tokens(provider.vault) + world.tokens(renter.source)
    const total = held()
    let settled = 0
    let refused = 0
    let closed = 0

    fc.assert(
      fc.property(attempts, (sequence) => {
        const lease = world.open(provider, renter)
        const before = world.tokens(provider.payout)
        let best = 0n
        for (const attempt of sequence) {
          const voucher = voucherOf(world, lease, other, attempt)
          for (let time = 0; time < attempt.times; time++) {
            const paid = world.account(lease.address) === null ? undefined : world.lease(lease.address).paid
            const outcome = attempt.close
              ? world.send(world.closing(lease, { voucher }), [world.payer, provider.node])
              : world.send(world.settling(lease, voucher), [world.payer])
            if (outcome.code === '') {
              assert.is(attempt.kind, 'good')
              assert.ok(paid !== undefined && attempt.amount >= paid && attempt.amount <= DEPOSIT)
              if (attempt.amount > best) best = attempt.amount
              if (attempt.close) closed++
              else settled++
            } else refused++
            assert.is(
              world.tokens(provider.payout) - before,
              best,
              'paid is the best accepted voucher, exactly',
            )
          }
        }
        if (world.account(lease.address) !== null) {
          assert.is(world.tokens(lease.vault), DEPOSIT - best)
          const end = world.closing(lease, { signer: renter.session.publicKey })
          world.expect(world.send(end, [world.payer, provider.node, renter.session]))
        }
        assert.is(held(), total)
        assert.is(world.supply(world.mint), supply)
        const back = world.createReturn(provider.payout, provider.owner, renter.source, best)
        if (best > 0n) world.expect(world.send([back], [provider.owner]))
      }),
      { numRuns: 40, seed: Number(process.env.NIGHTSHIFT_SEED ?? 20261120) },
    )
    assert.ok(
      settled > 20 && refused > 50 && closed > 0,
      `${settled} settled, ${closed} closed, ${refused} refused`,
    )
  },
  { timeoutMs: 120_000 },
)

function voucherOf(world: MarketWorld, lease: LeaseParty, other: LeaseParty, attempt: Attempt) {
  const { amount, sequence, final } = attempt
  const fields = { amount, sequence, final }
  switch (attempt.kind) {
    case 'good':
      return world.voucher(lease, fields)
    case 'foreign lease':
      return world.voucher(lease, { ...fields, lease: other.address.toBytes() })
    case 'foreign serial':
      return world.voucher(lease, { ...fields, serial: lease.parties.serial - 1n })
    case "provider's key":
      return world.voucher(lease, fields, lease.provider.node)
    case "owner's key":
      return world.voucher(lease, fields, lease.provider.owner)
    case 'changed after signing': {
      const voucher = world.voucher(lease, fields)
      const message = Uint8Array.from(voucher.message)
      message[66]! ^= 1
      return { ...voucher, message }
    }
  }
}

test('the best voucher pays once, however many copies of it are sent at the same time', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  const voucher = world.voucher(lease, { amount: 1_000n })
  const senders = Array.from({ length: 5 }, () => world.wallet('sender'))
  const signed = senders.map((sender) => world.sign(world.settling(lease, voucher), [sender]))
  const codes = signed.map((transaction) => world.submit(transaction, { keepBlockhash: true }).code)
  assert.equal(codes, ['', ...Array(4).fill('ESCROW_VOUCHER_STALE')])
  const together = [
    ...world.settling(lease, world.voucher(lease, { amount: 2_000n, sequence: 2n })),
    ...world.settling(lease, world.voucher(lease, { amount: 2_000n, sequence: 2n })),
  ]
  assert.is(world.send(together, [world.payer]).code, 'ESCROW_VOUCHER_STALE')
  assert.is(world.tokens(lease.provider.payout), 1_000n)
})

/** Signs anything for the key that is the neutral element: R is any multiple r of the base point, and S is r. */
function signForNobody(message: Uint8Array): { message: Uint8Array; signature: Uint8Array } {
  // One: its product with the base point is the base point.
  const basePoint = Buffer.from(`58${'66'.repeat(31)}`, 'hex')
  const one = new Uint8Array(32)
  one[0] = 1
  return { message, signature: Buffer.concat([basePoint, one]) }
}

test('a key of small order, for which everybody can sign, pays nothing on the chain and nothing here', async () => {
  const world = new MarketWorld()
  const weak = new Uint8Array(32)
  weak[0] = 1
  const lease = world.open(world.newProvider(), world.newRenter(), { session: new PublicKey(weak) })
  const { message } = world.voucher(lease, { amount: 1_000n })
  const forged = signForNobody(message)
  assert.is(world.send(world.settling(lease, forged), [world.payer]).code, 'CHAIN_TRANSACTION_FAILED')
  assert.is(createVerifier(weak)(message, forged.signature), false)
  assert.is(await verifySignature(weak, message, forged.signature), false)
  const signer = createSigner(lease.renter.session.secretKey)
  const weakNonce = Buffer.concat([weak, signer.sign(message).subarray(32)])
  assert.is(createVerifier(signer.publicKey.toBytes())(message, weakNonce), false)
  assert.is(await verifySignature(signer.publicKey.toBytes(), message, signer.sign(message)), true)
})

test.run()
