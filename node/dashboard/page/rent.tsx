import { useState } from 'preact/hooks'
import type { JobLine, NodePanel } from '../view.js'
import { clock, day, tokens } from './format.js'
import { JobPage } from './job.js'
import { Badge, Card, Figure, toneOf } from './parts.js'

export function Rent({ node, jobs }: { node: NodePanel; jobs: readonly JobLine[] }) {
  const [chosen, choose] = useState<string>()
  const job = jobs.find(({ id }) => id === chosen) ?? jobs[0]
  const { decimals } = node.chain
  return (
    <>
      <Card title="Wallet">
        <dl class="figures">
          <Figure label="Balance" value={tokens(node.renter?.balance, decimals)} unit="tokens" />
          <Figure label="Jobs that have not ended" value={node.renter?.jobs ?? 0} />
        </dl>
      </Card>
      {job === undefined ? (
        <Card title="No job yet">
          <p>
            Post one: <code>nightshift job post -f config/examples/digits.yaml</code>. It appears here at
            once.
          </p>
        </Card>
      ) : (
        <div class="two">
          <nav aria-label="Jobs" class="list">
            {jobs.map((each) => (
              <button
                type="button"
                key={each.id}
                aria-current={each.id === job.id}
                onClick={() => choose(each.id)}
              >
                <strong>{each.name}</strong>
                <Badge text={each.state} tone={toneOf(each.state)} />
                <small>
                  {day(each.createdAtMs)} {clock(each.createdAtMs)} · paid {tokens(each.paid, decimals)}
                </small>
              </button>
            ))}
          </nav>
          <JobPage key={job.id} job={job} decimals={decimals} />
        </div>
      )}
    </>
  )
}
