import type { DemoOutcome, Teller } from '../../demo/run.js'
import { LOCAL_TOKEN } from '../../swarm/genesis.js'
import type { Report } from '../report.js'
import { createStory, type Story, shortPeer, showAmount } from '../story.js'
import type { Style } from '../style.js'
import { renderTable } from '../table.js'

const { decimals, symbol } = LOCAL_TOKEN

/** Tells the demo's story on standard error, numbered by its steps. */
export function createTeller(report: Report): Teller {
  const { style } = report.err
  let number = 0
  let story: Story | undefined
  return {
    step: (name) => {
      number++
      report.progress(`${number > 1 ? '\n' : ''}${style.bold(`${number}. ${capitalise(name)}`)}`)
    },
    chain: ({ rpcUrl, market }) =>
      report.progress(`   RPC ${rpcUrl}, market ${shortPeer(market)}, token ${symbol}, worth nothing`),
    providers: (actors, providers) => {
      const rows = actors.map((actor) => ({
        ...actor,
        node: providers.find(({ name }) => name === actor.name),
      }))
      const table = renderTable(
        rows,
        [
          { title: '  NAME', cell: ({ name }) => `  ${style.bold(name)}` },
          { title: 'PEER', cell: ({ node }) => shortPeer(node?.peer ?? '') },
          { title: 'PROCESS', align: 'right', cell: ({ node }) => String(node?.process.pid ?? '') },
          { title: `${symbol}/H`, align: 'right', cell: ({ price }) => price },
          { title: 'MEMORY', align: 'right', cell: ({ memory }) => memory.replace('i', 'iB') },
          { title: 'WHAT IT IS', cell: ({ trait }) => trait },
        ],
        style.dim,
      )
      report.progress(table.replace(/^/gm, ' ').trimEnd())
    },
    event: (event, nameOf) => {
      story ??= createStory({ style, decimals, nameOf })
      const status = story.statusOf(event)
      if (status !== undefined) return report.status(status)
      const line = story.describe(event)
      if (line !== undefined) report.progress(`  ${line}`)
    },
    trouble: (text) => report.progress(`  ${style.yellow(text)}`),
  }
}

export function renderOutcome(outcome: DemoOutcome, style: Style): string {
  return `\n${[
    renderBalances(outcome, style),
    renderLeases(outcome, style),
    renderTimes(outcome, style),
    renderClaims(outcome, style),
  ].join('\n')}`
}

function renderBalances({ before, after }: DemoOutcome, style: Style): string {
  const rows = [...before.wallets].map(([name, amount]) => ({
    name,
    amount,
    now: after.wallets.get(name) ?? 0n,
    staked: before.stakes.get(name) ?? 0n,
    stakedNow: after.stakes.get(name) ?? 0n,
  }))
  return renderTable(
    rows,
    [
      { title: `BALANCES (${symbol})`, cell: ({ name }) => name },
      { title: 'BEFORE', align: 'right', cell: ({ amount }) => fixed(amount) },
      { title: 'AFTER', align: 'right', cell: ({ now }) => fixed(now) },
      { title: 'CHANGE', align: 'right', cell: ({ amount, now }) => paintChange(now - amount, style) },
      { title: 'STAKE', align: 'right', cell: ({ stakedNow }) => showAmount(stakedNow, decimals) },
      {
        title: 'CHANGE',
        align: 'right',
        cell: ({ staked, stakedNow }) => paintStake(stakedNow - staked, style),
      },
    ],
    style.dim,
  )
}

function paintStake(change: bigint, style: Style): string {
  return change === 0n ? style.dim('0') : style.red(showAmount(change, decimals))
}

function renderLeases({ report, nameOf }: DemoOutcome, style: Style): string {
  return renderTable(
    report?.settlements ?? [],
    [
      { title: 'LEASE WITH', cell: ({ peer }) => nameOf(peer) },
      { title: 'DEPOSITED', align: 'right', cell: ({ deposited }) => fixed(deposited) },
      { title: 'PAID', align: 'right', cell: ({ paid }) => fixed(paid) },
      { title: 'REFUNDED', align: 'right', cell: ({ refunded }) => fixed(refunded) },
      { title: 'TRANSACTIONS', align: 'right', cell: ({ transactions }) => String(transactions.length) },
    ],
    style.dim,
  )
}

function renderTimes({ times }: DemoOutcome, style: Style): string {
  return renderTable(
    times,
    [
      { title: 'STEP', cell: ({ step }) => step },
      { title: 'SECONDS', align: 'right', cell: ({ ms }) => (ms / 1000).toFixed(1) },
    ],
    style.dim,
  )
}

function renderClaims({ claims, document }: DemoOutcome, style: Style): string {
  const lines = claims.map(({ claim, holds, found }) =>
    holds ? `${style.green('ok  ')}  ${claim}` : `${style.red('FAIL')}  ${claim}: ${found}`,
  )
  const verdict = document.ok ? style.green('All of it held.') : style.red('Not all of it held.')
  return `${lines.join('\n')}\n\n${style.bold(verdict)}\n`
}

/** All digits, so that the columns can be compared at a glance. */
function fixed(amount: bigint | string): string {
  const [whole = '0', fraction = ''] = showAmount(amount, decimals).split('.')
  return `${whole}.${fraction.padEnd(decimals, '0')}`
}

function paintChange(change: bigint, style: Style): string {
  if (change === 0n) return style.dim('0')
  return change > 0n ? style.green(`+${fixed(change)}`) : fixed(change)
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
