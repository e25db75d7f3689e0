import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ReportLine } from './support/suite.js'

/**
 * Runs every `*.test.js` below this folder, each in a process of its own, and fails when a file failed, hung, or ran
 * fewer tests than it declared. Arguments choose files by a part of their path: `npm test -- chain/ matmul`.
 * Folders in LONG run only when they are named: `npm run test:long`, and `npm test -- container/` where Docker or Podman
 * is installed.
 */
const ROOT = fileURLToPath(new URL('.', import.meta.url))
const LONG = ['container', 'long'] // real engines and full loads: one file at a time
const FILE_TIMEOUT_MS = 420_000
const LONG_FILE_TIMEOUT_MS = 1_500_000
const AT_ONCE = 2

interface Outcome {
  file: string
  passed: number
  failed: number
  skipped: number
  problem?: string
}

function testFiles(wanted: string[]): string[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .sort()
  if (wanted.length > 0) return files.filter((file) => wanted.some((part) => file.includes(part)))
  return files.filter((file) => !LONG.includes(folderOf(file)))
}

function folderOf(file: string): string {
  return file.split(/[\\/]/)[0] ?? ''
}

function readReport(path: string): ReportLine[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportLine)
}

function judge(file: string, lines: ReportLine[], exit: string): Outcome {
  const declared = lines.reduce((sum, line) => sum + (line.kind === 'declared' ? line.count : 0), 0)
  const ran = lines.filter((line) => line.kind === 'ran')
  const passed = ran.filter((line) => line.ok).length
  const failed = ran.length - passed
  const skipped = lines.filter((line) => line.kind === 'skipped').length
  const outcome: Outcome = { file, passed, failed, skipped }
  if (exit !== 'exit code 0') outcome.problem = exit
  else if (failed > 0) outcome.problem = `${failed} failed but the process exited 0`
  else if (ran.length < declared) outcome.problem = `only ${ran.length} of ${declared} tests ran`
  else if (ran.length + skipped === 0) outcome.problem = 'ran no test'
  return outcome
}

function runFile(file: string, reports: string): Promise<Outcome> {
  const reportPath = join(reports, `${file.replaceAll(/[\\/]/g, '_')}.ndjson`)
  const timeoutMs = LONG.includes(folderOf(file)) ? LONG_FILE_TIMEOUT_MS : FILE_TIMEOUT_MS
  return new Promise((resolve) => {
    const child = fork(join(ROOT, file), [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NIGHTSHIFT_TEST_REPORT: reportPath },
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-200_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const exit = timedOut
        ? `did not end within ${timeoutMs} ms`
        : code === null
          ? `died of ${signal}`
          : `exit code ${code}`
      const outcome = judge(file, readReport(reportPath), exit)
      process.stdout.write(`\n── ${file}\n${output.trimEnd()}\n`)
      if (outcome.problem !== undefined) process.stdout.write(`   FAILED: ${outcome.problem}\n`)
      resolve(outcome)
    })
  })
}

async function runAll(files: string[], atOnce: number, reports: string): Promise<Outcome[]> {
  const waiting = [...files]
  const outcomes: Outcome[] = []
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      outcomes.push(await runFile(file, reports))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return outcomes
}

const startedAt = Date.now()
const files = testFiles(process.argv.slice(2))
const reports = mkdtempSync(join(tmpdir(), 'nightshift-test-'))
const alone = files.filter((file) => LONG.includes(folderOf(file)))
const together = files.filter((file) => !alone.includes(file))
const outcomes = [...(await runAll(together, AT_ONCE, reports)), ...(await runAll(alone, 1, reports))]
rmSync(reports, { recursive: true, force: true })

const sum = (pick: (outcome: Outcome) => number) =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0)
const broken = outcomes.filter((outcome) => outcome.problem !== undefined)
const unexplained = broken.filter((outcome) => outcome.failed === 0).length

process.stdout.write(`\n${files.length} files in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
for (const outcome of broken)
  process.stdout.write(`FAILED ${relative('.', outcome.file)}: ${outcome.problem}\n`)
if (files.length === 0)
  process.stdout.write('no test file matches; run without arguments to run all of them\n')
const failed = sum((outcome) => outcome.failed) + unexplained
process.stdout.write(
  `${sum((outcome) => outcome.passed)} passed, ${failed} failed, ${sum((outcome) => outcome.skipped)} skipped\n`,
)
process.exitCode = broken.length > 0 || files.length === 0 ? 1 : 0
