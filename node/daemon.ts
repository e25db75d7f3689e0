import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PublicKey } from '@solana/web3.js'
import { createSigner } from '../chain/client/signing.js'
import type { Config } from '../config/schema.js'
import { NightshiftError } from '../protocols/errors.js'
import type { Clock, Log, Random } from '../protocols/ports.js'
import { createContent } from './content/content.js'
import type { TransferRates } from './content/port.js'
import type { ControlledNode } from './control/port.js'
import { startControlServer } from './control/server.js'
import type { ChainStatus, NodeStatus, RenterView } from './control/view.js'
import { type ChainSide, openChain } from './daemon/chain.js'
import { type Cleanup, createCleanup } from './daemon/cleanup.js'
import { createControlledNode } from './daemon/controlled.js'
import { createDashboardNode } from './daemon/dashboard.js'
import { openEvidence } from './daemon/evidence.js'
import { rememberDecimals } from './daemon/market.js'
import { type ProviderRole, startProvider } from './daemon/provider.js'
import { startRecords } from './daemon/records.js'
import { type RenterRole, startRenter } from './daemon/renter.js'
import { startReputation } from './daemon/reputation.js'
import type { OpenDevice } from './device/open.js'
import { createConsent } from './escrow/consent.js'
import type { Escrow } from './escrow/port.js'
import { NODE_KEY_FILE } from './identity/files.js'
import { readOrCreateKeyFile } from './identity/key.js'
import { createLatencyMeter } from './market/latency.js'
import { createMarket } from './market/market.js'
import { createNetwork, type NetworkInit } from './net/network.js'
import type { Network } from './net/ports.js'
import { startPatrol } from './renter/patrol.js'
import type { Renter } from './renter.js'
import { openStore } from './store/level.js'
import type { Workflows } from './workflow/workflows.js'

/** The composition root of a running node: everything is started here in order, and stopped in the reverse order. */
export interface DaemonOptions {
  config: Config
  /** What the node is to the network when it offers nothing: one that stays helps others to find each other. */
  role: 'peer' | 'bootstrap'
  version: string
  pid: number
  clock: Clock
  random: Random
  log: Log
  /** Aborting it ends the start. */
  signal: AbortSignal
  /** Told what is being done, for people who wait. */
  onStep?: (step: string) => void
  /** Told what takes longer than it should; default: `onStep`. */
  onDelay?: (what: string) => void
  /** False for a node of one command: jobs that an earlier process left wait for one that stays. Default true. */
  goesOn?: boolean
  /** Opens the device that is offered; default: the best that works here. */
  openDevice?: OpenDevice
  /** Opens the network; default: libp2p over TCP. */
  openNetwork?: (init: NetworkInit) => Promise<Network>
}

export interface Daemon extends ControlledNode {
  readonly peer: string
  readonly controlUrl: string
  readonly renter: Renter
  readonly steps: Workflows
  readonly escrow: Escrow
  addresses(): string[]
  /** Resolves when somebody asked for the end through the control API. */
  readonly stopRequested: Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/** A status must not hang because the chain does. */
const CHAIN_PATIENCE_MS = 2_000
/** Before whoever waits for the chain is told so. */
const SILENCE_MS = 2_000
/** At the start somebody waits; a node that runs outlives far longer outages. */
const START_PATIENCE_MS = 10_000

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const cleanup = createCleanup(options.log)
  try {
    return await Promise.race([start(options, cleanup), rejectOnAbort(options.signal)])
  } catch (error) {
    await cleanup.run()
    throw error
  }
}

/** Whoever interrupts a start does not wait for a driver to load. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

async function start(options: DaemonOptions, cleanup: Cleanup): Promise<Daemon> {
  const { config, clock, random, log, signal, onStep = () => {} } = options
  const startedAtMs = clock.now()
  await makeDataDir(config.dataDir)
  const key = await readOrCreateKeyFile(join(config.dataDir, NODE_KEY_FILE), random)
  const store = await openStore(join(config.dataDir, 'store'))
  cleanup.add('store', () => store.close())

  onStep('joining the network')
  const network = await joinNetwork(options, key.secretKey.slice(0, 32))
  cleanup.add('network', () => network.stop())
  signal.throwIfAborted()

  onStep('asking the chain for the market')
  const chain = await openChain(config, createSigner(key.secretKey), { clock, random })
  const { address: market, decimals } = await askAtStart(options, (limit) => chain.escrow.market(limit))
  await rememberDecimals(store, decimals)
  const { heartbeats, auctions, conduct, close } = await createMarket({
    network,
    escrow: chain.escrow,
    address: market,
    clock,
    random,
    log,
  })
  cleanup.add('market', close)
  const seen = await startRecords({ network, market, topic: auctions, store, clock, log })
  cleanup.add('auction records', seen.close)
  const { engine } = network
  const { board, evidence, stop } = await openEvidence({
    network,
    heartbeats,
    escrow: chain.escrow,
    market,
    store,
    clock,
    random,
    log,
  })
  cleanup.add('evidence', async () => stop())
  const { reputation, experience } = await startReputation({
    config,
    chain,
    market,
    heartbeats,
    engine,
    evidence,
    store,
    clock,
    log,
  })
  cleanup.add('reputation', reputation.stop)
  conduct.weigh(reputation)

  const meter = createLatencyMeter({ network, clock, log })
  cleanup.add('latency', async () => meter.stop())
  const content = createContent({ network, clock, random, log, rates: ratesOf(config) })
  cleanup.add('content', () => content.stop())

  const parts = {
    config,
    network,
    heartbeats,
    auctions,
    escrow: chain.escrow,
    board,
    evidence,
    reputation,
    experience,
    meter,
    content,
    store,
    history: seen.history,
    auditor: seen.auditor,
    goesOn: options.goesOn ?? true,
    wallet: chain.wallet.publicKey.toBytes(),
    consent: createConsent({ wallet: chain.wallet, market, peer: network.peer, clock }),
    clock,
    random,
    log,
  }
  let provider: ProviderRole | undefined
  if (config.provider.enabled) {
    onStep('opening the device')
    provider = await startProvider(
      { ...parts, chain, version: options.version, pid: options.pid, signal, onStep },
      options.openDevice,
    )
    cleanup.add('provider', provider.stop)
    signal.throwIfAborted()
  }
  const renter = await startRenter(parts)
  cleanup.add('renter', renter.stop)
  signal.throwIfAborted()
  if (provider !== undefined && config.provider.verifyOthers) {
    const patrol = startPatrol({
      self: network.peer,
      heartbeats,
      verify: renter.renter.verifyHardware,
      ownStake: async (limit) => (await chain.escrow.provider(network.publicKey, limit))?.stake ?? 0n,
      isIdle: provider.isIdle,
      clock,
      random,
      log,
    })
    cleanup.add('patrol', async () => patrol.stop())
  }

  const stopRequested = Promise.withResolvers<void>()
  const node = createControlledNode({
    config,
    clock,
    escrow: chain.escrow,
    reputation,
    renter: renter.renter,
    workflows: renter.workflows,
    ...(provider === undefined ? {} : { provider }),
    status: () => describe(options, network, chain, startedAtMs),
    renterView: () => describeRenter(renter, chain, clock),
    stop: stopRequested.resolve,
  })
  const control = await startControlServer({
    ...options,
    node,
    dashboard: createDashboardNode({
      node,
      network,
      providerStatus: provider?.status,
      memoryBytes: () => process.memoryUsage.rss(),
    }),
    dataDir: config.dataDir,
    host: config.control.host,
    port: config.control.port,
  })
  cleanup.add('control', control.stop)
  return {
    ...node,
    peer: network.peer,
    controlUrl: control.url,
    renter: renter.renter,
    steps: renter.workflows,
    escrow: chain.escrow,
    addresses: () => network.addresses(),
    stopRequested: stopRequested.promise,
    close: cleanup.run,
  }
}

/** Zero stands for no limit where a person writes it. */
function ratesOf({ network }: Config): TransferRates {
  const { uploadBytesPerSecond: up, downloadBytesPerSecond: down } = network
  return {
    ...(up === 0 ? {} : { upBytesPerSecond: up }),
    ...(down === 0 ? {} : { downBytesPerSecond: down }),
  }
}

/** A chain that is down is asked again for a few seconds, since it may be starting too. Throws CHAIN_UNREACHABLE. */
async function askAtStart<T>(
  { clock, config, signal, onStep, onDelay = onStep }: DaemonOptions,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { rpcUrl } = config.chain
  const late = new AbortController()
  const undo = [
    clock.after(SILENCE_MS, () => onDelay?.(`the chain at ${rpcUrl} does not answer yet, trying again`)),
    clock.after(START_PATIENCE_MS, () => late.abort()),
  ]
  try {
    return await ask(AbortSignal.any([signal, late.signal]))
  } catch (cause) {
    if (!late.signal.aborted || signal.aborted) throw cause
    const local =
      'start a local network with `npx nightshift swarm start` and pass its --config, or name another --chain-rpc-url'
    throw new NightshiftError(
      'CHAIN_UNREACHABLE',
      `the chain at ${rpcUrl} did not answer for ${START_PATIENCE_MS / 1000} s`,
      {
        advice: config.preset === 'localnet' ? local : 'name another --chain-rpc-url',
        context: { rpcUrl },
        cause,
      },
    )
  } finally {
    for (const cancel of undo) cancel()
  }
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new NightshiftError('DATA_DIR_UNUSABLE', `the data directory ${dataDir} cannot be made`, {
      advice: 'name a directory that this user may write to with --data-dir',
      context: { dataDir },
      cause,
    })
  }
}

function joinNetwork(options: DaemonOptions, seed: Uint8Array): Promise<Network> {
  const { config, clock, random, log, openNetwork = createNetwork } = options
  const { name, listen, announce, bootstrap, privateAddresses } = config.network
  return openNetwork({
    network: name,
    seed,
    listen: [...listen],
    ...(announce.length === 0 ? {} : { announce: [...announce] }),
    bootstrap: [...bootstrap],
    dataDir: config.dataDir,
    clock,
    random,
    log,
    allowPrivateAddresses: privateAddresses,
    role: config.provider.enabled ? 'peer' : options.role,
  })
}

async function describe(
  { config, version, pid, clock }: DaemonOptions,
  network: Network,
  chain: ChainSide,
  startedAtMs: number,
): Promise<Omit<NodeStatus, 'provider' | 'renter'>> {
  return {
    version,
    pid,
    dataDir: config.dataDir,
    startedAtMs,
    network: {
      name: network.name,
      peer: network.peer,
      addresses: network.addresses(),
      peers: network.peers().length,
    },
    chain: await describeChain(config, chain, clock),
  }
}

async function describeChain(
  config: Config,
  { escrow, node }: ChainSide,
  clock: Clock,
): Promise<ChainStatus> {
  const status = { rpcUrl: config.chain.rpcUrl, address: node.publicKey.toBase58() }
  try {
    return await withPatience(clock, async (signal) => {
      await escrow.chainTime(signal)
      const { address, mint, decimals } = await escrow.market(signal)
      return {
        ...status,
        market: {
          address: new PublicKey(address).toBase58(),
          mint: new PublicKey(mint).toBase58(),
          decimals,
        },
      }
    })
  } catch (error) {
    return { ...status, problem: error instanceof Error ? error.message : String(error) }
  }
}

async function withPatience<T>(clock: Clock, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const patience = new AbortController()
  const cancel = clock.after(CHAIN_PATIENCE_MS, () => patience.abort(new Error('the chain does not answer')))
  try {
    return await ask(patience.signal)
  } finally {
    cancel()
  }
}

async function describeRenter(
  { renter }: RenterRole,
  { wallet, registry }: ChainSide,
  clock: Clock,
): Promise<RenterView> {
  const jobs = await renter.jobs()
  const open = jobs.filter(({ state }) => !['COMPLETED', 'FAILED', 'STOPPED'].includes(state))
  const balance = await withPatience(clock, (signal) => registry.balance(wallet.publicKey, signal)).catch(
    () => undefined,
  )
  return {
    wallet: wallet.publicKey.toBase58(),
    jobs: open.length,
    ...(balance === undefined ? {} : { balance: balance.toString() }),
  }
}
