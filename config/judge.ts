import { z } from 'zod'
import { type Finding, findNearest, type Path, showValue } from './finding.js'

/** What is wrong with a value, before anyone says where it was read. */
export interface Fault {
  path: Path
  onKey: boolean
  code: Extract<Finding['code'], 'UNKNOWN_KEY' | 'MISSING' | 'WRONG_TYPE' | 'WRONG_VALUE'>
  message: string
  expected: string
}

/** Checks a value against a schema; all faults at once, each in words. The value is not changed. */
export function judge<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { ok: true; value: z.output<Schema> } | { ok: false; faults: Fault[] } {
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, schema, value))
  // Two checks of one value often say the same: a number that is not whole is out of range as well.
  const distinct = new Map(faults.map((fault) => [JSON.stringify([fault.path, fault.expected]), fault]))
  return { ok: false, faults: [...distinct.values()] }
}

function faultsOf(issue: z.core.$ZodIssue, schema: z.ZodType, root: unknown): Fault[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], key, knownKeys(schema, path)))
  }
  if (issue.code === 'invalid_key') {
    const [inner] = issue.issues
    return [
      {
        path,
        onKey: true,
        code: 'UNKNOWN_KEY',
        message: `read the name ${showValue(path.at(-1))}`,
        expected: inner?.message ?? 'another name',
      },
    ]
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((errors) => !errors.some(isOtherShape))
    if (branch !== undefined) {
      return branch.flatMap((inner) => faultsOf({ ...inner, path: [...path, ...inner.path] }, schema, root))
    }
  }
  return [wrongValue(path, valueAt(root, path), issue)]
}

/** The branch of a union that was not meant at all: text where a mapping stands, and the other way round. */
function isOtherShape(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function wrongValue(path: Path, read: unknown, issue: z.core.$ZodIssue): Fault {
  const expected = issue.message
  if (read === undefined) {
    return { path, onKey: true, code: 'MISSING', message: `${showValue(path.at(-1))} is missing`, expected }
  }
  const code = issue.code === 'invalid_type' ? 'WRONG_TYPE' : 'WRONG_VALUE'
  const choices = issue.code === 'invalid_value' ? issue.values.map(String) : []
  const nearest = typeof read === 'string' ? findNearest(read, choices) : undefined
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`
  return { path, onKey: false, code, message: `read ${showValue(read)}`, expected: `${expected}${hint}` }
}

export function unknownKey(path: Path, key: string, known: readonly string[]): Fault {
  const nearest = findNearest(key, known)
  return {
    path,
    onKey: true,
    code: 'UNKNOWN_KEY',
    message: `unknown key ${showValue(key)}`,
    expected: nearest === undefined ? `one of ${known.join(', ')}` : `${nearest} (did you mean that?)`,
  }
}

function valueAt(root: unknown, path: Path): unknown {
  let at = root
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string | number, unknown>)[step]
  }
  return at
}

/** The keys that an object schema knows at a path; of a union, those of all its branches. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let schemas = unwrap(schema)
  for (const step of path) schemas = schemas.flatMap((each) => stepInto(each, step))
  return [...new Set(schemas.flatMap(keysOf))]
}

function keysOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape)
  return schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum
    ? schema.keyType.options.map(String)
    : []
}

function stepInto(schema: z.ZodType, step: string | number): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    return Object.hasOwn(schema.shape, step) ? unwrap((schema.shape as Record<string, z.ZodType>)[step]!) : []
  }
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType as z.ZodType)
  if (schema instanceof z.ZodArray) return unwrap(schema.element as z.ZodType)
  return []
}

/** What stands under defaults and options. */
export function unwrap(schema: z.ZodType): z.ZodType[] {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((each) => unwrap(each as z.ZodType))
  return [schema]
}
