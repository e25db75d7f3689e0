import type { OfferQuery } from '../../control/port.js'
import type { NodeStatus, OfferChange, OfferView } from '../../control/view.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { openGuest } from '../daemon.js'

/** Whoever can be asked for offers: the node that runs, or this process as a node of its own. */
export interface OfferSource {
  status(): Promise<NodeStatus>
  offers(query: OfferQuery, signal: AbortSignal): Promise<OfferView[]>
  watchOffers(query: OfferQuery, signal: AbortSignal): Promise<AsyncIterable<OfferChange>>
  close(): Promise<void>
}

/** Joins the network and listens to heartbeats for a while. */
export async function listen(invocation: Invocation, waitMs: number): Promise<OfferSource> {
  const { report, shell } = invocation
  const node = await openGuest(invocation)
  try {
    if (waitMs > 0) report.status(`listening for ${waitMs / 1000} s …`)
    await systemClock.sleep(waitMs, shell.signal)
    return node
  } catch (error) {
    await node.close()
    throw error
  }
}
