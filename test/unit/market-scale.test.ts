import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { SCALE_FILES } from '../bench/market-scale.js'
import { makeReport } from '../bench/scale/report.js'
import { repositoryFile } from '../support/kernels.js'
import { suite } from '../support/suite.js'

const test = suite('the simulation of large markets')

test(
  'what is kept of it is what the rules give now: npm run bench -- market-scale',
  async () => {
    const { json, svg, table } = await makeReport()
    assert.is(readFileSync(SCALE_FILES.json, 'utf8'), json)
    assert.is(readFileSync(SCALE_FILES.svg, 'utf8'), svg)
    const readme = new TextDecoder().decode(repositoryFile('protocols/README.md'))
    const rows = table.trim().split('\n').slice(2)
    assert.ok(rows.length > 0)
    const cells = (row: string) => row.replaceAll(/[\s|]+/g, ' ').trim()
    const written = readme.split('\n').map(cells)
    for (const row of rows) assert.ok(written.includes(cells(row)), `protocols/README.md lacks ${row}`)
  },
  { timeoutMs: 120_000 },
)

test.run()
