import * as assert from 'uvu/assert'
import { systemClock } from '../../node/system/clock.js'
import { digest, equal } from '../../protocols/bytes.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { JobState } from '../../protocols/job/wire.js'
import { verifySignature } from '../../protocols/signature.js'
import { createMemoryChain } from '../support/chain.js'
import { until } from '../support/clock.js'
import { withNetworks } from '../support/network.js'
import { createRenter, nextEvent, startProvider, upload } from '../support/provider.js'
import { suite } from '../support/suite.js'

const test = suite('a provider over real sockets')
const DATA = { name: 'data', bytes: new Uint8Array(1_500_000).map((_, index) => index % 253) }

test(
  'heartbeat, order, bid, lease, challenge, job, vouchers and result travel over libp2p',
  () =>
    withNetworks(3, async (relay, far, near) => {
      const clock = systemClock
      const chain = createMemoryChain(clock)
      const bystander = await createRenter({ network: relay, chain, clock })
      const renter = await createRenter({ network: near, chain, clock })
      const house = await startProvider({ network: far, chain, clock, options: { heartbeatPeriodMs: 500 } })
      try {
        // The provider and the renter are not connected: the relay passes the gossip on.
        await until(() => renter.heartbeats.newest(far.peer) !== undefined)
        assert.ok(renter.topic.orders().length === 0)
        const lease = await renter.lease(far.peer, { commitMs: 800, revealMs: 2_000 })
        assert.ok(bystander.commitments.includes(far.peer))
        assert.ok(renter.bids.some(({ peer }) => peer === far.peer))

        const inventory = await near.engine.request(inventoryProtocol, far.peer, {})
        assert.ok(inventory.heartbeat.length > 0)
        assert.is(inventory.benchmarks[0]?.backend, 'cpu')

        const proof = await near.engine.open(challengeProtocol, far.peer)
        const seed = digest(DATA.bytes)
        await proof.send({
          ask: {
            market: chain.market,
            lease: lease.address,
            seed,
            params: { n: 64, rounds: 1 },
            resident: false,
          },
        })
        const signed = (await proof.receive())?.receipt
        assert.ok(await verifySignature(far.publicKey, signed!.receipt, signed!.signature))
        assert.ok(equal(decodeReceipt(signed!.receipt)!.seed, seed))
        await proof.send({ open: { entries: [{ round: 0, row: 3, column: 4 }] } })
        assert.is((await proof.receive())?.openings?.openings[0]?.row, 3)
        await proof.close()
        await until(() => house.device.proofs.open === 0)

        const talk = await renter.startJob(lease, [DATA])
        await upload(talk, [DATA])
        await until(house.device.isRunning)
        assert.ok(equal(house.device.jobs[0]!.inputs.data, DATA.bytes))
        await renter.pay(lease, 10n, 1n)
        house.device.finish([{ name: 'model', bytes: DATA.bytes }])
        const [output] = await nextEvent(talk, (event) => event.output?.blobs)
        await nextEvent(talk, ({ state }) => (state?.state === JobState.COMPLETED ? state : undefined))
        assert.ok(equal(await talk.hold.take(talk.peer, output!), DATA.bytes))
        await talk.send({ accepted: {} })
        await talk.close()
        const closed = await renter.pay(lease, 20n, 2n, { final: true })
        assert.is(closed.refused, '')
        assert.ok(closed.closing.startsWith('close'))
        assert.is(chain.total(), 0n)
        await until(() => renter.heartbeats.newest(far.peer)?.heartbeat.availability === 'FREE')
      } finally {
        renter.close()
        bystander.close()
        await house.remove()
      }
    }),
  { timeoutMs: 40_000 },
)

test('a provider that stops says so to the market', () =>
  withNetworks(2, async (one, two) => {
    const clock = systemClock
    const chain = createMemoryChain(clock)
    const renter = await createRenter({ network: one, chain, clock })
    const house = await startProvider({ network: two, chain, clock, options: { heartbeatPeriodMs: 300 } })
    await until(() => renter.heartbeats.newest(two.peer)?.heartbeat.availability === 'FREE')
    await house.remove()
    await until(() => renter.heartbeats.newest(two.peer)?.heartbeat.availability === 'PAUSED')
    renter.close()
  }))

test.run()
