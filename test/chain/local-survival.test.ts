import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Connection, Keypair, LAMPORTS_PER_SOL, PublicKey, SystemProgram, Transaction } from '@solana/web3.js'
import bs58 from 'bs58'
import * as assert from 'uvu/assert'
import type { LocalChainOptions } from '../../chain/local/chain.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { call, startTestChain, type TestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: what survives')
const CHILD = fileURLToPath(new URL('../support/local-chain-child.js', import.meta.url))

async function withDirectory(body: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-chain-'))
  try {
    await body(dataDir)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function withChain(
  dataDir: string,
  body: (node: TestChain) => Promise<void>,
  options: Partial<LocalChainOptions> = {},
): Promise<void> {
  const node = await startTestChain({ dataDir, ...options })
  try {
    await body(node)
  } finally {
    await node.stop()
  }
}

async function startChild(dataDir: string): Promise<{ child: ChildProcess; rpcUrl: string }> {
  const child = fork(CHILD, [dataDir])
  const rpcUrl = await new Promise<string>((resolve, reject) => {
    child.once('message', (url) => resolve(String(url)))
    child.once('exit', (code) => reject(new Error(`the chain's process ended with ${code}`)))
  })
  return { child, rpcUrl }
}

function newest(dataDir: string, kind: 'journal' | 'snapshot'): string {
  const names = readdirSync(dataDir)
    .filter((name) => name.startsWith(`${kind}-`))
    .sort()
  return join(dataDir, names.at(-1) ?? '')
}

/** A transfer over this blockhash; the amount tells it from the others. */
function transferWire(from: Keypair, blockhash: string, lamports: number): Uint8Array {
  const transaction = new Transaction({ feePayer: from.publicKey, recentBlockhash: blockhash })
  transaction.add(SystemProgram.transfer({ fromPubkey: from.publicKey, toPubkey: from.publicKey, lamports }))
  transaction.sign(from)
  return transaction.serialize()
}

test(
  'after kill -9 in the middle of a stream of transactions nothing that was acknowledged is lost',
  () =>
    withDirectory(async (dataDir) => {
      const payer = Keypair.generate()
      const acknowledged: { signature: string; wire: Uint8Array }[] = []
      const balances = new Map<string, number>()
      let lastSlot = 0
      for (let round = 0; round < 3; round++) {
        const { child, rpcUrl } = await startChild(dataDir)
        const connection = new Connection(rpcUrl, 'confirmed')
        assert.ok((await connection.getSlot()) >= lastSlot, 'slots do not go back')
        for (const { signature } of acknowledged) {
          const { value } = await connection.getSignatureStatus(signature, { searchTransactionHistory: true })
          assert.is(value?.err, null, `${signature} is still there`)
        }
        for (const [address, lamports] of balances) {
          assert.is(await connection.getBalance(new PublicKey(address)), lamports)
        }
        await connection.requestAirdrop(payer.publicKey, LAMPORTS_PER_SOL)
        const { blockhash } = await connection.getLatestBlockhash()
        const exited = new Promise((resolve) => child.once('exit', resolve))
        const goal = acknowledged.length + 40
        const send = async (lane: number) => {
          for (let number = 0; ; number++) {
            const to = Keypair.generate().publicKey
            const transaction = new Transaction({ feePayer: payer.publicKey, recentBlockhash: blockhash })
            const lamports = 1_000_000 + lane * 1_000 + number
            transaction.add(SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: to, lamports }))
            transaction.sign(payer)
            const wire = transaction.serialize()
            const signature = await connection.sendRawTransaction(wire)
            acknowledged.push({ signature, wire })
            balances.set(to.toBase58(), lamports)
            if (acknowledged.length === goal) {
              lastSlot = await connection.getSlot()
              child.kill('SIGKILL')
            }
          }
        }
        const lanes = await Promise.allSettled([0, 1, 2, 3].map((lane) => send(lane + round * 4)))
        assert.ok(lanes.every(({ status }) => status === 'rejected'))
        await exited
      }
      assert.ok(acknowledged.length >= 120)
      await withChain(dataDir, async ({ connection }) => {
        for (const { signature, wire } of acknowledged) {
          const stored = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 })
          assert.is(stored?.transaction.signatures[0], signature)
          const replay = await connection.sendRawTransaction(wire).catch((caught) => caught)
          assert.match(replay.message, /already been processed|Blockhash not found/)
        }
        for (const [address, lamports] of balances) {
          assert.is(await connection.getBalance(new PublicKey(address)), lamports)
        }
      })
    }),
  { timeoutMs: 60_000 },
)

test('a restart keeps the blockhash window, the seen transactions, the time and the history', () =>
  withDirectory(async (dataDir) => {
    const node = await startTestChain({ dataDir })
    const payer = node.fundedWallet()
    node.chain.advance({ slots: 10, seconds: 100 })
    const { blockhash } = await node.connection.getLatestBlockhash()
    const wire = transferWire(payer, blockhash, 1)
    const signature = await node.connection.sendRawTransaction(wire)
    node.chain.advance({ slots: 100 })
    const before = {
      slot: node.chain.slot(),
      time: node.chain.unixTime(),
      genesis: node.chain.genesisHash,
      supply: (await node.connection.getSupply()).value.total,
      status: (await node.connection.getSignatureStatus(signature)).value,
      count: await node.connection.getTransactionCount(),
    }
    await node.restart()
    const after = {
      slot: node.chain.slot(),
      time: node.chain.unixTime(),
      genesis: node.chain.genesisHash,
      supply: (await node.connection.getSupply()).value.total,
      status: (await node.connection.getSignatureStatus(signature)).value,
      count: await node.connection.getTransactionCount(),
    }
    assert.equal(after, before)
    const replay = await node.connection.sendRawTransaction(wire).catch((caught) => caught)
    assert.match(replay.message, 'already been processed')
    await node.connection.sendRawTransaction(transferWire(payer, blockhash, 2))
    await node.stop()
  }))

test('a record that was not written to its end is dropped, and the chain goes on from there', () =>
  withDirectory(async (dataDir) => {
    const wallet = Keypair.generate().publicKey
    await withChain(dataDir, async ({ chain }) => {
      chain.airdrop(wallet, 1_000_000n)
      chain.airdrop(wallet, 2_000_000n)
    })
    const journal = newest(dataDir, 'journal')
    const whole = statSync(journal).size
    truncateSync(journal, whole - 3)
    await withChain(dataDir, async ({ chain, connection }) => {
      assert.is(await connection.getBalance(wallet), 1_000_000)
      chain.airdrop(wallet, 4_000_000n)
    })
    appendFileSync(journal, Buffer.from([200, 0, 0, 0, 1, 2]))
    await withChain(dataDir, async ({ connection }) => {
      assert.is(await connection.getBalance(wallet), 5_000_000)
    })
  }))

test('a journal that is damaged in its middle is an error, not a silent loss', () =>
  withDirectory(async (dataDir) => {
    await withChain(dataDir, async (node) => {
      for (let count = 0; count < 5; count++) node.fundedWallet()
    })
    const journal = newest(dataDir, 'journal')
    const bytes = readFileSync(journal)
    bytes[60]! ^= 1
    writeFileSync(journal, bytes)
    const error = await startTestChain({ dataDir }).catch((caught) => caught)
    assert.is(codeOf(error), 'JOURNAL_DAMAGED')
    assert.ok(error.message.includes(journal))
  }))

test(
  'snapshots take over from long journals; a damaged one is named and the one before still serves',
  () =>
    withDirectory(async (dataDir) => {
      const wallet = Keypair.generate().publicKey
      const transfers = 140
      // Each snapshot is awaited by the stop that follows it, so that the generations are known.
      for (let count = 0; count < transfers; ) {
        await withChain(
          dataDir,
          async ({ chain }) => {
            for (let part = 0; part < 70; part++, count++) chain.airdrop(wallet, 1_000_000n)
          },
          { snapshotTransactions: 60 },
        )
      }
      const snapshot = newest(dataDir, 'snapshot')
      assert.match(snapshot, 'snapshot-00000003')
      assert.equal(
        readdirSync(dataDir).filter((name) => /-\d+$/.test(name)),
        ['journal-00000002', 'journal-00000003', 'snapshot-00000002', 'snapshot-00000003'],
      )
      const check = async ({ connection }: TestChain) => {
        assert.is(await connection.getBalance(wallet), transfers * 1_000_000)
        assert.is(await connection.getTransactionCount(), transfers)
      }
      await withChain(dataDir, check)
      const bytes = readFileSync(snapshot)
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(snapshot, bytes)
      const error = await startTestChain({ dataDir }).catch((caught) => caught)
      assert.instance(error, NightshiftError)
      assert.is(error.code, 'SNAPSHOT_DAMAGED')
      assert.ok(error.message.includes(snapshot))
      assert.match(error.advice, 'Delete this file')
      rmSync(snapshot)
      await withChain(dataDir, check)
    }),
  { timeoutMs: 60_000 },
)

test('a second chain on the same data directory is refused, also from another process', () =>
  withDirectory(async (dataDir) => {
    await withChain(dataDir, async () => {
      const error = await startTestChain({ dataDir }).catch((caught) => caught)
      assert.is(codeOf(error), 'DATA_DIR_IN_USE')
    })
    const { child } = await startChild(dataDir)
    try {
      const error = await startTestChain({ dataDir }).catch((caught) => caught)
      assert.is(codeOf(error), 'DATA_DIR_IN_USE')
    } finally {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await exited
    }
    await withChain(dataDir, async ({ chain }) => assert.ok(chain.slot() > 0))
  }))

/** A small file system in memory; needs the right to mount. */
function mountSmallDisk(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', at], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const FULL_DISK =
  'on a full disk a transaction is refused with nothing applied, and the chain goes on when there is room'
const disk = mkdtempSync(join(tmpdir(), 'nightshift-disk-'))

if (mountSmallDisk(disk)) {
  test(FULL_DISK, async () => {
    const node = await startTestChain({ dataDir: join(disk, 'chain') })
    try {
      const payer = node.fundedWallet()
      const { blockhash } = await node.connection.getLatestBlockhash()
      const ballast = join(disk, 'ballast')
      fillDisk(ballast)
      let refused = 0
      let applied = 0
      const before = await node.connection.getBalance(payer.publicKey)
      for (let lamports = 0; lamports < 100 && refused < 3; lamports++) {
        const wire = bs58.encode(transferWire(payer, blockhash, lamports))
        const { error } = await call(node.chain.rpcUrl, 'sendTransaction', [wire])
        if (error === undefined) applied++
        else {
          assert.is(error.code, -32050)
          assert.is(error.data.code, 'STORAGE_FULL')
          assert.match(error.message, 'Free space')
          refused++
        }
      }
      assert.is(refused, 3)
      assert.is(await node.connection.getBalance(payer.publicKey), before - applied * 5_000)
      const standing = () => {
        for (;;) node.chain.advance({ slots: 1 })
      }
      assert.throws(standing, (error: unknown) => codeOf(error) === 'STORAGE_FULL')
      rmSync(ballast)
      await node.connection.sendRawTransaction(transferWire(payer, blockhash, 99))
      node.chain.advance({ slots: 1 })
      const after = await node.connection.getBalance(payer.publicKey)
      const slot = node.chain.slot()
      await node.restart()
      assert.is(await node.connection.getBalance(payer.publicKey), after)
      assert.is(node.chain.slot(), slot)
    } finally {
      await node.stop()
    }
  })
} else {
  test.skip(FULL_DISK, 'mounting a small tmpfs needs root')
}

test.after(() => {
  try {
    execFileSync('umount', [disk], { stdio: 'ignore' })
  } catch {
    // It was not mounted.
  }
  rmSync(disk, { recursive: true, force: true })
})

function fillDisk(path: string): void {
  for (const size of [256 * 1024, 4096, 256, 1]) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}

test.run()
