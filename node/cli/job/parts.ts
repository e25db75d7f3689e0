import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { NightshiftError } from '../../../protocols/errors.js'
import type { ControlledNode } from '../../control/port.js'
import type { Json } from '../../control/view.js'
import type { WorkflowEvent } from '../../workflow/event.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { followWorkflow, renderWorkflow, type WorkflowEventView } from '../workflow.js'

/** The node that holds the workflow. */
export interface WorkflowHolder extends Pick<ControlledNode, 'status' | 'workflow'> {
  workflowEvents(
    id: string,
    options: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<WorkflowEventView>
}

/** Shows a workflow's story until it ends or the command is interrupted; results are copied as they come. */
export async function followParts(
  invocation: Invocation,
  holder: WorkflowHolder,
  id: string,
): Promise<{ isEnded: boolean; openLeases: number }> {
  const { shell, report, options } = invocation
  const { decimals } = await holder.workflow(id)
  report.progress(`workflow ${report.err.style.bold(id)}`)
  const folder = options.output === undefined ? undefined : resolve(shell.cwd, String(options.output))
  let openLeases = 0
  const onEvent = async (told: WorkflowEventView) => {
    if (told.kind === 'job' && told.event.kind === 'leased') openLeases++
    if (told.kind === 'job' && told.event.kind === 'settled') openLeases--
    if (told.kind === 'collected' && folder !== undefined) await copy(told, folder)
  }
  const events = holder.workflowEvents(id, { follow: true, signal: shell.signal })
  try {
    await followWorkflow(events, report, { to: 'err', decimals, onEvent })
  } catch (error) {
    if (!shell.signal.aborted) throw error // a stream to another process breaks off with an error of its own
  }
  return { isEnded: !shell.signal.aborted, openLeases }
}

/** The table of all parts, and what of it was best; the exit code says whether all were completed. */
export async function concludeWorkflow(
  { report }: Invocation,
  holder: WorkflowHolder,
  id: string,
): Promise<number> {
  const workflow = await holder.workflow(id)
  report.event({ kind: 'report', report: workflow }, `\n${renderWorkflow(workflow, report.out.style)}`)
  return workflow.state === 'COMPLETED' ? EXIT.OK : EXIT.FAILED
}

async function copy(
  { step, part, name, path }: Extract<Json<WorkflowEvent>, { kind: 'collected' }>,
  folder: string,
): Promise<void> {
  const target = join(folder, step, part, name)
  try {
    await mkdir(dirname(target), { recursive: true })
    await copyFile(path, target)
  } catch (cause) {
    throw new NightshiftError('OUTPUT_NOT_WRITTEN', `a result could not be copied to ${target}`, {
      advice: `it is safe in ${path}; the workflow goes on`,
      context: { folder },
      cause,
    })
  }
}
