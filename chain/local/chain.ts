import { mkdirSync } from 'node:fs'
import type { PublicKey } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Applied } from './bank.js'
import { deployProgram, type LocalProgram } from './deploy.js'
import { createFaucet } from './faucet.js'
import { type FundedAccount, Ledger } from './ledger.js'
import { lockDirectory } from './lock.js'
import type { RpcContext } from './rpc/method.js'
import { createHttpServer } from './server/http.js'
import { DEFAULT_LIMITS, type ServerLimits } from './server/limit.js'
import { listenPair, requireLoopback } from './server/port.js'
import { createWebsocketServer } from './server/websocket.js'
import { Subscriptions } from './subscriptions.js'
import type { DecodedTransaction } from './transaction.js'

export interface LocalChainOptions {
  /** Made when it is not there. One process at a time. */
  dataDir: string
  /** A loopback address. Default 127.0.0.1. */
  host?: string
  /** RPC port; the websocket takes the next one. 0 picks a free pair. */
  port: number
  clock: Clock
  random: Random
  log: Log
  /** Length of a slot. Default 400, as on mainnet. 0: slots and time stand still until `advance` is called. */
  slotMs?: number
  /** Deployed at start through the upgradeable loader if they are not there, upgraded if their code differs. */
  programs?: readonly LocalProgram[]
  /** Funded when the chain is new; an existing chain keeps its accounts. */
  genesis?: readonly FundedAccount[]
  /** How many transactions getTransaction and the like remember. Default 10,000. */
  historyLimit?: number
  /**
   * After how many transactions the state is written anew, which bounds what a start has to replay. Default 5,000, about
   * two seconds of replay.
   */
  snapshotTransactions?: number
  /** Origins of web pages that may use the RPC, such as `http://localhost:3000`. Default none. */
  allowedOrigins?: readonly string[]
  limits?: Partial<ServerLimits>
}

export interface LocalChain {
  /** `http://127.0.0.1:8899`: for `new Connection(rpcUrl)`, which finds the websocket by itself. */
  readonly rpcUrl: string
  readonly wsUrl: string
  readonly genesisHash: string
  /** The wallet that pays airdrops, and that may upgrade the programs. */
  readonly faucet: PublicKey
  /** Sends lamports from the faucet; the signature of the transfer, which is already final. */
  airdrop(address: PublicKey, lamports: bigint): string
  /** Deploys or upgrades a program while the chain runs. */
  deploy(program: LocalProgram): 'deployed' | 'upgraded' | 'unchanged'
  /** Moves the chain ahead: `slots` new slots (default 1), `seconds` of time (default 0). Errors: ADVANCE_INVALID, STORAGE_FULL. */
  advance(by: { slots?: number; seconds?: number }): void
  slot(): number
  /** Seconds, as the programs on the chain see it. */
  unixTime(): number
  /** How many subscriptions are open, over all connections. */
  subscriptions(): number
  stop(): Promise<void>
}

const DEFAULT_SLOT_MS = 400
const DEFAULT_HISTORY_LIMIT = 10_000
const DEFAULT_SNAPSHOT_TRANSACTIONS = 5_000

/**
 * Starts the embedded chain. Errors: DATA_DIR_IN_USE, SNAPSHOT_DAMAGED, SNAPSHOT_MISSING, JOURNAL_DAMAGED, JOURNAL_MISSING, STORAGE_FULL,
 * STORAGE_FAILED, PORT_IN_USE, HOST_NOT_LOOPBACK, PROGRAM_NOT_DEPLOYED.
 */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  const host = options.host ?? '127.0.0.1'
  requireLoopback(host)
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
  const unlock = await lockDirectory(options.dataDir)
  try {
    const ledger = openLedger(options)
    try {
      return await serve(options, host, ledger, unlock)
    } catch (error) {
      await ledger.close()
      throw error
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

function unixSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}

function openLedger(options: LocalChainOptions): Ledger {
  return Ledger.open({
    dataDir: options.dataDir,
    random: options.random,
    log: options.log,
    unixTime: unixSeconds(options.clock),
    historyLimit: options.historyLimit ?? DEFAULT_HISTORY_LIMIT,
    snapshotTransactions: options.snapshotTransactions ?? DEFAULT_SNAPSHOT_TRANSACTIONS,
    genesis: options.genesis ?? [],
  })
}

async function serve(
  options: LocalChainOptions,
  host: string,
  ledger: Ledger,
  unlock: () => Promise<void>,
): Promise<LocalChain> {
  const { clock, random, log, port, slotMs = DEFAULT_SLOT_MS } = options
  const { bank, faucet } = ledger
  const subscriptions = new Subscriptions(bank)

  const submit = (transaction: DecodedTransaction): boolean => {
    const applied: Applied | undefined = ledger.submit(transaction)
    if (applied !== undefined) subscriptions.announce(applied)
    return applied !== undefined
  }
  const beginSlots = createSlots(ledger, subscriptions, clock, slotMs > 0)
  const deployment = { ledger, random, log, submit, nextSlot: () => beginSlots(1, 0) }
  const airdrop = createFaucet(ledger, submit)
  for (const program of options.programs ?? []) deployProgram(deployment, program)

  let rpcPort = port
  const hostInUrl = host.includes(':') ? `[${host}]` : host
  const context: RpcContext = {
    bank,
    log,
    identity: faucet.publicKey.toBase58(),
    rpcAddress: () => `${hostInUrl}:${rpcPort}`,
    submit,
    airdrop,
  }
  const serverOptions = {
    clock,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    allowedOrigins: options.allowedOrigins ?? [],
  }
  const rpc = createHttpServer(context, serverOptions)
  const websocket = createWebsocketServer(context, subscriptions, serverOptions)
  rpcPort = await listenPair(rpc, websocket.server, host, port).catch((error) => {
    websocket.close()
    throw error
  })
  const stopTicking = slotMs > 0 ? tick(clock, slotMs, ledger, log, () => beginSlots(1, 0)) : () => {}

  let stopped: Promise<void> | undefined
  const stop = async () => {
    stopTicking()
    websocket.close()
    rpc.closeAllConnections()
    websocket.server.closeAllConnections()
    await Promise.all(
      [rpc, websocket.server].map((server) => new Promise((resolve) => server.close(resolve))),
    )
    await ledger.close()
    await unlock()
  }
  return {
    rpcUrl: `http://${hostInUrl}:${rpcPort}`,
    wsUrl: `ws://${hostInUrl}:${rpcPort + 1}`,
    genesisHash: bank.genesisHash,
    faucet: faucet.publicKey,
    airdrop: (address, lamports) => airdrop(address.toBytes(), lamports),
    deploy: (program) => deployProgram(deployment, program),
    advance({ slots = 1, seconds = 0 }) {
      requireForward(slots, seconds)
      beginSlots(slots, seconds)
    },
    slot: () => bank.slot,
    unixTime: () => bank.time.unixTime,
    subscriptions: () => subscriptions.size,
    stop: () => (stopped ??= stop()),
  }
}

/**
 * Begins slots. With a running clock the chain's time is the clock's plus what tests have added, and never goes back; without, it
 * moves by what is asked for only.
 */
function createSlots(
  ledger: Ledger,
  subscriptions: Subscriptions,
  clock: Clock,
  running: boolean,
): (slots: number, seconds: number) => void {
  return (slots, seconds) => {
    const { slot, unixTime, offsetSeconds } = ledger.bank.time
    const offset = offsetSeconds + seconds
    const time = running ? Math.max(unixTime + seconds, unixSeconds(clock) + offset) : unixTime + seconds
    ledger.moveTo({ slot: slot + slots, unixTime: time, offsetSeconds: offset })
    subscriptions.announceSlot()
  }
}

function requireForward(slots: number, seconds: number): void {
  if (Number.isSafeInteger(slots) && slots >= 1 && Number.isSafeInteger(seconds) && seconds >= 0) return
  throw new NightshiftError('ADVANCE_INVALID', `cannot advance by ${slots} slots and ${seconds} seconds`, {
    advice: 'Give whole numbers: at least one slot, and no negative seconds.',
    context: { slots, seconds },
  })
}

/** A tick that cannot be stored is not made: the chain stands still, and goes on when there is room again. */
function tick(clock: Clock, slotMs: number, ledger: Ledger, log: Log, beginSlot: () => void): () => void {
  let standing = false
  return clock.every(slotMs, () => {
    try {
      beginSlot()
      ledger.sync()
      if (standing) log.info('the chain goes on')
      standing = false
    } catch (error) {
      if (!standing) log.error('the chain stands still: a slot could not be stored', { error: String(error) })
      standing = true
    }
  })
}
