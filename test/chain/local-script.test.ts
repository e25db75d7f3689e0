import {
  approve,
  burn,
  closeAccount,
  createMint,
  getAccount,
  getMint,
  getOrCreateAssociatedTokenAccount,
  mintTo,
  revoke,
  TOKEN_2022_PROGRAM_ID,
  TOKEN_PROGRAM_ID,
  TokenAccountNotFoundError,
  transfer,
  transferChecked,
} from '@solana/spl-token'
import {
  AddressLookupTableProgram,
  Ed25519Program,
  Keypair,
  LAMPORTS_PER_SOL,
  type PublicKey,
  SendTransactionError,
  SystemProgram,
  sendAndConfirmTransaction,
  type TokenBalance,
  Transaction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { call, startTestChain, type TestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: unmodified web3.js and spl-token scripts')
let node: TestChain

test.before(async () => {
  node = await startTestChain({ slotMs: 50 })
})
test.after(() => node.stop())

function transferOf(from: Keypair, to: PublicKey, lamports: number): Transaction {
  return new Transaction().add(SystemProgram.transfer({ fromPubkey: from.publicKey, toPubkey: to, lamports }))
}

test('an airdrop is confirmed over the websocket and shows in the balance', async () => {
  const { connection } = node
  const wallet = Keypair.generate()
  const signature = await connection.requestAirdrop(wallet.publicKey, 2 * LAMPORTS_PER_SOL)
  const latest = await connection.getLatestBlockhash()
  const { value } = await connection.confirmTransaction({ signature, ...latest })
  assert.is(value.err, null)
  assert.is(await connection.getBalance(wallet.publicKey), 2 * LAMPORTS_PER_SOL)
})

test('two equal airdrops in one slot are two airdrops', async () => {
  const still = await startTestChain()
  try {
    const wallet = Keypair.generate()
    const first = await still.connection.requestAirdrop(wallet.publicKey, LAMPORTS_PER_SOL)
    const second = await still.connection.requestAirdrop(wallet.publicKey, LAMPORTS_PER_SOL)
    assert.is.not(first, second)
    assert.is(await still.connection.getBalance(wallet.publicKey), 2 * LAMPORTS_PER_SOL)
  } finally {
    await still.stop()
  }
})

for (const [name, programId] of [
  ['spl-token', TOKEN_PROGRAM_ID],
  ['spl-token-2022', TOKEN_2022_PROGRAM_ID],
] as const) {
  test(`a token of ${name} is created, minted, transferred, burned, and its accounts closed`, async () => {
    const { connection } = node
    const payer = node.fundedWallet()
    const bob = Keypair.generate()
    const options = { commitment: 'confirmed' as const }
    const mint = await createMint(
      connection,
      payer,
      payer.publicKey,
      null,
      6,
      Keypair.generate(),
      options,
      programId,
    )
    const ataOf = (owner: PublicKey) =>
      getOrCreateAssociatedTokenAccount(
        connection,
        payer,
        mint,
        owner,
        false,
        'confirmed',
        options,
        programId,
      )
    const [mine, his] = [await ataOf(payer.publicKey), await ataOf(bob.publicKey)]
    assert.equal((await ataOf(bob.publicKey)).address, his.address)

    await mintTo(connection, payer, mint, mine.address, payer, 1_000_000n, [], options, programId)
    await transfer(connection, payer, mine.address, his.address, payer, 400_000n, [], options, programId)
    await burn(connection, payer, mine.address, mint, payer, 100_000n, [], options, programId)

    assert.is((await getMint(connection, mint, 'confirmed', programId)).supply, 900_000n)
    assert.is((await connection.getTokenSupply(mint)).value.uiAmountString, '0.9')
    assert.is((await connection.getTokenAccountBalance(his.address)).value.amount, '400000')
    const byOwner = await connection.getParsedTokenAccountsByOwner(bob.publicKey, { mint })
    assert.is(byOwner.value.length, 1)
    assert.is(byOwner.value[0]?.account.data.parsed.info.tokenAmount.uiAmount, 0.4)
    assert.is(byOwner.value[0]?.account.data.program, name)
    const largest = await connection.getTokenLargestAccounts(mint)
    assert.equal(
      largest.value.map(({ amount }) => amount),
      ['500000', '400000'],
    )

    const back = await transferChecked(
      connection,
      payer,
      his.address,
      mint,
      mine.address,
      bob,
      400_000n,
      6,
      [],
      options,
      programId,
    )
    await closeAccount(connection, payer, his.address, payer.publicKey, bob, [], options, programId)
    const closed = await getAccount(connection, his.address, 'confirmed', programId).catch((error) => error)
    assert.instance(closed, TokenAccountNotFoundError)

    const parsed = await connection.getParsedTransaction(back, { maxSupportedTransactionVersion: 0 })
    const instruction = parsed?.transaction.message.instructions[0]
    assert.ok(instruction !== undefined && 'parsed' in instruction)
    assert.is(instruction.parsed.type, 'transferChecked')
    assert.is(instruction.parsed.info.tokenAmount.amount, '400000')
    const ofBob = (list: TokenBalance[] | null | undefined) =>
      list?.find(({ owner }) => owner === bob.publicKey.toBase58())?.uiTokenAmount.amount
    assert.is(ofBob(parsed?.meta?.preTokenBalances), '400000')
    assert.is(ofBob(parsed?.meta?.postTokenBalances), '0')
  })
}

test('a transaction that fails its preflight carries the logs, and nothing is taken', async () => {
  const { connection } = node
  const payer = node.fundedWallet(1)
  const error = await sendAndConfirmTransaction(
    connection,
    transferOf(payer, Keypair.generate().publicKey, 5 * LAMPORTS_PER_SOL),
    [payer],
  ).catch((caught) => caught)
  assert.instance(error, SendTransactionError)
  assert.match(error.message, 'Error processing Instruction 0: custom program error: 0x1')
  assert.match(error.logs.join(), 'insufficient lamports')
  assert.is(await connection.getBalance(payer.publicKey), LAMPORTS_PER_SOL)
})

test('a transaction that fails without preflight pays its fee and is confirmed with its error', async () => {
  const { connection } = node
  const payer = node.fundedWallet(1)
  const transaction = transferOf(payer, Keypair.generate().publicKey, 5 * LAMPORTS_PER_SOL)
  const error = await sendAndConfirmTransaction(connection, transaction, [payer], {
    skipPreflight: true,
  }).catch((caught) => caught)
  assert.instance(error, SendTransactionError)
  assert.match(error.message, '{"InstructionError":[0,{"Custom":1}]}')
  assert.is(await connection.getBalance(payer.publicKey), LAMPORTS_PER_SOL - 5_000)
  const [entry] = await connection.getSignaturesForAddress(payer.publicKey, { limit: 1 })
  assert.equal(entry?.err, { InstructionError: [0, { Custom: 1 }] })
  const stored = await connection.getTransaction(entry?.signature ?? '', {
    maxSupportedTransactionVersion: 0,
  })
  assert.is(stored?.meta?.fee, 5_000)
})

test('a signature that was processed before its subscription is notified at once', async () => {
  const { connection } = node
  const signature = await connection.requestAirdrop(Keypair.generate().publicKey, LAMPORTS_PER_SOL)
  const result = await new Promise((resolve) => connection.onSignature(signature, resolve))
  assert.equal(result, { err: null })
})

test('a signature can be confirmed by polling alone, recent or from the history', async () => {
  const still = await startTestChain()
  try {
    const { chain, connection } = still
    const signature = await connection.requestAirdrop(Keypair.generate().publicKey, LAMPORTS_PER_SOL)
    const { value } = await connection.getSignatureStatus(signature)
    assert.is(value?.confirmationStatus, 'finalized')
    assert.is(value?.err, null)
    chain.advance({ slots: 200 })
    assert.is((await connection.getSignatureStatus(signature)).value, null)
    const searched = await connection.getSignatureStatus(signature, { searchTransactionHistory: true })
    assert.is(searched.value?.confirmationStatus, 'finalized')
  } finally {
    await still.stop()
  }
})

test('account, program, log, slot and root subscriptions tell what happens', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const watched = Keypair.generate()
  const heard = new Map<string, unknown>()
  const hear = (what: string) => (value: unknown) => {
    heard.set(what, value)
  }
  const subscriptions = [
    connection.onAccountChange(watched.publicKey, hear('account')),
    connection.onProgramAccountChange(SystemProgram.programId, hear('program'), {
      filters: [{ dataSize: 0 }],
    }),
  ]
  connection.onLogs(watched.publicKey, hear('logs'))
  connection.onSlotChange(hear('slot'))
  connection.onRootChange(hear('root'))
  while (!heard.has('slot') || !heard.has('root')) await new Promise(setImmediate)
  await sendAndConfirmTransaction(connection, transferOf(payer, watched.publicKey, LAMPORTS_PER_SOL), [payer])
  while (heard.size < 5) await new Promise(setImmediate)
  assert.is((heard.get('account') as { lamports: number }).lamports, LAMPORTS_PER_SOL)
  assert.is((heard.get('logs') as { err: unknown }).err, null)
  for (const id of subscriptions) await connection.removeAccountChangeListener(id)
})

test('a simulation changes nothing, can replace the blockhash, and shows accounts as they would be', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const to = Keypair.generate().publicKey
  const message = new TransactionMessage({
    payerKey: payer.publicKey,
    recentBlockhash: '11111111111111111111111111111111',
    instructions: [
      SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: to, lamports: LAMPORTS_PER_SOL }),
    ],
  }).compileToV0Message()
  const unsigned = new VersionedTransaction(message)
  const expired = await connection.simulateTransaction(unsigned)
  assert.is(expired.value.err, 'BlockhashNotFound')
  const replaced = await connection.simulateTransaction(unsigned, {
    replaceRecentBlockhash: true,
    accounts: { encoding: 'base64', addresses: [to.toBase58()] },
    innerInstructions: true,
  })
  assert.is(replaced.value.err, null)
  assert.is(replaced.value.accounts?.[0]?.lamports, LAMPORTS_PER_SOL)
  assert.is(replaced.value.unitsConsumed, 150)
  assert.is(await connection.getBalance(to), 0)

  message.recentBlockhash = (await connection.getLatestBlockhash()).blockhash
  const unverified = await connection
    .simulateTransaction(unsigned, { sigVerify: true })
    .catch((caught) => caught)
  assert.match(unverified.message, 'signature verification failure')
  unsigned.sign([payer])
  const verified = await connection.simulateTransaction(unsigned, { sigVerify: true })
  assert.is(verified.value.err, null)
})

test('the fee that is asked for beforehand is the fee that is taken', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const { blockhash } = await connection.getLatestBlockhash()
  const message = new TransactionMessage({
    payerKey: payer.publicKey,
    recentBlockhash: blockhash,
    instructions: [
      Ed25519Program.createInstructionWithPrivateKey({
        privateKey: payer.secretKey,
        message: Buffer.from('a voucher'),
      }),
      SystemProgram.transfer({
        fromPubkey: payer.publicKey,
        toPubkey: payer.publicKey,
        lamports: 1,
      }),
    ],
  }).compileToV0Message()
  const { value: fee } = await connection.getFeeForMessage(message)
  assert.is(fee, 10_000)
  const transaction = new VersionedTransaction(message)
  transaction.sign([payer])
  const before = await connection.getBalance(payer.publicKey)
  await connection.sendTransaction(transaction)
  assert.is(before - (await connection.getBalance(payer.publicKey)), fee)
})

test('a version 0 transaction reads its accounts from a lookup table', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const to = Keypair.generate().publicKey
  const [create, table] = AddressLookupTableProgram.createLookupTable({
    authority: payer.publicKey,
    payer: payer.publicKey,
    recentSlot: (await connection.getSlot()) - 1,
  })
  const extend = AddressLookupTableProgram.extendLookupTable({
    lookupTable: table,
    authority: payer.publicKey,
    payer: payer.publicKey,
    addresses: [to],
  })
  await sendAndConfirmTransaction(connection, new Transaction().add(create, extend), [payer])
  node.chain.advance({ slots: 1 })
  const { value } = await connection.getAddressLookupTable(table)
  assert.ok(value)
  const latest = await connection.getLatestBlockhash()
  const message = new TransactionMessage({
    payerKey: payer.publicKey,
    recentBlockhash: latest.blockhash,
    instructions: [
      SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: to, lamports: LAMPORTS_PER_SOL }),
    ],
  }).compileToV0Message([value])
  assert.is(message.addressTableLookups.length, 1)
  const transaction = new VersionedTransaction(message)
  transaction.sign([payer])
  const signature = await connection.sendTransaction(transaction)
  await connection.confirmTransaction({ signature, ...latest })
  assert.is(await connection.getBalance(to), LAMPORTS_PER_SOL)
  const stored = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 })
  assert.equal(stored?.meta?.loadedAddresses?.writable, [to])
  const refused = await connection
    .getTransaction(signature, { commitment: 'confirmed' })
    .catch((caught) => caught)
  assert.match(refused.message, 'maxSupportedTransactionVersion')
})

test('token accounts are found by their delegate, for as long as it is one', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const delegate = Keypair.generate().publicKey
  const mint = await createMint(connection, payer, payer.publicKey, null, 0)
  const mine = await getOrCreateAssociatedTokenAccount(connection, payer, mint, payer.publicKey)
  await mintTo(connection, payer, mint, mine.address, payer, 9n)
  const delegated = async () =>
    (
      await call(node.chain.rpcUrl, 'getTokenAccountsByDelegate', [
        delegate.toBase58(),
        { mint: mint.toBase58() },
        { encoding: 'jsonParsed' },
      ])
    ).result.value
  assert.is((await delegated()).length, 0)
  await approve(connection, payer, mine.address, delegate, payer, 4n)
  assert.is((await delegated())[0].account.data.parsed.info.delegatedAmount.amount, '4')
  await revoke(connection, payer, mine.address, payer)
  assert.is((await delegated()).length, 0)
})

test('getProgramAccounts filters by size and bytes and cuts the data to a slice', async () => {
  const { connection } = node
  const payer = node.fundedWallet()
  const mint = await createMint(connection, payer, payer.publicKey, null, 0)
  const owners = [Keypair.generate().publicKey, Keypair.generate().publicKey]
  for (const owner of owners) await getOrCreateAssociatedTokenAccount(connection, payer, mint, owner)
  const found = await connection.getProgramAccounts(TOKEN_PROGRAM_ID, {
    filters: [{ dataSize: 165 }, { memcmp: { offset: 0, bytes: mint.toBase58() } }],
    dataSlice: { offset: 32, length: 32 },
  })
  assert.equal(
    found.map(({ account }) => account.data.toString('hex')).sort(),
    owners.map((owner) => owner.toBuffer().toString('hex')).sort(),
  )
})

test('a block lists its transactions, and its neighbours by hash', async () => {
  const { connection } = node
  const signature = await connection.requestAirdrop(Keypair.generate().publicKey, LAMPORTS_PER_SOL)
  const slot = (await connection.getSignatureStatus(signature)).value?.slot ?? 0
  node.chain.advance({ slots: 2 })
  const block = await connection.getBlock(slot, { maxSupportedTransactionVersion: 0 })
  assert.ok(block?.transactions.some((entry) => entry.transaction.signatures[0] === signature))
  const next = await connection.getBlock(slot + 1, { maxSupportedTransactionVersion: 0 })
  assert.is(next?.previousBlockhash, block?.blockhash)
  assert.is(await connection.getBlockTime(slot), block?.blockTime)
  const parsed = await connection.getParsedBlock(slot, { maxSupportedTransactionVersion: 0 })
  assert.is(parsed.transactions.length, block?.transactions.length)
  const signatures = await connection.getBlockSignatures(slot)
  assert.ok(signatures.signatures.includes(signature))
})

test('the rest of what a client asks about a cluster is answered', async () => {
  const { connection } = node
  const epoch = await connection.getEpochInfo()
  assert.is(epoch.absoluteSlot, epoch.blockHeight)
  assert.is(await connection.getGenesisHash(), node.chain.genesisHash)
  assert.type((await connection.getVersion())['solana-core'], 'string')
  assert.ok((await connection.getSupply()).value.total > 0)
  assert.equal(await connection.getVoteAccounts(), { current: [], delinquent: [] })
  assert.ok((await connection.getRecentPrioritizationFees()).length > 0)
  assert.ok((await connection.getClusterNodes()).length === 1)
  assert.ok((await connection.getTransactionCount()) > 0)
  assert.is((await connection.getBlocks(1, 3)).join(), '1,2,3')
  assert.is(await connection.getMinimumBalanceForRentExemption(165), 2_039_280)
})

test.run()
