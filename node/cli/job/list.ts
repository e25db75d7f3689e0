import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { percent, shortPeer } from '../story.js'
import { suggest } from '../suggestion.js'
import { renderTable } from '../table.js'
import { openJobs } from './open.js'

export async function run(invocation: Invocation): Promise<number> {
  const jobs = await openJobs(invocation)
  try {
    const list = (await jobs.jobs()).sort((a, b) => b.createdAtMs - a.createdAtMs)
    const { report } = invocation
    const text =
      list.length === 0
        ? `no jobs yet: "${suggest(invocation, 'job post -f config/examples/digits.yaml')}" posts one`
        : renderTable(
            list,
            [
              { title: 'ID', cell: (job) => job.id.slice(0, 12) },
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
    report.result(list, text)
    return EXIT.OK
  } finally {
    await jobs.close()
  }
}

function showTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
