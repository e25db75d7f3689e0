import { NightshiftError } from '../../../protocols/errors.js'
import type { Json } from '../../control/view.js'
import type { DeploymentReport } from '../../renter/event.js'
import type { WorkflowReport } from '../../workflow/event.js'
import { PROGRAM } from '../suggestion.js'
import type { Jobs } from './source.js'

type Work =
  | { kind: 'job'; job: Json<DeploymentReport> }
  | { kind: 'workflow'; workflow: Json<WorkflowReport> }

/** The job or the workflow that a whole id, or an unambiguous beginning of one, names. */
export async function findWork(source: Pick<Jobs, 'jobs' | 'workflows'>, prefix: string): Promise<Work> {
  const [jobs, workflows] = await Promise.all([source.jobs(), source.workflows()])
  const found = findJob([...jobs, ...workflows], prefix)
  const workflow = workflows.find(({ id }) => id === found.id)
  return workflow === undefined
    ? { kind: 'job', job: jobs.find(({ id }) => id === found.id)! }
    : { kind: 'workflow', workflow }
}

/** The job that a whole id, or an unambiguous beginning of one, names. */
export function findJob<T extends { id: string }>(jobs: readonly T[], prefix: string): T {
  const found = jobs.filter((job) => job.id.startsWith(prefix))
  const exact = found.find((job) => job.id === prefix)
  const [first, second] = found
  if (exact !== undefined) return exact
  if (first !== undefined && second === undefined) return first
  const what =
    first === undefined ? `no job begins with "${prefix}"` : `${found.length} jobs begin with "${prefix}"`
  throw new NightshiftError('JOB_UNKNOWN', what, {
    advice: `see "${PROGRAM} job list"; another node's jobs need its --data-dir or --config`,
    context: { prefix },
  })
}
