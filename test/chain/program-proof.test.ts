import * as assert from 'uvu/assert'
import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import type { Opening } from '../../kernels/proof/opening.js'
import { climb, hashLeaf } from '../../kernels/proof/tree.js'
import { verifyOpenings } from '../../kernels/proof/verifier.js'
import { entryCount } from '../../protocols/challenge/params.js'
import { MarketWorld, type ProviderParty } from '../support/escrow.js'
import { lieAbout, receiptOf } from '../support/fraud.js'
import { openTestDevice } from '../support/kernels.js'
import { hashOf, type Outcome } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('a proof made by a device, on the chain')

const params = { n: 1024, rounds: 16 }
const entry = { round: 9, row: 777, column: 123 }
const seed = hashOf('a challenge')

/** The rest is what an outsider does who holds the receipt and one opening. */
function prosecute(world: MarketWorld, provider: ProviderParty, root: Uint8Array, opening: Opening): Outcome {
  const receipt = receiptOf(world, provider, { seed, params, root })
  const outsider = world.wallet('outsider')
  const { programId, mint } = world
  const dispute = disputeAddress(programId, outsider.publicKey, receipt.hash)
  const open = disputes.openDispute({
    programId,
    reporter: outsider.publicKey,
    provider: provider.address,
    node: provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
  world.expect(world.send(open, [outsider]))
  for (const part of disputes.postOpening(programId, outsider.publicKey, dispute, opening)) {
    world.expect(world.send([part], [outsider]))
  }
  const state = decodeDispute(dispute, world.account(dispute), programId)
  const bounty = world.createTokenAccount(mint, outsider.publicKey)
  const slash = disputes.slashFraud({ programId, dispute, state, mint, bounty, refund: bounty })
  return world.heavy([slash], [outsider])
}

test(
  'one wrong entry among four millions is slashed, the same proof without it is not',
  async () => {
    assert.is(entryCount(params), 4_194_304)
    const device = await openTestDevice()
    try {
      const proof = await device.prove({ seed, params })
      const [opening] = await proof.open([entry])
      const world = new MarketWorld()
      const provider = world.newProvider()
      assert.equal(verifyOpenings({ seed, params, root: proof.root }, [entry], [opening!]), { ok: true })
      assert.is(prosecute(world, provider, proof.root, opening!).code, 'ESCROW_ENTRY_IS_RIGHT')
      assert.is(world.provider(provider.address).stake, 10_000_000n)

      // The root of the tree in which this one entry is another and everything else is right.
      const segment = lieAbout(opening!.segment, entry.column)
      const leaf = entry.round * 1024 + entry.row
      const root = new Uint8Array(climb(hashLeaf(segment), leaf, opening!.path))
      assert.is.not(Buffer.compare(root, proof.root), 0)
      world.expect(prosecute(world, provider, root, { ...opening!, segment }))
      assert.is(world.provider(provider.address).stake, 5_000_000n)
    } finally {
      await device.close()
    }
  },
  { timeoutMs: 120_000 },
)

test.run()
