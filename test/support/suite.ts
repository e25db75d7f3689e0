import '../../node/polyfill.js'
import { appendFileSync } from 'node:fs'
import { suite as uvuSuite } from 'uvu'

/**
 * The only way that tests are declared here. It mends three holes of uvu 0.5.6: a test that rejects with something
 * that is no Error ends the run with exit code 0 (uvu issue 229), tests have no time limit, and a file whose tests
 * never ran passes. What ran is written, test by test, to the report that `test/run.ts` names in the environment;
 * the runner fails a file whose report does not hold every test that it declared.
 */
export type ReportLine =
  | { kind: 'declared'; suite: string; count: number }
  | { kind: 'ran'; suite: string; title: string; ok: boolean; ms: number }
  | { kind: 'skipped'; suite: string; title: string; reason: string }

export interface TestOptions {
  /** The test fails if it has not settled after this many milliseconds. Default 20,000. */
  timeoutMs?: number
}

export interface GuardedSuite {
  (title: string, body: () => void | Promise<void>, options?: TestOptions): void
  /** Leave a test out, saying why, loudly: the reason is printed and counted by the runner. */
  skip: (title: string, reason: string) => void
  before: (hook: () => void | Promise<void>, options?: TestOptions) => void
  after: (hook: () => void | Promise<void>, options?: TestOptions) => void
  run: () => void
}

const DEFAULT_TIMEOUT_MS = 20_000

function report(line: ReportLine): void {
  const file = process.env.NIGHTSHIFT_TEST_REPORT
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
}

async function limited(what: string, body: () => void | Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([Promise.resolve().then(body), expired])
  } catch (thrown) {
    throw thrown instanceof Error ? thrown : new Error(`${what} rejected with a non-Error: ${String(thrown)}`)
  } finally {
    clearTimeout(timer)
  }
}

export function suite(name: string): GuardedSuite {
  const inner = uvuSuite(name)
  let declared = 0

  const test = ((title, body, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) => {
    declared++
    inner(title, async () => {
      const startedAt = Date.now()
      let ok = false
      try {
        await limited(`"${title}"`, body, timeoutMs)
        ok = true
      } finally {
        report({ kind: 'ran', suite: name, title, ok, ms: Date.now() - startedAt })
      }
    })
  }) as GuardedSuite

  test.skip = (title, reason) => {
    process.stderr.write(`SKIPPED  ${name}: ${title}\n         reason: ${reason}\n`)
    report({ kind: 'skipped', suite: name, title, reason })
  }
  test.before = (hook, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) => {
    inner.before(() => limited(`before ${name}`, hook, timeoutMs))
  }
  test.after = (hook, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) => {
    inner.after(() => limited(`after ${name}`, hook, timeoutMs))
  }
  test.run = () => {
    report({ kind: 'declared', suite: name, count: declared })
    inner.run()
  }
  return test
}
