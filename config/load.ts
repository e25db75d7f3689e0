import { dirname, join, resolve } from 'node:path'
import { AUCTION_LIMITS } from '../protocols/auction/rules.js'
import { type Finding, findNearest, type Path, refuseErrors, showValue } from './finding.js'
import { type Fault, judge } from './judge.js'
import { OPTIONS, type Option } from './options.js'
import { readPresetText } from './preset.js'
import { type Config, configSchema, type PresetName } from './schema.js'
import { findingAt, readSource, toValue } from './source.js'
import { parseSize } from './units.js'

/** Where settings come from; later ones win: defaults, the preset, the file, the environment, the flags. */
export interface ConfigSources {
  /** A JSON or YAML file. Relative paths in it are relative to its folder. */
  file?: { path: string; text: string }
  /** The process's environment. Only names that begin with NIGHTSHIFT_ are read; an empty value counts as not set. */
  environment?: Readonly<Record<string, string | undefined>>
  /** By the flag's name without dashes in front (`chain-rpc-url`) or in camel case (`chainRpcUrl`). */
  flags?: Readonly<Record<string, unknown>>
  /** Names in the environment that begin with NIGHTSHIFT_ and are read elsewhere, such as NIGHTSHIFT_CONFIG. */
  reserved?: readonly string[]
}

export interface LoadedConfig {
  config: Config
  /** By an option's path: `default`, `preset localnet`, the file's name, `environment NIGHTSHIFT_…` or `flag --…`. */
  origins: Readonly<Record<string, string>>
}

interface Setting {
  value: unknown
  origin: string
}

/** By an option's path. */
type Layer = Map<string, Setting>

const PREFIX = 'NIGHTSHIFT_'
/** What the project's own tests pass to their children is no setting. */
const TEST_PREFIX = 'NIGHTSHIFT_TEST_'

/**
 * The node's configuration from all its sources, checked and deeply frozen. Nothing handed in is changed.
 * Throws CONFIG_INVALID with every error of every source at once (`context.findings`).
 */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const findings: Finding[] = []
  const { file } = sources
  const layers = [
    file === undefined
      ? new Map()
      : readFileLayer(file.path, file.text, dirname(resolve(file.path)), findings),
    readEnvironment(sources.environment ?? {}, sources.reserved ?? [], findings),
    readFlags(sources.flags ?? {}, findings),
  ]
  refuse(findings)

  const preset = layers.findLast((layer) => layer.has('preset'))?.get('preset')?.value ?? defaultOf('preset')
  const settings: Layer = new Map(
    OPTIONS.map((option) => [option.path, { value: option.default, origin: 'default' }]),
  )
  for (const layer of [readPreset(preset as PresetName), ...layers]) {
    for (const [path, setting] of layer) settings.set(path, setting)
  }
  const home = sources.environment?.HOME || sources.environment?.USERPROFILE
  placePaths(settings, home, findings)
  checkTogether(settings, findings)
  refuse(findings)

  const origins = Object.fromEntries([...settings].map(([path, { origin }]) => [path, origin]))
  return { config: freeze(nest(settings)) as Config, origins: Object.freeze(origins) }
}

function refuse(findings: readonly Finding[]): void {
  refuseErrors(
    'CONFIG_INVALID',
    'the configuration',
    findings,
    'Correct what is named; config/README.md lists all options.',
  )
}

function defaultOf(path: string): unknown {
  return OPTIONS.find((option) => option.path === path)?.default
}

function readPreset(name: PresetName): Layer {
  const findings: Finding[] = []
  const layer = readFileLayer(`preset ${name}`, readPresetText(name), undefined, findings)
  refuse(findings)
  return layer
}

/** `folder`: what relative paths are relative to; undefined leaves them as they are. */
function readFileLayer(name: string, text: string, folder: string | undefined, findings: Finding[]): Layer {
  const source = readSource(name, text, findings)
  if (source === undefined) return new Map()
  const value = toValue(source.tree, (path) => optionAt(path)?.kind === 'amount') ?? {}
  for (const option of OPTIONS) {
    if (option.kind === 'bytes') replaceAt(value, option.keys, (read) => readBytes(read))
  }
  const verdict = judge(configSchema, value)
  if (!verdict.ok) {
    for (const fault of verdict.faults) {
      const { path, onKey, ...rest } = fault
      if (rest.code === 'UNKNOWN_KEY' && GPU_MODEL.test(String(path.at(-1))))
        rest.expected = GPU_MODEL_EXPECTED
      findings.push(findingAt(source, path, { severity: 'error', ...rest }, onKey))
    }
    return new Map()
  }
  const layer: Layer = new Map()
  for (const option of OPTIONS) {
    const read = valueAt(value, option.keys)
    if (read === undefined) continue
    const placed =
      option.kind === 'path' && folder !== undefined && !isHome(read) ? resolve(folder, String(read)) : read
    layer.set(option.path, { value: placed, origin: name })
  }
  return layer
}

function optionAt(path: Path): Option | undefined {
  const name = path.join('.')
  return OPTIONS.find((option) => option.path === name)
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  reserved: readonly string[],
  findings: Finding[],
): Layer {
  const layer: Layer = new Map()
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || name.startsWith(TEST_PREFIX) || reserved.includes(name)) continue
    if (text === undefined || text === '') continue
    const origin = `environment ${name}`
    const option = OPTIONS.find((each) => each.environment === name)
    if (option === undefined)
      findings.push(
        unknownName(
          origin,
          name,
          OPTIONS.map((each) => each.environment),
        ),
      )
    else take(layer, option, origin, text, findings)
  }
  return layer
}

function readFlags(flags: Readonly<Record<string, unknown>>, findings: Finding[]): Layer {
  const layer: Layer = new Map()
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const option = OPTIONS.find((each) => each.flag === flag)
    if (option === undefined)
      findings.push(
        unknownName(
          `flag ${flag}`,
          flag,
          OPTIONS.map((each) => each.flag),
        ),
      )
    else take(layer, option, `flag ${flag}`, value, findings)
  }
  return layer
}

/** People look for it: a provider that could name its own card would name a better one. */
const GPU_MODEL = /model|gpu_?name|vram/i
const GPU_MODEL_EXPECTED = 'nothing: a GPU’s model and memory are read from its driver'

function unknownName(source: string, name: string, known: readonly string[]): Finding {
  const nearest = findNearest(name, known)
  return {
    severity: 'error',
    code: 'UNKNOWN_KEY',
    source,
    path: '',
    message: 'no such option',
    expected: GPU_MODEL.test(name)
      ? GPU_MODEL_EXPECTED
      : nearest === undefined
        ? 'an option of config/README.md'
        : `${nearest} (did you mean that?)`,
  }
}

function take(layer: Layer, option: Option, origin: string, read: unknown, findings: Finding[]): void {
  const value = readText(option, read)
  const verdict = judge(option.schema, value)
  if (verdict.ok) {
    layer.set(option.path, { value, origin })
    return
  }
  for (const { code, message, expected } of verdict.faults as Fault[]) {
    findings.push({ severity: 'error', code, source: origin, path: option.path, message, expected })
  }
}

/** What a text of the environment or of a flag stands for; left as it is when it is no such thing. */
function readText(option: Option, read: unknown): unknown {
  if (option.kind === 'list' && Array.isArray(read)) {
    return read.flatMap((item) => (typeof item === 'string' ? splitList(item) : [item]))
  }
  if (option.kind === 'bytes') return readBytes(read)
  if (typeof read !== 'string') return read
  switch (option.kind) {
    case 'integer':
      return /^-?\d{1,15}$/.test(read) ? Number(read) : read
    case 'boolean':
      return read === 'true' || read === '1' ? true : read === 'false' || read === '0' ? false : read
    case 'list':
      return splitList(read)
    default:
      return read
  }
}

function splitList(text: string): string[] {
  return text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
}

function readBytes(read: unknown): unknown {
  return typeof read === 'string' ? (parseSize(read) ?? read) : read
}

function isHome(value: unknown): value is string {
  return typeof value === 'string' && (value === '~' || value.startsWith('~/'))
}

/** `~/` becomes the home folder; a wallet file that nobody named lies in the data folder. */
function placePaths(settings: Layer, home: string | undefined, findings: Finding[]): void {
  for (const option of OPTIONS.filter((each) => each.kind === 'path')) {
    const setting = settings.get(option.path)!
    if (!isHome(setting.value)) continue
    if (home === undefined) {
      findings.push({
        severity: 'error',
        code: 'WRONG_VALUE',
        source: setting.origin,
        path: option.path,
        message: `read ${showValue(setting.value)}, and HOME is not set`,
        expected: 'an absolute path',
      })
    } else {
      settings.set(option.path, { ...setting, value: join(home, setting.value.slice(1)) })
    }
  }
  const wallet = settings.get('chain.wallet_file')!
  if (wallet.origin === 'default') {
    const folder = String(settings.get('data_dir')!.value)
    settings.set('chain.wallet_file', { ...wallet, value: join(folder, String(wallet.value)) })
  }
}

/** Limits that concern two options. */
function checkTogether(settings: Layer, findings: Finding[]): void {
  const check = (path: string, other: string, holds: (a: number, b: number) => boolean, expected: string) => {
    const [mine, theirs] = [settings.get(path)!, settings.get(other)!]
    if (holds(Number(mine.value), Number(theirs.value))) return
    findings.push({
      severity: 'error',
      code: 'CONFLICT',
      source: mine.origin,
      path,
      message: `read ${showValue(mine.value)}, while ${other} is ${showValue(theirs.value)} (${theirs.origin})`,
      expected,
    })
  }
  const { maxWindowMs } = AUCTION_LIMITS
  check('provider.min_slice_ms', 'provider.max_slice_ms', (a, b) => a <= b, 'at most provider.max_slice_ms')
  check(
    'provider.pricing.floor',
    'provider.pricing.ceiling',
    (floor, ceiling) => !(floor > ceiling),
    'at most provider.pricing.ceiling',
  )
  check(
    'renter.commit_ms',
    'renter.reveal_ms',
    (a, b) => a + b <= maxWindowMs,
    `at most ${maxWindowMs} ms together`,
  )
}

function nest(settings: Layer): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const option of OPTIONS) {
    let at = root
    for (const key of option.keys.slice(0, -1)) at = (at[camelCase(key)] ??= {}) as Record<string, unknown>
    const { value } = settings.get(option.path)!
    if (value !== undefined) at[camelCase(option.keys.at(-1)!)] = structuredClone(value)
  }
  return root
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}

function valueAt(root: unknown, keys: readonly string[]): unknown {
  let at = root
  for (const key of keys) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined
  }
  return at
}

function replaceAt(root: unknown, keys: readonly string[], replace: (value: unknown) => unknown): void {
  const parent = valueAt(root, keys.slice(0, -1))
  const last = keys.at(-1)!
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, last)) return
  Object.assign(parent, { [last]: replace((parent as Record<string, unknown>)[last]) })
}
