import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadedConfig } from '../../../config/load.js'
import type { Config } from '../../../config/schema.js'
import { requireStartable } from '../../../config/start.js'
import type { BackendReport } from '../../../kernels/backend/backend.js'
import { type Detection, detectDevices, readNvidiaSmi } from '../../../kernels/devices/detect.js'
import { openDevice, probeBackends } from '../../../kernels/worker/device.js'
import { NightshiftError } from '../../../protocols/errors.js'
import { formatAmount, parseAmount } from '../../../protocols/money.js'
import { judgeBackends, judgeCards } from '../../check/cards.js'
import { judgeClock } from '../../check/clock.js'
import { checkContainers } from '../../check/containers.js'
import { checkDisk } from '../../check/disk.js'
import type { Finding } from '../../check/finding.js'
import { type Endpoint, endpointOf, judgeListening, tryListening } from '../../check/listening.js'
import { judgeWatch } from '../../check/owner.js'
import { challengeOwnDevices } from '../../check/proof.js'
import { judgeStake } from '../../check/stake.js'
import { findNode } from '../../control/client.js'
import { viewError } from '../../control/view.js'
import { openRegistry } from '../../daemon/chain.js'
import { openOwnerWatch } from '../../daemon/owner.js'
import { openDevices } from '../../device/open.js'
import { NODE_KEY_FILE } from '../../identity/files.js'
import { readKeyFile } from '../../identity/key.js'
import { engineSockets } from '../../runtime/container/sockets.js'
import { systemClock } from '../../system/clock.js'
import { silentLog } from '../../system/log.js'
import { systemRandom } from '../../system/random.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createProcessLog } from '../log.js'
import type { Style } from '../style.js'
import { PROGRAM } from '../suggestion.js'

/** A finding under the name of what was looked at. */
interface Line extends Finding {
  check: string
}

/** Node 20 with the polyfill, or newer. */
const LEAST_NODE = 20
const CHAIN_PATIENCE_MS = 5_000

export async function run(invocation: Invocation): Promise<number> {
  const { report, shell } = invocation
  const findings: Line[] = []
  const look = async (check: string, find: () => Promise<Finding>) => {
    report.status(`checking ${check} …`)
    const finding = { check, ...(await find().catch(failed)) }
    shell.signal.throwIfAborted()
    findings.push(finding)
    if (!report.json) report.event(finding, renderFinding(finding, report.out.style))
  }
  await look('Node.js', async () => checkNode(shell.nodeVersion))
  let loaded: LoadedConfig | undefined
  await look('configuration', async () => {
    loaded = await invocation.config()
    return checkConfig(loaded)
  })
  if (loaded !== undefined) {
    const { config } = loaded
    await look('data directory', () => checkDataDir(config))
    await look('disk space', () => checkDisk(config.dataDir))
    await look('running node', () => checkRunning(config))
    await look('ports', () => checkPorts(config))
    await look('chain', () => checkChain(config))
    await look('clock', () => checkClock(config))
    // A wallet that cannot be looked at keeps nobody from providing: the chain and the stake have lines of their own.
    await look('wallet', () =>
      checkWallet(config).catch((error) => ({ ...failed(error), verdict: 'warn' as const })),
    )
    await look('stake', () => checkStake(config))
    await look('containers', () => checkContainers(systemClock, engineSockets(shell.env, process.platform)))
    if (config.provider.enabled) await look('owner', () => checkOwner(invocation, config))
    let reports: BackendReport[] = []
    let detection: Detection | undefined
    await look('cards', async () => {
      reports = await probe(invocation, config)
      detection = await detectDevices(bestOf(reports) ?? NO_BACKEND)
      return judgeCards(detection)
    })
    await look('backends', async () => judgeBackends(reports, detection?.devices[0]?.model))
    await look('own proof', () => checkProof(invocation, config, bestOf(reports)))
  }
  const isReady = findings.every(({ verdict }) => verdict !== 'fail')
  const { style } = report.out
  const verdict = isReady
    ? style.green('This machine is ready.')
    : style.red('This machine is not ready yet.')
  if (report.json) report.result({ ok: isReady, findings }, '')
  else report.result({}, `\n${verdict}`)
  return isReady ? EXIT.OK : EXIT.FAILED
}

function failed(error: unknown): Finding {
  const { message, advice } = viewError(error)
  return { verdict: 'fail', found: message, advice }
}

function renderFinding({ check, verdict, found, advice }: Line, style: Style): string {
  const mark = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('fail') }[verdict]
  const [first = '', ...rest] = found.split('\n')
  const lines = [`${mark}  ${check.padEnd(16)}${first}`, ...rest.map((line) => `${' '.repeat(22)}${line}`)]
  if (advice !== undefined && verdict !== 'ok')
    lines.push(`${' '.repeat(22)}${style.bold('what to do')}: ${advice}`)
  return lines.join('\n')
}

function checkNode(version: string): Finding {
  const major = Number(version.split('.')[0])
  return major >= LEAST_NODE
    ? { verdict: 'ok', found: `version ${version}` }
    : { verdict: 'fail', found: `version ${version}`, advice: `install Node.js ${LEAST_NODE} or newer` }
}

function checkConfig({ config, origins }: LoadedConfig): Finding {
  requireStartable(config, config.provider.enabled ? 'provider' : 'bootstrap')
  const own = Object.entries(origins).filter(
    ([, origin]) => origin !== 'default' && !origin.startsWith('preset'),
  )
  const role = config.provider.enabled
    ? `provider at ${config.provider.pricePerHour} tokens an hour`
    : 'no provider'
  return {
    verdict: 'ok',
    found: `network ${config.network.name}, ${role}, ${own.length} settings of your own`,
  }
}

async function checkDataDir({ dataDir }: Config): Promise<Finding> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await access(dataDir, constants.W_OK)
    return { verdict: 'ok', found: dataDir }
  } catch (error) {
    const reason = (error as Error).message
    return { verdict: 'fail', found: reason, advice: 'name a writable directory with --data-dir' }
  }
}

async function checkRunning({ dataDir }: Config): Promise<Finding> {
  const node = await findNode(dataDir)
  return { verdict: 'ok', found: node === undefined ? 'none' : `process ${node.pid} at ${node.url}` }
}

/** What each endpoint says to a try; a port of 0 is any free one, which there always is. */
async function checkPorts(config: Config): Promise<Finding> {
  const named = config.network.listen.map(endpointOf).filter((each): each is Endpoint => each !== undefined)
  if (config.control.port !== 0) named.push({ host: config.control.host, port: config.control.port })
  const endpoints = await Promise.all(
    named.map(async (endpoint) => ({ ...endpoint, problem: await tryListening(endpoint) })),
  )
  const isRunning = (await findNode(config.dataDir)) !== undefined
  return judgeListening({ endpoints, isRunning, announced: config.network.announce.length })
}

/** Rejects with the reason why the chain could not be asked; it is not waited for long. */
async function withPatience<T>(config: Config, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const patience = new AbortController()
  const cancel = systemClock.after(CHAIN_PATIENCE_MS, () => patience.abort())
  try {
    return await ask(patience.signal)
  } catch (error) {
    if (!patience.signal.aborted) throw error
    throw new NightshiftError('CHAIN_UNREACHABLE', `${config.chain.rpcUrl} does not answer`, {
      advice: `start a local chain with "${PROGRAM} chain start", or name another with --chain-rpc-url`,
      cause: error,
    })
  } finally {
    cancel()
  }
}

async function checkChain(config: Config): Promise<Finding> {
  const { decimals, minimumStake } = await withPatience(config, (signal) =>
    openRegistry(config, systemClock).terms(signal),
  )
  const least = formatAmount(minimumStake, decimals)
  return { verdict: 'ok', found: `${config.chain.rpcUrl}, market found, least stake ${least} tokens` }
}

async function checkClock(config: Config): Promise<Finding> {
  const chainS = await withPatience(config, (signal) => openRegistry(config, systemClock).chainTime(signal))
  return judgeClock(systemClock.now(), chainS * 1_000, process.platform)
}

async function checkWallet(config: Config): Promise<Finding> {
  const { publicKey } = await readKeyFile(config.chain.walletFile)
  const address = publicKey.toBase58()
  const registry = openRegistry(config, systemClock)
  const [{ decimals }, tokens, lamports] = await withPatience(config, (signal) =>
    Promise.all([
      registry.terms(signal),
      registry.balance(publicKey, signal),
      registry.lamports(publicKey, signal),
    ]),
  )
  const found = `${address}, ${formatAmount(tokens, decimals)} tokens, ${formatAmount(lamports, 9)} SOL`
  if (tokens > 0n && lamports > 0n) return { verdict: 'ok', found }
  const advice = `fund it before you post jobs or stake; on a local chain: ${PROGRAM} chain airdrop 1 ${address}`
  return { verdict: 'warn', found, advice }
}

async function checkStake(config: Config): Promise<Finding> {
  const registry = openRegistry(config, systemClock)
  const [node, wallet] = await Promise.all(
    [join(config.dataDir, NODE_KEY_FILE), config.chain.walletFile].map((file) =>
      readKeyFile(file).catch(() => undefined),
    ),
  )
  const [{ decimals, minimumStake }, registered, balance] = await withPatience(config, (signal) =>
    Promise.all([
      registry.terms(signal),
      node === undefined ? undefined : registry.read(node.publicKey, signal),
      wallet === undefined ? 0n : registry.balance(wallet.publicKey, signal),
    ]),
  )
  return judgeStake({
    ...(registered === undefined ? {} : { registered }),
    minimumStake,
    decimals,
    planned: parseAmount(config.provider.stake, decimals) ?? 0n,
    balance,
    provides: config.provider.enabled,
  })
}

/** Opened as the node would, and looked at no further. */
async function checkOwner({ shell }: Invocation, config: Config): Promise<Finding> {
  const { sensors, blind } = await openOwnerWatch(config, {
    pid: shell.pid,
    clock: systemClock,
    log: silentLog,
    containers: () => [],
  })
  return judgeWatch({ watched: sensors, blind, schedule: config.provider.availability.schedule })
}

async function probe(invocation: Invocation, config: Config): Promise<BackendReport[]> {
  const { backend } = config.provider
  return probeBackends(deviceParts(invocation), backend === 'auto' ? undefined : [backend])
}

function deviceParts({ shell, verbose }: Invocation) {
  return { clock: systemClock, log: createProcessLog(verbose ? 'debug' : 'silent', shell.err) }
}

const NO_BACKEND: BackendReport = { backend: 'cpu', ok: false, gpu: false, model: '' }

/** The one that a node would offer: the first card, else the first software that is no imitation of a card. */
function bestOf(reports: readonly BackendReport[]): BackendReport | undefined {
  const working = reports.filter(({ ok }) => ok)
  return working.find(({ gpu }) => gpu) ?? working.find(({ backend }) => backend !== 'webgpu') ?? working[0]
}

async function checkProof(
  invocation: Invocation,
  config: Config,
  report: BackendReport | undefined,
): Promise<Finding> {
  if (report === undefined) {
    return { verdict: 'fail', found: 'nothing to challenge', advice: 'make a backend work first, see above' }
  }
  const { memoryBytes, count } = config.provider.software
  const devices = await openDevices(
    { ...deviceParts(invocation), backend: report.backend, ...(report.gpu ? {} : { memoryBytes }) },
    { nvidia: report.gpu ? await readNvidiaSmi() : [], softwareCount: count },
    openDevice,
  )
  try {
    return await challengeOwnDevices(devices, systemRandom, invocation.shell.signal)
  } finally {
    await Promise.all(devices.map((device) => device.close()))
  }
}
