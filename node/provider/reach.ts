import { type PortParts, serveForwards } from './port.js'
import { servePrograms } from './shell.js'

/** All by which a renter reaches into its running job. Resolves to what takes it back. */
export async function serveReach(parts: PortParts): Promise<() => Promise<void>> {
  const stops = [await serveForwards(parts), await servePrograms(parts)]
  return async () => {
    await Promise.all(stops.map((stop) => stop()))
  }
}
