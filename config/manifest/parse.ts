import { type Finding, type Path, refuseErrors } from '../finding.js'
import { judge } from '../judge.js'
import { childOf, entryOf, findingAt, readSource, type Source, toValue } from '../source.js'
import { relocate, removeAt } from './relocate.js'
import { resolveService } from './resolve.js'
import { type Manifest, manifestSchema } from './schema.js'
import { checkSteps } from './steps.js'

export interface ParsedManifest {
  manifest: Manifest
  /** What was accepted and should be mended, or will not be enforced. */
  warnings: Finding[]
  /** The text as it was read, for findings that only a plan can make. */
  source: Source
}

/** Numbers under these keys are handed on as they were written: an amount must not pass through a binary fraction. */
const DIGIT_KEYS: readonly string[] = [
  'max_price_per_hour',
  'max_total',
  'amount',
  'min_stake',
  'size',
  'ram',
]

/**
 * Reads a manifest. `name` is what errors call it, usually its path. Opens no other file.
 * Throws MANIFEST_INVALID with every error at once (`context.findings`: line, column, what was read, what is right).
 */
export function parseManifest(text: string, name: string): ParsedManifest {
  const findings: Finding[] = []
  const read = readSource(name, text, findings)
  refuse(name, findings)
  const source = withoutForeign(relocate(read!, findings), findings)
  const verdict = judge(manifestSchema, toValue(source.tree, wantsDigits))
  if (!verdict.ok) {
    for (const { path, onKey, ...rest } of verdict.faults) {
      findings.push(findingAt(source, path, { severity: 'error', ...rest }, onKey))
    }
    refuse(name, findings)
    throw new Error('a schema that refuses names a fault')
  }
  const manifest = verdict.value
  for (const service of Object.keys(manifest.services)) resolveService(manifest, source, service, findings)
  checkSteps(manifest, source, findings)
  refuse(name, findings)
  return { manifest, source, warnings: findings }
}

export function refuse(name: string, findings: readonly Finding[]): void {
  const advice = 'Correct the lines that are shown; config/README.md describes every key.'
  refuseErrors('MANIFEST_INVALID', name, findings, advice)
}

function wantsDigits(path: Path): boolean {
  if (path.length === 1) return path[0] === 'version'
  const declaredJob = path[0] === 'services' && (path[2] === 'job' || path[2] === 'matrix')
  return !declaredJob && DIGIT_KEYS.includes(String(path.at(-1)))
}

/** Keys that other runtimes or networks know, with the reason why they mean nothing here. */
const FOREIGN: Readonly<Record<string, string>> = {
  image: 'runtime: container, and the image by its digest as job.image',
  command: 'runtime: container, and its program as job.entrypoint',
  args: 'runtime: container, and its arguments as job.command',
  env: 'runtime: container, and a mapping as job.env',
  params: 'nothing; a declared job mounts no storage',
  credentials: 'nothing; a declared job pulls no image',
  dependencies: 'depends_on, a list of services',
}

function withoutForeign(source: Source, findings: Finding[]): Source {
  let { tree } = source
  const services = childOf(tree, 'services')
  for (const { key: name, value } of services?.kind === 'map' ? services.entries : []) {
    for (const [key, expected] of Object.entries(FOREIGN)) {
      const entry = entryOf(value, key)
      if (entry === undefined) continue
      findings.push(
        source.finding(entry.start, {
          severity: 'error',
          code: 'NOT_OFFERED',
          path: `services.${name}.${key}`,
          message: `${key} is not on offer`,
          expected,
        }),
      )
      tree = removeAt(tree, ['services', name, key])
    }
  }
  return { ...source, tree }
}
