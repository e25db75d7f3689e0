/**
 * Places as people name them in requirements: a country ("DE"), a country and a city ("DE-Berlin"), or a region, which
 * stands for its countries. Continents bear names and not the usual two letters, because those are countries' as well:
 * NA is Namibia, AS American Samoa.
 */
const CONTINENTS = {
  africa:
    'AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW',
  antarctica: 'AQ BV GS HM TF',
  asia: 'AE AF AM AZ BD BH BN BT CN GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE',
  europe:
    'AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK',
  'north-america':
    'AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT UM US VC VG VI',
  oceania: 'AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV VU WF WS',
  'south-america': 'AR BO BR CL CO EC FK GF GY PE PY SR UY VE',
} as const

export type Continent = keyof typeof CONTINENTS

const EU = 'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'

const regions = new Map<string, ReadonlySet<string>>(
  Object.entries({ ...CONTINENTS, EU, EEA: `${EU} IS LI NO` }).map(([name, codes]) => [
    name,
    new Set(codes.split(' ')),
  ]),
)
const continentByCountry = new Map<string, Continent>(
  Object.entries(CONTINENTS).flatMap(([name, codes]) =>
    codes.split(' ').map((code) => [code, name as Continent] as const),
  ),
)

/** EU (the union's 27), EEA, and the continents as the United Nations draw them (M49; Cyprus and Kosovo: Europe). */
export const REGION_NAMES: readonly string[] = [...regions.keys()]

export function isRegion(name: string): boolean {
  return regions.has(name)
}

/** Of "DE-Berlin": europe. Undefined for what begins with no country's code. */
export function continentOf(location: string): Continent | undefined {
  return continentByCountry.get(countryOf(location))
}

/** "DE-Berlin" lies in "DE-Berlin", "DE", "EU" and "europe"; "DEN-Aarhus" does not lie in "DE". */
export function liesIn(location: string, place: string): boolean {
  const region = regions.get(place)
  if (region !== undefined) return region.has(countryOf(location))
  return location === place || (place !== '' && location.startsWith(`${place}-`))
}

function countryOf(location: string): string {
  return location.split('-', 1)[0] ?? ''
}
