import { NightshiftError } from '../../../protocols/errors.js'
import type { Json } from '../../control/view.js'
import type { DeploymentReport } from '../../renter/event.js'
import { PROGRAM } from '../suggestion.js'

/** The job that a whole id, or an unambiguous beginning of one, names. */
export function findJob(jobs: readonly Json<DeploymentReport>[], prefix: string): Json<DeploymentReport> {
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
