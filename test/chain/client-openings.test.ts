import {
  ComputeBudgetProgram,
  MessageV0,
  PublicKey,
  SystemProgram,
  type TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openLease } from '../../chain/client/instructions.js'
import { createSigner } from '../../chain/client/signing.js'
import {
  buildOpening,
  decodeOpening,
  disagreement,
  signTransaction,
} from '../../chain/client/transactions.js'
import { codeOf } from '../../protocols/errors.js'
import { MarketWorld } from '../support/escrow.js'
import { hashOf } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('openings: what a provider reads before it signs')

const world = new MarketWorld()
const provider = world.newProvider()
const renter = world.newRenter()
const args = world.opening(provider, renter, { termsHash: hashOf('openings') })
const lifetime = () => ({ blockhash: world.svm.latestBlockhash() as string })

test('an opening goes from renter to provider and back, each signs its half, and the chain takes it', async () => {
  const built = buildOpening(args, 1_000, lifetime())
  const received = decodeOpening(built.serialize(), world.programId)
  assert.is(received.pricePerHour, 3_600_000n)
  assert.is(received.durationSeconds, 3_600)
  assert.is(received.deposit, 3_600_000n)
  assert.is(received.bond, 720_000n)
  assert.is(received.microLamports, 1_000)
  assert.equal(received.termsHash, args.termsHash)
  assert.ok(received.node.equals(provider.node.publicKey))
  assert.ok(received.renter.equals(renter.wallet.publicKey))
  assert.ok(received.session.equals(renter.session.publicKey))
  assert.ok(received.provider.equals(provider.address))
  const { terms } = world.market(world.address)
  assert.is(disagreement(received, terms), undefined)
  assert.is(disagreement({ ...received, bond: 1n }, terms), 'bond')
  assert.is(disagreement({ ...received, feeBps: 9 }, terms), 'feeBps')
  assert.is(disagreement({ ...received, disputeWindowSeconds: 9 }, terms), 'disputeWindowSeconds')

  await signTransaction(received.transaction, createSigner(provider.node.secretKey))
  const returned = VersionedTransaction.deserialize(received.transaction.serialize())
  await signTransaction(returned, createSigner(renter.wallet.secretKey))
  world.expect(world.submit(returned))
  assert.is(world.lease(received.lease).deposit, 3_600_000n)
})

const unit = ComputeBudgetProgram.setComputeUnitLimit({ units: 40_000 })
const price = ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 1 })

function compile(
  instructions: TransactionInstruction[],
  payer = renter.wallet.publicKey,
): { message: TransactionMessage; bytes: Uint8Array } {
  const message = new TransactionMessage({
    payerKey: payer,
    recentBlockhash: world.svm.latestBlockhash(),
    instructions,
  })
  return { message, bytes: new VersionedTransaction(message.compileToLegacyMessage()).serialize() }
}

test('whatever is not exactly an opening is refused', () => {
  const open = openLease(args)
  const node = provider.node.publicKey
  const change = (edit: (instruction: TransactionInstruction) => void) => {
    const changed = openLease(args)
    edit(changed)
    return compile([unit, price, changed]).bytes
  }
  const gift = SystemProgram.transfer({ fromPubkey: node, toPubkey: renter.wallet.publicKey, lamports: 1 })
  const lookup = new VersionedTransaction(compile([unit, price, open]).message.compileToV0Message())
  assert.ok(lookup.message instanceof MessageV0)
  const cases: [string, Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['noise', hashOf('noise')],
    ['too many bytes', new Uint8Array(1300)],
    ['bytes behind it', Buffer.concat([compile([unit, price, open]).bytes, Buffer.alloc(1)])],
    ['a versioned message', lookup.serialize()],
    ['no compute limit', compile([price, open]).bytes],
    ['no priority fee', compile([unit, open]).bytes],
    ['only budget', compile([unit, price, unit]).bytes],
    ['the two in another order', compile([price, unit, open]).bytes],
    ['a transfer besides', compile([unit, price, open, gift]).bytes],
    ['a transfer instead', compile([unit, price, gift]).bytes],
    ['two openings', compile([unit, price, open, open]).bytes],
    ['the node as payer', compile([unit, price, open], node).bytes],
    ['a third signer', compile([unit, price, open], provider.owner.publicKey).bytes],
    [
      'the node as writable',
      change((i) => {
        i.keys[1]!.isWritable = true
      }),
    ],
    [
      'another program',
      change((i) => {
        i.programId = SystemProgram.programId
      }),
    ],
    [
      'another instruction',
      change((i) => {
        i.data[0] = 5
      }),
    ],
    [
      'a byte more',
      change((i) => {
        i.data = Buffer.concat([i.data, Buffer.alloc(1)])
      }),
    ],
    [
      'an account more',
      change((i) => {
        i.keys.push({ pubkey: node, isSigner: false, isWritable: false })
      }),
    ],
    [
      'an account less',
      change((i) => {
        i.keys.pop()
      }),
    ],
    [
      "another provider's account",
      change((i) => {
        i.keys[3]!.pubkey = PublicKey.default
      }),
    ],
    [
      'another lease address',
      change((i) => {
        i.keys[4]!.pubkey = provider.address
      }),
    ],
    [
      'another vault',
      change((i) => {
        i.keys[5]!.pubkey = provider.vault
      }),
    ],
    [
      'another token program',
      change((i) => {
        i.keys[8]!.pubkey = SystemProgram.programId
      }),
    ],
    [
      'a deposit of less',
      change((i) => {
        i.data.writeBigUInt64LE(1n, 81)
      }),
    ],
    [
      'a duration of ages',
      change((i) => {
        i.data.writeBigUInt64LE(2n ** 40n, 73)
      }),
    ],
  ]
  for (const [what, bytes] of cases) {
    try {
      decodeOpening(bytes, world.programId)
      assert.unreachable(`accepted: ${what}`)
    } catch (error) {
      assert.is(codeOf(error), 'OPENING_REFUSED', `${what}: ${String(error)}`)
    }
  }
  assert.ok(decodeOpening(compile([unit, price, open]).bytes, world.programId))
})

test('no bytes whatever make the reader fail otherwise than by a refusal', () => {
  const good = compile([unit, price, openLease(args)]).bytes
  let refused = 0
  const read = (bytes: Uint8Array) => {
    try {
      decodeOpening(bytes, world.programId)
    } catch (error) {
      assert.is(codeOf(error), 'OPENING_REFUSED', String((error as Error).stack))
      refused++
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), read))
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Uint8Array.from(good)
      bytes[at]! ^= flip
      read(bytes)
    }),
    { numRuns: 300 },
  )
  assert.ok(refused > 150)
})

test.run()
