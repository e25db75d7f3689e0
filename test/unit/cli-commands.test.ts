import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { OPTIONS } from '../../config/options.js'
import { NOUNS } from '../../node/cli/nouns.js'
import { runCommand } from '../support/shell.js'
import { suite } from '../support/suite.js'

const test = suite('cli')
const MAIN = fileURLToPath(new URL('../../node/cli/main.js', import.meta.url))
const EXAMPLE = fileURLToPath(new URL('../../../config/examples/digits.yaml', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'nightshift-cli-'))
/** No configuration of the developer's own may be read. */
const environment = { HOME: folder }

test.after(() => rmSync(folder, { recursive: true, force: true }))

const COMMANDS = NOUNS.flatMap((noun) =>
  'commands' in noun ? noun.commands.map((command) => [noun.name, command] as const) : [['', noun] as const],
)

test('every command has help with its options, --json and examples that begin with its own words', async () => {
  assert.ok(COMMANDS.length >= 19)
  for (const [noun, { name, examples, options = [] }] of COMMANDS) {
    const words = [noun, name].filter((word) => word !== '')
    const { code, stdout, stderr } = await runCommand([...words, '--help'], { environment })
    assert.is(code, 0)
    assert.is(stderr, '')
    assert.match(stdout, `Usage: nightshift ${words.join(' ')}`)
    assert.match(stdout, '--json')
    assert.match(stdout, /\nExamples:\n/)
    for (const { flags } of options) assert.match(stdout, flags)
    assert.ok(examples.length > 0)
    for (const example of examples) assert.ok(example.startsWith(`nightshift ${words.join(' ')}`), example)
  }
})

test('the help of node start names every option of the configuration', async () => {
  const { stdout } = await runCommand(['node', 'start', '--help'], { environment })
  assert.ok(OPTIONS.length > 30)
  for (const { flag } of OPTIONS) assert.match(stdout, flag)
})

test('without a command the help is shown and nothing was done: exit code 2', async () => {
  for (const args of [[], ['node'], ['job']]) {
    const { code, stdout, stderr } = await runCommand(args, { environment })
    assert.is(code, 2)
    assert.is(stdout, '')
    assert.match(stderr, 'Usage: nightshift')
  }
})

test('a mistyped word is answered with what it may have meant, and where the help is', async () => {
  const cases: Array<[string[], RegExp]> = [
    [['noed'], /unknown command 'noed' \(Did you mean node\?\)/],
    [['job', 'pots'], /unknown command 'pots' \(Did you mean post\?\)/],
    [['job', 'post', '-f', 'x', '--srevice', 'y'], /unknown option '--srevice' \(Did you mean --service\?\)/],
    [['job', 'post'], /required option '-f, --file <path>' not specified/],
    [['chain', 'start', 'now'], /too many arguments/],
    [['stake', 'add'], /missing required argument 'amount'/],
    [['node', 'start', '--preset', 'mainnet'], /Allowed choices are localnet, testnet/],
  ]
  for (const [args, pattern] of cases) {
    const { code, stdout, stderr } = await runCommand(args, { environment })
    assert.is(code, 2, stderr)
    assert.is(stdout, '')
    assert.match(stderr, pattern)
    assert.match(stderr, /\[USAGE\]\nwhat to do: "npx nightshift.* --help"/)
  }
})

test('a wrong job in a manifest is a usage error that names the file', async () => {
  const file = join(folder, 'typo.yaml')
  writeFileSync(file, readFileSync(EXAMPLE, 'utf8').replace(/\bepochs:/, 'epoch:'))
  const { code, stderr } = await runCommand(['job', 'validate', '-f', file], { environment })
  assert.is(code, 2, stderr)
  assert.match(stderr, file)
  assert.match(stderr, '[JOB_SPEC_INVALID]')
})

test('advice after a mistyped verb does not repeat the mistake', async () => {
  const { code, stderr } = await runCommand(['offers', 'serach'], { environment })
  assert.is(code, 2)
  assert.match(stderr, 'what to do: "npx nightshift offers --help"')
})

test('with --json every error is one document on standard output', async () => {
  const missing = join(folder, 'no.yaml')
  const cases: Array<[string[], string, number]> = [
    [['job', 'pots', '--json'], 'USAGE', 2],
    [['job', '--json'], 'USAGE', 2],
    [['job', 'validate', '-f', missing, '--json'], 'MANIFEST_UNREADABLE', 2],
    [['job', 'post', '-f', missing, '--json'], 'MANIFEST_UNREADABLE', 2],
    [['node', 'status', '--config', missing, '--json'], 'CONFIG_FILE_UNREADABLE', 2],
    [['node', 'status', '--data-dir', folder, '--json'], 'NODE_NOT_RUNNING', 1],
    [['job', 'list', '--data-dir', folder, '--json'], 'NO_JOBS', 1],
    [['chain', 'start', '--port', '99999', '--data-dir', folder, '--json'], 'USAGE', 2],
  ]
  for (const [args, code, exitCode] of cases) {
    const ran = await runCommand(args, { environment })
    const { error } = JSON.parse(ran.stdout)
    assert.is(error.code, code)
    assert.is(ran.code, exitCode, code)
    assert.ok(error.message.length > 0)
    assert.ok(error.advice.length > 0)
  }
})

test('an error names its code and what to do; only --verbose shows a stack trace', async () => {
  const args = ['node', 'status', '--data-dir', folder]
  const plain = await runCommand(args, { environment })
  assert.is(plain.stdout, '')
  assert.match(plain.stderr, /^error: no node runs on .* \[NODE_NOT_RUNNING\]\nwhat to do: start one with/)
  assert.not.match(plain.stderr, /\.js:\d+/)
  const verbose = await runCommand([...args, '--verbose'], { environment })
  assert.match(verbose.stderr, /\.js:\d+/)
})

test('a wrong setting is told with its source: flag, environment or line of the file', async () => {
  const file = join(folder, 'wrong.yaml')
  writeFileSync(file, 'log:\n  level: loud\n')
  const { code, stderr } = await runCommand(
    ['node', 'start', '--config', file, '--network-name', 'No Name'],
    { environment: { ...environment, NIGHTSHIFT_CONTROL_PORT: 'x' } },
  )
  assert.is(code, 2)
  assert.match(stderr, 'wrong.yaml:2')
  assert.match(stderr, '--network-name')
  assert.match(stderr, 'NIGHTSHIFT_CONTROL_PORT')
})

test('flags stand over the environment, which stands over the file', async () => {
  const dirs = ['flag', 'environment', 'file'].map((name) => join(folder, name))
  const [flag, variable, file] = dirs as [string, string, string]
  const path = join(folder, 'config.json')
  writeFileSync(path, JSON.stringify({ data_dir: file }))
  const ask = async (args: string[], more: Record<string, string> = {}) => {
    const ran = await runCommand(['node', 'status', '--json', ...args], {
      environment: { ...environment, ...more },
    })
    return JSON.parse(ran.stdout).error.context.dataDir as string
  }
  assert.is(await ask(['--config', path]), file)
  assert.is(await ask([], { NIGHTSHIFT_CONFIG: path }), file)
  assert.is(await ask(['--config', path], { NIGHTSHIFT_DATA_DIR: variable }), variable)
  assert.is(await ask(['--config', path, '--data-dir', flag], { NIGHTSHIFT_DATA_DIR: variable }), flag)
})

test('the example manifest is right; a wrong line is shown with what would be right', async () => {
  const right = await runCommand(['job', 'validate', '-f', EXAMPLE], { environment })
  assert.is(right.code, 0, right.stderr)
  assert.match(right.stdout, 'The manifest is right.')
  const json = await runCommand(['job', 'validate', '-f', EXAMPLE, '--json'], { environment })
  const { ok, plan } = JSON.parse(json.stdout)
  assert.is(ok, true)
  assert.is(plan.ceilingPricePerHour, '500000')
  const file = join(folder, 'wrong.yaml')
  writeFileSync(file, 'version: "2.0"\nservices:\n  a:\n    runtime: tensorflow\n')
  const wrong = await runCommand(['job', 'validate', '-f', file], { environment })
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, /wrong\.yaml:4/)
  assert.match(wrong.stderr, 'expected one of tfjs')
})

test('colours are for terminals, and NO_COLOR takes them away', async () => {
  const args = ['node', 'status', '--data-dir', folder]
  const sequence = '\u001b['
  const on = await runCommand(args, { environment, isTty: true })
  assert.ok(on.stderr.includes(sequence))
  const off = await runCommand(args, { environment })
  assert.not.ok(off.stderr.includes(sequence))
  const refused = await runCommand(args, { environment: { ...environment, NO_COLOR: '1' }, isTty: true })
  assert.not.ok(refused.stderr.includes(sequence))
})

test('what was interrupted ends with the exit code of its signal', async () => {
  const { Interrupted } = await import('../../node/cli/exit.js')
  const signal = AbortSignal.abort(new Interrupted(130))
  const ran = await runCommand(['chain', 'start', '--port', '0', '--data-dir', folder, '--json'], {
    environment,
    signal,
  })
  assert.is(ran.code, 130, ran.stdout + ran.stderr)
  assert.is(JSON.parse(ran.stdout).error.code, 'INTERRUPTED')
})

test('the program runs as a file, prints its version, and ends quietly when its reader does', () => {
  const version = execFileSync(process.execPath, [MAIN, '--version'], { encoding: 'utf8' })
  assert.match(version, /^\d+\.\d+\.\d+\n$/)
  if (process.platform === 'win32') return
  const line = `'${process.execPath}' '${MAIN}' node start --help | head -n 1`
  const piped = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
  assert.match(piped.stdout, 'Usage: nightshift node start')
  assert.is(piped.stderr, '')
})

test.run()
