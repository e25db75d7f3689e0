import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import {
  ComputeBudgetProgram,
  Ed25519Program,
  Keypair,
  SystemProgram,
  Transaction,
  type TransactionInstruction,
  TransactionMessage,
} from '@solana/web3.js'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { BlockhashQueue, blockhashOf } from '../../chain/local/blockhash.js'
import { encodeJson } from '../../chain/local/encoding.js'
import { describeFault, KNOWN_FAULTS } from '../../chain/local/fault.js'
import { feeOf } from '../../chain/local/fee.js'
import { type AppliedTransaction, History } from '../../chain/local/history.js'
import { showAmount } from '../../chain/local/parsed/token.js'
import { startTestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: parts')

/** The runtime's enumerations exist in its declarations only. */
const declarations = readFileSync(
  createRequire(import.meta.url).resolve('litesvm/dist/internal.d.ts'),
  'utf8',
)

test('every error of the runtime has its name here, at its own number', () => {
  const namesOf = (name: string) => {
    const body = new RegExp(`const enum ${name} \\{([^}]*)\\}`).exec(declarations)?.[1] ?? ''
    const members = [...body.matchAll(/(\w+) = (\d+)/g)].map((match) => [Number(match[2]), match[1]] as const)
    return members.sort(([a], [b]) => a - b).map(([, member]) => member)
  }
  assert.ok(KNOWN_FAULTS.transaction.length > 30)
  assert.equal(KNOWN_FAULTS.transaction, namesOf('TransactionErrorFieldless'))
  assert.equal(KNOWN_FAULTS.instruction, namesOf('InstructionErrorFieldless'))
  assert.is(
    describeFault({ InstructionError: [2, 'MissingRequiredSignature'] }),
    'Error processing Instruction 2: missing required signature for instruction',
  )
})

test('the queue holds the blockhashes of the last 150 slots and its own, however the slots move', () => {
  const seed = new Uint8Array(32).fill(1)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), (steps) => {
      const queue = new BlockhashQueue(seed)
      let slot = 1
      queue.moveTo(slot)
      for (const step of steps) queue.moveTo((slot += step))
      for (const age of [0, 1, 149, 150, 151, 400]) {
        const expected = age <= 150 && slot - age >= 0 ? slot - age : undefined
        if (slot - age >= 0) assert.is(queue.slotOf(blockhashOf(seed, slot - age)), expected)
      }
      const hashes = queue.slotHashes()
      assert.is(hashes.length, Math.min(512, slot))
      assert.is(hashes[0]?.slot, BigInt(slot - 1))
    }),
    { numRuns: 50 },
  )
})

test('the history forgets the oldest beyond its limit, in every index', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.nat(2)), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (entries, limit) => {
        const history = new History(limit)
        const all = entries.map(([address, step], at) => ({
          signature: `s${at}`,
          slot: at + step,
          accounts: [`a${address}`],
        }))
        for (const entry of all) history.add(entry as unknown as AppliedTransaction)
        const kept = all.slice(-limit).map(({ signature }) => signature)
        assert.equal(
          history.all().map(({ signature }) => signature),
          kept,
        )
        const listed = [0, 1, 2, 3].flatMap((address) => history.ofAddress(`a${address}`))
        assert.equal(listed.map(({ signature }) => signature).sort(), [...kept].sort())
        const bySlot = [...new Set(all.map(({ slot }) => slot))].flatMap((slot) => history.ofSlot(slot))
        assert.is(bySlot.length, kept.length)
      },
    ),
  )
})

test('a fee counts signatures, those of precompiles too, and the priority that is offered, rounded up', () => {
  const payer = Keypair.generate()
  const feeFor = (...instructions: TransactionInstruction[]) =>
    feeOf(
      new TransactionMessage({
        payerKey: payer.publicKey,
        recentBlockhash: payer.publicKey.toBase58(),
        instructions,
      }).compileToV0Message(),
    )
  const transfer = SystemProgram.transfer({
    fromPubkey: payer.publicKey,
    toPubkey: payer.publicKey,
    lamports: 1,
  })
  const check = Ed25519Program.createInstructionWithPrivateKey({
    privateKey: payer.secretKey,
    message: Buffer.from('x'),
  })
  const price = ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 1_500 })
  const limit = ComputeBudgetProgram.setComputeUnitLimit({ units: 1_001 })
  assert.is(feeFor(transfer), 5_000)
  assert.is(feeFor(transfer, check), 10_000)
  assert.is(feeFor(transfer, price, limit), 5_002)
})

test('the fee that the runtime takes is the fee that is announced, with and without a unit limit', async () => {
  const { connection, fundedWallet, stop } = await startTestChain()
  try {
    const payer = fundedWallet()
    const price = ComputeBudgetProgram.setComputeUnitPrice({ microLamports: 777_777 })
    const limit = ComputeBudgetProgram.setComputeUnitLimit({ units: 1_001 })
    const transfer = SystemProgram.transfer({
      fromPubkey: payer.publicKey,
      toPubkey: payer.publicKey,
      lamports: 1,
    })
    for (const instructions of [[transfer], [price, transfer], [price, limit, transfer]]) {
      const transaction = new Transaction().add(...instructions)
      const before = await connection.getBalance(payer.publicKey)
      const signature = await connection.sendTransaction(transaction, [payer])
      const taken = before - (await connection.getBalance(payer.publicKey))
      const stored = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 })
      assert.is(stored?.meta?.fee, taken)
    }
  } finally {
    await stop()
  }
})

test('amounts are shown exactly as text, whatever the decimals', () => {
  assert.is(showAmount(0n, 6).uiAmountString, '0')
  assert.is(showAmount(1n, 6).uiAmountString, '0.000001')
  assert.is(showAmount(1_500_000n, 6).uiAmountString, '1.5')
  assert.is(showAmount(2n ** 64n - 1n, 0).uiAmountString, '18446744073709551615')
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(18), (amount, decimals) => {
      const [whole = '', fraction = ''] = showAmount(amount, decimals).uiAmountString.split('.')
      assert.is(BigInt(whole + fraction.padEnd(decimals, '0')), amount)
    }),
  )
})

test('the rent epoch of an exempt account keeps all its digits', () => {
  const text = encodeJson({ rentEpoch: Number(2n ** 64n - 1n), log: '"rentEpoch":18446744073709552000' })
  assert.is(text, '{"rentEpoch":18446744073709551615,"log":"\\"rentEpoch\\":18446744073709552000"}')
})

test('a websocket that does not read is closed before it costs much memory', async () => {
  const node = await startTestChain({ limits: { waitingBytes: 64 * 1024 } })
  try {
    const socket = new WebSocket(node.chain.wsUrl)
    await new Promise((resolve) => socket.on('open', resolve))
    const wallet = node.fundedWallet()
    const ask = { jsonrpc: '2.0', id: 1, method: 'logsSubscribe', params: ['all'] }
    const subscribed = new Promise((resolve) => socket.once('message', resolve))
    for (let count = 0; count < 1_000; count++) socket.send(JSON.stringify({ ...ask, id: count }))
    await subscribed
    while (node.chain.subscriptions() < 1_000) await new Promise(setImmediate)
    socket.pause()
    const closed = new Promise<number>((resolve) => socket.on('close', resolve))
    for (let count = 0; count < 400 && node.chain.subscriptions() > 0; count++) {
      node.chain.airdrop(wallet.publicKey, 1_000_000n)
      await new Promise(setImmediate)
    }
    socket.resume()
    assert.is(await closed, 1013)
  } finally {
    await node.stop()
  }
})

test.run()
