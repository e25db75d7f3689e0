import type { OfferLine } from '../view.js'
import { LAND } from './land.js'

/** Offers where they say they stand; one dot per place, larger for more devices. */
export function WorldMap({ offers }: { offers: readonly OfferLine[] }) {
  const places = new Map<string, { x: number; y: number; devices: number; free: number; name: string }>()
  for (const { at, location, devices, free } of offers) {
    if (at === undefined) continue
    const place = places.get(location) ?? {
      x: (at.longitude + 180) * 2,
      y: (90 - at.latitude) * 2,
      devices: 0,
      free: 0,
      name: location,
    }
    place.devices += devices
    place.free += free
    places.set(location, place)
  }
  const said = [...places.values()].map(({ name, devices, free }) => `${name}: ${free} of ${devices} free`)
  const unplaced = offers.filter(({ at }) => at === undefined).length
  return (
    <figure class="map">
      <svg viewBox="0 0 720 300" role="img" aria-label={`Where devices are. ${said.join('; ')}`}>
        <path d={LAND} class="land" />
        {[...places.values()].map(({ x, y, devices, free, name }) => (
          <g key={name}>
            <circle cx={x} cy={y} r={4 + 2 * Math.sqrt(devices)} class={free > 0 ? 'free' : 'taken'}>
              <title>{`${name}: ${free} of ${devices} free`}</title>
            </circle>
          </g>
        ))}
      </svg>
      <figcaption>
        {places.size === 0 ? 'Nobody says where it stands.' : said.join(' · ')}
        {unplaced > 0 && ` · ${unplaced} without a place`}
      </figcaption>
    </figure>
  )
}
