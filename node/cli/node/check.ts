import { access, constants, mkdir } from 'node:fs/promises'
import type { LoadedConfig } from '../../../config/load.js'
import type { Config } from '../../../config/schema.js'
import { requireStartable } from '../../../config/start.js'
import { probeBackends } from '../../../kernels/worker/device.js'
import { formatAmount } from '../../../protocols/money.js'
import { findNode } from '../../control/client.js'
import { viewError } from '../../control/view.js'
import { openRegistry } from '../../daemon/chain.js'
import { readKeyFile } from '../../identity/key.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createProcessLog } from '../log.js'
import type { Style } from '../style.js'

/** One thing that was looked at. `warn` does not keep the node from running. */
interface Finding {
  check: string
  verdict: 'ok' | 'warn' | 'fail'
  found: string
  advice?: string
}

/** Node 20 with the polyfill, or newer. */
const LEAST_NODE = 20
const CHAIN_PATIENCE_MS = 5_000

export async function run(invocation: Invocation): Promise<number> {
  const { report, shell } = invocation
  const findings: Finding[] = []
  const look = async (check: string, find: () => Promise<Omit<Finding, 'check'>>) => {
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
    await look('running node', () => checkRunning(config))
    await look('chain', () => checkChain(config))
    await look('wallet', () => checkWallet(config))
    await look('devices', () => checkDevices(invocation, config))
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

function failed(error: unknown): Omit<Finding, 'check'> {
  const { message, advice } = viewError(error)
  return { verdict: 'fail', found: message, advice }
}

function renderFinding({ check, verdict, found, advice }: Finding, style: Style): string {
  const mark = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('fail') }[verdict]
  const [first = '', ...rest] = found.split('\n')
  const lines = [`${mark}  ${check.padEnd(16)}${first}`, ...rest.map((line) => `${' '.repeat(22)}${line}`)]
  if (advice !== undefined && verdict !== 'ok')
    lines.push(`${' '.repeat(22)}${style.bold('what to do')}: ${advice}`)
  return lines.join('\n')
}

function checkNode(version: string): Omit<Finding, 'check'> {
  const major = Number(version.split('.')[0])
  return major >= LEAST_NODE
    ? { verdict: 'ok', found: `version ${version}` }
    : { verdict: 'fail', found: `version ${version}`, advice: `install Node.js ${LEAST_NODE} or newer` }
}

function checkConfig({ config, origins }: LoadedConfig): Omit<Finding, 'check'> {
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

async function checkDataDir({ dataDir }: Config): Promise<Omit<Finding, 'check'>> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await access(dataDir, constants.W_OK)
    return { verdict: 'ok', found: dataDir }
  } catch (error) {
    const reason = (error as Error).message
    return { verdict: 'fail', found: reason, advice: 'name a writable directory with --data-dir' }
  }
}

async function checkRunning({ dataDir }: Config): Promise<Omit<Finding, 'check'>> {
  const node = await findNode(dataDir)
  return { verdict: 'ok', found: node === undefined ? 'none' : `process ${node.pid} at ${node.url}` }
}

async function checkChain(config: Config): Promise<Omit<Finding, 'check'>> {
  const patience = new AbortController()
  const cancel = systemClock.after(CHAIN_PATIENCE_MS, () => patience.abort())
  try {
    const { decimals, minimumStake } = await openRegistry(config, systemClock).terms(patience.signal)
    const least = formatAmount(minimumStake, decimals)
    return { verdict: 'ok', found: `${config.chain.rpcUrl}, market found, least stake ${least} tokens` }
  } catch (error) {
    if (!patience.signal.aborted) throw error
    return {
      verdict: 'fail',
      found: `${config.chain.rpcUrl} does not answer`,
      advice: 'start a local chain with "nightshift chain start", or name another with --chain-rpc-url',
    }
  } finally {
    cancel()
  }
}

async function checkWallet(config: Config): Promise<Omit<Finding, 'check'>> {
  const patience = new AbortController()
  const cancel = systemClock.after(CHAIN_PATIENCE_MS, () => patience.abort())
  try {
    const { publicKey } = await readKeyFile(config.chain.walletFile)
    const address = publicKey.toBase58()
    const registry = openRegistry(config, systemClock)
    const [{ decimals }, tokens, lamports] = await Promise.all([
      registry.terms(patience.signal),
      registry.balance(publicKey, patience.signal),
      registry.lamports(publicKey, patience.signal),
    ])
    const found = `${address}, ${formatAmount(tokens, decimals)} tokens, ${formatAmount(lamports, 9)} SOL`
    if (tokens > 0n && lamports > 0n) return { verdict: 'ok', found }
    const advice = `fund it before you post jobs or stake; on a local chain: nightshift chain airdrop 1 ${address}`
    return { verdict: 'warn', found, advice }
  } catch (error) {
    const { message, advice } = viewError(error)
    const isAway = patience.signal.aborted
    return {
      verdict: 'warn',
      found: isAway ? 'its balance is not known: the chain does not answer' : message,
      advice: isAway ? 'see above' : advice,
    }
  } finally {
    cancel()
  }
}

async function checkDevices(invocation: Invocation, config: Config): Promise<Omit<Finding, 'check'>> {
  const { shell, verbose } = invocation
  const log = createProcessLog(verbose ? 'debug' : 'silent', shell.err)
  const { backend } = config.provider
  const reports = await probeBackends({ clock: systemClock, log }, backend === 'auto' ? undefined : [backend])
  const lines = reports.map((each) =>
    each.ok
      ? `${each.backend}: ${each.model} (${each.gpu ? 'GPU' : 'software'}), ${(each.gflops ?? 0).toFixed(1)} GFLOP/s`
      : `${each.backend}: ${each.reason}`,
  )
  if (reports.some(({ ok, gpu }) => ok && gpu)) return { verdict: 'ok', found: lines.join('\n') }
  const advice = reports.some(({ ok }) => ok)
    ? 'no GPU can be used, only software: install the driver of your card, or run "npm run setup:tensorflow"'
    : 'no backend works: reinstall the dependencies'
  return { verdict: reports.some(({ ok }) => ok) ? 'warn' : 'fail', found: lines.join('\n'), advice }
}
