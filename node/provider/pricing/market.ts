import { Availability, type Device, type Heartbeat } from '../../../protocols/heartbeat/wire.js'

/** Of the same kind, with at least so much of the memory and the speed, and no more than its inverse. */
const LIKENESS = 2
/** More would not move a percentile, and each is asked for its stake. */
export const MAX_COMPARED = 128

/**
 * Providers whose offer a renter could take instead of this one: free now, of the same kind (card or software), between
 * half and twice the memory and the measured speed. Pure.
 */
export function findComparable(
  own: Device,
  others: ReadonlyArray<{ peer: string; heartbeat: Heartbeat }>,
): Array<{ peer: string; pricePerHour: bigint }> {
  return others
    .filter(({ heartbeat }) => {
      const isFree = heartbeat.availability === Availability.FREE && heartbeat.pricePerHour > 0n
      return isFree && heartbeat.devices.some((device) => isLike(own, device))
    })
    .slice(-MAX_COMPARED)
    .map(({ peer, heartbeat }) => ({ peer, pricePerHour: heartbeat.pricePerHour }))
}

function isLike(own: Device, other: Device): boolean {
  return (
    own.gpu === other.gpu &&
    isNear(Number(own.memoryBytes), Number(other.memoryBytes)) &&
    isNear(own.gflops, other.gflops)
  )
}

/** What is not known on our side excludes nobody. */
function isNear(own: number, other: number): boolean {
  return own === 0 || (other >= own / LIKENESS && other <= own * LIKENESS)
}
