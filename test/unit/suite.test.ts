import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.js'

const test = suite('the guarded suite')
const suiteUrl = new URL('../support/suite.js', import.meta.url).href

function runScript(body: string): { code: number | null; report: string } {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-suite-'))
  try {
    const script = join(folder, 'case.mjs')
    const report = join(folder, 'report.ndjson')
    writeFileSync(report, '')
    writeFileSync(
      script,
      `import { suite } from ${JSON.stringify(suiteUrl)}\nconst test = suite('inner')\n${body}\ntest.run()\n`,
    )
    const { status } = spawnSync(process.execPath, [script], {
      env: { ...process.env, NIGHTSHIFT_TEST_REPORT: report },
    })
    return { code: status, report: readFileSync(report, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a test that rejects with a non-Error fails the file and does not hide the tests after it', () => {
  const { code, report } = runScript(`
    test('bad', () => Promise.reject('a string'))
    test('after it', () => {})`)
  assert.is.not(code, 0)
  assert.match(report, '"title":"bad","ok":false')
  assert.match(report, '"title":"after it","ok":true')
})

test('a test that never settles fails', () => {
  const { code, report } = runScript(`test('hangs', () => new Promise(() => {}), { timeoutMs: 50 })`)
  assert.is.not(code, 0)
  assert.match(report, '"ok":false')
})

test('a skipped test is reported with its reason', () => {
  const { code, report } = runScript(`test.skip('needs a GPU', 'no GPU here')`)
  assert.is(code, 0)
  assert.match(report, 'no GPU here')
})

test.run()
