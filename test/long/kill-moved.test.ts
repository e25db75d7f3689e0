import { MOMENTS, type Round, sweepKills } from '../support/killing.js'
import { suite } from '../support/suite.js'

/** The states that a job has because it survives its provider: restarted, looking elsewhere, gone on with, fetched from. */
const test = suite('kill and restart: a job that moves')
const { stepped, kept, returned, moving, continued } = MOMENTS as Record<
  string,
  NonNullable<typeof MOMENTS.kept>
>

const ROUNDS: ReadonlyArray<readonly [string, readonly Round[]]> = [
  [
    'a provider that is started again and killed again still finishes the job under its lease',
    [
      { job: 'patient', acts: [{ victim: 'provider', moment: stepped! }] },
      {
        job: 'patient',
        acts: [
          { victim: 'provider', moment: kept! },
          { victim: 'provider', moment: returned! },
        ],
      },
      {
        job: 'patient',
        acts: [
          { victim: 'provider', moment: kept! },
          { victim: 'renter', moment: returned! },
        ],
      },
    ],
  ],
  [
    'whoever else is killed while the job moves to another provider, it arrives there',
    [
      {
        job: 'checkpointed',
        acts: [
          { victim: 'provider', moment: kept!, stays: 'away' },
          { victim: 'renter', moment: moving! },
        ],
      },
      {
        job: 'checkpointed',
        acts: [
          { victim: 'provider', moment: kept!, stays: 'away' },
          { victim: 'renter', moment: continued! },
        ],
      },
      {
        job: 'checkpointed',
        acts: [
          { victim: 'provider', moment: kept!, stays: 'away' },
          { victim: 'chain', moment: moving! },
        ],
      },
      {
        // Nobody else is left: it is waited for.
        job: 'patient',
        acts: [
          { victim: 'provider', moment: kept!, stays: 'away' },
          { victim: 'heir', moment: continued! },
        ],
      },
    ],
  ],
  [
    'a renter of two copies that is killed finds both again',
    [{ job: 'twice', acts: [{ victim: 'renter', moment: stepped! }] }],
  ],
]

for (const [title, rounds] of ROUNDS) {
  test(title, () => sweepKills(rounds), { timeoutMs: 900_000 })
}

test.run()
