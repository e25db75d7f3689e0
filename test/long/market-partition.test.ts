import { splitAndHeal } from '../support/split.js'
import { suite } from '../support/suite.js'

const test = suite('a partition of a market')

test('a partition of seconds and its healing lose nothing', () => splitAndHeal(2_000), { timeoutMs: 240_000 })

test('a minute of partition and its healing lose nothing', () => splitAndHeal(60_000), { timeoutMs: 240_000 })

test.run()
