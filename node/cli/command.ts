import { Argument, type Command, Option } from 'commander'
import type { LoadedConfig } from '../../config/load.js'
import type { Report } from './report.js'
import type { Shell } from './shell.js'

/**
 * A command is data: its words, its options, its examples, and the module that does it, which is loaded only when the
 * command runs, so that help stays fast. `program.ts` hands these to commander.
 */
export interface CommandSpec {
  name: string
  /** One line for the list of commands. */
  summary: string
  /** More lines for its own help. */
  details?: string
  arguments?: ReadonlyArray<{ name: string; description: string }>
  options?: readonly OptionSpec[]
  /** Which options of the configuration it takes, by the first word of their path; `general` stands for the rest. */
  settings: readonly SettingGroup[]
  examples: readonly string[]
  load: () => Promise<{ run: RunCommand }>
}

export interface OptionSpec {
  /** As commander writes them: `-f, --file <path>`. */
  flags: string
  description: string
  choices?: readonly string[]
  default?: string | boolean
  required?: boolean
}

export type SettingGroup = 'general' | 'network' | 'chain' | 'provider' | 'renter' | 'control' | 'log'

/** Resolves to the exit code; what it rejects with is printed by `main.ts`. */
export type RunCommand = (invocation: Invocation) => Promise<number>

export interface Invocation {
  readonly shell: Shell
  readonly report: Report
  readonly arguments: readonly string[]
  /** The command's own options, by commander's camel-case names. */
  readonly options: Readonly<Record<string, unknown>>
  readonly verbose: boolean
  /** Reads the configuration on the first call; throws CONFIG_INVALID. */
  config(): Promise<LoadedConfig>
}

export function addOwnOptions(command: Command, spec: CommandSpec): void {
  for (const { name, description } of spec.arguments ?? []) {
    command.addArgument(new Argument(name, description))
  }
  for (const { flags, description, choices, required, ...rest } of spec.options ?? []) {
    const option = new Option(flags, description)
    if (choices !== undefined) option.choices([...choices])
    if (rest.default !== undefined) option.default(rest.default)
    if (required === true) option.makeOptionMandatory()
    command.addOption(option)
  }
}
