import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connection, Keypair, LAMPORTS_PER_SOL, SystemProgram } from '@solana/web3.js'
import { disputeAddress } from '../../chain/client/addresses.js'
import * as disputes from '../../chain/client/disputes.js'
import * as escrow from '../../chain/client/instructions.js'
import { decodeDispute } from '../../chain/client/layouts.js'
import { localnetProgramKeypair } from '../../chain/client/loader.js'
import { createSigner, createVerifier } from '../../chain/client/signing.js'
import { buildTransaction, signTransaction } from '../../chain/client/transactions.js'
import { startLocalChain } from '../../chain/local/chain.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import { MarketWorld } from '../support/escrow.js'
import { commit, lieAbout, receiptOf, trueSegment } from '../support/fraud.js'
import { hashOf, type Outcome, PROGRAM_PATH } from '../support/runtime.js'
import type { Figure } from './figure.js'

const VOUCHERS = 20_000
const TRANSFERS = 2_000
const AT_ONCE = 32

export async function run(): Promise<Figure[]> {
  return [...costs(), ...vouchers(), await throughput()]
}

/** Compute units, transactions and rent of a job, and of a slash at the sizes that the specification names. */
function costs(): Figure[] {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const renter = world.newRenter()
  const figures: Figure[] = []
  const record = (name: string, outcome: Outcome) => {
    world.expect(outcome)
    figures.push({ name: `cu.${name}`, value: outcome.units, unit: 'compute units' })
  }
  const opening = world.opening(provider, renter)
  const before = world.lamports(renter.wallet.publicKey)
  record('open_lease', world.send([escrow.openLease(opening)], [world.payer, renter.wallet, provider.node]))
  const locked = before - world.lamports(renter.wallet.publicKey)
  const lease = world.leaseParty(opening, provider, renter)
  record('settle', world.send(world.settling(lease, world.voucher(lease, { amount: 5n })), [world.payer]))
  const voucher = world.voucher(lease, { amount: 9n, sequence: 2n, final: true })
  record('close_lease', world.send(world.closing(lease, { voucher }), [world.payer, provider.node]))
  const kept = before - world.lamports(renter.wallet.publicKey)
  figures.push(
    { name: 'tx.per_job', value: 2, unit: 'transactions' },
    { name: 'rent.locked_lamports', value: Number(locked), unit: 'lamports' },
    { name: 'rent.kept_lamports', value: Number(kept), unit: 'lamports' },
  )
  figures.push(...demandCosts())
  for (const n of [1024, 4096, 32_768]) figures.push(...slashCosts(n))
  return figures
}

/** An opening of the largest proof that is demanded and answered, and one that is not. */
function demandCosts(): Figure[] {
  const world = new MarketWorld()
  const { programId, address: market, mint } = world
  const lease = world.open(world.newProvider(), world.newRenter())
  const { provider, renter } = lease
  const figures: Figure[] = []
  const record = (name: string, outcome: Outcome) => {
    world.expect(outcome)
    figures.push({ name: `cu.${name}`, value: outcome.units, unit: 'compute units' })
  }
  const [seed, params] = [hashOf('bench'), { n: 32_768, rounds: 256 }]
  const entry = { round: 255, row: params.n - 1, column: params.n / 4 - 1 }
  const { root, opening } = commit(seed, params, entry, trueSegment(seed, params, entry))
  const receipt = receiptOf(world, provider, { seed, params, root, lease: lease.address.toBytes() })
  const reporter = renter.wallet.publicKey
  const who = { programId, reporter, provider: provider.address }
  const dispute = disputeAddress(programId, reporter, receipt.hash)
  const node = provider.node.publicKey
  const open = disputes.openDispute({ ...who, node, receipt: receipt.signed, receiptHash: receipt.hash })
  world.expect(world.send(open, [renter.wallet]))
  const demand = disputes.demandOpening({ ...who, lease: lease.address, dispute, entry })
  record('demand_opening', world.send([demand], [renter.wallet]))
  const state = { market, ...who, lease: lease.address }
  const [first, second] = disputes.answerOpening({ programId, node, dispute, state, opening })
  record('answer_opening', world.send([first!], [world.payer, provider.node]))
  world.expect(world.send([second!], [world.payer, provider.node]))
  world.expect(world.send([demand], [renter.wallet]))
  world.advance(3600)
  record(
    'slash_silent',
    world.send([disputes.slashSilent({ programId, dispute, state, mint })], [world.payer]),
  )
  return figures
}

function slashCosts(n: number): Figure[] {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const [seed, params] = [hashOf('bench'), { n, rounds: 4 }]
  const entry = { round: 3, row: n - 1, column: n / 4 - 1 }
  const { root, opening } = commit(
    seed,
    params,
    entry,
    lieAbout(trueSegment(seed, params, entry), entry.column),
  )
  const receipt = receiptOf(world, provider, { seed, params, root })
  const reporter = world.wallet('reporter')
  const bounty = world.createTokenAccount(world.mint, reporter.publicKey)
  const { programId, mint } = world
  const dispute = disputeAddress(programId, reporter.publicKey, receipt.hash)
  const who = { programId, reporter: reporter.publicKey, provider: provider.address }
  const open = disputes.openDispute({
    ...who,
    node: provider.node.publicKey,
    receipt: receipt.signed,
    receiptHash: receipt.hash,
  })
  const sent = [world.expect(world.send(open, [reporter]))]
  const parts = [
    ...disputes.postOpening(programId, reporter.publicKey, dispute, opening),
    ...disputes.computeEntry(programId, dispute, n),
  ]
  for (const part of parts) sent.push(world.expect(world.heavy([part], [reporter])))
  const state = decodeDispute(dispute, world.account(dispute), programId)
  const slash = disputes.slashFraud({ programId, dispute, state, mint, bounty, refund: bounty })
  const last = world.expect(world.heavy([slash], [reporter]))
  return [
    { name: `cu.slash_fraud.n${n}`, value: last.units, unit: 'compute units' },
    { name: `tx.slash_fraud.n${n}`, value: sent.length + 1, unit: 'transactions' },
  ]
}

/** Vouchers signed and checked on one core by Node's own Ed25519; other libraries are compared in chain/README.md. */
function vouchers(): Figure[] {
  const signer = createSigner(Keypair.generate().secretKey)
  const verify = createVerifier(signer.publicKey.toBytes())
  const messages = Array.from({ length: VOUCHERS }, (_, index) =>
    encodeVoucher({
      lease: hashOf('lease'),
      serial: 1n,
      amount: BigInt(index),
      sequence: BigInt(index),
      final: false,
    }),
  )
  const signing = timed(() => messages.map((message) => signer.sign(message)))
  const checking = timed(
    () => messages.filter((message, index) => verify(message, signing.result[index]!)).length,
  )
  if (checking.result !== VOUCHERS) throw new Error('a voucher that was just signed does not verify')
  const aim = 20_000
  const checks = (1000 * VOUCHERS) / checking.ms
  return [
    { name: 'voucher.signatures_per_s', value: (1000 * VOUCHERS) / signing.ms, unit: '1/s' },
    {
      name: 'voucher.checks_per_s',
      value: checks,
      unit: '1/s',
      reference: 'the aim of 20,000',
      ratio: checks / aim,
    },
  ]
}

function timed<T>(act: () => T): { result: T; ms: number } {
  const startedAt = systemClock.elapsed()
  const result = act()
  return { result, ms: systemClock.elapsed() - startedAt }
}

/** Signed transfers through the local chain's RPC, preflight included, many at a time. */
async function throughput(): Promise<Figure> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-bench-'))
  const programs = [
    { programId: localnetProgramKeypair().publicKey, so: new Uint8Array(readFileSync(PROGRAM_PATH)) },
  ]
  const ports = { clock: systemClock, random: systemRandom, log: silentLog }
  const chain = await startLocalChain({ dataDir, port: 0, ...ports, programs })
  try {
    const connection = new Connection(chain.rpcUrl, 'confirmed')
    const payer = Keypair.generate()
    await connection.requestAirdrop(payer.publicKey, 1_000 * LAMPORTS_PER_SOL)
    const lifetime = await connection.getLatestBlockhash()
    const to = Keypair.generate().publicKey
    const signer = createSigner(payer.secretKey)
    const signed: Uint8Array[] = []
    for (let index = 0; index < TRANSFERS; index++) {
      const lamports = LAMPORTS_PER_SOL / 100 + index
      const transfer = SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: to, lamports })
      const transaction = buildTransaction(
        payer.publicKey,
        [transfer],
        { computeUnits: 1_000, microLamports: 0 },
        lifetime,
      )
      await signTransaction(transaction, signer)
      signed.push(transaction.serialize())
    }
    const startedAt = systemClock.elapsed()
    const waiting = [...signed]
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          await connection.sendRawTransaction(next)
        }
      }),
    )
    const perSecond = (1000 * TRANSFERS) / (systemClock.elapsed() - startedAt)
    return { name: 'rpc.tx_per_s', value: perSecond, unit: '1/s' }
  } finally {
    await chain.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
