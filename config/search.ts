import { NightshiftError } from '../protocols/errors.js'
import {
  AMOUNT_FIELDS,
  type AmountField,
  type Field,
  NUMBER_FIELDS,
  type NumberField,
  type Operator,
  TEXT_FIELDS,
  type Term,
  type TextField,
  VERSION_FIELDS,
  type VersionField,
} from '../protocols/inventory/filter.js'
import { isRegion, REGION_NAMES } from '../protocols/inventory/place.js'
import { formatAmount, parseAmount } from '../protocols/money.js'
import { findNearest, showValue, stripControls } from './finding.js'
import { AMOUNT, isLocation } from './schema.js'

/**
 * Search expressions for offers: terms such as `vram_gb>=24`, separated by blanks, that must all hold.
 *
 *   expression = term { [ "and" | "," ] term }
 *   term       = name operator value | name [ "not" ] "in" "(" value { "," value } ")"
 *   operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
 *   value      = letters, digits and .-_+/ without blanks, or anything in quotes
 */
export const SEARCH_FIELDS: readonly Field[] = [
  ...NUMBER_FIELDS,
  ...AMOUNT_FIELDS,
  ...VERSION_FIELDS,
  ...TEXT_FIELDS,
]

export const SEARCH_LIMITS = { maxChars: 1_024, maxTerms: 32, maxValues: 64 } as const

/** Other names by which people know a field. */
const ALIASES: Readonly<Record<string, Field>> = {
  vram: 'vram_gb',
  memory_gb: 'vram_gb',
  gpus: 'free',
  gpu_model: 'model',
  price_per_hour: 'price',
  region: 'location',
  latency: 'latency_ms',
  cuda_version: 'cuda',
}

const OPERATORS: readonly Operator[] = ['=', '!=', '<', '<=', '>', '>=']

interface Token {
  kind: 'word' | 'quoted' | 'operator' | '(' | ')' | ','
  text: string
  /** From 0. */
  at: number
}

/**
 * Reads an expression. `decimals`: of the market's mint, for amounts in tokens. Throws SEARCH_INVALID with the column
 * (from 1), what was read there and what would be right.
 */
export function parseSearch(text: string, decimals: number): Term[] {
  if (text.length > SEARCH_LIMITS.maxChars) {
    throw refusal(text, 0, `${text.length} characters`, `at most ${SEARCH_LIMITS.maxChars}`)
  }
  const tokens = tokenize(text)
  const terms: Term[] = []
  let next = 0
  const peek = () => tokens[next]
  const isWord = (word: string) => peek()?.kind === 'word' && peek()?.text.toLowerCase() === word
  const fail = (expected: string, token = peek()): never => {
    throw refusal(
      text,
      token?.at ?? text.length,
      token === undefined ? 'the end' : showValue(token.text),
      expected,
    )
  }

  const readField = (): Field => {
    const token = peek()
    if (token?.kind !== 'word') return fail('the name of a field')
    const name = token.text.toLowerCase()
    const field = ALIASES[name] ?? SEARCH_FIELDS.find((each) => each === name)
    if (field === undefined) {
      const nearest = findNearest(name, [...SEARCH_FIELDS, ...Object.keys(ALIASES)])
      return fail(
        nearest === undefined ? `one of ${SEARCH_FIELDS.join(', ')}` : `${nearest} (did you mean that?)`,
      )
    }
    next++
    return field
  }

  const readOperator = (): Operator => {
    const token = peek()
    const found = OPERATORS.find((operator) => operator === token?.text)
    if (token?.kind !== 'operator' || found === undefined) return fail(operatorHint(token?.text))
    next++
    return found
  }

  const readValue = (): Token => {
    const token = peek()
    if (token?.kind !== 'word' && token?.kind !== 'quoted') return fail('a value')
    next++
    return token
  }

  const readList = (): Token[] => {
    if (peek()?.kind !== '(') fail('( before the first value')
    next++
    const values = [readValue()]
    while (peek()?.kind === ',') {
      next++
      values.push(readValue())
    }
    if (peek()?.kind !== ')') fail(', and another value, or )')
    next++
    if (values.length > SEARCH_LIMITS.maxValues)
      fail(`at most ${SEARCH_LIMITS.maxValues} values`, values.at(-1))
    return values
  }

  const readTerm = (): Term => {
    const start = peek()
    const field = readField()
    const isNegated = isWord('not')
    if (isNegated) next++
    if (isWord('in')) {
      next++
      const values = readList()
      if (!isText(field))
        return fail(`${field} with = != < <= > or >=; lists are for ${TEXT_FIELDS.join(', ')}`, start)
      return { field, operator: isNegated ? '!=' : '=', values: values.map((each) => textValue(field, each)) }
    }
    if (isNegated) fail('in after not')
    const at = peek()
    const operator = readOperator()
    const value = readValue()
    if (isText(field)) {
      if (operator !== '=' && operator !== '!=') return fail(`= or != for ${field}`, at)
      return { field, operator, values: [textValue(field, value)] }
    }
    if (isAmount(field)) return { field, operator, value: amountValue(value) }
    if (isVersion(field)) return { field, operator, value: versionValue(value) }
    return { field, operator, value: numberValue(field, value) }
  }

  const textValue = (field: TextField, token: Token): string => {
    if (token.text === '') fail('a value between the quotes', token)
    if (field !== 'location' || isLocation(token.text) || isRegion(token.text)) return token.text
    const nearest = findNearest(token.text, REGION_NAMES)
    const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`
    return fail(
      `a country such as DE, a city such as DE-Berlin, or one of ${REGION_NAMES.join(', ')}${hint}`,
      token,
    )
  }

  const amountValue = (token: Token): bigint => {
    const amount = AMOUNT.test(token.text) ? parseAmount(token.text, decimals) : undefined
    const example = formatAmount(25n * 10n ** BigInt(Math.max(0, decimals - 2)), decimals)
    return amount ?? fail(`tokens such as ${example}, with at most ${decimals} decimals`, token)
  }

  const versionValue = (token: Token): string =>
    /^\d{1,4}(\.\d{1,4}){0,3}$/.test(token.text) ? token.text : fail('a version such as 12.4', token)

  const numberValue = (field: NumberField, token: Token): number => {
    const value = /^\d{1,12}(\.\d{1,6})?$/.test(token.text) ? Number(token.text) : undefined
    if (value === undefined) return fail(`a number such as ${EXAMPLES[field]}, without a unit`, token)
    if (field === 'reliability' && value > 1) return fail('a number from 0 to 1', token)
    return value
  }

  while (peek() !== undefined) {
    if (terms.length === SEARCH_LIMITS.maxTerms) fail(`at most ${SEARCH_LIMITS.maxTerms} terms`)
    if (terms.length > 0) {
      if (peek()?.kind === ',' || isWord('and')) next++
      else if (isWord('or')) fail('and, or nothing: alternatives are written "model in (h100, a100)"')
    }
    terms.push(readTerm())
  }
  if (terms.length === 0) fail(`a term such as vram_gb>=24`)
  return terms
}

const EXAMPLES: Readonly<Record<NumberField, string>> = {
  vram_gb: '24',
  free: '2',
  devices: '8',
  gflops: '20000',
  reliability: '0.9',
  latency_ms: '80',
  notice: '60',
}

const MISWRITTEN: Readonly<Record<string, Operator>> = {
  '==': '=',
  '===': '=',
  '=<': '<=',
  '=>': '>=',
  '<>': '!=',
  '~=': '=',
  '!': '!=',
  ':': '=',
}

function operatorHint(read: string | undefined): string {
  const meant = MISWRITTEN[read ?? '']
  return meant === undefined ? `one of ${OPERATORS.join(' ')}, or in (…)` : `${meant} (did you mean that?)`
}

function isText(field: Field): field is TextField {
  return (TEXT_FIELDS as readonly Field[]).includes(field)
}

function isAmount(field: Field): field is AmountField {
  return (AMOUNT_FIELDS as readonly Field[]).includes(field)
}

function isVersion(field: Field): field is VersionField {
  return (VERSION_FIELDS as readonly Field[]).includes(field)
}

const TOKEN = /\s*(?:([\p{L}\p{N}_.+/-]+)|"([^"]*)"|'([^']*)'|([=!<>~:]+)|([(),]))/uy

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) {
      const at = from + text.slice(from).search(/\S/)
      const read = text[at]!
      const expected = /["']/.test(read)
        ? `${read} at the end of the value as well`
        : 'a name, an operator or a value'
      throw refusal(text, at, showValue(read), expected)
    }
    const [whole, word, double, single, operator, mark] = match
    const at = from + whole.search(/\S/)
    if (word !== undefined) tokens.push({ kind: 'word', text: word, at })
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, at })
    else if (mark !== undefined) tokens.push({ kind: mark as '(' | ')' | ',', text: mark, at })
    else tokens.push({ kind: 'quoted', text: double ?? single ?? '', at })
  }
  return tokens
}

function refusal(text: string, at: number, read: string, expected: string): NightshiftError {
  const column = at + 1
  const from = Math.max(0, at - 60)
  const shown = stripControls(text.slice(from, from + 100))
  const message = `column ${column}: read ${read}; expected ${expected}\n  ${shown}\n  ${' '.repeat(at - from)}^`
  return new NightshiftError('SEARCH_INVALID', message, {
    advice: `write terms such as "vram_gb>=24 price<0.4 location=DE"; fields are ${SEARCH_FIELDS.join(', ')}`,
    context: { column, read, expected },
  })
}
