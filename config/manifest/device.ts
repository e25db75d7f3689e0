import { usableBytes } from '../../protocols/inventory/model.js'
import type { DeviceChoice, Requirements } from '../../protocols/inventory/wire.js'
import type { Finding, Path } from '../finding.js'
import { parseSize } from '../units.js'
import type { Manifest } from './schema.js'

/** Tells of what is wrong, or odd, at a path of the manifest. */
export type Note = (
  severity: Finding['severity'],
  code: Finding['code'],
  path: Path,
  message: string,
  expected: string,
  onKey?: boolean,
) => void

type Resources = Manifest['profiles']['compute'][string]['resources']

type DeviceRequirements = Pick<Requirements, 'devices' | 'memoryBytes' | 'gpu' | 'models' | 'choices'>

/** What a compute profile asks of a device. Undefined when an error was found. */
export function requireDevice(resources: Resources, path: Path, note: Note): DeviceRequirements | undefined {
  const units = resources.gpu?.units ?? 0
  const unenforced = (['cpu', 'storage'] as const).filter((key) => resources[key] !== undefined)
  const ignored: string[] =
    units > 0 && resources.memory !== undefined ? [...unenforced, 'memory'] : [...unenforced]
  if (ignored.length > 0) {
    note(
      'warning',
      'NOT_ENFORCED',
      path,
      `${ignored.join(' and ')} of the host are not asked for`,
      'only gpu; a declared job runs on the device',
      true,
    )
  }
  if (units > 0) return requireGpu(resources, units, [...path, 'gpu'], note)
  if (resources.gpu?.attributes !== undefined) {
    note(
      'warning',
      'NOT_ENFORCED',
      [...path, 'gpu', 'attributes'],
      'a model, with gpu.units 0',
      'units: 1 or more if a GPU is needed',
      true,
    )
  }
  if (resources.memory === undefined) {
    note(
      'error',
      'MISSING',
      [...path, 'memory'],
      'memory is missing',
      'memory: {size: 512Mi}, which a software device must offer, or gpu: {units: 1}',
      true,
    )
    return undefined
  }
  const memoryBytes = BigInt(parseSize(resources.memory.size) ?? 0)
  return { devices: 1, gpu: false, models: [], choices: [], memoryBytes }
}

function requireGpu(resources: Resources, units: number, path: Path, note: Note): DeviceRequirements {
  const choices: DeviceChoice[] = []
  for (const [vendor, entries] of Object.entries(resources.gpu?.attributes?.vendor ?? {})) {
    const at: Path = [...path, 'attributes', 'vendor', vendor]
    if (entries === null || entries === undefined || entries.length === 0) {
      note(
        'warning',
        'NOT_ENFORCED',
        at,
        `any card of ${vendor}`,
        'models; a vendor alone is not asked for',
        true,
      )
      choices.push({ models: [], memoryBytes: 0n })
    }
    for (const [index, entry] of (entries ?? []).entries()) {
      const models = listOf(entry.model).flatMap(splitModels).flatMap(spellModel)
      const memoryBytes = entry.ram === undefined ? 0n : usableBytes(parseSize(entry.ram) ?? 0)
      choices.push({ models, memoryBytes })
      if (entry.interface !== undefined) {
        note(
          'warning',
          'NOT_ENFORCED',
          [...at, index, 'interface'],
          `read ${entry.interface}`,
          'nothing; providers do not tell their interface',
          true,
        )
      }
    }
  }
  return { devices: units, gpu: true, ...joinChoices(choices) }
}

/** With one memory for all, or one choice only, nothing has to be told apart. */
function joinChoices(
  choices: DeviceChoice[],
): Pick<DeviceRequirements, 'memoryBytes' | 'models' | 'choices'> {
  const memoryBytes = choices.map((each) => each.memoryBytes).sort((a, b) => (a < b ? -1 : 1))[0] ?? 0n
  const takesAny = choices.some(({ models }) => models.length === 0)
  const models = takesAny ? [] : [...new Set(choices.flatMap((choice) => choice.models))]
  const isAlike = choices.every((choice) => choice.memoryBytes === memoryBytes)
  return { memoryBytes, models, choices: isAlike ? [] : choices }
}

/** "h100 or a100", "h100 | a100" and "h100, a100" are alternatives too. */
function splitModels(text: string): string[] {
  return text
    .split(/\s*(?:\||,|\bor\b)\s*/i)
    .map((model) => model.trim())
    .filter((model) => model !== '' && model !== '*')
}

/** SDL writes rtx4090, drivers say "NVIDIA GeForce RTX 4090": both spellings are asked for. */
function spellModel(model: string): string[] {
  const spaced = model
    .replace(/^(rtx|gtx|tesla|quadro)-?(?=[a-z]?\d)/i, '$1 ')
    .replace(/(\d)(ti|super)/gi, '$1 $2')
    .replace(/(ti)(super)/gi, '$1 $2')
  return spaced === model ? [model] : [model, spaced]
}

/** One value or a list of them, as a list. */
export function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}
