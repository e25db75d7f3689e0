import { Command, CommanderError } from 'commander'
import { NightshiftError } from '../../protocols/errors.js'
import { addOwnOptions, type CommandSpec } from './command.js'
import { EXIT, Interrupted } from './exit.js'
import { createReport } from './report.js'
import type { Shell } from './shell.js'
import { PROGRAM } from './suggestion.js'

/** A noun with its verbs. */
export interface NounGroup {
  name: string
  summary: string
  commands: readonly CommandSpec[]
}

/** Most commands stand under a noun; some stand alone. */
export type Noun = NounGroup | CommandSpec

const EXIT_CODES = `Exit codes:
  0    it worked
  1    it was tried and failed
  2    the command line, the configuration or the manifest is wrong
  130  interrupted by Ctrl-C (143: by SIGTERM); a node or swarm that was told to stop exits with 0
`

const MAIN_EXAMPLES = [
  'nightshift demo                                  the whole story on this machine, in a minute',
  'nightshift swarm start -n 5                      a local network to try things on',
  'nightshift job post -f config/examples/digits.yaml',
  'nightshift node start --provider-enabled true --provider-price-per-hour 0.25',
]

/** Errors of the command line, before anything was tried. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'USAGE',
  'CONFIG_INVALID',
  'CONFIG_FILE_UNREADABLE',
  'JOB_SPEC_INVALID',
  'MANIFEST_INVALID',
  'SEARCH_INVALID',
  'MANIFEST_UNREADABLE',
  'NO_BOOTSTRAP_PEERS',
  'PRICE_MISSING',
  'PRICING_INCOMPLETE',
  'AVAILABILITY_CONFLICT',
])

/** Runs one command line to its end and returns the exit code. Never rejects. */
export async function runProgram(nouns: readonly Noun[], shell: Shell, version: string): Promise<number> {
  const json = shell.args.includes('--json')
  const verbose = shell.args.includes('--verbose')
  let exitCode: number = EXIT.OK
  const program = createRoot(shell, version, json)
  for (const noun of nouns) {
    const isGroup = 'commands' in noun
    const parent = isGroup ? addGroup(program, noun) : program
    for (const spec of isGroup ? noun.commands : [noun]) {
      addCommand(parent, spec, shell, (code) => {
        exitCode = code
      })
    }
  }
  try {
    await program.parseAsync([...shell.args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.OK
    const known = asKnown(error, nouns, shell)
    if (known === undefined) return EXIT.USAGE
    createReport(shell, json).failure(known, verbose)
    return exitCodeOf(known)
  }
}

function createRoot(shell: Shell, version: string, json: boolean): Command {
  const program = new Command('nightshift')
  program
    .description('A peer-to-peer market for GPU time.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: shell.out.write,
      writeErr: shell.err.write,
      getOutHelpWidth: () => shell.out.columns,
      getErrHelpWidth: () => shell.err.columns,
      getOutHasColors: () => shell.out.style.isColorSupported,
      getErrHasColors: () => shell.err.style.isColorSupported,
      outputError: () => {}, // it comes back as a CommanderError and is printed with the others
    })
    .addHelpText('after', `\n${renderExamples(MAIN_EXAMPLES)}\n${EXIT_CODES}`)
    .hook('preSubcommand', attachSettings)
  if (json) program.configureOutput({ writeErr: () => {} })
  return program
}

function addGroup(program: Command, noun: { name: string; summary: string }): Command {
  return program
    .command(noun.name)
    .summary(noun.summary)
    .description(noun.summary)
    .helpCommand(false)
    .hook('preSubcommand', attachSettings)
}

const SPECS = new WeakMap<Command, CommandSpec>()

/** The settings' list takes a while to load, so a command gets its flags only when it is the one that is called. */
async function attachSettings(_parent: Command, command: Command): Promise<void> {
  const spec = SPECS.get(command)
  if (spec === undefined || spec.settings.length === 0) return
  const { addSettings } = await import('./settings.js')
  addSettings(command, spec.settings)
}

function addCommand(parent: Command, spec: CommandSpec, shell: Shell, onExit: (code: number) => void): void {
  const command = parent.command(spec.name).summary(spec.summary)
  command.description(spec.details === undefined ? spec.summary : `${spec.summary}\n\n${spec.details}`)
  SPECS.set(command, spec)
  addOwnOptions(command, spec)
  command.option('--json', 'print the result as JSON on standard output')
  command.option('--verbose', 'log everything, and print stack traces of errors')
  if (spec.settings.length > 0) {
    command.option('-c, --config <file>', 'configuration file, JSON or YAML (environment: NIGHTSHIFT_CONFIG)')
  }
  command.addHelpText('after', `\n${renderExamples(spec.examples)}`)
  command.action(async (...received: unknown[]) => {
    const options = command.opts() as Record<string, unknown>
    const { run } = await spec.load()
    const code = await run({
      shell,
      report: createReport(shell, options.json === true),
      arguments: received
        .slice(0, -2)
        .flat()
        .filter((each): each is string => typeof each === 'string'),
      options,
      verbose: options.verbose === true,
      config: async () => (await import('./settings.js')).readConfig(shell, options),
    })
    onExit(code)
  })
}

function renderExamples(examples: readonly string[]): string {
  return `Examples:\n${examples.map((line) => `  ${line}\n`).join('')}`
}

/** Undefined: help was printed because the command line was not complete. */
function asKnown(error: unknown, nouns: readonly Noun[], shell: Shell): unknown {
  if (shell.signal.aborted && isAbort(error, shell.signal)) return shell.signal.reason
  if (!(error instanceof CommanderError)) return error
  const isHelp = error.code === 'commander.help'
  if (isHelp && !shell.args.includes('--json')) return undefined
  return new NightshiftError('USAGE', isHelp ? 'the command is not complete' : tidy(error.message), {
    advice: `"${[PROGRAM, ...knownWords(nouns, shell.args), '--help'].join(' ')}" shows what there is, with examples`,
    cause: error,
  })
}

/** The noun and the verb of a command line, as far as there are such. */
function knownWords(nouns: readonly Noun[], args: readonly string[]): string[] {
  const [first, second] = args.filter((word) => /^[a-z]+$/.test(word))
  const noun = nouns.find(({ name }) => name === first)
  if (noun === undefined) return []
  const verb = 'commands' in noun ? noun.commands.find(({ name }) => name === second) : undefined
  return verb === undefined ? [noun.name] : [noun.name, verb.name]
}

/** An interrupted command fails in whatever it was doing just then. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if (each === signal.reason || each.name === 'AbortError') return true
  }
  return false
}

function tidy(message: string): string {
  return message.replace(/^error: /, '').replace(/\n\(/, ' (')
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode
  return error instanceof NightshiftError && USAGE_CODES.has(error.code) ? EXIT.USAGE : EXIT.FAILED
}
