import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { type LoadedConfig, loadConfig } from '../../config/load.js'
import { OPTIONS, showDefaults } from '../../config/options.js'
import { NightshiftError } from '../../protocols/errors.js'
import { LIFELINE_VARIABLE } from '../swarm/lifeline.js'
import type { SettingGroup } from './command.js'
import type { Shell } from './shell.js'

/** The options of the configuration as flags: their names, kinds and texts come from the one list in `config/`. */
const CONFIG_VARIABLE = 'NIGHTSHIFT_CONFIG'
const RESERVED = [CONFIG_VARIABLE, LIFELINE_VARIABLE]
const DEFAULT_FILES = ['config.yaml', 'config.json']

const HEADINGS: Readonly<Record<SettingGroup, string>> = {
  general: 'Settings:',
  log: 'Settings of the log:',
  network: 'Settings of the network:',
  chain: 'Settings of the chain:',
  provider: 'Settings of a provider:',
  renter: 'Settings of a renter:',
  control: 'Settings of the control API:',
}

export function addSettings(command: Command, groups: readonly SettingGroup[]): void {
  for (const group of groups) {
    for (const option of OPTIONS) {
      if (groupOf(option.keys) !== group) continue
      const placeholder = option.kind === 'list' ? '<list>' : `<${option.kind}>`
      const defaults = showDefaults(option, showDefault)
      const added = new Option(`${option.flag} ${placeholder}`, option.description)
      if (option.choices !== undefined) added.choices([...option.choices])
      // Shown in the help and not set: a default of commander's would hide the file and the environment.
      if (defaults !== '') added.description += ` (default: ${defaults})`
      command.addOption(added.helpGroup(HEADINGS[group]))
    }
  }
}

function groupOf(keys: readonly string[]): string {
  return keys.length === 1 ? 'general' : (keys[0] ?? '')
}

function showDefault(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(',')
  return String(value)
}

/** Flags over environment over file. `options` are a command's, of which only the configuration's are taken. */
export async function readConfig(
  shell: Shell,
  options: Readonly<Record<string, unknown>>,
): Promise<LoadedConfig> {
  const file = await readConfigFile(shell, options.config as string | undefined)
  return loadConfig({
    ...(file === undefined ? {} : { file }),
    environment: shell.env,
    flags: pickSettings(options),
    reserved: RESERVED,
  })
}

function pickSettings(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = new Set(OPTIONS.map((option) => camelCase(option.flag.slice(2))))
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name)))
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

async function readConfigFile(
  shell: Shell,
  flag: string | undefined,
): Promise<{ path: string; text: string } | undefined> {
  const named = flag ?? shell.env[CONFIG_VARIABLE]
  if (named !== undefined && named !== '') {
    const path = resolve(shell.cwd, named)
    return { path, text: await readNamed(path) }
  }
  const home = shell.env.HOME ?? homedir()
  for (const name of DEFAULT_FILES) {
    const path = join(home, '.nightshift', name)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return { path, text }
  }
  return undefined
}

async function readNamed(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new NightshiftError('CONFIG_FILE_UNREADABLE', `cannot read the configuration ${path}`, {
      advice: 'name an existing file with --config; without one, flags and environment are enough',
      context: { path },
      cause,
    })
  }
}
