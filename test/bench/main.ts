import '../../node/polyfill.js'
import { readdirSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Figure } from './figure.js'

/**
 * `npm run bench -- <name> [--json]`: runs one bench of this folder and prints its figures; with `--json` as one
 * document on standard output. Without a name it lists the benches. Exit code 2 for a wrong call.
 */
const NOT_BENCHES = ['main', 'figure']

function listBenches(): string[] {
  return readdirSync(fileURLToPath(new URL('.', import.meta.url)))
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length))
    .filter((name) => !NOT_BENCHES.includes(name))
    .sort()
}

function describeMachine() {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    node: process.version,
    os: `${platform()} ${release()} ${arch()}`,
  }
}

function writeTable(bench: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, reference, ratio }) => [
    name,
    `${formatValue(value)} ${unit}`,
    ratio === undefined ? '' : `${formatValue(ratio)} × ${reference ?? 'reference'}`,
  ])
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)))
  const { cpu, cores, node } = describeMachine()
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [`${bench} (${cores} × ${cpu}, Node ${node})`, ...lines, ''].join('\n')
}

function formatValue(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}

function refuse(message: string): void {
  const names = listBenches().join(', ') || 'none yet'
  process.stderr.write(`${message}\nUsage: npm run bench -- <name> [--json]; there are: ${names}\n`)
  process.exitCode = 2
}

function readArguments(): { names: string[]; json: boolean } | undefined {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    return { names: positionals, json: values.json }
  } catch (error) {
    refuse((error as Error).message)
    return undefined
  }
}

async function runBench(bench: string, json: boolean): Promise<void> {
  const { run } = (await import(`./${bench}.js`)) as { run: () => Promise<Figure[]> }
  const figures = await run()
  const document = { bench, machine: describeMachine(), figures }
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : writeTable(bench, figures))
}

const wanted = readArguments()
if (wanted !== undefined) {
  const [bench] = wanted.names
  const benches = listBenches()
  if (wanted.names.length > 1) refuse('one bench at a time')
  else if (bench === undefined)
    process.stdout.write(
      wanted.json ? `${JSON.stringify({ benches })}\n` : benches.map((name) => `${name}\n`).join(''),
    )
  else if (!benches.includes(bench)) refuse(`there is no bench ${JSON.stringify(bench)}`)
  else await runBench(bench, wanted.json)
}
