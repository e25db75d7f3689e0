import type { z } from 'zod'
import { unwrap } from './judge.js'
import { configSchema, type OptionKind } from './schema.js'

/** One option of the node, under the same name in a file (`path`), the environment and on the command line. */
export interface Option {
  /** Keys in a file, joined by dots: `chain.rpc_url`. */
  readonly path: string
  readonly keys: readonly string[]
  /** `NIGHTSHIFT_CHAIN_RPC_URL` */
  readonly environment: string
  /** `--chain-rpc-url` */
  readonly flag: string
  readonly kind: OptionKind
  /** Undefined: nothing is set unless you do. */
  readonly default: unknown
  readonly choices?: readonly string[]
  readonly description: string
  readonly schema: z.ZodType
}

function collect(schema: z.ZodType, keys: readonly string[]): Option[] {
  const { kind, description = '' } = schema.meta() ?? {}
  const [inner] = unwrap(schema)
  if (kind === undefined) {
    const shape = (inner as z.ZodObject).shape as Record<string, z.ZodType>
    return Object.entries(shape).flatMap(([key, each]) => collect(each, [...keys, key]))
  }
  const name = keys.join('_')
  const choices = kind === 'choice' ? { choices: (inner as z.ZodEnum).options.map(String) } : {}
  return [
    {
      path: keys.join('.'),
      keys,
      environment: `NIGHTSHIFT_${name.toUpperCase()}`,
      flag: `--${name.replaceAll('_', '-')}`,
      kind,
      default: schema.safeParse(undefined).data,
      ...choices,
      description,
      schema,
    },
  ]
}

/** All options, in the order of the schema. The command line makes its flags and help from this list. */
export const OPTIONS: readonly Option[] = Object.freeze(collect(configSchema, []))

/** The table of options for README.md, in Markdown. Environment and flag follow from the key. */
export function writeOptionsTable(): string {
  const rows = OPTIONS.map((option) => {
    const value = option.default === undefined ? '' : `\`${JSON.stringify(option.default)}\``
    const choices = option.choices === undefined ? '' : ` One of ${option.choices.join(', ')}.`
    return `| \`${option.path}\` | ${option.kind} | ${value} | ${option.description}${choices} |`
  })
  return ['| key | type | default | what it does |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
