import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { readCount, readDuration, readSize, readTokens } from '../../node/cli/quantity.js'
import { createStory, type EventView } from '../../node/cli/story.js'
import { createStyle } from '../../node/cli/style.js'
import { renderPairs, renderTable } from '../../node/cli/table.js'
import { codeOf } from '../../protocols/errors.js'
import { JobState } from '../../protocols/job/wire.js'
import { suite } from '../support/suite.js'

const test = suite('cli output')
const plain = createStyle({ isTty: false, env: {} })
const coloured = createStyle({ isTty: true, env: {} })

test('columns are as wide as their widest cell, numbers stand right, no line ends in blanks', () => {
  const rows = [
    { name: 'a', count: 5 },
    { name: 'longer', count: 12_345 },
  ]
  const table = renderTable(rows, [
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'N', align: 'right', cell: ({ count }) => String(count) },
    { title: 'LAST', cell: () => '' },
  ])
  assert.is(table, 'NAME        N  LAST\na           5\nlonger  12345\n')
})

test('colours take no room', () => {
  const columns = [
    { title: 'A', cell: (text: string) => text },
    { title: 'B', cell: () => 'b' },
  ]
  const lines = renderTable([coloured.red('xx'), 'xx'], columns).split('\n')
  assert.is(lines[2], 'xx  b')
  assert.is(lines[1], `${coloured.red('xx')}  b`)
})

test('every row of any table has its cells at the columns of the header', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 20 }), (rows) => {
      const table = renderTable(rows, [
        { title: 'FIRST', cell: ([first]) => first },
        { title: 'SECOND', cell: ([, second]) => second },
      ])
      const [header = '', ...lines] = table.trimEnd().split('\n')
      const at = header.indexOf('SECOND')
      return lines.length === rows.length && lines.every((line, index) => line.slice(at) === rows[index]?.[1])
    }),
  )
})

test('names and values stand in two columns', () => {
  assert.is(
    renderPairs([
      ['a', '1'],
      ['long', '2'],
    ]),
    'a     1\nlong  2\n',
  )
})

test('a quantity that cannot be read is a usage error that names the flag', () => {
  assert.is(readSize('--min-memory', '1.5Gi'), 1.5 * 2 ** 30)
  assert.is(readDuration('--wait', '2m'), 120_000)
  assert.is(readTokens('--max-price', '0.25', 6), 250_000n)
  assert.is(readCount('-n', '5', 0, 10), 5)
  const wrong = [
    () => readSize('--min-memory', 'much'),
    () => readDuration('--wait', 'soon'),
    () => readTokens('--max-price', '0.1234567', 6),
    () => readTokens('--max-price', '-1', 6),
    () => readCount('-n', '11', 0, 10),
    () => readCount('-n', '1e1', 0, 10),
  ]
  for (const read of wrong) {
    try {
      read()
      assert.unreachable()
    } catch (error) {
      assert.is(codeOf(error), 'USAGE')
      assert.match((error as Error).message, /^(--|-n)/)
    }
  }
})

const PEER = '12D3KooWC55br8LEM3fF31FGipGfYXTjR8GEXqiX2urhnbjLvKMy'

/** One event of each kind, so that a kind that is added and not told is seen. */
const EVENTS: Array<[EventView, RegExp | undefined]> = [
  [{ atMs: 0, kind: 'state', state: JobState.MATCHING }, /MATCHING$/],
  [
    {
      atMs: 0,
      kind: 'ordered',
      orderId: 'x',
      ceilingPricePerHour: '500000',
      commitUntilMs: 1,
      revealUntilMs: 2,
    },
    /at most 0\.5 an hour/,
  ],
  [
    { atMs: 0, kind: 'doubted', reason: 'OVERDRAWN', detail: 'its open orders bind 2' },
    /others do not pass this order on: OVERDRAWN, its open orders bind 2; put more into the wallet/,
  ],
  [{ atMs: 0, kind: 'committed', peer: PEER }, /…jLvKMy committed to a sealed bid/],
  [
    { atMs: 0, kind: 'bid', bid: { peer: PEER, pricePerHour: '200000', outcome: 'lost' } },
    /revealed its bid: 0\.2 an hour/,
  ],
  [
    {
      atMs: 0,
      kind: 'bid',
      bid: { peer: PEER, pricePerHour: '800000', outcome: 'unqualified', reason: 'price 800000 > 500000' },
    },
    /does not qualify: 0\.8 an hour is above the ceiling of 0\.5/,
  ],
  [{ atMs: 0, kind: 'bid', bid: { peer: PEER, pricePerHour: '200000', outcome: 'won' } }, undefined],
  [
    { atMs: 0, kind: 'awarded', peer: PEER, pricePerHour: '200000', round: 1 },
    /awarded to …jLvKMy.*\(round 2\)/,
  ],
  [
    {
      atMs: 0,
      kind: 'leased',
      peer: PEER,
      lease: 'abcdef123456',
      transaction: 't',
      deposit: '33334',
      orderToLeaseMs: 900,
    },
    /0\.033334 deposited, 900 ms after the order/,
  ],
  [
    { atMs: 0, kind: 'challenged', challenge: { peer: PEER, ok: true, provingMs: 51.4, checkingMs: 12 } },
    /passed its matmul proof \(proved in 51 ms, checked in 12 ms\)/,
  ],
  [
    {
      atMs: 0,
      kind: 'challenged',
      challenge: { peer: PEER, ok: false, reason: 'OPENING_DIFFERS', provingMs: 1, checkingMs: 1 },
    },
    /failed its matmul proof: OPENING_DIFFERS, an entry/,
  ],
  [{ atMs: 0, kind: 'standing-lost', peer: PEER, reason: 'OPENING_DIFFERS' }, /lost its standing/],
  [
    { atMs: 0, kind: 'objected', peer: PEER, detail: 'shader:2:15: no' },
    /takes the job for invalid: shader:2:15: no/,
  ],
  [{ atMs: 0, kind: 'state', state: JobState.RUNNING, detail: PEER }, /RUNNING on …jLvKMy/],
  [{ atMs: 0, kind: 'log', line: 'hello' }, /│ hello/],
  [{ atMs: 0, kind: 'log', line: 'hello', peer: PEER }, /│ …jLvKMy hello/],
  [{ atMs: 0, kind: 'copy', copy: { peer: PEER, state: 'signed' } }, /…jLvKMy has signed its lease/],
  [{ atMs: 0, kind: 'copy', copy: { peer: PEER, state: 'done', hash: 'ab' } }, undefined],
  [{ atMs: 0, kind: 'compared', agreed: true, odd: [] }, /all providers left the same results/],
  [{ atMs: 0, kind: 'compared', agreed: false, odd: [PEER] }, /different results; odd: …jLvKMy/],
  [{ atMs: 0, kind: 'compared', agreed: false, odd: [] }, /different results; no half of them agrees/],
  [{ atMs: 0, kind: 'progress', step: 1, steps: 2, metrics: { loss: 0.51234 } }, undefined],
  [{ atMs: 0, kind: 'voucher', peer: PEER, amount: '59', sequence: '1' }, /voucher 1 .*0\.000059/],
  [
    { atMs: 0, kind: 'output', name: 'm', bytes: 19_620, path: '/x/m' },
    /received m \(19,620 bytes\): \/x\/m/,
  ],
  [
    { atMs: 0, kind: 'checked', accuracy: 0.975, expected: 0.95, rows: 360, ok: true },
    /360 held-back rows: accuracy 97\.5 %, expected 95\.0 %: passed/,
  ],
  [
    {
      atMs: 1500,
      kind: 'settled',
      settlement: { peer: PEER, lease: 'l', transactions: [], deposited: '3', paid: '1', refunded: '2' },
    },
    /^ {2}1\.50s {2}settled with …jLvKMy: 0\.000001 paid, 0\.000002 refunded/,
  ],
]

test('every event reads as one line of plain words and whole tokens', () => {
  const story = createStory({ style: plain, decimals: 6 })
  for (const [event, pattern] of EVENTS) {
    const line = story.describe(event)
    if (pattern === undefined) assert.is(line, undefined, event.kind)
    else assert.match(line ?? '', pattern)
    assert.not.ok(line?.includes('\n'))
  }
})

test('progress is a status that replaces the one before', () => {
  const story = createStory({ style: plain, decimals: 6 })
  const event: EventView = { atMs: 0, kind: 'progress', step: 3, steps: 9, metrics: { loss: 0.51234 } }
  assert.match(story.statusOf(event) ?? '', /step 3 of 9 {2}loss 0\.512$/)
  assert.is(story.statusOf({ atMs: 0, kind: 'log', line: 'x' }), undefined)
})

test('without the decimals of a mint amounts are shown as units', () => {
  const story = createStory({ style: plain, decimals: undefined })
  assert.match(
    story.describe({ atMs: 0, kind: 'voucher', peer: 'p', amount: '59', sequence: '1' }) ?? '',
    /59 units/,
  )
})

test.run()
