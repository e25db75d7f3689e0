import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAssociatedTokenAccountInstruction,
  createInitializeMint2Instruction,
  createMintToInstruction,
  getAssociatedTokenAddressSync,
  MINT_SIZE,
  TOKEN_PROGRAM_ID,
} from '@solana/spl-token'
import {
  Connection,
  type Keypair,
  PublicKey,
  SystemProgram,
  type TransactionInstruction,
} from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { marketAddress, providerAddress } from '../../chain/client/addresses.js'
import { complete, initMarket, registerProvider } from '../../chain/client/instructions.js'
import { sendInstructions } from '../../chain/client/sending.js'
import { createSigner } from '../../chain/client/signing.js'
import { type LocalChain, startLocalChain } from '../../chain/local/chain.js'
import type { Escrow, SignedVoucher } from '../../node/escrow/port.js'
import { createSolanaEscrow } from '../../node/escrow/solana.js'
import { type ConductSource, createConductSource } from '../../node/reputation/chain.js'
import { openExperience } from '../../node/reputation/experience.js'
import { createReputation, type RunningReputation } from '../../node/reputation/reputation.js'
import { openStore } from '../../node/store/level.js'
import type { Store } from '../../node/store/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { encodeReceipt } from '../../protocols/challenge/receipt.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import { DEFAULT_TERMS } from '../support/escrow.js'
import { commit, lieAbout, trueSegment } from '../support/fraud.js'
import { hangUp } from '../support/local-chain.js'
import { eventually } from '../support/network.js'
import { hashOf, keypairOf, PROGRAM_PATH } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('reputation read from the chain')

const programId = keypairOf('reputation program').publicKey
const [node, other, owner, session, anna, bert] = ['node', 'other', 'owner', 'session', 'anna', 'bert'].map(
  (name) => keypairOf(`reputation ${name}`),
) as [Keypair, Keypair, Keypair, Keypair, Keypair, Keypair]
const peer = peerIdFromSolanaKey(node.publicKey.toBytes())
const folder = mkdtempSync(join(tmpdir(), 'nightshift-reputation-'))

let chain: LocalChain
let connection: Connection
let market: PublicKey
let mint: PublicKey
let store: Store
let terms = 0

const signer = ({ secretKey }: Keypair) => createSigner(secretKey)
const tokensOf = (key: PublicKey) => getAssociatedTokenAddressSync(mint, key, true)
const accountOf = ({ publicKey }: Keypair) => providerAddress(programId, market, publicKey)

const connect = (by: Keypair, wallet?: Keypair): Escrow =>
  createSolanaEscrow({
    rpcUrl: chain.rpcUrl,
    commitment: 'confirmed',
    programId,
    market,
    node: signer(by),
    ...(wallet === undefined ? {} : { wallet: signer(wallet) }),
    clock: systemClock,
  })

async function send(instructions: TransactionInstruction[], signers: Keypair[]): Promise<void> {
  const [payer, ...rest] = signers.map(signer)
  const fee = { computeUnits: 200_000, microLamports: 0 }
  await sendInstructions(
    { rpc: connection, clock: systemClock, programId },
    { instructions, signers: [payer!, ...rest], fee },
  )
}

async function lease(wallet: Keypair, by = node): Promise<{ address: Uint8Array; serial: bigint }> {
  const [renter, provider] = [connect(session, wallet), connect(by)]
  const proposal = {
    provider: by.publicKey.toBytes(),
    wallet: wallet.publicKey.toBytes(),
    sessionKey: session.publicKey.toBytes(),
    orderId: hashOf(`reputation order ${terms}`),
    termsHash: hashOf(`reputation terms ${terms++}`),
    pricePerHour: 3_600_000n,
    durationS: 1_000,
  }
  const { transaction, lease: address } = await renter.proposeLease(proposal)
  const signed = await provider.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(signed.detail)
  await renter.openLease(transaction, signed.signature)
  return { address, serial: (await renter.lease(address))!.serial }
}

function voucher(of: { address: Uint8Array; serial: bigint }, amount: bigint, final: boolean): SignedVoucher {
  const fields = { lease: of.address, serial: of.serial, amount, sequence: 1n, final }
  const bytes = encodeVoucher(fields)
  return { ...fields, bytes, signature: signer(session).sign(bytes) as Uint8Array }
}

/** Settled and closed by both; the amount in atomic units. */
async function settled(wallet: Keypair, amount: bigint, by = node): Promise<void> {
  const opened = await lease(wallet, by)
  await connect(by).closeLease(opened.address, voucher(opened, amount, true))
}

const params = { n: 16, rounds: 1 }

async function receiptIn(
  address: Uint8Array,
  root: Uint8Array,
  seed = hashOf('another reputation seed'),
): Promise<Uint8Array> {
  const endedMs = (await connect(session).chainTime()) * 1_000 + 500
  return encodeReceipt({
    market: market.toBytes(),
    lease: address,
    provider: node.publicKey.toBytes(),
    asker: session.publicKey.toBytes(),
    seed,
    params,
    root,
    startedMs: endedMs - 400,
    endedMs,
  })
}

async function slashed(): Promise<void> {
  const opened = await lease(bert)
  const seed = hashOf('reputation seed')
  const entry = { round: 0, row: 15, column: 3 }
  const { root, opening } = commit(seed, params, entry, lieAbout(trueSegment(seed, params, entry), 3))
  const receipt = await receiptIn(opened.address, root, seed)
  const signature = signer(node).sign(receipt) as Uint8Array
  const answer = await connect(session, bert).reportFraud({ receipt, signature, opening })
  if ('refused' in answer) throw new Error(answer.refused)
  chain.advance({ seconds: 61 })
  await connect(session, bert).expireLease(opened.address)
}

/** The chain asks for an opening of a signed proof, and the provider lets the time pass. */
async function stayedSilent(): Promise<void> {
  const opened = await lease(anna)
  const receipt = await receiptIn(opened.address, hashOf('a root that nobody opens'))
  const signature = signer(node).sign(receipt) as Uint8Array
  const demand = { receipt, signature, entry: { round: 0, row: 1, column: 1 } }
  const asked = await connect(session, anna).demandOpening(demand)
  assert.is('state' in asked && asked.state, 'asked')
  chain.advance({ seconds: 3_601 })
  const punished = await connect(session, anna).demandOpening(demand)
  assert.is('state' in punished && punished.state, 'slashed')
}

/** Counts what is asked of the chain, and can be cut off from it. */
function watched(): ConductSource & { read: string[]; isDown: boolean } {
  const source = createConductSource({
    rpcUrl: chain.rpcUrl,
    commitment: 'confirmed',
    programId,
    market,
    clock: systemClock,
  })
  const watch = {
    read: [] as string[],
    isDown: false,
    after: async function* (...args: Parameters<ConductSource['after']>) {
      if (watch.isDown) throw new Error('the chain is down')
      for await (const transaction of source.after(...args)) {
        watch.read.push(transaction.signature)
        yield transaction
      }
    },
  }
  return watch
}

async function open(
  conduct: ConductSource,
  verifiersOf = async () => ({ count: 0, favourable: 0, weight: 0n }),
): Promise<RunningReputation> {
  return createReputation({
    escrow: connect(session),
    conduct,
    experience: await openExperience({ store, clock: systemClock, log: silentLog }),
    verifiersOf,
    store,
    clock: systemClock,
    log: silentLog,
  })
}

test.before(
  async () => {
    chain = await startLocalChain({
      dataDir: join(folder, 'chain'),
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      slotMs: 0,
      programs: [{ programId, so: readFileSync(PROGRAM_PATH) }],
    })
    connection = new Connection(chain.rpcUrl, 'confirmed')
    store = await openStore(join(folder, 'store'))
    for (const { publicKey } of [node, other, owner, anna, bert]) chain.airdrop(publicKey, 10_000_000_000n)
    const [base, mintKey] = [keypairOf('reputation base'), keypairOf('reputation mint')]
    mint = mintKey.publicKey
    market = marketAddress(programId, base.publicKey)
    await send(
      [
        SystemProgram.createAccount({
          fromPubkey: owner.publicKey,
          newAccountPubkey: mint,
          lamports: 10_000_000,
          space: MINT_SIZE,
          programId: TOKEN_PROGRAM_ID,
        }),
        createInitializeMint2Instruction(mint, 6, owner.publicKey, null),
        ...[owner, anna, bert].flatMap(({ publicKey }) => [
          createAssociatedTokenAccountInstruction(owner.publicKey, tokensOf(publicKey), publicKey, mint),
          createMintToInstruction(mint, tokensOf(publicKey), owner.publicKey, 1_000_000_000n),
        ]),
      ],
      [owner, mintKey],
    )
    const registration = (by: Keypair) =>
      registerProvider({
        programId,
        market,
        mint,
        owner: owner.publicKey,
        node: by.publicKey,
        source: tokensOf(owner.publicKey),
        payout: tokensOf(owner.publicKey),
        stake: 10_000_000n,
      })
    await send(
      [
        initMarket({
          programId,
          payer: owner.publicKey,
          base: base.publicKey,
          mint,
          terms: { ...DEFAULT_TERMS, disputeWindowSeconds: 60, governance: owner.publicKey },
          updateDelaySeconds: 86_400,
        }),
        registration(node),
        registration(other),
      ],
      [owner, base, node, other],
    )
  },
  { timeoutMs: 60_000 },
)

test.after(async () => {
  hangUp(connection)
  await store.close()
  await chain.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a provider that nobody has dealt with is a newcomer, also when it is not registered', async () => {
  const reputation = await open(watched())
  const stranger = peerIdFromSolanaKey(keypairOf('reputation stranger').publicKey.toBytes())
  for (const each of [peer, stranger]) {
    const evidence = await reputation.evidenceOf(each)
    assert.is(evidence.reliability, 0.5)
    assert.is(evidence.problem, undefined)
    assert.ok(evidence.readAtMs !== undefined)
  }
  await reputation.stop()
})

test(
  'leases that were settled, failed, broken off, self-paid and slashed are told apart, and a restart reads on',
  async () => {
    // Two that went well, one of them by completion on the chain, one paid for by the provider's own owner.
    await settled(anna, 400_000n)
    await settled(owner, 400_000n)
    const done = await lease(bert)
    const output = hashOf('reputation output')
    await send(
      [
        complete({
          programId,
          node: node.publicKey,
          provider: accountOf(node),
          lease: new PublicKey(done.address),
          output,
        }),
      ],
      [node],
    )
    // One that the renter broke off after paying a part, one in which the provider fell silent.
    const broken = await lease(anna)
    await connect(node).settle(voucher(broken, 100_000n, false))
    await connect(session, anna).cancelLease(broken.address)
    const silent = await lease(bert)
    chain.advance({ seconds: 1_061 })
    for (const { address } of [done, broken, silent]) await connect(session, anna).expireLease(address)
    // Another provider's story, which is no part of this one's.
    await settled(anna, 400_000n, other)

    const first = watched()
    const reputation = await open(first)
    const before = await reputation.evidenceOf(peer)
    assert.equal(before.leaseEnds, { settled: 2, failed: 1, unfinished: 1, renters: 2, selfPaid: 1 })
    assert.is(before.leases, 2)
    assert.is(before.paid, 400_000n)
    assert.is(before.slashes, 0)
    assert.ok(before.reliability < 0.75 && before.reliability > 0.25, String(before.reliability))
    assert.equal((await reputation.evidenceOf(peerIdFromSolanaKey(other.publicKey.toBytes()))).leaseEnds, {
      settled: 1,
      failed: 0,
      unfinished: 0,
      renters: 1,
      selfPaid: 0,
    })
    await reputation.stop()
    assert.ok(first.read.length >= 11, `${first.read.length} transactions`)

    // After a restart: the chain is down, and what was known is still known; then only what is new is read.
    const second = watched()
    second.isDown = true
    const restarted = await open(second)
    const down = await restarted.evidenceOf(peer)
    assert.is(down.problem, 'the chain is down')
    assert.equal(down.leaseEnds, before.leaseEnds)
    assert.ok(Math.abs(down.reliability - before.reliability) < 1e-3)
    assert.ok((await restarted.reliabilityOf(peer)).leases === 2)

    second.isDown = false
    await slashed()
    const after = await restarted.evidenceOf(peer)
    assert.is(after.slashes, 1)
    assert.equal(after.leaseEnds, before.leaseEnds, 'of the lease in which it lied the slash is what counts')
    assert.is(after.sinceMs, undefined)
    assert.ok(after.reliability < 0.2, String(after.reliability))
    assert.is(second.read.filter((signature) => first.read.includes(signature)).length, 0)
    assert.ok(second.read.length >= 3 && second.read.length <= 6, `${second.read.length} transactions`)

    await stayedSilent()
    const later = await restarted.evidenceOf(peer)
    assert.is(later.silences, 1)
    assert.is(later.slashes, 1)
    assert.ok(later.reliability < after.reliability)
    await restarted.stop()
  },
  { timeoutMs: 60_000 },
)

test('what this node saw itself counts at once and is kept', async () => {
  const known = peerIdFromSolanaKey(keypairOf('reputation known').publicKey.toBytes())
  const log = await openExperience({ store, clock: systemClock, log: silentLog })
  for (const what of ['completed', 'completed', 'withheld'] as const) await log.note(known, what)
  const reputation = await open(watched())
  const { reliability, experience } = await reputation.evidenceOf(known)
  assert.equal(experience, { completed: 2, withheld: 1 })
  assert.ok(Math.abs(reliability - 4 / 6.5) < 1e-3, String(reliability))
  await reputation.stop()
})

test('junk that names the provider, and transactions that failed, are no part of its story', async () => {
  const reputation = await open(watched())
  const before = await reputation.evidenceOf(peer)
  const junk = SystemProgram.transfer({ fromPubkey: bert.publicKey, toPubkey: bert.publicKey, lamports: 1 })
  junk.keys.push({ pubkey: accountOf(node), isSigner: false, isWritable: false })
  await send([junk], [bert])
  const after = await reputation.evidenceOf(peer)
  assert.equal(after.leaseEnds, before.leaseEnds)
  assert.is(after.slashes, before.slashes)
  await reputation.stop()
})

test('for lists and neighbours only the chain is read: nobody looks for verifiers', async () => {
  const peer = peerIdFromSolanaKey(keypairOf('a neighbour').publicKey.toBytes())
  const asked: string[] = []
  let looks = 0
  const whole = watched()
  const source: ConductSource = {
    after: (key, cursor, signal) => {
      asked.push(peerIdFromSolanaKey(key))
      return whole.after(key, cursor, signal)
    },
  }
  const reputation = await open(source, async () => {
    looks++
    return { count: 1, favourable: 1, weight: 1n }
  })
  try {
    reputation.known(peer)
    await eventually(() => asked.length > 0)
    assert.equal(asked, [peer])
    assert.is(looks, 0)
    const { verifiers } = await reputation.evidenceOf(peer)
    assert.is(verifiers.count, 1)
    assert.is(looks, 1)
    await reputation.reliabilityOf(peer)
    assert.is(looks, 1, 'what was just read is not read again')
  } finally {
    await reputation.stop()
  }
})

test.run()
