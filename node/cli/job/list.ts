import type { Json } from '../../control/view.js'
import type { DeploymentReport } from '../../renter/event.js'
import type { WorkflowReport } from '../../workflow/event.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { percent, shortPeer } from '../story.js'
import { suggest } from '../suggestion.js'
import { renderTable } from '../table.js'
import { openJobs } from './open.js'

export async function run(invocation: Invocation): Promise<number> {
  const jobs = await openJobs(invocation)
  try {
    const workflows = await jobs.workflows()
    const all = await jobs.jobs()
    const list = toRows(all, workflows)
    const { report } = invocation
    const text =
      list.length === 0
        ? `no jobs yet: "${suggest(invocation, 'job post -f config/examples/digits.yaml')}" posts one`
        : renderTable(
            list,
            [
              { title: 'ID', cell: (job) => `${job.isPart ? '  ' : ''}${job.id.slice(0, 12)}` },
              { title: 'NAME', cell: (job) => job.name },
              { title: 'STATE', cell: (job) => job.state },
              { title: 'POSTED', cell: (job) => showTime(job.createdAtMs) },
              { title: 'PROVIDER', cell: (job) => (job.winner === undefined ? '-' : shortPeer(job.winner)) },
              {
                title: 'ACCURACY',
                align: 'right',
                cell: (job) => (job.accuracy === undefined ? '-' : percent(job.accuracy)),
              },
              { title: 'REASON', cell: (job) => job.reason ?? '' },
            ],
            report.out.style.dim,
          )
    report.result([...workflows.map((workflow) => ({ kind: 'workflow', ...workflow })), ...all], text)
    return EXIT.OK
  } finally {
    await jobs.close()
  }
}

function showTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

interface Row
  extends Pick<
    Json<DeploymentReport>,
    'id' | 'name' | 'state' | 'createdAtMs' | 'winner' | 'accuracy' | 'reason'
  > {
  isPart: boolean
}

/** The newest first; under a workflow the jobs of its parts. */
function toRows(jobs: readonly Json<DeploymentReport>[], workflows: readonly Json<WorkflowReport>[]): Row[] {
  const partOf = new Map(
    workflows.flatMap(({ id, parts }) =>
      parts.flatMap(({ step, part, jobs: of }) => of.map((job) => [job.id, { id, name: `${step}/${part}` }])),
    ),
  )
  const top = [...workflows, ...jobs.filter(({ id }) => !partOf.has(id))]
  return top
    .sort((a, b) => b.createdAtMs - a.createdAtMs)
    .flatMap((each): Row[] => [
      { ...each, isPart: false },
      ...jobs.flatMap((job) => {
        const part = partOf.get(job.id)
        return part?.id === each.id ? { ...job, name: part.name, isPart: true } : []
      }),
    ])
}
