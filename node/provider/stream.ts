import { isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { type JobEvent, type JobRequest, JobState } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import { receiveFirst, type Session } from '../net/session.js'
import type { Admission, JobRefusal } from './admission.js'
import type { Blobs } from './blobs.js'
import type { Endings } from './ending.js'
import { wantedOf } from './jobs.js'
import type { Ledger } from './ledger.js'
import type { Live } from './live.js'
import type { Roster } from './roster.js'
import { type JobView, serveTransfer } from './transfer.js'

/** One stream of a renter: its Start is judged, and its job served over it until one of the two is done. */
export type ServeStream = (session: Session<JobEvent, JobRequest>) => Promise<void>

export function createStreams(parts: {
  admission: Admission
  endings: Endings
  ledger: Ledger
  roster: Roster
  blobs: Blobs
  clock: Clock
  /** All that the job of this renter needs is there. */
  onComplete: (live: Live) => void
}): ServeStream {
  const { admission, endings, ledger, roster, blobs, clock, onComplete } = parts

  async function accept(live: Live): Promise<void> {
    await roster.store(live, { accepted: true })
    if (ledger.get(live.record.lease)?.state === 'closed') await endings.forgetData(live.record.lease)
  }

  async function serve(session: Session<JobEvent, JobRequest>): Promise<void> {
    const start = (await receiveFirst(session, clock))?.start
    const admitted: Live | Refusal<JobRefusal> =
      start === undefined
        ? { refused: 'MALFORMED', detail: 'a job begins with a start' }
        : await admission.admit(start, session)
    if (isRefusal(admitted)) {
      const { refused: reason, detail } = admitted
      return session.send({ index: 0, workedMs: 0, refused: { reason, detail } })
    }
    const live = admitted
    live.session?.abort(
      new NightshiftError('SUPERSEDED', 'the renter came back on another stream', {
        advice: 'use the newest',
      }),
    )
    const mine = new AbortController()
    live.session = mine
    // The one before writes down what it has received; only then is it known what is missing.
    const before = live.served
    live.served = before
      .then(() =>
        serveTransfer(session, {
          job: viewOf(live),
          fromEvent: start?.fromEvent ?? 0,
          signal: mine.signal,
        }),
      )
      .then(
        () => undefined,
        (error) => error,
      )
    const failure = await live.served
    if (failure !== undefined) throw failure
  }

  function viewOf(live: Live): JobView {
    const { lease } = live.record
    return {
      journal: live.journal,
      hasEnded: () => hasEnded(live.record.state),
      fetchInputs: async (peer, signal) => {
        const onChunk = () => {
          live.lastInputAt = clock.elapsed()
        }
        for (const wanted of wantedOf(live.record)) {
          if (live.record.state !== JobState.QUEUED) return
          if (await blobs.isComplete(lease, wanted)) continue
          await blobs.fetch(lease, wanted, { peer, onChunk }, signal)
          onChunk()
        }
      },
      onComplete: () => onComplete(live),
      onStop: () => endings.end(lease, 'STOPPED_BY_RENTER'),
      onAccepted: () => accept(live),
    }
  }

  return serve
}
