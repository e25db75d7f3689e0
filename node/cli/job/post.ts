import { copyFile, mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { NightshiftError } from '../../../protocols/errors.js'
import { findNode } from '../../control/client.js'
import type { ControlledNode } from '../../control/port.js'
import type { Json } from '../../control/view.js'
import { readManifest } from '../../daemon/manifest.js'
import type { Daemon } from '../../daemon.js'
import type { DeploymentReport } from '../../renter/event.js'
import type { Invocation } from '../command.js'
import { openGuest } from '../daemon.js'
import { EXIT } from '../exit.js'
import { followEvents } from '../follow.js'
import { createStory, type EventView } from '../story.js'
import { suggest } from '../suggestion.js'
import { concludeWorkflow, followParts, type WorkflowHolder } from './parts.js'
import { renderJob } from './status.js'

type Report = Json<DeploymentReport>

/** The node that holds the job: one that runs already, or this process. */
interface Holder extends WorkflowHolder, Pick<ControlledNode, 'status' | 'postJob' | 'job'> {
  jobEvents(
    id: string,
    options: { from: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<EventView>
}

export async function run(invocation: Invocation): Promise<number> {
  const { shell, options } = invocation
  const { config } = await invocation.config()
  const manifest = resolve(shell.cwd, String(options.file))
  await readManifest(manifest) // a wrong path is told before a node is started for it
  const post = {
    manifest,
    ...(options.service === undefined ? {} : { service: String(options.service) }),
  }
  const running = await findNode(config.dataDir)
  if (options.detach === true) {
    if (running === undefined) throw needsNode(invocation, config.dataDir)
    const { id } = await running.postJob(post)
    invocation.report.result({ id }, `${id}\nfollow it with: ${suggest(invocation, `job logs -f ${id}`)}`)
    return EXIT.OK
  }
  return running === undefined ? postHere(invocation, post) : postThere(invocation, running, post)
}

async function postThere(
  invocation: Invocation,
  node: Holder,
  post: { manifest: string; service?: string },
): Promise<number> {
  const { id, isWorkflow } = await node.postJob(post)
  const story = isWorkflow ? await followParts(invocation, node, id) : await follow(invocation, node, id)
  if (story.isEnded && isWorkflow) return concludeWorkflow(invocation, node, id)
  if (story.isEnded) return conclude(invocation, node, id)
  invocation.report.progress(`the job goes on; stop it with: ${suggest(invocation, `job stop ${id}`)}`)
  throw invocation.shell.signal.reason
}

async function postHere(
  invocation: Invocation,
  post: { manifest: string; service?: string },
): Promise<number> {
  const node: Daemon = await openGuest(invocation, true)
  try {
    const { id, isWorkflow } = await node.postJob(post)
    const story = isWorkflow ? await followParts(invocation, node, id) : await follow(invocation, node, id)
    if (story.isEnded && isWorkflow) return await concludeWorkflow(invocation, node, id)
    if (story.isEnded) return await conclude(invocation, node, id)
    invocation.report.progress('stopping the job; what no voucher pays for comes back')
    if (story.openLeases > 0) {
      const again = `the next node on this data directory takes it back ("${suggest(invocation, 'node start')}")`
      invocation.report.progress(`if its deposit is not back when this process ends, ${again}`)
    }
    throw invocation.shell.signal.reason
  } finally {
    await node.close()
  }
}

/** Shows the story until it ends or the command is interrupted. */
async function follow(
  invocation: Invocation,
  holder: Holder,
  id: string,
): Promise<{ isEnded: boolean; openLeases: number }> {
  const { shell, report } = invocation
  const { chain, renter } = await holder.status()
  if (renter?.balance === '0')
    report.progress(report.err.style.yellow(warnOfEmptyWallet(invocation, renter.wallet)))
  const story = createStory({ style: report.err.style, decimals: chain.market?.decimals })
  report.progress(`job ${report.err.style.bold(id)}`)
  let openLeases = 0
  const events = holder.jobEvents(id, { from: 0, follow: true, signal: shell.signal })
  try {
    await followEvents(events, story, report, {
      to: 'err',
      onEvent: ({ kind }) => {
        if (kind === 'leased') openLeases++
        if (kind === 'settled') openLeases--
      },
    })
  } catch (error) {
    if (!shell.signal.aborted) throw error // a stream to another process breaks off with an error of its own
  }
  return { isEnded: !shell.signal.aborted, openLeases }
}

function warnOfEmptyWallet(invocation: Invocation, wallet: string): string {
  return `the wallet ${wallet} holds no tokens; on a local chain: ${suggest(invocation, `chain airdrop 1 ${wallet}`)}`
}

async function conclude(invocation: Invocation, holder: Holder, id: string): Promise<number> {
  const { shell, report, options } = invocation
  const job = await holder.job(id)
  const decimals = job.decimals ?? (await holder.status()).chain.market?.decimals
  const { output } = options
  const placed = output === undefined ? job : await copyOutputs(job, resolve(shell.cwd, String(output)))
  const document = { kind: 'report', report: placed }
  report.event(document, `\n${renderJob(placed, decimals, report.out.style)}`)
  return job.state === 'COMPLETED' ? EXIT.OK : EXIT.FAILED
}

async function copyOutputs(job: Report, folder: string): Promise<Report> {
  try {
    await mkdir(folder, { recursive: true })
    const outputs = await Promise.all(
      job.outputs.map(async (output) => {
        const path = join(folder, basename(output.name))
        await copyFile(output.path, path)
        return { ...output, path }
      }),
    )
    return { ...job, outputs }
  } catch (cause) {
    throw new NightshiftError('OUTPUT_NOT_WRITTEN', `the results could not be copied to ${folder}`, {
      advice: `they are safe in ${job.outputs.map(({ path }) => path).join(', ')}`,
      context: { folder },
      cause,
    })
  }
}

function needsNode(invocation: Invocation, dataDir: string): NightshiftError {
  return new NightshiftError('NODE_NOT_RUNNING', `no node runs on ${dataDir} that could go on with the job`, {
    advice: `start one with "${suggest(invocation, 'node start')}", or leave --detach out`,
    context: { dataDir },
  })
}
