import { CONTINENTS, type Continent, continentOf } from './continent.js'

/**
 * Places as people name them in requirements: a country ("DE"), a country and a city ("DE-Berlin"), or a region, which
 * stands for its countries. Continents bear names there and not their two letters, because those are countries' as
 * well: NA is Namibia, AS American Samoa.
 */
const CONTINENT_NAMES: Readonly<Record<string, Continent>> = {
  africa: 'AF',
  antarctica: 'AN',
  asia: 'AS',
  europe: 'EU',
  'north-america': 'NA',
  oceania: 'OC',
  'south-america': 'SA',
}

const EU = 'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'
const UNIONS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({ EU, EEA: `${EU} IS LI NO` }).map(([name, codes]) => [name, new Set(codes.split(' '))]),
)

/** The European Union's 27, the European Economic Area, and the continents. */
export const REGION_NAMES: readonly string[] = [...UNIONS.keys(), ...Object.keys(CONTINENT_NAMES)]

export function isRegion(name: string): boolean {
  return REGION_NAMES.includes(name)
}

/** Every continent on which a provider can be that lies in the place. */
export function continentsIn(place: string): Continent[] {
  const union = UNIONS.get(place)
  if (union !== undefined)
    return CONTINENTS.filter((name) => [...union].some((code) => continentOf(code) === name))
  return [CONTINENT_NAMES[place] ?? continentOf(countryOf(place))]
}

/** "DE-Berlin" lies in "DE-Berlin", "DE", "EU" and "europe"; "DEN-Aarhus" does not lie in "DE". */
export function liesIn(location: string, place: string): boolean {
  const union = UNIONS.get(place)
  if (union !== undefined) return union.has(countryOf(location))
  const continent = CONTINENT_NAMES[place]
  if (continent !== undefined) return continentOf(countryOf(location)) === continent
  return location === place || (place !== '' && location.startsWith(`${place}-`))
}

function countryOf(location: string): string {
  return location.split('-', 1)[0] ?? ''
}
