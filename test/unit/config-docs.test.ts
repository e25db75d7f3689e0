import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '../../config/load.js'
import { describeManifest } from '../../config/manifest/editor.js'
import { OPTIONS, writeOptionsTable } from '../../config/options.js'
import { requireStartable } from '../../config/start.js'
import type { NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('what is derived from the schemas')

function read(path: string): string {
  return readFileSync(new URL(`../../../config/${path}`, import.meta.url), 'utf8')
}

/** The formatter pads the columns. */
function squeeze(table: string): string {
  return table.replace(/ +/g, ' ').replace(/-{3,}/g, '---').trim()
}

test('the table of options in the README is the one that the schema gives', () => {
  const table = read('README.md').split('<!-- options -->')[1]?.split('<!-- end of options -->')[0]?.trim()
  assert.is(squeeze(table ?? ''), squeeze(writeOptionsTable()), 'run node dist/config/generate.js')
})

test('the README describes each key of a manifest once', () => {
  const table =
    read('README.md')
      .split('## The manifest of a job')[1]
      ?.match(/(?:^\|.*\n)+/m)?.[0] ?? ''
  const keys = table.split('\n').flatMap((row) => row.match(/^\| (`.*?) \|/)?.[1]?.trim() ?? [])
  assert.ok(keys.length >= 20)
  assert.equal(keys, [...new Set(keys)])
})

test('an option has one name in all sources, a description, and a default that it would accept', () => {
  assert.ok(OPTIONS.length >= 30)
  for (const option of OPTIONS) {
    assert.is(option.environment, `NIGHTSHIFT_${option.path.toUpperCase().replaceAll('.', '_')}`)
    assert.is(option.flag, `--${option.path.replace(/[._]/g, '-')}`)
    assert.ok(option.description.length > 10, option.path)
    assert.ok(option.schema.safeParse(option.default).success, option.path)
  }
  for (const key of ['path', 'environment', 'flag'] as const) {
    assert.is(new Set(OPTIONS.map((option) => option[key])).size, OPTIONS.length, key)
  }
})

test('no option names a GPU’s model', () => {
  const named = OPTIONS.filter((option) => /model|label/.test(option.path)).map((option) => option.path)
  assert.equal(named, ['provider.software.label'])
})

test('the editors’ schema of the manifest is current', () => {
  assert.equal(
    JSON.parse(read('manifest.schema.json')),
    describeManifest(),
    'run node dist/config/generate.js',
  )
})

test('the editors’ schema takes the example and refuses a wrong field', () => {
  const schema = z.fromJSONSchema(JSON.parse(read('manifest.schema.json')))
  const example = parse(read('examples/digits.yaml'))
  const verdict = schema.safeParse(example)
  assert.ok(verdict.success, JSON.stringify(verdict.error?.issues))
  assert.not.ok(schema.safeParse({ ...example, servces: {} }).success)
})

test('the example of a provider lacks nothing but a peer to start from', () => {
  const file = { path: 'provider.json', text: read('examples/provider.json') }
  const { config } = loadConfig({ file, environment: { HOME: '/home/klaus' } })
  assert.ok(config.provider.enabled)
  assert.throws(
    () => requireStartable(config, 'provider'),
    (error: NightshiftError) => error.code === 'NO_BOOTSTRAP_PEERS',
  )
})

test('a strategy that lacks what it needs is refused with the flag that says it', () => {
  const start = (flags: Record<string, string>) => {
    try {
      const { config } = loadConfig({
        flags: { dataDir: '/data', providerPricePerHour: '0.25', ...flags },
      })
      requireStartable(config, 'provider')
      return undefined
    } catch (error) {
      const { code, advice } = error as NightshiftError
      return `${code} ${advice}`
    }
  }
  const needs: Array<[strategy: string, flag: string, value: string]> = [
    ['cost-plus', 'providerPricingElectricityPerKwh', '0.30'],
    ['undercut', 'providerPricingFloor', '0.05'],
    ['external', 'providerPricingCommand', './price,--now'],
  ]
  for (const [strategy, flag, value] of needs) {
    const dashed = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const refused = start({ providerPricingStrategy: strategy }) ?? ''
    assert.match(refused, 'PRICING_INCOMPLETE')
    assert.match(refused, `--${dashed} `)
    assert.is(start({ providerPricingStrategy: strategy, [flag]: value }), undefined)
  }
  for (const strategy of ['fixed', 'surge']) {
    assert.is(start({ providerPricingStrategy: strategy }), undefined)
  }
})

test('a floor above the ceiling is a conflict, and either of them alone is none', () => {
  const load = (flags: Record<string, string>) => {
    try {
      loadConfig({ flags: { dataDir: '/data', ...flags } })
      return undefined
    } catch (error) {
      return (error as NightshiftError).message
    }
  }
  assert.match(
    load({ providerPricingFloor: '0.5', providerPricingCeiling: '0.4' }) ?? '',
    'at most provider.pricing.ceiling',
  )
  assert.is(load({ providerPricingFloor: '0.5', providerPricingCeiling: '0.5' }), undefined)
  assert.is(load({ providerPricingFloor: '0.5' }), undefined)
  assert.is(load({ providerPricingCeiling: '0.5' }), undefined)
})

test.run()
