import { isDrawn } from '../../protocols/auction/turnout.js'
import { Availability, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import { findMismatches } from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { Random } from '../../protocols/ports.js'
import type { HeartbeatTopic, ReceivedHeartbeat } from '../market/heartbeats.js'

/** Whether it is this provider's turn to bid for an order, by the rule that every provider keeps to. */
export type IsOurTurn = (
  orderId: Uint8Array,
  wanted: Requirements,
  ceilingPricePerHour: bigint,
  count?: number,
) => boolean

/** Of thousands of heartbeats so many are judged, spread over all; the others are taken to be alike. */
const JUDGED = 256

export function createTurnout(parts: {
  self: string
  heartbeats: Pick<HeartbeatTopic, 'all'>
  random: Random
}): IsOurTurn {
  const { self, heartbeats, random } = parts
  /** Of this process: an order that is heard again after a restart may be drawn for anew. */
  const secret = random.bytes(32)

  const fits = ({ peer, heartbeat }: ReceivedHeartbeat, wanted: Requirements, ceiling: bigint) =>
    peer !== self && findMismatches(toOffer(peer, heartbeat, wanted), wanted, ceiling).length === 0

  return (orderId, wanted, ceilingPricePerHour, count) => {
    const known = heartbeats.all()
    const step = Math.max(1, Math.floor(known.length / JUDGED))
    const judged = known.filter((_, index) => index % step === 0)
    const fitting = judged.filter((received) => fits(received, wanted, ceilingPricePerHour)).length
    const rivals = judged.length === 0 ? 0 : (fitting * known.length) / judged.length
    return isDrawn(orderId, secret, rivals + 1, count)
  }
}

/** What only the chain or a measurement tells is taken to be enough: the fewer rivals are left out, the fewer bid. */
function toOffer(peer: string, heartbeat: Heartbeat, { minimumStake }: Requirements) {
  const { devices, pricePerHour, location, runtimes, availability } = heartbeat
  const available = availability === Availability.FREE
  return { peer, devices, pricePerHour, location, runtimes, available, stake: minimumStake }
}
