import { ceilingAt } from '../../protocols/auction/ladder.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import { type Attempt, moveTo } from './attempt.js'
import type { Auction } from './auction.js'
import { awardAndRun } from './award.js'
import type { Recovered } from './ongoing.js'
import { resumeLeases } from './resume.js'

/**
 * Time between two auctions when the first found nobody; doubled each time, for a queue may last a week. Of each a random
 * part, from a half on: orders that met at one device must not meet there again.
 */
const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 30_000
/**
 * An auction in which nobody won is followed by one with twice the windows, up to this sum of both: bids may have been late
 * because the market, the network or this machine is slower than the windows were meant for.
 */
const LONGEST_WINDOWS_MS = 12_000
/** After the bids are in; anybody can announce a thousand providers, and each costs a question to the chain. */
const EXPLAINING_MS = 1_000
/** The price of a bid that nobody has seen. */
const UNKNOWN_PRICE = 0n

/**
 * Holds auctions until one leads to a finished job or the time for matching is over. MATCHING: an auction is under
 * way or a winner is being tried; QUEUED: nobody took the job, and it is asked again later, for more where the plan
 * has a ladder. After a restart it goes on with what an earlier process left, an order that is still open among it.
 */
export async function matchAndRun(attempt: Attempt, before?: Recovered): Promise<boolean> {
  const over = new AbortController()
  try {
    return await match({ ...attempt, over: over.signal }, before)
  } finally {
    over.abort(new Error('the job needs no more auction'))
  }
}

/** `over` aborts when the matching has ended, however: nothing that was begun for later goes on. */
type Matching = Attempt & { over: AbortSignal }

async function match(attempt: Matching, before?: Recovered): Promise<boolean> {
  const { parts, plan, report, signal } = attempt
  const { clock } = parts
  const startedAt = clock.elapsed() - Math.max(0, clock.now() - report.createdAtMs)
  attempt.matchUntilMs =
    clock.elapsed() + (before === undefined ? plan.queueMs : before.matchUntilMs - clock.now())
  if (before === undefined) await moveTo(attempt, JobState.MATCHING)
  else if (await resumeLeases(attempt, before)) return true
  attempt.ahead.hold = (endsAtMs) => holdAhead(attempt, endsAtMs, startedAt)
  let left = before?.order
  const longest = Math.min(LONGEST_PAUSE_MS, plan.auction.ladder?.everyMs ?? LONGEST_PAUSE_MS)
  for (let held = 0, pause = FIRST_PAUSE_MS; ; held++, pause = Math.min(pause * 2, longest)) {
    await parts.inventory.seek(plan.requirements, signal)
    const { ladder } = plan.auction
    const ceiling = ceilingAt(plan.ceilingPricePerHour, ladder, clock.elapsed() - startedAt)
    const order = left ?? (await makeOrder(attempt, ceiling, widened(plan.auction, held)))
    left = undefined
    const matchUntilMs = clock.now() + attempt.matchUntilMs - clock.elapsed()
    // Beside the auction: its time runs already, and an order that is lost in a crash only costs another one.
    let [auction] = await Promise.all([
      holdAuction(attempt, order),
      parts.remember(report.id, { order, matchUntilMs }),
    ])
    for (;;) {
      if (await awardAndRun(attempt, auction)) return true
      const ahead = await takeAhead(attempt)
      if (ahead === undefined) break
      auction = ahead
    }
    const leftMs = attempt.matchUntilMs - clock.elapsed()
    if (leftMs <= FIRST_PAUSE_MS) return false
    const waitMs = Math.min(pause / 2 + parts.random.below(Math.ceil(pause / 2)), leftMs)
    await moveTo(attempt, JobState.QUEUED, 'NO_PROVIDER', `asked again in ${Math.ceil(waitMs / 1_000)} s`)
    await clock.sleep(waitMs, signal)
    await moveTo(attempt, JobState.MATCHING)
  }
}

/** From the end of the auction until the provider is gone: what is bid must not grow old. */
const AHEAD_MS = 1_000

/** Holds the next auction so that it is over shortly before the provider that works now is gone. */
async function holdAhead(matching: Matching, endsAtMs: number, startedAt: number): Promise<Auction> {
  const signal = AbortSignal.any([matching.signal, matching.over])
  const attempt: Attempt = { ...matching, signal }
  const { parts, plan, report } = attempt
  const { clock } = parts
  const { commitMs, revealMs, ladder } = plan.auction
  const waitMs = endsAtMs - clock.now() - commitMs - revealMs - EXPLAINING_MS - AHEAD_MS
  const hurry = new AbortController()
  attempt.ahead.hurry = () => hurry.abort()
  if (waitMs > 0) await clock.sleep(waitMs, AbortSignal.any([signal, hurry.signal])).catch(() => {})
  signal.throwIfAborted()
  const ceiling = ceilingAt(plan.ceilingPricePerHour, ladder, clock.elapsed() - startedAt)
  const order = await makeOrder(attempt, ceiling, plan.auction)
  await parts.remember(report.id, { order, matchUntilMs: clock.now() + plan.queueMs })
  return holdAuction(attempt, order)
}

/** The auction that was held meanwhile, if any; one that failed costs the time of another. */
async function takeAhead({ ahead, parts, signal }: Attempt): Promise<Auction | undefined> {
  const { auction } = ahead
  ahead.hurry?.()
  delete ahead.auction
  return auction?.catch((error: unknown) => {
    signal.throwIfAborted()
    parts.log.warn('the auction before the end of a lease failed', { error: String(error) })
    return undefined
  })
}

interface Windows {
  commitMs: number
  revealMs: number
}

/** Windows for the auction that follows `held` others in vain; never shorter than those that were asked for. */
export function widened({ commitMs, revealMs }: Windows, held: number): Windows {
  const most = Math.max(1, LONGEST_WINDOWS_MS / (commitMs + revealMs))
  const times = Math.min(2 ** held, most)
  return { commitMs: Math.floor(commitMs * times), revealMs: Math.floor(revealMs * times) }
}

async function makeOrder(
  { parts, plan, spec }: Attempt,
  ceilingPricePerHour: bigint,
  { commitMs, revealMs }: Windows,
): Promise<Order> {
  const { scoring, enough, pricing } = plan.auction
  return {
    market: parts.market,
    nonce: parts.random.bytes(16),
    timeMs: parts.clock.now(),
    requirements: Requirements.encode(plan.requirements),
    ceilingPricePerHour,
    durationS: plan.durationS,
    commitMs,
    revealMs,
    pricing,
    jobHash: spec.hash,
    sliceMs: parts.sliceMs,
    wallet: parts.wallet,
    ...(await parts.consent?.()),
    addresses: parts.network.addresses(),
    ...(scoring === undefined ? {} : { scoring }),
    ...(enough === undefined ? {} : { enough }),
    ...(plan.count === undefined ? {} : { count: plan.count }),
  }
}

async function holdAuction(attempt: Attempt, order: Order): Promise<Auction> {
  const { parts, plan, tell, signal } = attempt
  const { commitMs, revealMs } = order
  // While bids are awaited: it asks the chain for every provider's stake, and no winner should have to wait for that.
  const explaining = parts.inventory.explain(plan.requirements, order.ceilingPricePerHour, signal)
  explaining.catch(() => {})
  const refused = new Set<string>()
  const auction = await parts.auctioneer.hold(
    order,
    {
      onOrdered: (orderId) =>
        tell({
          kind: 'ordered',
          orderId: toHex(orderId),
          ceilingPricePerHour: order.ceilingPricePerHour,
          commitUntilMs: order.timeMs + commitMs,
          revealUntilMs: order.timeMs + commitMs + revealMs,
        }),
      onDoubted: ({ refused, detail }) => {
        parts.log.warn('others do not pass this order on', { refused, detail })
        tell({ kind: 'doubted', reason: refused, detail })
      },
      onCommitted: (peer) => tell({ kind: 'committed', peer }),
      onRefused: (peer, pricePerHour, reason) => {
        refused.add(peer)
        tell({ kind: 'bid', bid: { peer, pricePerHour, outcome: 'refused', reason } })
      },
    },
    signal,
  )
  for (const { peer, pricePerHour, excluded } of auction.bids) {
    const outcome = excluded === undefined ? 'lost' : 'refused'
    tell({ kind: 'bid', bid: { peer, pricePerHour, outcome, ...(excluded && { reason: excluded }) } })
  }
  await noteWithheld(attempt, auction, refused)
  await explainOthers(attempt, auction, explaining)
  return auction
}

/**
 * Whoever commits and reveals nothing keeps everybody waiting until the window is over. Where nobody's bid got through,
 * it was us who could not be reached.
 */
async function noteWithheld(
  { parts, tell }: Attempt,
  { bids, withheld, isWindowOver }: Auction,
  refused: ReadonlySet<string>,
): Promise<void> {
  const reason = isWindowOver ? 'BID_WITHHELD' : 'NOT_REVEALED'
  const isHeard = bids.length + refused.size > 0
  for (const peer of withheld) {
    if (refused.has(peer)) continue
    tell({ kind: 'bid', bid: { peer, pricePerHour: UNKNOWN_PRICE, outcome: 'refused', reason } })
    if (isWindowOver && isHeard) await parts.standing.noteSilence(peer)
  }
}

/** Why the others did not bid, as far as their offers say it. */
async function explainOthers(
  { parts, tell }: Attempt,
  auction: Auction,
  explaining: ReturnType<Attempt['parts']['inventory']['explain']>,
): Promise<void> {
  const told = new Set([...auction.bids.map(({ peer }) => peer), ...auction.withheld])
  const explained = await inTime(parts.clock, EXPLAINING_MS, explaining)
  for (const { offer, mismatches } of explained ?? []) {
    if (told.has(offer.peer)) continue
    const reason = mismatches.map(({ text }) => text).join('; ') || 'did not bid'
    const { peer, pricePerHour } = offer
    tell({ kind: 'bid', bid: { peer, pricePerHour, outcome: 'unqualified', reason } })
  }
}

/** Undefined when it is not there in time, or failed: what only explains holds nothing up. */
async function inTime<T>(clock: Clock, ms: number, waited: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController()
  const late = clock.sleep(ms, enough.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([waited.catch(() => undefined), late])
  } finally {
    enough.abort()
  }
}
