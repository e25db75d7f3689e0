import type { z } from 'zod'
import { unwrap } from './judge.js'
import { readPresetText } from './preset.js'
import { configSchema, type OptionKind, PRESETS, type PresetName } from './schema.js'

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
  /** What holds under a preset as long as nothing else is set. */
  readonly presets: Readonly<Record<PresetName, unknown>>
  readonly choices?: readonly string[]
  readonly description: string
  readonly schema: z.ZodType
}

const PRESET_VALUES = PRESETS.map((name) => [name, JSON.parse(readPresetText(name)) as unknown] as const)

function presetsOf(keys: readonly string[], fallback: unknown): Option['presets'] {
  const valueAt = (tree: unknown) =>
    keys.reduce((at, key) => (at as Record<string, unknown> | undefined)?.[key], tree) ?? fallback
  return Object.fromEntries(PRESET_VALUES.map(([name, tree]) => [name, valueAt(tree)])) as Option['presets']
}

function collect(schema: z.ZodType, keys: readonly string[]): Option[] {
  const { kind, description = '' } = schema.meta() ?? {}
  const [inner] = unwrap(schema)
  if (kind === undefined) {
    const shape = (inner as z.ZodObject).shape as Record<string, z.ZodType>
    return Object.entries(shape).flatMap(([key, each]) => collect(each, [...keys, key]))
  }
  const name = keys.join('_')
  const fallback = schema.safeParse(undefined).data
  const choices = kind === 'choice' ? { choices: (inner as z.ZodEnum).options.map(String) } : {}
  return [
    {
      path: keys.join('.'),
      keys,
      environment: `NIGHTSHIFT_${name.toUpperCase()}`,
      flag: `--${name.replaceAll('_', '-')}`,
      kind,
      default: fallback,
      presets: presetsOf(keys, fallback),
      ...choices,
      description,
      schema,
    },
  ]
}

/** All options, in the order of the schema. The command line makes its flags and help from this list. */
export const OPTIONS: readonly Option[] = Object.freeze(collect(configSchema, []))

/** The preset that stands under a node's settings when none is named. */
const USUAL_PRESET = OPTIONS.find(({ path }) => path === 'preset')?.default as PresetName

/** What an option is when nobody sets it, and where another preset than the usual one gives something else. */
export function showDefaults({ presets }: Option, show: (value: unknown) => string): string {
  const usual = presets[USUAL_PRESET]
  const others = PRESETS.filter((name) => JSON.stringify(presets[name]) !== JSON.stringify(usual))
  const parts = usual === undefined ? [] : [show(usual)]
  return [...parts, ...others.map((name) => `${name}: ${show(presets[name])}`)].join('; ')
}

/** The table of options for README.md, in Markdown. Environment and flag follow from the key. */
export function writeOptionsTable(): string {
  const rows = OPTIONS.map((option) => {
    const value = showDefaults(option, (each) => `\`${JSON.stringify(each)}\``)
    const choices = option.choices === undefined ? '' : ` One of ${option.choices.join(', ')}.`
    return `| \`${option.path}\` | ${option.kind} | ${value} | ${option.description}${choices} |`
  })
  return ['| key | type | default | what it does |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
