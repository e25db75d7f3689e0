import type { Requirements } from '../../protocols/inventory/wire.js'
import { type Finding, findNearest, type Path, showValue } from '../finding.js'
import { findingAt, type Source } from '../source.js'
import { parseDuration } from '../units.js'
import { listOf, type Note, requireDevice } from './device.js'
import { isPlace, type Manifest, PLACE, type Service } from './schema.js'

/** An amount as it was written, and where: how many decimals it may have is known only with the mint. */
export interface WrittenAmount {
  text: string
  unit: 'tokens' | 'atomic'
  path: Path
}

/** One service with everything that it refers to, before amounts are converted. */
export interface ResolvedService {
  service: Service
  requirements: Omit<Requirements, 'minimumStake'>
  price: WrittenAmount
  /** Providers for one order. */
  count: number
  minimumStake?: WrittenAmount
}

type Profile = Manifest['profiles']['compute'][string]
type Placement = Manifest['profiles']['placement'][string]

/** Follows a service's references and checks what spans several keys. Undefined when an error was found. */
export function resolveService(
  manifest: Manifest,
  source: Source,
  name: string,
  findings: Finding[],
): ResolvedService | undefined {
  const before = findings.filter(isError).length
  const note: Note = (severity, code, path, message, expected, onKey = false) => {
    findings.push(findingAt(source, path, { severity, code, message, expected }, onKey))
  }
  const service = own(manifest.services, name)!
  const at: Path = ['services', name]
  if (service.expect !== undefined && !Object.values(service.inputs).some(isSplit)) {
    note(
      'error',
      'CONFLICT',
      [...at, 'expect'],
      'expect needs rows that were held back',
      'an input with split',
      true,
    )
  }
  noteUnkept(service, at, note)
  notePorts(service, at, note)
  const chosen = chooseProfiles(manifest, name, note)
  if (chosen === undefined) return undefined
  const { profileName, profile, placementName, count } = chosen
  const placement = own(manifest.profiles.placement, placementName)
  const price = findPrice(manifest, name, profileName, placementName, note)
  const device = requireDevice(profile.resources, ['profiles', 'compute', profileName, 'resources'], note)
  const locations = [
    ...listOf(service.placement.location),
    ...listOf(service.placement.region),
    ...locationsOf(placement, placementName ?? '', note),
  ]
  if (price === undefined || device === undefined || findings.filter(isError).length > before)
    return undefined
  const {
    min_stake: stake,
    min_reliability,
    max_latency,
    attestations,
    notice,
    allow,
    deny,
  } = service.placement
  return {
    service,
    price,
    count,
    requirements: {
      ...device,
      runtime: service.runtime,
      locations: [...new Set(locations)],
      minimumGflops: 0,
      allow: [...allow],
      deny: [...deny],
      attesters: [...(attestations?.by ?? [])],
      ...(attestations === undefined ? {} : { minimumAttestations: attestations.minimum }),
      ...(min_reliability === undefined ? {} : { minimumReliability: min_reliability }),
      ...(max_latency === undefined ? {} : { maxLatencyMs: parseDuration(max_latency)! }),
      ...(notice === undefined ? {} : { noticeS: Math.ceil(parseDuration(notice)! / 1_000) }),
    },
    ...(stake === undefined
      ? {}
      : { minimumStake: { text: stake, unit: 'tokens', path: [...at, 'placement', 'min_stake'] } }),
  }
}

/** What is accepted, and has no effect as it stands. */
function noteUnkept(service: Service, at: Path, note: Note): void {
  const warn = (path: Path, message: string, expected: string) =>
    note('warning', 'NOT_ENFORCED', [...at, ...path], message, expected, true)
  const { checkpoint, auction, timeouts, placement } = service
  if (checkpoint !== undefined && !keepsState(service)) {
    warn(
      ['checkpoint'],
      'checkpoint of a job that is no training and no shader',
      'job.checkpoint, for a container',
    )
  }
  const { by = [], minimum = 0 } = placement.attestations ?? {}
  if (by.length > 0 && by.length < minimum) {
    note(
      'error',
      'CONFLICT',
      [...at, 'placement', 'attestations', 'minimum'],
      `read ${minimum}`,
      `at most ${by.length}, as many as are named under by`,
    )
  }
  const every = parseDuration(auction?.ladder?.every ?? '') ?? 0
  if (every >= (parseDuration(timeouts.queue) ?? 0) && auction?.ladder !== undefined) {
    warn(
      ['auction', 'ladder', 'every'],
      `read ${auction.ladder.every}`,
      `less than timeouts.queue, which is ${timeouts.queue}`,
    )
  }
}

/** What a service exposes, and what hangs on that. */
function notePorts(service: Service, at: Path, note: Note): void {
  const { runtime, expose, health, restart, exec } = service
  const ports = (expose ?? []).map(({ port }) => port)
  const conflict = (path: Path, message: string, expected: string, onKey = true) =>
    note('error', 'CONFLICT', [...at, ...path], message, expected, onKey)
  const unkept = (path: Path, message: string, expected: string) =>
    note('warning', 'NOT_ENFORCED', [...at, ...path], message, expected, true)
  if (runtime !== 'container') {
    if (expose !== undefined) unkept(['expose'], 'ports of a declared job', 'runtime: container')
    for (const [key, value] of Object.entries({ health, restart, exec })) {
      if (value !== undefined) conflict([key], `${key} of a declared job`, 'runtime: container')
    }
    return
  }
  for (const [key, value] of Object.entries({ health, restart })) {
    if (value !== undefined && expose === undefined) {
      conflict([key], `${key} of a job that listens on no port`, 'expose: [{port: <port>}] as well')
    }
  }
  const own = service.job.expose
  if (expose !== undefined && own !== undefined)
    conflict(['expose'], 'both expose and job.expose', 'one of them')
  expose?.forEach(({ port, as: local, to, accept }, index) => {
    const here: Path = ['expose', index]
    if (ports.indexOf(port) !== index)
      conflict([...here, 'port'], `port ${port} a second time`, 'each port once', false)
    if (local !== undefined) {
      unkept([...here, 'as'], `read ${local}`, `job forward <job> ${local}:${port} when the service runs`)
    }
    const reached = 'nothing; only the renter reaches a port, with job forward'
    if (to !== undefined) unkept([...here, 'to'], 'to', reached)
    if (accept !== undefined) unkept([...here, 'accept'], 'accept', reached)
  })
  if (health?.port !== undefined && expose !== undefined && !ports.includes(health.port)) {
    conflict(
      ['health', 'port'],
      `read ${health.port}`,
      `one of ${ports.join(', ')}, which are exposed`,
      false,
    )
  }
}

/** A declared training, or a shader: what is told here is told to the runtime, a container has its own key for it. */
export function keepsState({ runtime, job }: Service): boolean {
  return runtime === 'wgsl' || (runtime === 'tfjs' && job.task === 'train')
}

function isError(finding: Finding): boolean {
  return finding.severity === 'error'
}

function isSplit(input: Service['inputs'][string]): boolean {
  return typeof input === 'object' && input.split !== undefined
}

interface Chosen {
  profileName: string
  profile: Profile
  placementName: string | undefined
  count: number
}

/** The compute profile and the placement that `deployment` names; without it, those that cannot be mistaken. */
function chooseProfiles(manifest: Manifest, name: string, note: Note): Chosen | undefined {
  const { compute, placement } = manifest.profiles
  const deployed = own(manifest.deployment, name)
  for (const other of Object.keys(manifest.deployment ?? {})) {
    if (own(manifest.services, other) === undefined) {
      note(
        'error',
        'UNKNOWN_NAME',
        ['deployment', other],
        `no service ${other}`,
        among(other, manifest.services),
        true,
      )
    }
  }
  if (deployed === undefined) {
    const profileName = own(compute, name) === undefined ? onlyKey(compute) : name
    if (profileName === undefined || manifest.deployment !== undefined) {
      note(
        'error',
        'MISSING',
        ['deployment', name],
        `deployment.${name} is missing`,
        `deployment: {${name}: {<placement>: {profile: <profile>}}}`,
        true,
      )
      return undefined
    }
    return { profileName, profile: compute[profileName]!, placementName: onlyKey(placement), count: 1 }
  }
  const [placementName, second] = Object.keys(deployed)
  if (placementName === undefined || second !== undefined) {
    note(
      'error',
      'CONFLICT',
      ['deployment', name],
      `${Object.keys(deployed).length} placements`,
      'one placement for a service',
      true,
    )
    return undefined
  }
  const at: Path = ['deployment', name, placementName]
  const { profile: profileName, count } = deployed[placementName]!
  const profile = own(compute, profileName)
  if (own(placement, placementName) === undefined) {
    note('error', 'UNKNOWN_NAME', at, `no placement ${placementName}`, among(placementName, placement), true)
  }
  if (profile === undefined) {
    note(
      'error',
      'UNKNOWN_NAME',
      [...at, 'profile'],
      `no compute profile ${showValue(profileName)}`,
      among(profileName, compute),
    )
    return undefined
  }
  return { profileName, profile, placementName, count }
}

/** An entry by a name that a person chose: `constructor` is no entry of every map. */
function own<Value>(map: Record<string, Value> | undefined, key: string | undefined): Value | undefined {
  return map !== undefined && key !== undefined && Object.hasOwn(map, key) ? map[key] : undefined
}

function onlyKey(map: Record<string, unknown>): string | undefined {
  const [first, second] = Object.keys(map)
  return second === undefined ? first : undefined
}

function among(name: string, map: Record<string, unknown>): string {
  const known = Object.keys(map)
  const nearest = findNearest(name, known)
  if (nearest !== undefined) return `${nearest} (did you mean that?)`
  return known.length === 0 ? 'a name that is defined; there is none' : `one of ${known.join(', ')}`
}

/** The one price of a service. What stands at the top level counts only if nothing nearer does. */
function findPrice(
  manifest: Manifest,
  name: string,
  profileName: string,
  placementName: string | undefined,
  note: Note,
): WrittenAmount | undefined {
  const { compute, placement } = manifest.profiles
  const service = own(manifest.services, name)!
  const near = [
    readPrice(service.pricing, ['services', name, 'pricing'], note),
    readPrice(own(compute, profileName)?.pricing, ['profiles', 'compute', profileName, 'pricing'], note),
    readPrice(
      own(own(placement, placementName)?.pricing, name),
      ['profiles', 'placement', placementName ?? '', 'pricing', name],
      note,
    ),
  ].filter((price) => price !== undefined)
  if (service.pricing?.amount !== undefined) {
    note(
      'warning',
      'MISPLACED',
      ['services', name, 'pricing'],
      'denom and amount are not where SDL has them',
      `profiles.placement.<name>.pricing.${name}`,
      true,
    )
  }
  const [price, second] = near
  if (second !== undefined && price !== undefined) {
    note(
      'error',
      'CONFLICT',
      second.path,
      `a second price for ${name}; the first is ${price.path.join('.')}`,
      'one price',
    )
    return undefined
  }
  const found = price ?? readPrice(priceForAll(manifest), ['pricing'], note)
  if (found === undefined) {
    const complete = [priceForAll(manifest), service.pricing, own(compute, profileName)?.pricing].every(
      (each) => each === undefined,
    )
    if (complete) {
      note(
        'error',
        'MISSING',
        ['services', name],
        `${name} has no price`,
        'pricing: {max_price_per_hour: <tokens>} in the service',
        true,
      )
    }
    return undefined
  }
  if (!/[1-9]/.test(found.text)) {
    note('error', 'WRONG_VALUE', found.path, `read ${showValue(found.text)}`, 'more than zero')
  }
  return found
}

/** The budget stands beside it, and may stand alone. */
function priceForAll({ pricing }: Manifest): Service['pricing'] {
  const { max_total, ...price } = pricing ?? {}
  return max_total !== undefined && Object.keys(price).length === 0 ? undefined : pricing && price
}

const FOREIGN_DENOM = /^(?:uakt|akt|uusdc|uact|ibc\/.*)$/i

function readPrice(pricing: Service['pricing'], path: Path, note: Note): WrittenAmount | undefined {
  if (pricing === undefined) return undefined
  const { max_price_per_hour: tokens, denom, amount } = pricing
  if (tokens !== undefined && amount !== undefined) {
    note('error', 'CONFLICT', path, 'both max_price_per_hour and amount', 'one of them', true)
    return undefined
  }
  if (tokens !== undefined) return { text: tokens, unit: 'tokens', path: [...path, 'max_price_per_hour'] }
  if (amount === undefined || denom === undefined) {
    const missing =
      amount === undefined && denom === undefined ? 'a price' : amount === undefined ? 'amount' : 'denom'
    note('error', 'MISSING', path, `${missing} is missing`, 'max_price_per_hour, or denom and amount', true)
    return undefined
  }
  if (FOREIGN_DENOM.test(denom)) {
    note(
      'warning',
      'NOT_ENFORCED',
      [...path, 'denom'],
      `read ${showValue(denom)}`,
      `that ${amount} is meant in atomic units of this market’s mint per device-hour, not per block`,
    )
  }
  return { text: amount, unit: 'atomic', path: [...path, 'amount'] }
}

function locationsOf(placement: Placement | undefined, name: string, note: Note): string[] {
  if (placement === undefined) return []
  const at: Path = ['profiles', 'placement', name]
  const locations: string[] = []
  for (const [key, value] of Object.entries(placement.attributes ?? {})) {
    const path: Path = [...at, 'attributes', key]
    if (key !== 'region' && key !== 'location') {
      note(
        'warning',
        'NOT_ENFORCED',
        path,
        `attribute ${showValue(key)}`,
        'region or location; others are not asked for',
        true,
      )
    } else if (typeof value === 'string' && isPlace(value)) {
      locations.push(value)
    } else {
      note('error', 'WRONG_VALUE', path, `read ${showValue(value)}`, PLACE)
    }
  }
  if (placement.signedBy !== undefined) {
    note(
      'warning',
      'NOT_ENFORCED',
      [...at, 'signedBy'],
      'signedBy is not asked for',
      'min_stake in the service’s placement',
      true,
    )
  }
  return locations
}
