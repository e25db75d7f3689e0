import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
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
import { Connection, type PublicKey, SystemProgram, type TransactionInstruction } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { disputeAddress, marketAddress, providerAddress } from '../../chain/client/addresses.js'
import { slashSilent } from '../../chain/client/disputes.js'
import {
  closeProvider,
  initMarket,
  registerProvider,
  requestUnstake,
  withdrawStake,
} from '../../chain/client/instructions.js'
import { sendInstructions } from '../../chain/client/sending.js'
import { createSigner, type KeySigner } from '../../chain/client/signing.js'
import { type LocalChain, startLocalChain } from '../../chain/local/chain.js'
import type {
  DemandState,
  Escrow,
  FraudEvidence,
  FraudRefusal,
  LeaseProposal,
  OpeningDemand,
  SignedVoucher,
  Slash,
} from '../../node/escrow/port.js'
import { createSolanaEscrow, type SolanaEscrowOptions } from '../../node/escrow/solana.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { digest } from '../../protocols/bytes.js'
import type { ProofParams } from '../../protocols/challenge/params.js'
import { decodeReceipt, encodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import { codeOf } from '../../protocols/errors.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import { DEFAULT_TERMS } from '../support/escrow.js'
import { commit, lieAbout, trueSegment } from '../support/fraud.js'
import { hashOf, keypairOf, PROGRAM_PATH } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow port on the real program')

const programId = keypairOf('escrow port program').publicKey
const wallet = keypairOf('port wallet')
const node = keypairOf('port node')
const owner = keypairOf('port owner')
const session = keypairOf('port session')
const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-port-'))

let chain: LocalChain
let market: PublicKey
let mint: PublicKey
let renter: Escrow
let provider: Escrow
let orders = 0

const signer = (keypair: { secretKey: Uint8Array }): KeySigner => createSigner(keypair.secretKey)
const tokensOf = (key: PublicKey) => getAssociatedTokenAddressSync(mint, key, true)
const balance = async (key: PublicKey) =>
  BigInt((await new Connection(chain.rpcUrl, 'confirmed').getTokenAccountBalance(tokensOf(key))).value.amount)

function connect(options: Partial<SolanaEscrowOptions> = {}): Escrow {
  return createSolanaEscrow({
    rpcUrl: chain.rpcUrl,
    commitment: 'confirmed',
    programId,
    market,
    node: signer(session),
    wallet: signer(wallet),
    clock: systemClock,
    ...options,
  })
}

async function send(
  instructions: TransactionInstruction[],
  signers: [KeySigner, ...KeySigner[]],
): Promise<void> {
  const rpc = new Connection(chain.rpcUrl, 'confirmed')
  const fee = { computeUnits: 200_000, microLamports: 0 }
  await sendInstructions({ rpc, clock: systemClock, programId }, { instructions, signers, fee })
}

test.before(
  async () => {
    chain = await startLocalChain({
      dataDir,
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      slotMs: 0,
      programs: [{ programId, so: readFileSync(PROGRAM_PATH) }],
    })
    for (const { publicKey } of [wallet, node, owner]) chain.airdrop(publicKey, 10_000_000_000n)
    const base = keypairOf('port base')
    const mintKey = keypairOf('port mint')
    mint = mintKey.publicKey
    market = marketAddress(programId, base.publicKey)
    const payer = signer(owner)
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
        ...[owner, wallet].flatMap(({ publicKey }) => [
          createAssociatedTokenAccountInstruction(owner.publicKey, tokensOf(publicKey), publicKey, mint),
          createMintToInstruction(mint, tokensOf(publicKey), owner.publicKey, 1_000_000_000n),
        ]),
      ],
      [payer, signer(mintKey)],
    )
    const terms = { ...DEFAULT_TERMS, disputeWindowSeconds: 60, governance: owner.publicKey }
    await send(
      [
        initMarket({
          programId,
          payer: owner.publicKey,
          base: base.publicKey,
          mint,
          terms,
          updateDelaySeconds: 86_400,
        }),
        registerProvider({
          programId,
          market,
          mint,
          owner: owner.publicKey,
          node: node.publicKey,
          source: tokensOf(owner.publicKey),
          payout: tokensOf(owner.publicKey),
          stake: 10_000_000n,
        }),
      ],
      [payer, signer(base), signer(node)],
    )
    renter = connect()
    provider = createSolanaEscrow({
      rpcUrl: chain.rpcUrl,
      commitment: 'confirmed',
      programId,
      market,
      node: signer(node),
      clock: systemClock,
    })
  },
  { timeoutMs: 60_000 },
)

test.after(async () => {
  await chain.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

function propose(changes: Partial<LeaseProposal> = {}): LeaseProposal {
  const number = orders++
  return {
    provider: node.publicKey.toBytes(),
    wallet: wallet.publicKey.toBytes(),
    sessionKey: session.publicKey.toBytes(),
    orderId: hashOf(`order ${number}`),
    termsHash: hashOf(`port terms ${number}`),
    pricePerHour: 3_600_000n,
    durationS: 1_000,
    ...changes,
  }
}

async function open(proposal = propose()): Promise<{ lease: Uint8Array; serial: bigint; signature: string }> {
  const { transaction, lease } = await renter.proposeLease(proposal)
  const signed = await provider.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(`${signed.refused}: ${signed.detail}`)
  assert.equal(signed.lease, lease)
  const { signature } = await renter.openLease(transaction, signed.signature)
  const account = await renter.lease(lease)
  return { lease, serial: account!.serial, signature }
}

function voucher(
  { lease, serial }: { lease: Uint8Array; serial: bigint },
  amount: bigint,
  sequence: bigint,
  final = false,
): SignedVoucher {
  const bytes = encodeVoucher({ lease, serial, amount, sequence, final })
  return { lease, serial, amount, sequence, final, bytes, signature: signer(session).sign(bytes) }
}

async function rejection(act: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await act()
  } catch (error) {
    return codeOf(error) ?? String(error)
  }
  return undefined
}

test('the market and a provider are read as the chain has them', async () => {
  assert.equal(await renter.market(), {
    address: market.toBytes(),
    mint: mint.toBytes(),
    decimals: 6,
    minimumStake: 1_000_000n,
    disputeWindowS: 60,
  })
  const account = await renter.provider(node.publicKey.toBytes())
  assert.is(account?.stake, 10_000_000n)
  assert.is(account?.bound, 0n)
  assert.equal(account?.payout, tokensOf(owner.publicKey).toBytes())
  assert.is(await renter.provider(session.publicKey.toBytes()), undefined)
})

test('a lease is opened by both, settled by voucher, closed with the final one, and its outcome adds up', async () => {
  const [before, earned] = [await balance(wallet.publicKey), await balance(owner.publicKey)]
  const proposal = propose()
  const opened = await open(proposal)
  const account = await provider.lease(opened.lease)
  assert.is(account?.deposit, 1_000_000n)
  assert.is(account?.paid, 0n)
  assert.is(account?.cancelled, false)
  assert.is(account!.deadline - account!.openedAt, 1_060, 'the duration, and a dispute window after it')
  assert.equal(account?.termsHash, proposal.termsHash)
  assert.equal(account?.sessionKey, session.publicKey.toBytes())
  assert.is(await renter.outcome(opened.lease), undefined, 'still open')

  const settled = await provider.settle(voucher(opened, 250_000n, 1n))
  assert.is((await renter.lease(opened.lease))?.paid, 250_000n)
  const closed = await provider.closeLease(opened.lease, voucher(opened, 400_000n, 2n, true))
  assert.is(await renter.lease(opened.lease), undefined)
  assert.equal(await renter.outcome(opened.lease), {
    transactions: [opened.signature, settled.signature, closed.signature],
    deposited: 1_000_000n,
    paid: 400_000n,
    refunded: 600_000n,
  })
  assert.is(before - (await balance(wallet.publicKey)), 400_000n)
  assert.is((await balance(owner.publicKey)) - earned, 400_000n)
})

test('a renter that changes any field of a proposal gets no signature', async () => {
  const agreed = propose()
  const lies: Array<[string, Partial<LeaseProposal>]> = [
    ['wallet', { wallet: owner.publicKey.toBytes() }],
    ['session key', { sessionKey: wallet.publicKey.toBytes() }],
    ['terms hash', { termsHash: hashOf('other terms') }],
    ['price', { pricePerHour: agreed.pricePerHour - 1n }],
    ['duration', { durationS: agreed.durationS * 2 }],
    ['provider', { provider: owner.publicKey.toBytes() }],
  ]
  let refused = 0
  for (const [field, change] of lies) {
    const { transaction } = await renter.proposeLease({ ...agreed, ...change })
    const answer = await provider.signLease(transaction, agreed)
    assert.is('refused' in answer && answer.refused, 'BAD_TRANSACTION', field)
    assert.match('refused' in answer ? answer.detail : '', field)
    refused++
  }
  assert.is(refused, 6)
  const other = connect({ market: keypairOf('no market').publicKey })
  assert.is((await rejection(() => other.proposeLease(agreed))) !== undefined, true, 'a market that is none')
})

test('bytes that are no opening get no signature, whatever they are', async () => {
  const agreed = propose()
  const { transaction } = await renter.proposeLease(agreed)
  const cases = [
    new Uint8Array(),
    transaction.slice(0, -1),
    new Uint8Array([...transaction, 0]),
    systemRandom.bytes(300),
    new Uint8Array(2_000),
  ]
  for (const bytes of cases) {
    const answer = await provider.signLease(bytes, agreed)
    assert.is('refused' in answer && answer.refused, 'BAD_TRANSACTION')
  }
  let flips = 0
  // After the two empty signatures: whatever single byte is changed, either it is refused or the fee is another one.
  for (let at = 130; at < transaction.length; at += 7) {
    const bytes = transaction.slice()
    bytes[at]! ^= 1
    const answer = await provider.signLease(bytes, agreed)
    if ('refused' in answer) flips++
  }
  assert.ok(flips > 30, `${flips} changed bytes were refused`)
})

test('a stake too small for the bond is said so', async () => {
  const large = propose({ pricePerHour: 3_600_000_000n })
  const { transaction } = await renter.proposeLease(large)
  const answer = await provider.signLease(transaction, large)
  assert.is('refused' in answer && answer.refused, 'STAKE_TOO_SMALL')
})

test('a made-up signature of the provider is noticed before anything is sent', async () => {
  const proposal = propose()
  const { transaction, lease } = await renter.proposeLease(proposal)
  for (const signature of [systemRandom.bytes(64), new Uint8Array(64), new Uint8Array(3)]) {
    assert.is(await rejection(() => renter.openLease(transaction, signature)), 'PROVIDER_SIGNATURE_INVALID')
  }
  assert.is(await renter.lease(lease), undefined)
})

test('what only a wallet or the proposer can do says what is missing', async () => {
  const proposal = propose()
  const { transaction } = await renter.proposeLease(proposal)
  const signed = await provider.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(signed.detail)
  assert.is(await rejection(() => provider.openLease(transaction, signed.signature)), 'WALLET_MISSING')
  assert.is(await rejection(() => connect().openLease(transaction, signed.signature)), 'PROPOSAL_EXPIRED')
})

test('a lease that is cancelled waits out the dispute window, in which the provider still settles', async () => {
  const opened = await open()
  assert.is(await rejection(() => renter.expireLease(opened.lease)), 'ESCROW_LEASE_NOT_ENDED')
  await renter.cancelLease(opened.lease)
  const account = await renter.lease(opened.lease)
  assert.is(account?.cancelled, true)
  assert.is(account!.deadline - (await renter.chainTime()), 60)
  // Another blockhash: else these would be the bytes that were executed already.
  chain.advance({ slots: 1 })
  assert.is(await rejection(() => renter.cancelLease(opened.lease)), 'ESCROW_ALREADY_CANCELLED')
  await provider.settle(voucher(opened, 100_000n, 1n))
  chain.advance({ seconds: 60 })
  assert.is(account!.deadline - (await renter.chainTime()), 0, 'the chain time is read anew')
  await renter.expireLease(opened.lease)
  const outcome = await renter.outcome(opened.lease)
  assert.is(outcome?.transactions.length, 4)
  assert.is(outcome?.deposited, 1_000_000n)
  assert.is(outcome?.paid, 100_000n)
  assert.is(outcome?.refunded, 900_000n)
  assert.is(await rejection(() => renter.expireLease(opened.lease)), 'LEASE_GONE')
})

test('a provider account is asked for once in a few seconds, however many want it', async () => {
  const counting = await startProxy()
  const escrow = connect({ rpcUrl: counting.url })
  const key = node.publicKey.toBytes()
  const answers = await Promise.all(Array.from({ length: 20 }, () => escrow.provider(key)))
  assert.is(
    answers.every((answer) => answer?.stake === 10_000_000n),
    true,
  )
  await escrow.provider(key)
  assert.is(counting.count('getMultipleAccounts'), 1)
  await counting.stop()
})

test('accounts of many providers are read a hundred at a time, in their order', async () => {
  const counting = await startProxy()
  const escrow = connect({ rpcUrl: counting.url })
  const strangers = Array.from({ length: 249 }, () => systemRandom.bytes(32))
  const keys = [...strangers.slice(0, 120), node.publicKey.toBytes(), ...strangers.slice(120), strangers[0]!]
  const accounts = await escrow.providers(keys)
  assert.equal(
    accounts.flatMap((account, at) => (account === undefined ? [] : [at])),
    [120],
  )
  assert.is(accounts[120]?.stake, 10_000_000n)
  assert.is(counting.count('getMultipleAccounts'), 3)
  assert.is((await escrow.provider(node.publicKey.toBytes()))?.stake, 10_000_000n)
  assert.is(counting.count('getMultipleAccounts'), 3, 'what was read for many is known for one')
  await counting.stop()
})

test('an opening takes few round trips, and what was read a moment ago is not read again', async () => {
  const counting = await startProxy()
  const escrow = connect({ rpcUrl: counting.url })
  await escrow.proposeLease(propose())
  counting.reset()
  const proposal = propose()
  const { transaction } = await escrow.proposeLease(proposal)
  assert.is(counting.total(), 2, 'blockhash and fee, side by side')
  const signed = await provider.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(signed.detail)
  counting.reset()
  await escrow.openLease(transaction, signed.signature)
  assert.is(counting.total(), 4, 'simulation, sending, status, logs')
  await counting.stop()
})

test('a chain that is down for a while costs time and nothing else', async () => {
  const proxy = await startProxy()
  const escrow = connect({ rpcUrl: proxy.url })
  const proposal = propose()
  const { transaction, lease } = await escrow.proposeLease(proposal)
  const signed = await provider.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(signed.detail)
  // The chain takes the transaction, and its answer is lost; then nobody answers for a while.
  proxy.failAfter('sendTransaction', 3)
  await escrow.openLease(transaction, signed.signature)
  assert.ok(proxy.failed() >= 3)
  assert.is((await renter.lease(lease))?.deposit, 1_000_000n)
  await proxy.stop()
})

test('a chain that stays down is CHAIN_UNREACHABLE, and an abort ends the waiting at once', async () => {
  const proxy = await startProxy()
  const escrow = connect({ rpcUrl: proxy.url, outageMs: 400 })
  const opened = await open()
  proxy.failAlways()
  assert.is(await rejection(() => escrow.cancelLease(opened.lease)), 'CHAIN_UNREACHABLE')
  assert.is(await rejection(() => escrow.proposeLease(propose())), 'CHAIN_UNREACHABLE')
  const patient = connect({ rpcUrl: proxy.url })
  const abort = new AbortController()
  const waiting = rejection(() => patient.lease(opened.lease, abort.signal))
  abort.abort(new Error('no more'))
  assert.is(await waiting, 'Error: no more')
  proxy.recover()
  await escrow.cancelLease(opened.lease)
  assert.is((await escrow.lease(opened.lease))?.cancelled, true, 'the same call works when it is back')
  await proxy.stop()
})

interface Liar {
  node: ReturnType<typeof keypairOf>
  owner: PublicKey
}

let liars = 0

/** A provider of its own for every test: its stake is to be lost. */
async function registerLiar(): Promise<Liar> {
  const liar = keypairOf(`port liar ${liars++}`)
  await send(
    [
      registerProvider({
        programId,
        market,
        mint,
        owner: owner.publicKey,
        node: liar.publicKey,
        source: tokensOf(owner.publicKey),
        payout: tokensOf(owner.publicKey),
        stake: 10_000_000n,
      }),
    ],
    [signer(owner), signer(liar)],
  )
  return { node: liar, owner: owner.publicKey }
}

async function prove(
  { node: by }: Liar,
  how: { params?: ProofParams; lease?: Uint8Array; honest?: boolean; receipt?: Partial<Receipt> } = {},
): Promise<FraudEvidence> {
  const params = how.params ?? { n: 256, rounds: 2 }
  const seed = hashOf(`port seed ${orders++}`)
  const entry = { round: params.rounds - 1, row: params.n - 1, column: params.n / 4 - 1 }
  const truth = trueSegment(seed, params, entry)
  const { root, opening } = commit(seed, params, entry, how.honest ? truth : lieAbout(truth, entry.column))
  const endedMs = (await renter.chainTime()) * 1_000 + 500
  const receipt = encodeReceipt({
    market: market.toBytes(),
    lease: how.lease ?? new Uint8Array(32),
    provider: by.publicKey.toBytes(),
    asker: session.publicKey.toBytes(),
    seed,
    params,
    root,
    startedMs: endedMs - 400,
    endedMs,
    ...how.receipt,
  })
  return { receipt, signature: signer(by).sign(receipt), opening }
}

async function punished(evidence: FraudEvidence, by: Escrow = renter): Promise<Slash> {
  const answer = await by.reportFraud(evidence)
  if ('refused' in answer) throw new Error(`${answer.refused}: ${answer.detail}`)
  return answer
}

async function openWith({ node: by }: Liar): Promise<{ lease: Uint8Array; serial: bigint }> {
  const proposal = propose({ provider: by.publicKey.toBytes() })
  const signing = connect({ node: signer(by) })
  const { transaction, lease } = await renter.proposeLease(proposal)
  const signed = await signing.signLease(transaction, proposal)
  if ('refused' in signed) throw new Error(signed.detail)
  await renter.openLease(transaction, signed.signature)
  return { lease, serial: (await renter.lease(lease))!.serial }
}

const lamportsOf = async (key: PublicKey) => new Connection(chain.rpcUrl, 'confirmed').getBalance(key)
const stakeOf = async ({ node: of }: Liar) => (await connect().provider(of.publicKey.toBytes()))?.stake

const SIZES: Array<[params: ProofParams, transactions: number]> = [
  [{ n: 16, rounds: 1 }, 2],
  [{ n: 256, rounds: 2 }, 2],
  [{ n: 4096, rounds: 12 }, 3],
  [{ n: 32_768, rounds: 256 }, 10],
]

for (const [params, most] of SIZES) {
  test(`a single wrong entry of n = ${params.n} costs half the stake, in at most ${most} transactions`, async () => {
    const liar = await registerLiar()
    const key = liar.node.publicKey.toBytes()
    assert.is((await renter.provider(key))?.stake, 10_000_000n)
    const [tokens, lamports] = [await balance(wallet.publicKey), await lamportsOf(wallet.publicKey)]
    const { transactions, ...amounts } = await punished(await prove(liar, { params }))
    assert.equal(amounts, { slashed: 5_000_000n, compensation: 0n, bounty: 500_000n })
    assert.ok(transactions.length <= most, `${transactions.length} transactions`)
    assert.is(new Set(transactions).size, transactions.length)
    assert.is((await renter.provider(key))?.stake, 5_000_000n, 'what was known of the provider is forgotten')
    assert.is((await balance(wallet.publicKey)) - tokens, 500_000n)
    const spent = lamports - (await lamportsOf(wallet.publicKey))
    assert.ok(spent < 2_000_000, `fees, and the rent of the verdict: ${spent} lamports`)
  })
}

test('a second report of the same lie sends nothing and says what the first one did', async () => {
  const liar = await registerLiar()
  const evidence = await prove(liar)
  const first = await punished(evidence)
  const before = await lamportsOf(wallet.publicKey)
  assert.equal(await punished(evidence, connect()), first)
  assert.is(await lamportsOf(wallet.publicKey), before)
  assert.is(await stakeOf(liar), 5_000_000n)
})

test('who comes second gets no bounty, and the stake is lost once', async () => {
  const liar = await registerLiar()
  const evidence = await prove(liar)
  await punished(evidence)
  const before = await balance(owner.publicKey)
  const late = await punished(evidence, connect({ wallet: signer(owner) }))
  assert.equal(late, { transactions: [], slashed: 5_000_000n, compensation: 0n, bounty: 0n })
  assert.is(await balance(owner.publicKey), before)
  assert.is(await stakeOf(liar), 5_000_000n)
})

for (const params of [
  { n: 4096, rounds: 12 },
  { n: 32_768, rounds: 256 },
]) {
  test(`a report of n = ${params.n} that a dead chain breaks off after any step is taken up where it was`, async () => {
    const liar = await registerLiar()
    const evidence = await prove(liar, { params })
    const proxy = await startProxy()
    const escrow = connect({ rpcUrl: proxy.url, outageMs: 400 })
    let broken = 0
    let slash: Slash | undefined
    while (slash === undefined) {
      assert.ok(broken < 20, 'it gets on')
      // The chain takes one transaction, and nothing is heard of it or of anything else.
      proxy.failAfter('sendTransaction', Number.POSITIVE_INFINITY)
      try {
        slash = await punished(evidence, escrow)
      } catch (error) {
        assert.is(codeOf(error), 'CHAIN_UNREACHABLE')
        broken++
      }
      proxy.recover()
    }
    assert.ok(broken >= 3)
    assert.is(slash.slashed, 5_000_000n)
    assert.is(slash.bounty, 500_000n)
    assert.is(slash.transactions.length, broken, 'each step was sent once')
    assert.is(await stakeOf(liar), 5_000_000n)
    await proxy.stop()
  })
}

test('forged evidence is refused by the program, harms nobody, and costs the reporter nothing but fees', async () => {
  const liar = await registerLiar()
  const [lie, truth] = [await prove(liar), await prove(liar, { honest: true })]
  const { opening } = lie
  const forgeries: Array<[FraudRefusal, FraudEvidence]> = [
    ['ESCROW_ENTRY_IS_RIGHT', truth],
    ['ESCROW_OPENING_PATH_MISMATCH', { ...truth, opening: { ...truth.opening, segment: opening.segment } }],
    ['ESCROW_OPENING_PATH_MISMATCH', { ...lie, opening: { ...opening, row: opening.row - 1 } }],
    ['ESCROW_OPENING_OUT_OF_RANGE', { ...lie, opening: { ...opening, row: 256 } }],
    ['ESCROW_OPENING_MALFORMED', { ...lie, opening: { ...opening, path: [...opening.path, hashOf('x')] } }],
    ['ESCROW_RECEIPT_TOO_OLD', await prove(liar, { receipt: { endedMs: 1, startedMs: 0 } })],
    ['ESCROW_RECEIPT_FOREIGN', await prove(liar, { receipt: { market: hashOf('another market') } })],
    ['ESCROW_RECEIPT_MALFORMED', await prove(liar, { receipt: { params: { n: 18, rounds: 1 } } })],
    ['EVIDENCE_FORGED', { ...lie, signature: signer(wallet).sign(lie.receipt) }],
    ['EVIDENCE_FORGED', { ...lie, receipt: lie.receipt.slice(1) }],
    ['PROVIDER_GONE', await prove({ node: keypairOf('port nobody'), owner: owner.publicKey })],
  ]
  for (const [reason, evidence] of forgeries) {
    const before = await lamportsOf(wallet.publicKey)
    const answer = await renter.reportFraud(evidence)
    assert.is('refused' in answer && answer.refused, reason, 'refused' in answer ? answer.detail : '')
    const spent = before - (await lamportsOf(wallet.publicKey))
    assert.ok(spent <= 30_000, `${reason} cost ${spent} lamports`)
  }
  assert.is(await stakeOf(liar), 10_000_000n)
  assert.is(await rejection(() => provider.reportFraud(lie)), 'WALLET_MISSING')
})

const ORDERS: Array<[what: string, before: (lease: Uint8Array) => Promise<unknown>]> = [
  ['open', async () => {}],
  ['cancelled', (lease) => renter.cancelLease(lease)],
]

for (const [what, before] of ORDERS) {
  test(`the renter of a lease that is ${what} is made whole by the slash, and its deposit comes back at once`, async () => {
    const liar = await registerLiar()
    const had = await balance(wallet.publicKey)
    const opened = await openWith(liar)
    await renter.settle(voucher(opened, 250_000n, 1n))
    await before(opened.lease)
    const slash = await punished(await prove(liar, { lease: opened.lease }))
    assert.is(slash.slashed, 5_000_000n)
    assert.is(slash.compensation, 250_000n)
    assert.is(slash.bounty, 475_000n)
    assert.is(await rejection(() => renter.settle(voucher(opened, 300_000n, 2n))), 'ESCROW_LEASE_VOID')
    const expected = what === 'open' ? 'ESCROW_LEASE_ENDED' : 'ESCROW_ALREADY_CANCELLED'
    // Another blockhash: else these would be the bytes that were executed already.
    chain.advance({ slots: 1 })
    assert.is(await rejection(() => renter.cancelLease(opened.lease)), expected)
    await renter.expireLease(opened.lease)
    assert.is((await balance(wallet.publicKey)) - had, 475_000n)
    assert.is((await renter.outcome(opened.lease))?.refunded, 750_000n)
  })
}

test('a lease that has ended before keeps nobody from punishing the lie in it', async () => {
  const liar = await registerLiar()
  const had = await balance(wallet.publicKey)
  const opened = await openWith(liar)
  const evidence = await prove(liar, { lease: opened.lease })
  await renter.cancelLease(opened.lease)
  chain.advance({ seconds: 60 })
  await renter.expireLease(opened.lease)
  assert.is((await punished(evidence)).bounty, 500_000n)
  assert.is((await balance(wallet.publicKey)) - had, 500_000n)
})

test('a completion is posted once, before the deadline, and the bond comes back whole', async () => {
  const liar = await registerLiar()
  const node = connect({ node: signer(liar.node) })
  chain.airdrop(liar.node.publicKey, 1_000_000_000n)
  const { lease } = await openWith(liar)
  assert.is((await renter.lease(lease))?.completed, false)
  await node.complete(lease, hashOf('output'))
  assert.is((await renter.lease(lease))?.completed, true)
  chain.advance({ slots: 1 })
  assert.is(await rejection(() => node.complete(lease, hashOf('other'))), 'ESCROW_ALREADY_COMPLETED')
  chain.advance({ seconds: 1_060 })
  await node.expireLease(lease)
  assert.is(await stakeOf(liar), 10_000_000n)
})

interface Quarrel {
  liar: Liar
  node: Escrow
  lease: Uint8Array
  evidence: FraudEvidence
  demand: OpeningDemand
}

async function quarrel(how: Parameters<typeof prove>[1] = { honest: true }): Promise<Quarrel> {
  const liar = await registerLiar()
  chain.airdrop(liar.node.publicKey, 1_000_000_000n)
  const { lease } = await openWith(liar)
  const evidence = await prove(liar, { lease, ...how })
  const { opening, ...signed } = evidence
  const { round, row, column } = opening
  const demand = { ...signed, entry: { round, row, column } }
  return { liar, node: connect({ node: signer(liar.node) }), lease, evidence, demand }
}

async function pursued(demand: OpeningDemand, by: Escrow = renter): Promise<DemandState> {
  const state = await by.demandOpening(demand)
  if ('refused' in state) throw new Error(`${state.refused}: ${state.detail}`)
  return state
}

for (const params of [
  { n: 256, rounds: 2 },
  { n: 32_768, rounds: 256 },
]) {
  test(`an opening of n = ${params.n} is demanded, seen by the provider, given, and done with`, async () => {
    const { liar, node, lease, evidence, demand } = await quarrel({ params, honest: true })
    assert.equal(await node.demands(), [])
    const lamports = await lamportsOf(wallet.publicKey)
    const asked = await pursued(demand)
    const answerBy = (await renter.chainTime()) + DEFAULT_TERMS.coolDownSeconds
    assert.equal(asked, { state: 'asked', answerBy })
    const spent = await lamportsOf(wallet.publicKey)
    assert.equal(await pursued(demand, connect()), asked, 'once')
    assert.is(await lamportsOf(wallet.publicKey), spent)

    const { seed, root } = decodeReceipt(demand.receipt)!
    const [seen, ...others] = await node.demands()
    assert.is(others.length, 0)
    assert.equal(
      { ...seen, address: undefined, bound: undefined },
      {
        address: undefined,
        bound: undefined,
        lease,
        seed,
        params,
        root,
        entry: demand.entry,
        answerBy,
      },
    )
    assert.is((await node.provider(liar.node.publicKey.toBytes()))?.openDemands, 1)
    const funds = await lamportsOf(liar.node.publicKey)
    await node.answerDemand(seen!, evidence.opening)
    assert.ok((await lamportsOf(liar.node.publicKey)) > funds, 'the bond is more than the fees')
    assert.equal(await node.demands(), [])
    assert.equal(await pursued(demand), { state: 'answered' })
    assert.equal(await pursued(demand, connect()), { state: 'answered' }, 'the dispute is gone, and known')
    const cost = lamports - (await lamportsOf(wallet.publicKey))
    assert.ok(cost < 1_000_000 + 40_000, `the bond and fees: ${cost} lamports`)
    assert.is(await stakeOf(liar), 10_000_000n)
  })
}

test('an answer that is false costs what the lie costs', async () => {
  for (const params of [
    { n: 256, rounds: 2 },
    { n: 8_192, rounds: 1 },
  ]) {
    const { liar, node, evidence, demand } = await quarrel({ params })
    await pursued(demand)
    const [seen] = await node.demands()
    await node.answerDemand(seen!, evidence.opening)
    const state = await pursued(demand)
    assert.is(state.state === 'slashed' && state.slash.slashed, 5_000_000n)
    assert.is(state.state === 'slashed' && state.slash.bounty, 500_000n)
    const again = await pursued(demand, connect())
    assert.is(again.state === 'slashed' && again.slash.slashed, 5_000_000n)
    assert.is(await stakeOf(liar), 5_000_000n)
  }
})

test('a silence is punished once its time is over, by whoever comes first', async () => {
  for (const first of [renter, provider]) {
    const { liar, lease, demand } = await quarrel()
    const { bond = 0n } = (await renter.lease(lease)) ?? {}
    await pursued(demand)
    chain.advance({ seconds: DEFAULT_TERMS.coolDownSeconds })
    if (first === provider) {
      const dispute = disputeAddress(programId, wallet.publicKey, digest(demand.receipt))
      const account = providerAddress(programId, market, liar.node.publicKey)
      const state = { market, provider: account, reporter: wallet.publicKey }
      await send([slashSilent({ programId, dispute, state, mint })], [signer(owner)])
    }
    const state = await pursued(demand)
    assert.is(state.state === 'slashed' && state.slash.slashed, bond / 2n)
    assert.equal(await pursued(demand, connect()), state)
    assert.is(await stakeOf(liar), 10_000_000n - bond / 2n)
  }
})

test('a demand that a dead chain breaks off is made once', async () => {
  const { node, evidence, demand } = await quarrel()
  const proxy = await startProxy()
  const escrow = connect({ rpcUrl: proxy.url, outageMs: 400 })
  proxy.failAfter('sendTransaction', Number.POSITIVE_INFINITY)
  assert.is(await rejection(() => escrow.demandOpening(demand)), 'CHAIN_UNREACHABLE')
  proxy.recover()
  assert.is((await pursued(demand, escrow)).state, 'asked')
  const [seen, ...others] = await node.demands()
  assert.is(others.length, 0)
  await node.answerDemand(seen!, evidence.opening)
  // The dispute is closed, and nobody hears of it: it is not demanded again.
  proxy.failAfter('sendTransaction', Number.POSITIVE_INFINITY)
  assert.is(await rejection(() => escrow.demandOpening(demand)), 'CHAIN_UNREACHABLE')
  proxy.recover()
  assert.equal(await pursued(demand, escrow), { state: 'answered' })
  assert.equal(await node.demands(), [])
  await proxy.stop()
})

test('demands that the program refuses for good cost fees and nothing else', async () => {
  const fresh = await quarrel()
  const gone = await quarrel()
  await renter.cancelLease(gone.lease)
  chain.advance({ seconds: 60 })
  await renter.expireLease(gone.lease)
  const ended = await quarrel()
  await renter.cancelLease(ended.lease)
  chain.advance({ seconds: 60 })
  const old = await quarrel({ honest: true, receipt: { startedMs: 0, endedMs: 1 } })
  const outside = { ...fresh.demand, entry: { ...fresh.demand.entry, row: 256 } }
  const cases: Array<[FraudRefusal, OpeningDemand]> = [
    ['EVIDENCE_FORGED', { ...fresh.demand, signature: signer(wallet).sign(fresh.demand.receipt) }],
    ['ESCROW_OPENING_OUT_OF_RANGE', outside],
    ['LEASE_GONE', gone.demand],
    ['ESCROW_LEASE_ENDED', ended.demand],
    ['ESCROW_RECEIPT_TOO_OLD', old.demand],
  ]
  for (const [reason, demand] of cases) {
    const before = await lamportsOf(wallet.publicKey)
    const answer = await renter.demandOpening(demand)
    assert.is('refused' in answer && answer.refused, reason)
    assert.ok(before - (await lamportsOf(wallet.publicKey)) <= 30_000, reason)
  }
  assert.is(await rejection(() => provider.demandOpening(fresh.demand)), 'WALLET_MISSING')
})

test('the rent of a verdict comes back when the registration has ended, and not before', async () => {
  const liar = await registerLiar()
  const evidence = await prove(liar)
  assert.is(await renter.closeVerdict(evidence), true, 'there is none yet')
  await punished(evidence)
  assert.is(await renter.closeVerdict(evidence), false)
  const account = providerAddress(programId, market, liar.node.publicKey)
  const who = { programId, provider: account, owner: owner.publicKey }
  const destination = tokensOf(owner.publicKey)
  await send([requestUnstake({ ...who, market, amount: 5_000_000n })], [signer(owner)])
  chain.advance({ seconds: DEFAULT_TERMS.coolDownSeconds })
  await send(
    [withdrawStake({ ...who, destination }), closeProvider({ ...who, destination })],
    [signer(owner)],
  )
  const before = await lamportsOf(wallet.publicKey)
  assert.is(await renter.closeVerdict(evidence), true)
  assert.ok((await lamportsOf(wallet.publicKey)) - before > 1_000_000, 'the rent is back')
  assert.is(await renter.closeVerdict(evidence), true)
  assert.is(await rejection(() => provider.closeVerdict(evidence)), 'WALLET_MISSING')
})

interface Proxy {
  url: string
  count(method: string): number
  total(): number
  failed(): number
  reset(): void
  /** The next call of `method` is passed on, its answer and `times` further calls are lost. */
  failAfter(method: string, times: number): void
  failAlways(): void
  recover(): void
  stop(): Promise<void>
}

/** Stands between the port and the chain: counts what is asked, and loses what a test wants to be lost. */
async function startProxy(): Promise<Proxy> {
  const asked: string[] = []
  let trigger: { method: string; times: number } | undefined
  let toFail = 0
  let failed = 0
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const { method } = JSON.parse(body.toString()) as { method: string }
    asked.push(method)
    if (toFail > 0) {
      toFail--
      failed++
      response.destroy()
      return
    }
    const answer = await fetch(chain.rpcUrl, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    const text = await answer.text()
    if (trigger?.method === method) {
      toFail = trigger.times
      trigger = undefined
      failed++
      response.destroy()
      return
    }
    response.setHeader('content-type', 'application/json')
    response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (method) => asked.filter((name) => name === method).length,
    total: () => asked.length,
    failed: () => failed,
    reset: () => {
      asked.length = 0
    },
    failAfter: (method, times) => {
      trigger = { method, times }
    },
    failAlways: () => {
      toFail = Number.POSITIVE_INFINITY
    },
    recover: () => {
      toFail = 0
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test.run()
