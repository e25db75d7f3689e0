import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createAccount, createMint, mintTo } from '@solana/spl-token'
import {
  Connection,
  Keypair,
  LAMPORTS_PER_SOL,
  type PublicKey,
  type TransactionInstruction,
  VersionedTransaction,
} from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { disputeAddress, marketAddress, providerAddress } from '../../chain/client/addresses.js'
import { deployProgram } from '../../chain/client/deployment.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute, decodeLease, decodeProvider } from '../../chain/client/layouts.js'
import * as loader from '../../chain/client/loader.js'
import { type Chain, latestLifetime, sendInstructions, sendTransaction } from '../../chain/client/sending.js'
import { createSigner } from '../../chain/client/signing.js'
import {
  buildOpening,
  COMPUTE_UNITS,
  decodeOpening,
  signTransaction,
} from '../../chain/client/transactions.js'
import { systemClock } from '../../node/system/clock.js'
import { encodeReceipt } from '../../protocols/challenge/receipt.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import { commit, lieAbout, sha256, trueSegment } from '../support/fraud.js'
import { hangUp, startTestChain } from '../support/local-chain.js'
import { hashOf, keypairOf, PROGRAM_PATH, signMessage } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program through RPC: on the local chain, and on an independent validator')
const PACKAGE = '@solana/surfpool-linux-x64-gnu'

interface Surfnet {
  rpcUrl: string
  wsUrl: string
  stop(): void
}

function loadSurfpool(): { Surfnet: { start(): Surfnet } } | undefined {
  try {
    return createRequire(import.meta.url)(PACKAGE)
  } catch {
    return undefined
  }
}

/** Deploys the program, runs a job and has a false proof slashed, all with the client and an unmodified Connection. */
async function rehearse(connection: Connection): Promise<void> {
  const [owner, node, wallet, session] = ['owner', 'node', 'wallet', 'session'].map(keypairOf) as [
    Keypair,
    Keypair,
    Keypair,
    Keypair,
  ]
  const base = keypairOf('base')
  for (const { publicKey } of [owner, node, wallet]) {
    const signature = await connection.requestAirdrop(publicKey, 50 * LAMPORTS_PER_SOL)
    await connection.confirmTransaction({ signature, ...(await connection.getLatestBlockhash()) })
  }
  const programId = loader.localnetProgramKeypair().publicKey
  const chain: Chain = { rpc: connection, clock: systemClock, programId }
  const send = (
    instructions: TransactionInstruction[],
    [first, ...others]: [Keypair, ...Keypair[]],
    computeUnits = 200_000,
  ) =>
    sendInstructions(chain, {
      instructions,
      signers: [createSigner(first.secretKey), ...others.map((other) => createSigner(other.secretKey))],
      fee: { computeUnits, microLamports: 1 },
    })
  const deployment = {
    program: new Uint8Array(readFileSync(PROGRAM_PATH)),
    programKey: createSigner(loader.localnetProgramKeypair().secretKey),
    bufferKey: createSigner(Keypair.generate().secretKey),
    payer: createSigner(owner.secretKey),
    microLamports: 1,
  }
  const connected = { ...chain, rpc: connection }
  assert.is(await deployProgram(connected, deployment), 'deployed')
  assert.is(await deployProgram(connected, deployment), 'unchanged')
  const slot = await connection.getSlot()
  while ((await connection.getSlot()) <= slot) await systemClock.sleep(100)

  const mint = await createMint(connection, owner, owner.publicKey, null, 6)
  const fund = async (holder: Keypair, amount: bigint): Promise<PublicKey> => {
    const account = await createAccount(connection, owner, mint, holder.publicKey, Keypair.generate())
    if (amount > 0n) await mintTo(connection, owner, mint, account, owner, amount)
    return account
  }
  const source = await fund(owner, 20_000_000n)
  const payout = await fund(owner, 0n)
  const deposit = await fund(wallet, 20_000_000n)
  const market = marketAddress(programId, base.publicKey)
  const shares = { bondBps: 2_000, slashBps: 5_000, bountyBps: 1_000, feeBps: 0 }
  const times = { coolDownSeconds: 3_600, disputeWindowSeconds: 600 }
  const terms = { minimumStake: 1_000_000n, ...times, ...shares, governance: owner.publicKey }
  const init = {
    programId,
    payer: owner.publicKey,
    base: base.publicKey,
    mint,
    terms,
    updateDelaySeconds: 60,
  }
  await send([escrow.initMarket(init)], [owner, base])
  const parties = { programId, market, mint, node: node.publicKey }
  const stake = 10_000_000n
  const registration = escrow.registerProvider({ ...parties, owner: owner.publicKey, source, payout, stake })
  await send([registration], [owner, node])
  const provider = providerAddress(programId, market, node.publicKey)

  const lifetime = await latestLifetime(chain)
  const built = buildOpening(
    {
      ...parties,
      renter: wallet.publicKey,
      source: deposit,
      termsHash: hashOf('terms'),
      session: session.publicKey,
      pricePerHour: 3_600_000n,
      durationSeconds: 3_600,
      bondBps: shares.bondBps,
      feeBps: shares.feeBps,
      disputeWindowSeconds: times.disputeWindowSeconds,
    },
    1,
    lifetime,
  )
  const opening = decodeOpening(built.serialize(), programId)
  await signTransaction(opening.transaction, createSigner(node.secretKey))
  const both = VersionedTransaction.deserialize(opening.transaction.serialize())
  await signTransaction(both, createSigner(wallet.secretKey))
  const opened = await sendTransaction(chain, both, lifetime)
  assert.is(opened.events[0]?.name, 'LeaseOpened')
  const lease = decodeLease(opening.lease, await connection.getAccountInfo(opening.lease), programId)
  const voucher = (amount: bigint, sequence: bigint, final: boolean) =>
    signMessage(
      encodeVoucher({ lease: opening.lease.toBytes(), serial: lease.serial, amount, sequence, final }),
      session,
    )
  const paying = { programId, lease: opening.lease, parties: lease }
  await send(
    escrow.settle({ ...paying, voucher: voucher(1_000_000n, 1n, false) }),
    [node],
    COMPUTE_UNITS.settle,
  )
  const agreement = { voucher: voucher(1_500_000n, 2n, true) }
  const close = escrow.closeLease({ ...paying, node: node.publicKey, refund: deposit, agreement })
  await send(close, [node], COMPUTE_UNITS.closeLease)
  assert.is((await connection.getTokenAccountBalance(payout)).value.amount, '1500000')
  assert.is((await connection.getTokenAccountBalance(deposit)).value.amount, '18500000')
  assert.is(await connection.getAccountInfo(opening.lease), null)

  const [seed, params] = [hashOf('seed'), { n: 4_096, rounds: 2 }]
  const entry = { round: 1, row: 4_000, column: 1_000 }
  const truth = trueSegment(seed, params, entry)
  const proof = commit(seed, params, entry, lieAbout(truth, entry.column))
  const now = (await connection.getBlockTime(await connection.getSlot())) ?? 0
  const receipt = encodeReceipt({
    market: market.toBytes(),
    lease: opening.lease.toBytes(),
    provider: node.publicKey.toBytes(),
    asker: session.publicKey.toBytes(),
    seed,
    params,
    root: proof.root,
    startedMs: now * 1000,
    endedMs: now * 1000 + 60_000,
  })
  const dispute = disputeAddress(programId, wallet.publicKey, sha256(receipt))
  const open = disputes.openDispute({
    programId,
    reporter: wallet.publicKey,
    provider,
    node: node.publicKey,
    receipt: signMessage(receipt, node),
    receiptHash: sha256(receipt),
  })
  await send(open, [wallet], COMPUTE_UNITS.openDispute)
  for (const part of disputes.postOpening(programId, wallet.publicKey, dispute, proof.opening)) {
    await send([part], [wallet], COMPUTE_UNITS.postOpening)
  }
  const state = decodeDispute(dispute, await connection.getAccountInfo(dispute), programId)
  const slash = disputes.slashFraud({ programId, dispute, state, mint, bounty: deposit, refund: deposit })
  const slashed = await send([slash], [wallet], disputes.slashComputeUnits(params.n))
  assert.is(slashed.events[0]?.name, 'ProviderSlashed')
  const after = decodeProvider(provider, await connection.getAccountInfo(provider), programId)
  assert.is(after.stake, 5_000_000n)
}

test(
  'a job and a slash on the local chain',
  async () => {
    const node = await startTestChain({ slotMs: 400 })
    const connection = new Connection(node.chain.rpcUrl, {
      commitment: 'confirmed',
      wsEndpoint: node.chain.wsUrl,
    })
    try {
      await rehearse(connection)
    } finally {
      hangUp(connection)
      await node.chain.stop()
    }
  },
  { timeoutMs: 240_000 },
)

const surfpool = loadSurfpool()
const TITLE = 'the same on an independent validator'
if (surfpool === undefined) {
  test.skip(TITLE, `the package ${PACKAGE} is not installed (npm i --no-save ${PACKAGE})`)
} else {
  test(
    TITLE,
    async () => {
      const surfnet = surfpool.Surfnet.start()
      const connection = new Connection(surfnet.rpcUrl, {
        commitment: 'confirmed',
        wsEndpoint: surfnet.wsUrl,
      })
      try {
        await rehearse(connection)
      } finally {
        hangUp(connection)
        surfnet.stop()
      }
    },
    { timeoutMs: 240_000 },
  )
}

test.run()
