import { createRequire } from 'node:module'
import {
  createMint,
  getOrCreateAssociatedTokenAccount,
  mintTo,
  TOKEN_PROGRAM_ID,
  transferChecked,
} from '@solana/spl-token'
import { Connection, Keypair, LAMPORTS_PER_SOL } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { call, hangUp, startTestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: second opinion')
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

/** What depends on when and where it ran, and two things in which the other chain differs from Agave (amount texts, rent epoch). */
const PASSING = new Set([
  'slot',
  'apiVersion',
  'blockTime',
  'blockhash',
  'recentBlockhash',
  'computeUnitsConsumed',
  'rentEpoch',
  'signatures',
  'uiAmountString',
  'returnData',
])

function settle(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(settle)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => !PASSING.has(key))
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, settle(inner)]),
  )
}

/** The same script, with the same keys, against one chain; what it then answers, by question. */
async function interview(rpcUrl: string, wsEndpoint: string): Promise<Map<string, unknown>> {
  const connection = new Connection(rpcUrl, { commitment: 'confirmed', wsEndpoint })
  const keyOf = (seed: number) => Keypair.fromSeed(new Uint8Array(32).fill(seed))
  const [payer, bob] = [keyOf(1), keyOf(2)]
  const funding = await connection.requestAirdrop(payer.publicKey, 10 * LAMPORTS_PER_SOL)
  await connection.confirmTransaction({ signature: funding, ...(await connection.getLatestBlockhash()) })
  const mint = await createMint(connection, payer, payer.publicKey, null, 6, keyOf(3))
  const mine = await getOrCreateAssociatedTokenAccount(connection, payer, mint, payer.publicKey)
  const his = await getOrCreateAssociatedTokenAccount(connection, payer, mint, bob.publicKey)
  await mintTo(connection, payer, mint, mine.address, payer, 1_000_000n)
  const moved = await transferChecked(connection, payer, mine.address, mint, his.address, payer, 400_000n, 6)
  const created = (await connection.getSignaturesForAddress(his.address)).at(-1)?.signature
  hangUp(connection)

  const [owner, account] = [payer.publicKey.toBase58(), mine.address.toBase58()]
  const versions = { maxSupportedTransactionVersion: 0 }
  const memcmp = { offset: 32, bytes: owner }
  const questions: [string, unknown[]][] = [
    ['getAccountInfo', [account, { encoding: 'base64' }]],
    ['getAccountInfo', [account, { encoding: 'jsonParsed' }]],
    ['getAccountInfo', [mint.toBase58(), { encoding: 'jsonParsed' }]],
    ['getMultipleAccounts', [[owner, bob.publicKey.toBase58()], { encoding: 'base64' }]],
    ['getTokenAccountsByOwner', [owner, { mint: mint.toBase58() }, { encoding: 'jsonParsed' }]],
    ['getTokenAccountBalance', [account]],
    ['getTokenSupply', [mint.toBase58()]],
    [
      'getProgramAccounts',
      [TOKEN_PROGRAM_ID.toBase58(), { encoding: 'base64', filters: [{ dataSize: 165 }, { memcmp }] }],
    ],
    ['getTransaction', [moved, { encoding: 'json', ...versions }]],
    ['getTransaction', [moved, { encoding: 'jsonParsed', ...versions }]],
    ['getTransaction', [created, { encoding: 'jsonParsed', ...versions }]],
    ['getMinimumBalanceForRentExemption', [165]],
  ]
  const answers = new Map<string, unknown>()
  for (const [index, [method, params]] of questions.entries()) {
    const { result } = await call(rpcUrl, method, params)
    assert.ok(result, `${method} has a result`)
    answers.set(`${index} ${method}`, settle(result))
  }
  return answers
}

const TITLE = 'an independent local validator gives the same answers after the same script'
const surfpool = loadSurfpool()

if (surfpool === undefined) {
  test.skip(TITLE, `the package ${PACKAGE} is not installed (npm i --no-save ${PACKAGE})`)
} else {
  test(
    TITLE,
    async () => {
      const node = await startTestChain({ slotMs: 400 })
      const surfnet = surfpool.Surfnet.start()
      try {
        const ours = await interview(node.chain.rpcUrl, node.chain.wsUrl)
        const theirs = await interview(surfnet.rpcUrl, surfnet.wsUrl)
        assert.is(ours.size, 12)
        for (const [question, answer] of ours) assert.equal(answer, theirs.get(question), question)
      } finally {
        surfnet.stop()
        await node.stop()
      }
    },
    { timeoutMs: 120_000 },
  )
}

test.run()
