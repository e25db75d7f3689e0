import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getAssociatedTokenAddressSync } from '@solana/spl-token'
import type { Keypair } from '@solana/web3.js'
import { PublicKey } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { decodeLease } from '../../chain/client/layouts.js'
import { localnetProgramKeypair } from '../../chain/client/loader.js'
import { createSigner, type Signer } from '../../chain/client/signing.js'
import { sampleEntries } from '../../kernels/proof/verifier.js'
import { type Device, openDevice } from '../../kernels/worker/device.js'
import type { DemandState, Escrow, OpeningDemand } from '../../node/escrow/port.js'
import { createRegistry } from '../../node/escrow/registration.js'
import { createSolanaEscrow } from '../../node/escrow/solana.js'
import { createProvider, type Provider } from '../../node/provider.js'
import { createGenesis } from '../../node/swarm/genesis.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { isRefusal } from '../../protocols/errors.js'
import { contentOf } from '../../protocols/job/content.js'
import { outputDigest } from '../../protocols/job/rules.js'
import type { MemoryChain } from '../support/chain.js'
import { until } from '../support/clock.js'
import { startTestChain, type TestChain } from '../support/local-chain.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import {
  createFakeDevice,
  createMemoryStore,
  createRenter,
  type OpenLease,
  type ScriptedRenter,
  upload,
} from '../support/provider.js'
import { keypairOf, PROGRAM_PATH } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('a provider and its renter on the real program')

const programId = localnetProgramKeypair().publicKey
const STAKE = 20_000_000n
const PARAMS = { n: 256, rounds: 2 }
const DATA = { name: 'data', bytes: new Uint8Array(1_000).fill(1) }
const wallet = keypairOf('renter of the real program')
const owner = keypairOf('owner of the real program')

let chain: TestChain
let device: Device
let hub: ReturnType<typeof createHub>
let provider: Provider
let network: MemoryNetwork
let renterNetwork: MemoryNetwork
let escrow: Escrow
let renter: ScriptedRenter
let market: PublicKey
let mint: PublicKey
const fake = createFakeDevice()
const store = createMemoryStore()
const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-real-'))

const signerOf = (keypair: Keypair): Signer => createSigner(keypair.secretKey)
const nodeSigner = ({ publicKey, privateKey }: MemoryNetwork): Signer => ({
  publicKey: new PublicKey(publicKey),
  sign: async (message) => privateKey.sign(message),
})
const connect = (node: Signer, payer?: Signer): Escrow =>
  createSolanaEscrow({
    rpcUrl: chain.chain.rpcUrl,
    wsUrl: chain.chain.wsUrl,
    commitment: 'confirmed',
    programId,
    market,
    node,
    ...(payer && { wallet: payer }),
    clock: systemClock,
  })

/** A process of the provider's: the same key, the same disk. */
async function start(): Promise<Provider> {
  network = await hub.join(network?.privateKey)
  return createProvider({
    network,
    escrow: connect(nodeSigner(network)),
    store,
    devices: [{ ...fake, prove: device.prove }],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    dataDir,
    pricePerHour: 3_600_000n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    version: '0.0.0',
    reconcilePeriodMs: 200,
  })
}

test.before(
  async () => {
    chain = await startTestChain({ programs: [{ programId, so: readFileSync(PROGRAM_PATH) }] })
    device = await openDevice({ backend: 'wasm', clock: systemClock, log: silentLog })
    const genesis = createGenesis({ rpcUrl: chain.chain.rpcUrl, clock: systemClock })
    ;({ market, mint } = await genesis.prepare())
    hub = createHub()
    network = await hub.join()
    renterNetwork = await hub.join()
    const lamports = 5_000_000_000n
    await genesis.fund([
      { address: wallet.publicKey, lamports, tokens: 1_000_000_000n },
      { address: owner.publicKey, lamports, tokens: 1_000_000_000n },
      { address: new PublicKey(network.publicKey), lamports, tokens: 0n },
    ])
    const registry = createRegistry({
      rpcUrl: chain.chain.rpcUrl,
      commitment: 'confirmed',
      programId,
      market,
      clock: systemClock,
    })
    const payout = getAssociatedTokenAddressSync(mint, owner.publicKey)
    await registry.register({ node: nodeSigner(network), owner: signerOf(owner), payout, stake: STAKE })
    escrow = connect(nodeSigner(renterNetwork), signerOf(wallet))
    // A scripted renter needs of its chain no more than the market and the escrow.
    const parts = {
      market: market.toBytes(),
      escrow: () => escrow,
      leases: new Map(),
    } as Partial<MemoryChain>
    renter = await createRenter({ network: renterNetwork, chain: parts as MemoryChain, clock: systemClock })
    provider = await start()
  },
  { timeoutMs: 120_000 },
)

test.after(async () => {
  renter.close()
  await provider.stop()
  await device.close()
  await chain.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const lease = () =>
  renter.lease(network.peer, { wallet: wallet.publicKey.toBytes(), ceilingPricePerHour: 7_200_000n })
const stakeNow = async () => (await connect(nodeSigner(renterNetwork)).provider(network.publicKey))?.stake

/** Ends a lease, so that its devices are free for the next test. */
async function end(opened: OpenLease): Promise<void> {
  const { serial } = (await escrow.lease(opened.address))!
  const { refused } = await renter.pay(opened, 1n, 1n, { final: true, serial })
  assert.is(refused, '')
  await until(async () => (await escrow.lease(opened.address)) === undefined)
}

/** Asks for a proof in the lease, takes the receipt, and lets nobody open it. */
async function takeReceipt({ address }: OpenLease): Promise<OpeningDemand> {
  const session = await renterNetwork.engine.open(challengeProtocol, network.peer)
  const seed = systemRandom.bytes(32)
  await session.send({
    ask: { market: market.toBytes(), lease: address, seed, params: PARAMS, resident: false },
  })
  const signed = (await session.receive())?.receipt
  await session.close()
  if (signed === undefined) throw new Error('no receipt came')
  const [entry] = sampleEntries(PARAMS, 1, systemRandom)
  return { ...signed, entry: entry! }
}

async function demand(wanted: OpeningDemand): Promise<DemandState> {
  const state = await escrow.demandOpening(wanted)
  if (isRefusal(state)) throw new Error(`${state.refused}: ${state.detail}`)
  return state
}

test(
  'an opening that the chain demands is given by the running provider, at no cost to it',
  async () => {
    const opened = await lease()
    const wanted = await takeReceipt(opened)
    assert.is((await demand(wanted)).state, 'asked')
    await until(async () => (await demand(wanted)).state === 'answered')
    assert.is(provider.status().counters.demandsAnswered, 1)
    assert.is(await stakeNow(), STAKE)
    await end(opened)
  },
  { timeoutMs: 120_000 },
)

test(
  'an opening that was demanded while the provider was off is given after its start',
  async () => {
    const opened = await lease()
    const wanted = await takeReceipt(opened)
    await provider.stop()
    assert.is((await demand(wanted)).state, 'asked')
    chain.chain.advance({ seconds: 30 })
    provider = await start()
    await until(async () => (await demand(wanted)).state === 'answered')
    assert.is(await stakeNow(), STAKE)
    await end(opened)
  },
  { timeoutMs: 120_000 },
)

test(
  'a provider that stays off loses what the lease’s bond says, and no more',
  async () => {
    const opened = await lease()
    const wanted = await takeReceipt(opened)
    await provider.stop()
    await demand(wanted)
    const { bond = 0n } = (await escrow.lease(opened.address)) ?? {}
    chain.chain.advance({ seconds: 60 })
    const state = await demand(wanted)
    assert.is(state.state, 'slashed')
    assert.is(state.state === 'slashed' && state.slash.slashed, bond / 2n)
    assert.equal(await demand(wanted), state, 'asked again it says the same')
    assert.is(await stakeNow(), STAKE - bond / 2n)
    provider = await start()
    await end(opened)
  },
  { timeoutMs: 120_000 },
)

test(
  'a provider whose renter vanished after the work posts what it delivered, and its bond is safe',
  async () => {
    const before = await stakeNow()
    const opened = await lease()
    const talk = await renter.startJob(opened, [DATA])
    await upload(talk, [DATA])
    await until(() => fake.isRunning())
    const bytes = new Uint8Array(100).fill(3)
    fake.finish([{ name: 'model', bytes }])
    await talk.close()
    await until(() => provider.status().jobs.length === 0)
    const account = await escrow.lease(opened.address)
    assert.is(account?.completed, false)
    chain.chain.advance({ seconds: account!.deadline - (await escrow.chainTime()) - 20 })
    await until(async () => (await escrow.lease(opened.address))?.completed === true)
    const address = new PublicKey(opened.address)
    const posted = decodeLease(address, await chain.connection.getAccountInfo(address), programId)
    const delivered = [{ name: 'model', sha256: contentOf(bytes), bytes: bytes.length }]
    assert.equal(new Uint8Array(posted.output!), outputDigest(delivered))
    chain.chain.advance({ seconds: 90 })
    await until(async () => (await escrow.lease(opened.address)) === undefined)
    assert.is(await stakeNow(), before, 'nothing was burned')
    assert.is((await escrow.outcome(opened.address))?.paid, 0n)
  },
  { timeoutMs: 180_000 },
)

test.run()
