import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { Keypair, type PublicKey } from '@solana/web3.js'
import { isRefusal, NightshiftError } from '../../protocols/errors.js'
import type { Log, Random } from '../../protocols/ports.js'
import { type Applied, Bank, type ChainTime } from './bank.js'
import { Journal, type JournalRecord, journalDamaged, readJournal } from './journal.js'
import {
  encodeSnapshot,
  journalPath,
  listGenerations,
  readSnapshot,
  removeUnfinished,
  snapshotPath,
  writeSnapshot,
  writeSnapshotAside,
} from './snapshot.js'
import { type DecodedTransaction, decodeTransaction } from './transaction.js'

/** A snapshot is also taken after this many journal bytes. */
const SNAPSHOT_JOURNAL_BYTES = 16 * 1024 * 1024
/** At a clean stop a shorter journal is left for the next start to replay. */
const SNAPSHOT_AT_STOP_TRANSACTIONS = 500
/** 9 million SOL: below 2^53 lamports, so that JSON numbers hold it exactly. */
const FAUCET_LAMPORTS = 9_000_000n * 1_000_000_000n

export interface FundedAccount {
  address: PublicKey
  lamports: bigint
}

export interface LedgerOptions {
  dataDir: string
  random: Random
  log: Log
  /** Seconds; the time at which a new chain begins. */
  unixTime: number
  historyLimit: number
  /** A snapshot is taken after this many transactions. */
  snapshotTransactions: number
  /** Accounts of a new chain; an existing one keeps its own. */
  genesis: readonly FundedAccount[]
}

/**
 * The bank with a memory: each change is journalled, then made, then told. A change that cannot be journalled is not made.
 */
export class Ledger {
  readonly bank: Bank
  readonly faucet: Keypair
  readonly #options: LedgerOptions
  #journal: Journal
  #generation: number
  #transactionsSinceSnapshot = 0
  #snapshotting: Promise<void> | undefined

  private constructor(
    options: LedgerOptions,
    bank: Bank,
    faucet: Keypair,
    at: { generation: number; journalBytes: number; transactions: number },
  ) {
    this.#options = options
    this.bank = bank
    this.faucet = faucet
    this.#generation = at.generation
    this.#transactionsSinceSnapshot = at.transactions
    this.#journal = Journal.open(journalPath(options.dataDir, at.generation), at.journalBytes)
  }

  /** Opens the chain in the data directory, or begins a new one. The directory must be locked by the caller. */
  static open(options: LedgerOptions): Ledger {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
    removeUnfinished(options.dataDir)
    const { snapshots, journals } = listGenerations(options.dataDir)
    if (snapshots.length > 0) return Ledger.#restore(options, snapshots, journals)
    if (journals.length > 0) throw snapshotMissing(options.dataDir)
    return Ledger.#begin(options)
  }

  static #begin(options: LedgerOptions): Ledger {
    const { dataDir, random, unixTime, historyLimit, genesis } = options
    const bank = Bank.create(random.bytes(32), unixTime, { historyLimit })
    const faucet = Keypair.fromSeed(random.bytes(32))
    const system = { data: new Uint8Array(), owner: new Uint8Array(32), executable: false }
    for (const { address, lamports } of [
      { address: faucet.publicKey, lamports: FAUCET_LAMPORTS },
      ...genesis,
    ]) {
      bank.placeAccount(address.toBytes(), { ...system, lamports })
    }
    const snapshot = encodeSnapshot({ bank: bank.save(), faucet: faucet.secretKey })
    writeSnapshot(snapshotPath(dataDir, 1), snapshot)
    options.log.info('a new chain begins', { dataDir, genesisHash: bank.genesisHash })
    return new Ledger(options, bank, faucet, { generation: 1, journalBytes: 0, transactions: 0 })
  }

  static #restore(options: LedgerOptions, snapshots: number[], journals: number[]): Ledger {
    const { dataDir, log, historyLimit } = options
    const base = snapshots.at(-1)!
    const snapshot = readSnapshot(snapshotPath(dataDir, base))
    const bank = Bank.restore(snapshot.bank, { historyLimit })
    const last = Math.max(base, journals.at(-1) ?? base)
    let transactions = 0
    let journalBytes = 0
    for (let generation = base; generation <= last; generation++) {
      const path = journalPath(dataDir, generation)
      if (!existsSync(path) && generation === last) break
      if (!existsSync(path)) throw journalMissing(path)
      const contents = readJournal(path)
      if (contents.tornBytes > 0 && generation < last) throw journalDamaged(path, 'its end is missing')
      if (contents.tornBytes > 0) {
        log.warn('dropped a record that was not written to its end', { path, bytes: contents.tornBytes })
      }
      for (const record of contents.records) replay(bank, record, path)
      transactions += contents.records.filter(({ kind }) => kind === 'transaction').length
      journalBytes = contents.wholeBytes
    }
    log.info('the chain goes on', { dataDir, slot: bank.slot, replayed: transactions })
    const faucet = Keypair.fromSecretKey(snapshot.faucet)
    return new Ledger(options, bank, faucet, { generation: last, journalBytes, transactions })
  }

  /**
   * Journals and runs one transaction. Undefined when it left no trace (see Bank.execute). Throws STORAGE_FULL or STORAGE_FAILED
   * with nothing changed.
   */
  submit(transaction: DecodedTransaction): Applied | undefined {
    this.#journal.append({ kind: 'transaction', wire: transaction.wire })
    const applied = this.bank.execute(transaction)
    this.#transactionsSinceSnapshot++
    if (
      this.#transactionsSinceSnapshot >= this.#options.snapshotTransactions ||
      this.#journal.bytes >= SNAPSHOT_JOURNAL_BYTES
    ) {
      this.#startSnapshot()
    }
    return applied
  }

  moveTo(time: ChainTime): void {
    this.#journal.append({ kind: 'time', time })
    this.bank.moveTo(time)
  }

  placeAccount(record: Omit<Extract<JournalRecord, { kind: 'account' }>, 'kind'>): void {
    this.#journal.append({ kind: 'account', ...record })
    this.bank.placeAccount(record.address, record.account)
  }

  /** Has the disk keep what was journalled so far; called once a slot. */
  sync(): void {
    this.#journal.sync((error) => {
      if (error !== null)
        this.#options.log.error('the disk did not keep the journal', { error: error.message })
    })
  }

  async close(): Promise<void> {
    await this.#snapshotting
    if (this.#transactionsSinceSnapshot >= SNAPSHOT_AT_STOP_TRANSACTIONS) this.#startSnapshot()
    await this.#snapshotting
    this.#journal.close()
  }

  /**
   * Begins the next generation: the state is copied in memory, a new journal takes over at once, and the snapshot
   * is written meanwhile. Until it is whole, a start uses the one before and both journals.
   */
  #startSnapshot(): void {
    if (this.#snapshotting !== undefined) return
    const { dataDir, log } = this.#options
    this.#transactionsSinceSnapshot = 0
    const next = this.#generation + 1
    try {
      const bytes = encodeSnapshot({ bank: this.bank.save(), faucet: this.faucet.secretKey })
      const journal = Journal.open(journalPath(dataDir, next), 0)
      this.#journal.close()
      this.#journal = journal
      this.#generation = next
      this.#snapshotting = writeSnapshotAside(snapshotPath(dataDir, next), bytes)
        .then(() => removeBefore(dataDir, next))
        .catch((error) =>
          log.warn('no snapshot was written; the journals are kept', { error: String(error) }),
        )
        .finally(() => {
          this.#snapshotting = undefined
        })
    } catch (error) {
      log.warn('no snapshot was begun; the journal goes on', { error: String(error) })
    }
  }
}

function replay(bank: Bank, record: JournalRecord, path: string): void {
  switch (record.kind) {
    case 'time':
      bank.moveTo(record.time)
      break
    case 'account':
      bank.placeAccount(record.address, record.account)
      break
    case 'transaction': {
      const transaction = decodeTransaction(record.wire)
      if (isRefusal(transaction)) throw journalDamaged(path, transaction.detail)
      bank.execute(transaction)
    }
  }
}

/** Removes what a start can no longer need, keeping the generation before the newest snapshot. */
function removeBefore(dataDir: string, newest: number): void {
  const { snapshots, journals } = listGenerations(dataDir)
  const kept = snapshots.filter((generation) => generation < newest).at(-1) ?? newest
  for (const old of snapshots.filter((generation) => generation < kept)) rmSync(snapshotPath(dataDir, old))
  for (const old of journals.filter((generation) => generation < kept)) rmSync(journalPath(dataDir, old))
}

function snapshotMissing(dataDir: string): NightshiftError {
  return new NightshiftError('SNAPSHOT_MISSING', `there are journals but no snapshot in ${dataDir}`, {
    advice: 'Restore the data directory from a copy, or start with an empty one.',
    context: { dataDir },
  })
}

function journalMissing(path: string): NightshiftError {
  return new NightshiftError('JOURNAL_MISSING', `the chain's journal ${path} is missing`, {
    advice: 'Restore the data directory from a copy, or start with an empty one.',
    context: { path },
  })
}
