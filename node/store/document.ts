import { NightshiftError } from '../../protocols/errors.js'

/**
 * Documents as JSON text that keeps what JSON alone would lose: `{ "$bigint": "5" }`, `{ "$bytes": "base64" }`,
 * `{ "$number": "NaN" }`. A key of the document's own that starts with `$` gets a second one, because some keys are
 * chosen by other peers (the name of a metric), and nothing of theirs may be mistaken for these or stop the node.
 *
 * Codes: DOCUMENT_UNWRITABLE for what would come back as something else (dates, maps, functions, class instances).
 */
export function writeDocument(value: unknown): string {
  return JSON.stringify(pack(value))
}

/** Throws a SyntaxError on text that is no document. */
export function readDocument(text: string): unknown {
  return unpack(JSON.parse(text))
}

function pack(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: nameOf(value) }
    case 'bigint':
      return { $bigint: value.toString() }
    case 'object':
      return packObject(value)
    default:
      throw unwritable(typeof value)
  }
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function packObject(value: object | null): unknown {
  if (value === null) return null
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(pack)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw unwritable(value.constructor.name)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [key.startsWith('$') ? `$${key}` : key, pack(item)]))
}

function unpack(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(unpack)
  if ('$bigint' in value) return BigInt(String(value.$bigint))
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  if ('$number' in value) return Number(value.$number)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.startsWith('$') ? key.slice(1) : key, unpack(item)]),
  )
}

function unwritable(what: string): NightshiftError {
  return new NightshiftError('DOCUMENT_UNWRITABLE', `a document holds plain data, not a ${what}`, {
    advice: 'report this as a bug of the program: it stored something that it could not have read again',
    context: { what },
  })
}
