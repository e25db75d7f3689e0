import { PublicKey, SolanaJSONRPCError, type VersionedTransaction } from '@solana/web3.js'
import bs58 from 'bs58'
import * as assert from 'uvu/assert'
import { type Chain, type ChainRpc, priorityFee, sendInstructions } from '../../chain/client/sending.js'
import { createSigner } from '../../chain/client/signing.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { systemClock } from '../../node/system/clock.js'
import { codeOf, type NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { until } from '../support/clock.js'
import { type LeaseParty, MarketWorld } from '../support/escrow.js'
import { suite } from '../support/suite.js'

const test = suite('sending: never executed twice, never given up in silence')

/** Time passes only when somebody sleeps. */
function createFakeClock(): Clock {
  let elapsed = 0
  return {
    now: () => elapsed,
    elapsed: () => elapsed,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      elapsed += ms
    },
    after: () => () => {},
    every: () => () => {},
  }
}

/** A cluster of one node on the real runtime, whose faults the test chooses. */
class Node {
  height = 1
  sent: string[] = []
  readonly landed = new Map<string, { err: unknown; logs: string[] }>()
  /** How many calls fail as a broken connection does. */
  broken = 0
  /** How many sendings are lost on the way. */
  lost = 0
  /** How many sendings are executed while the answer is lost. */
  unanswered = 0
  /** Executed only now and then: heights that pass with every look. */
  heightsPerLook = 0

  constructor(readonly world: MarketWorld) {}

  private check(): void {
    if (this.broken > 0) {
      this.broken--
      throw new TypeError('fetch failed')
    }
  }

  /** How often it was asked for a status. */
  looks = 0

  readonly rpc = {
    getLatestBlockhash: async () => {
      this.check()
      this.world.svm.expireBlockhash()
      return { blockhash: this.world.svm.latestBlockhash(), lastValidBlockHeight: this.height + 150 }
    },
    getBlockHeight: async () => {
      this.check()
      this.height += this.heightsPerLook
      return this.height
    },
    getSignatureStatuses: async ([signature]: string[]) => {
      this.looks++
      this.check()
      const found = this.landed.get(signature!)
      const status = found === undefined ? null : { slot: 7, err: found.err, confirmationStatus: 'confirmed' }
      return { context: { slot: 7 }, value: [status] }
    },
    getTransaction: async (signature: string) => {
      this.check()
      return { meta: { logMessages: this.landed.get(signature)?.logs ?? [] } }
    },
    getRecentPrioritizationFees: async () => {
      this.check()
      return [5, 1, 9, 3].map((prioritizationFee, slot) => ({ slot, prioritizationFee }))
    },
    simulateTransaction: async (transaction: VersionedTransaction) => {
      this.check()
      return { context: { slot: 7 }, value: this.world.rehearse(transaction) }
    },
    sendRawTransaction: async (bytes: Uint8Array) => {
      this.check()
      const transaction = this.world.parse(bytes)
      const signature = bs58.encode(transaction.signatures[0]!)
      this.sent.push(signature)
      if (this.lost > 0) {
        this.lost--
        return signature
      }
      const outcome = this.world.submit(transaction, { keepBlockhash: true })
      if (outcome.code === '') this.landed.set(signature, { err: null, logs: outcome.logs })
      if (this.unanswered > 0) {
        this.unanswered--
        throw new TypeError('fetch failed')
      }
      return signature
    },
  } as unknown as ChainRpc
}

interface Stage {
  node: Node
  chain: Chain
  lease: LeaseParty
  settle(amount: bigint, signal?: AbortSignal): ReturnType<typeof sendInstructions>
}

function createStage(): Stage {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  const node = new Node(world)
  const chain: Chain = { rpc: node.rpc, clock: createFakeClock(), programId: world.programId }
  const settle = (amount: bigint, signal?: AbortSignal) =>
    sendInstructions(
      chain,
      {
        instructions: world.settling(lease, world.voucher(lease, { amount })),
        signers: [createSigner(world.payer.secretKey)],
        fee: { computeUnits: COMPUTE_UNITS.settle, microLamports: 1 },
      },
      signal,
    )
  return { node, chain, lease, settle }
}

async function codeFrom(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return codeOf(error)
  }
}

test('a transaction is confirmed, and its events come back', async () => {
  const { node, settle, lease } = createStage()
  const receipt = await settle(10n)
  assert.is(receipt.events[0]?.name, 'LeaseSettled')
  assert.is(node.sent.length, 1)
  assert.is(node.world.tokens(lease.provider.payout), 10n)
})

test('lost sendings are repeated with the same signature', async () => {
  const { node, settle } = createStage()
  node.lost = 3
  await settle(10n)
  assert.is(node.sent.length, 4)
  assert.is(new Set(node.sent).size, 1)
})

test('an executed transaction whose answer was lost is recognised and not signed again', async () => {
  const { node, settle, lease } = createStage()
  node.unanswered = 1
  const receipt = await settle(10n)
  assert.is(new Set(node.sent).size, 1)
  assert.is(receipt.signature, node.sent[0])
  assert.is(node.world.tokens(lease.provider.payout), 10n)
})

test('only when its blockhash is dead is it signed again', async () => {
  const { node, settle, lease } = createStage()
  node.lost = 4
  node.heightsPerLook = 10
  const receipt = await settle(10n)
  const signatures = [...new Set(node.sent)]
  assert.is(signatures.length, 2)
  assert.is(receipt.signature, signatures[1])
  assert.is(node.world.tokens(lease.provider.payout), 10n)
})

test('it gives up with a clear error when the chain takes nothing', async () => {
  const { node, settle } = createStage()
  node.lost = 1_000
  node.heightsPerLook = 40
  assert.is(await codeFrom(settle(10n)), 'CHAIN_BLOCKHASH_EXPIRED')
  assert.is(new Set(node.sent).size, 4)
})

test('a node that is down for a while costs time and nothing else', async () => {
  const { node, chain, settle, lease } = createStage()
  node.broken = 6
  await settle(10n)
  assert.ok(chain.clock.elapsed() > 5_000)
  assert.is(node.world.tokens(lease.provider.payout), 10n)
})

test('a node that stays down is reported, with the cause', async () => {
  const { node, settle } = createStage()
  node.broken = Number.POSITIVE_INFINITY
  try {
    await settle(10n)
    assert.unreachable()
  } catch (error) {
    assert.is(codeOf(error), 'CHAIN_UNREACHABLE')
    assert.match(String((error as NightshiftError).cause), 'fetch failed')
  }
})

test('a refusal by the program is named before anything is sent', async () => {
  const { node, settle } = createStage()
  assert.is(await codeFrom(settle(9_999_999_999n)), 'ESCROW_VOUCHER_ABOVE_DEPOSIT')
  assert.is(node.sent.length, 0)
})

test('an answer that says no is passed on at once', async () => {
  const { node, chain } = createStage()
  const rpc = {
    ...node.rpc,
    getRecentPrioritizationFees: async () => {
      throw new SolanaJSONRPCError({ code: -32601, message: 'Method not found' })
    },
  } as ChainRpc
  assert.is(await codeFrom(priorityFee({ ...chain, rpc }, [], 100)), 'CHAIN_RPC_REFUSED')
  assert.is(chain.clock.elapsed(), 0)
})

test('an abort ends the waiting', async () => {
  const { node, settle } = createStage()
  node.lost = 1_000
  const controller = new AbortController()
  const promise = settle(10n, controller.signal)
  controller.abort(new Error('enough'))
  assert.is(await promise.catch((error) => error.message), 'enough')
})

test('the priority fee follows recent blocks up to a limit', async () => {
  const { chain } = createStage()
  assert.is(await priorityFee(chain, [PublicKey.default], 100), 9)
  assert.is(await priorityFee(chain, [PublicKey.default], 4), 4)
})

test('a lease that is gone is an error with a name, not an empty answer', () => {
  const { node, lease } = createStage()
  const { world } = node
  world.expect(
    world.send(world.closing(lease, { signer: lease.renter.session.publicKey }), [
      world.payer,
      lease.provider.node,
      lease.renter.session,
    ]),
  )
  for (const [address, code] of [
    [lease.address, 'CHAIN_ACCOUNT_MISSING'],
    [lease.provider.address, 'CHAIN_ACCOUNT_LAYOUT'],
    [lease.renter.source, 'CHAIN_ACCOUNT_FOREIGN'],
  ] as const) {
    try {
      world.lease(address)
      assert.unreachable()
    } catch (error) {
      assert.is(codeOf(error), code)
    }
  }
})

/** A node that executes after `looks` looks, and tells whoever listens. */
async function wait(listening: 'live' | 'dead' | 'none', looks = 20) {
  const { node, chain, settle } = createStage()
  let asked = 0
  let ended = 0
  const { getSignatureStatuses } = node.rpc
  Object.assign(node.rpc, {
    getSignatureStatuses: async (...args: Parameters<typeof getSignatureStatuses>) => {
      asked++
      return chain.clock.elapsed() < looks * 1_000
        ? { context: { slot: 7 }, value: [null] }
        : getSignatureStatuses(...args)
    },
  })
  const confirmations = {
    watch: () => ({ isLive: () => listening === 'live', end: () => void ended++ }),
  }
  if (listening !== 'none') chain.confirmations = confirmations
  await settle(1_000n)
  assert.is(new Set(node.sent).size, 1, 'one signature')
  return { asked, ended, tookMs: chain.clock.elapsed() }
}

test('while news would be heard the node is asked less often; without, as before', async () => {
  const [live, dead, none] = [await wait('live'), await wait('dead'), await wait('none')]
  assert.ok(live.asked <= 12, `${live.asked} looks in 20 s`)
  assert.is(live.ended, 1, 'nobody is left listening')
  assert.is(dead.asked, none.asked)
  assert.ok(none.asked >= 50)
})

test('news ends the waiting at once, and an abort too', async () => {
  const { node, chain, settle } = createStage()
  const clock = systemClock
  node.lost = 1
  let tell: (() => void) | undefined
  chain.clock = { ...clock, sleep: (ms, signal) => clock.sleep(ms * 1_000, signal) }
  chain.confirmations = {
    watch: (_signature, onNews) => {
      tell = onNews
      return { isLive: () => true, end: () => {} }
    },
  }
  const abort = new AbortController()
  const sending = settle(1_000n, abort.signal).catch(String)
  await until(() => tell !== undefined)
  const lookedBefore = node.looks
  tell?.()
  await until(() => node.looks > lookedBefore)
  abort.abort(new Error('no more'))
  assert.is(await sending, 'Error: no more')
})

test.run()
