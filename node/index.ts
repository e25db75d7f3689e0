import './polyfill.js'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.js'
import { parseSearch } from '../config/search.js'
import { NightshiftError } from '../protocols/errors.js'
import type { OfferOrder } from '../protocols/inventory/order.js'
import { ANY_OFFER, type Mismatch, type Offer } from '../protocols/inventory/rules.js'
import type { LogLevel } from '../protocols/ports.js'
import { readVersion } from './cli/version.js'
import { readParsed, readPlan, toWorkflowPlan } from './daemon/manifest.js'
import { type Daemon, startDaemon } from './daemon.js'
import type { AuctionAudit } from './market/audit.js'
import type { OwnerView, PauseOptions } from './owner/guard.js'
import type { HardwareVerdict } from './renter/verification.js'
import type { Deployment } from './renter.js'
import { LIFELINE_VARIABLE } from './swarm/lifeline.js'
import { systemClock } from './system/clock.js'
import { environment } from './system/environment.js'
import { createLog, silentLog } from './system/log.js'
import { systemRandom } from './system/random.js'
import type { WorkflowRun } from './workflow/workflows.js'

/**
 * The library: what the command line does, from a script.
 *
 * ```ts
 * import { createRenter } from 'nightshift'
 *
 * const renter = await createRenter({}, { config: 'renter/config.json' })
 * const deployment = await renter.post('config/examples/digits.yaml')
 * for await (const event of deployment.events()) console.log(event.kind)
 * console.log(await deployment.result())
 * await renter.close()
 * ```
 */
export { isRefusal, NightshiftError, type Refusal } from '../protocols/errors.js'
export type { OfferOrder } from '../protocols/inventory/order.js'
export type { Mismatch, Offer } from '../protocols/inventory/rules.js'
export { JobState } from '../protocols/job/wire.js'
export { formatAmount, parseAmount } from '../protocols/money.js'
export type { AuctionAudit } from './market/audit.js'
export type {
  BidOutcome,
  ChallengeOutcome,
  DeploymentEvent,
  DeploymentReport,
  Settlement,
} from './renter/event.js'
export type { HardwareVerdict } from './renter/verification.js'
export type { Deployment } from './renter.js'
export type { PartReport, PartState, WorkflowEvent, WorkflowReport } from './workflow/event.js'
export type { WorkflowRun } from './workflow/workflows.js'

/**
 * Settings by the names of the flags in camel case (`--network-bootstrap` is `networkBootstrap`), as config/README.md
 * lists them; what is left out comes from the environment, then from the defaults.
 */
export type Settings = Readonly<Record<string, unknown>>

export interface StartOptions {
  /** A configuration file, JSON or YAML; settings and environment go before it. */
  config?: string
  /** Of the node's own log, on standard error. Default: silent. */
  log?: LogLevel | 'silent'
  /** Aborting it ends the start. */
  signal?: AbortSignal
}

/** A running node that can be told to go. */
export interface RunningNode extends AsyncDisposable {
  /** Base58 peer id. */
  readonly peer: string
  /** Multiaddrs under which others reach this node. */
  addresses(): string[]
  /**
   * Whether the auctions of a job, or of an order by its id in hex, were run as announced: by what this node saw, and what
   * others and the hash table add. Whoever lost an auction can ask. Throws AUDIT_UNKNOWN.
   */
  auditOf(id: string, options?: { signal?: AbortSignal }): Promise<AuctionAudit[]>
  /** Stops everything that was started; idempotent. */
  close(): Promise<void>
}

export interface RenterNode extends RunningNode {
  /** What is on offer now, as far as this node has heard. */
  offers(): Promise<Offer[]>
  /** Every offer with the requirements of a manifest's service that it misses; none missed: it qualifies. */
  explain(manifest: string, service?: string): Promise<Array<{ offer: Offer; mismatches: Mismatch[] }>>
  /**
   * The offers that meet an expression such as `vram_gb>=24 price<0.4 location=EU` (config/search.ts), the cheapest first
   * or as `sort` says; with `all`, then the others with the reasons. Throws SEARCH_INVALID.
   */
  search(
    expression: string,
    options?: { sort?: OfferOrder; limit?: number; all?: boolean; signal?: AbortSignal },
  ): Promise<Array<{ offer: Offer; mismatches: Mismatch[] }>>
  /**
   * Challenges a provider outside of any lease, and compares what it shows with what it claims. Throws OFFER_UNKNOWN
   * when the peer does not say what it has; everything that it does wrong is a verdict.
   */
  verifyHardware(peer: string, options?: { signal?: AbortSignal }): Promise<HardwareVerdict>
  /**
   * Posts a job from a manifest's file. Throws MANIFEST_INVALID, JOB_SPEC_INVALID or INPUT_UNREADABLE before anything is
   * ordered; afterwards the deployment tells all, and ends in a report whatever happens.
   */
  post(manifest: string, service?: string): Promise<Deployment>
  /**
   * Posts all services of a manifest's file as steps: those that depend on others after them, the parts of a matrix side by side,
   * each part a job of its own. The run has the methods of one job. Throws as `post` does.
   */
  postWorkflow(manifest: string): Promise<WorkflowRun>
}

/** Starts a node that rents. Throws a NightshiftError (CONFIG_INVALID, DATA_DIR_IN_USE, CHAIN_UNREACHABLE, …). */
export async function createRenter(settings: Settings = {}, options: StartOptions = {}): Promise<RenterNode> {
  const { daemon, config } = await start({ ...settings, providerEnabled: false }, options)
  const plan = async (manifest: string, service?: string) => {
    const { decimals } = await daemon.escrow.market()
    return readPlan(resolve(manifest), service, { decimals, config })
  }
  return {
    ...running(daemon),
    offers: () => daemon.renter.offers(),
    explain: async (manifest, service) => daemon.renter.explain(await plan(manifest, service)),
    search: async (expression, { signal, ...rest } = {}) => {
      const { decimals } = await daemon.escrow.market()
      const terms = parseSearch(expression, decimals)
      return (await daemon.renter.search({ requirements: ANY_OFFER, terms, ...rest }, signal)).offers
    },
    verifyHardware: (peer, { signal } = {}) => daemon.renter.verifyHardware(peer, signal),
    postWorkflow: async (manifest) => {
      const path = resolve(manifest)
      const { decimals } = await daemon.escrow.market()
      return daemon.steps.post(toWorkflowPlan(await readParsed(path), path, { decimals, config }))
    },
    post: async (manifest, service) => daemon.renter.post(await plan(manifest, service)),
  }
}

export interface ProviderNode extends RunningNode {
  /**
   * The owner comes back: jobs are handed back and no new ones taken. `forMs`: it resumes by itself; `noticeMs`: what runs
   * is told so long before. What it resolves to says what holds then.
   */
  pause(options?: PauseOptions): Promise<OwnerView>
  resume(): Promise<OwnerView>
}

/** Starts a node that offers this machine's devices; `providerPricePerHour` must be set. */
export async function createProvider(
  settings: Settings = {},
  options: StartOptions = {},
): Promise<ProviderNode> {
  const { daemon } = await start({ ...settings, providerEnabled: true }, options)
  return { ...running(daemon), pause: (options = {}) => daemon.pause(options), resume: () => daemon.resume() }
}

/** Variables of the program that are no settings. */
const OWN_VARIABLES = ['NIGHTSHIFT_CONFIG', LIFELINE_VARIABLE]

async function start(settings: Settings, { config: file, log = 'silent', signal }: StartOptions) {
  const { config } = loadConfig({
    ...(file === undefined ? {} : { file: await readConfigFile(file) }),
    environment,
    flags: settings,
    reserved: OWN_VARIABLES,
  })
  const daemon = await startDaemon({
    config,
    role: 'peer',
    version: readVersion(),
    pid: process.pid,
    clock: systemClock,
    random: systemRandom,
    log: log === 'silent' ? silentLog : createLog(log),
    signal: signal ?? new AbortController().signal,
  })
  return { daemon, config }
}

async function readConfigFile(path: string): Promise<{ path: string; text: string }> {
  try {
    return { path: resolve(path), text: await readFile(path, 'utf8') }
  } catch (cause) {
    throw new NightshiftError('CONFIG_FILE_UNREADABLE', `cannot read the configuration ${path}`, {
      advice: 'name an existing file, or leave `config` out',
      context: { path },
      cause,
    })
  }
}

function running(daemon: Daemon): RunningNode {
  return {
    peer: daemon.peer,
    addresses: () => daemon.addresses(),
    auditOf: (id, { signal } = {}) => daemon.renter.auditOf(id, signal),
    close: () => daemon.close(),
    [Symbol.asyncDispose]: () => daemon.close(),
  }
}
