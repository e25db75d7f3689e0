import {
  Keypair,
  PublicKey,
  sendAndConfirmTransaction,
  Transaction,
  TransactionInstruction,
} from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { codeOf } from '../../protocols/errors.js'
import { startTestChain, type TestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: programs through the upgradeable loader')

/** Two real programs of the network, as compiled code to deploy elsewhere: the runtime holds them under their own addresses. */
const MEMO = new PublicKey('MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr')
const ASSOCIATED_TOKEN = new PublicKey('ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL')

async function codeOfProgram({ connection }: TestChain, address: PublicKey): Promise<Uint8Array> {
  const account = await connection.getAccountInfo(address)
  assert.ok(account)
  return account.data
}

async function remark(node: TestChain, programId: PublicKey, text: string): Promise<string> {
  const payer = node.fundedWallet()
  const memo = new TransactionInstruction({ programId, keys: [], data: Buffer.from(text) })
  const signature = await sendAndConfirmTransaction(node.connection, new Transaction().add(memo), [payer])
  const stored = await node.connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 })
  return stored?.meta?.logMessages?.join('\n') ?? ''
}

test('a program is deployed at start, runs, is left alone at the next start, and survives', async () => {
  const node = await startTestChain()
  try {
    const so = await codeOfProgram(node, MEMO)
    const programId = Keypair.generate().publicKey
    await node.restart({ programs: [{ programId, so }] })
    assert.match(await remark(node, programId, 'hello'), 'hello')
    const count = await node.connection.getTransactionCount()
    await node.restart({ programs: [{ programId, so }] })
    assert.is(await node.connection.getTransactionCount(), count, 'nothing was deployed again')
    await node.restart({ programs: [] })
    assert.match(await remark(node, programId, 'still here'), 'still here')
    const parsed = await node.connection.getParsedAccountInfo(programId)
    assert.ok(parsed.value && 'parsed' in parsed.value.data)
    assert.is(parsed.value.data.program, 'bpf-upgradeable-loader')
  } finally {
    await node.stop()
  }
})

test('other code under the same address is an upgrade, also when it is larger, and back again', async () => {
  const node = await startTestChain()
  try {
    const small = await codeOfProgram(node, MEMO)
    const large = await codeOfProgram(node, ASSOCIATED_TOKEN)
    assert.ok(large.length > small.length)
    const programId = Keypair.generate().publicKey
    assert.is(node.chain.deploy({ programId, so: small }), 'deployed')
    assert.is(node.chain.deploy({ programId, so: small }), 'unchanged')
    assert.match(await remark(node, programId, 'first'), 'first')
    assert.is(node.chain.deploy({ programId, so: large }), 'upgraded')
    const error = await remark(node, programId, 'no memo any more').catch((caught) => caught)
    assert.match(error.message, 'Error processing Instruction 0')
    assert.is(node.chain.deploy({ programId, so: small }), 'upgraded')
    assert.match(await remark(node, programId, 'third'), 'third')
    assert.is(node.chain.deploy({ programId, so: small }), 'unchanged')
  } finally {
    await node.stop()
  }
})

test('a file that is no program is refused with the logs of the loader', async () => {
  const node = await startTestChain()
  try {
    const programId = Keypair.generate().publicKey
    let error: unknown
    try {
      node.chain.deploy({ programId, so: new Uint8Array(2_000).fill(7) })
    } catch (caught) {
      error = caught
    }
    assert.is(codeOf(error), 'PROGRAM_NOT_DEPLOYED')
    assert.match((error as Error).message, 'BPFLoaderUpgradeab1e11111111111111111111111')
  } finally {
    await node.stop()
  }
})

test('funded accounts of the genesis are there, once', async () => {
  const wallet = Keypair.generate().publicKey
  const node = await startTestChain({ genesis: [{ address: wallet, lamports: 7_000_000_000n }] })
  try {
    assert.is(await node.connection.getBalance(wallet), 7_000_000_000)
    await node.restart()
    assert.is(await node.connection.getBalance(wallet), 7_000_000_000)
  } finally {
    await node.stop()
  }
})

test.run()
