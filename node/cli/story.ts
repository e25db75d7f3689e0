import { formatAmount } from '../../protocols/money.js'
import type { Json } from '../control/view.js'
import type { BidOutcome, DeploymentEvent } from '../renter/event.js'
import type { Style } from './style.js'

/** How a deployment's events read, one line each. The same for `job post`, `job logs` and the demo. */
export interface StoryContext {
  style: Style
  /** Decimals of the market's mint; undefined: not known, amounts are shown in atomic units. */
  decimals: number | undefined
  /** What to call a peer; default: the end of its id. */
  nameOf?: (peer: string) => string
}

export type EventView = Json<DeploymentEvent>

export interface Story {
  /** Undefined: nothing worth a line of its own. */
  describe(event: EventView): string | undefined
  /** The short form of an event that replaces its predecessor (progress), else undefined. */
  statusOf(event: EventView): string | undefined
}

/** Base58 peer ids of ed25519 keys all begin with 12D3KooW: the end tells them apart. */
export function shortPeer(peer: string): string {
  return peer.length <= 8 ? peer : `…${peer.slice(-6)}`
}

export function showAmount(amount: string | bigint, decimals: number | undefined): string {
  return decimals === undefined ? `${amount} units` : formatAmount(BigInt(amount), decimals)
}

export function createStory({ style, decimals, nameOf = shortPeer }: StoryContext): Story {
  let startMs: number | undefined
  const amount = (value: string | bigint) => showAmount(value, decimals)
  const peer = (id: string) => style.bold(nameOf(id))
  const good = (text: string) => style.green(text)
  const bad = (text: string) => style.red(text)

  const describeBid = ({ peer: bidder, pricePerHour, outcome, reason }: Json<BidOutcome>) => {
    const price = pricePerHour === '0' ? '' : ` at ${amount(pricePerHour)} an hour`
    const why = reason === undefined ? '' : `: ${reason}`
    switch (outcome) {
      case 'won':
        return `bid of ${peer(bidder)}${price} ${good('won')}`
      case 'failed':
        return `bid of ${peer(bidder)}${price} ${bad('failed')}${why}`
      case 'lost':
        return `bid of ${peer(bidder)}${price} lost${why}`
      case 'refused':
        return `bid of ${peer(bidder)}${price} ${style.yellow('refused')}${why}`
      case 'unqualified':
        return `${peer(bidder)}${price} ${style.yellow('does not qualify')}${why}`
    }
  }

  const tell = (event: EventView): string | undefined => {
    switch (event.kind) {
      case 'state':
        return describeState(event, style)
      case 'ordered':
        return `order published, at most ${amount(event.ceilingPricePerHour)} an hour`
      case 'committed':
        return `${peer(event.peer)} committed to a sealed bid`
      case 'bid':
        return describeBid(event.bid)
      case 'awarded':
        return `awarded to ${peer(event.peer)} for ${amount(event.pricePerHour)} an hour${event.round > 0 ? ` (round ${event.round + 1})` : ''}`
      case 'leased':
        return `lease ${shortPeer(event.lease)} opened with ${peer(event.peer)}: ${amount(event.deposit)} deposited, ${event.orderToLeaseMs} ms after the order`
      case 'challenged': {
        const { peer: prover, ok, reason, provingMs, checkingMs } = event.challenge
        const times = `proved in ${Math.round(provingMs)} ms, checked in ${Math.round(checkingMs)} ms`
        return ok
          ? `${peer(prover)} ${good('passed')} its matmul proof (${times})`
          : `${peer(prover)} ${bad('failed')} its matmul proof: ${reason}`
      }
      case 'standing-lost':
        return `${peer(event.peer)} ${bad('lost its standing')} with this renter: ${event.reason}`
      case 'log':
        return style.dim(`│ ${event.line}`)
      case 'progress':
        return undefined
      case 'voucher':
        return style.dim(`voucher ${event.sequence} for ${peer(event.peer)}: ${amount(event.amount)} in all`)
      case 'output':
        return `received ${event.name} (${event.bytes.toLocaleString('en')} bytes): ${event.path}`
      case 'checked': {
        const verdict = event.ok ? good('passed') : bad('failed')
        return `checked on ${event.rows} held-back rows: accuracy ${percent(event.accuracy)}, expected ${percent(event.expected)}: ${verdict}`
      }
      case 'settled': {
        const { peer: paid, settlement } = { peer: event.settlement.peer, settlement: event.settlement }
        return `settled with ${peer(paid)}: ${amount(settlement.paid)} paid, ${amount(settlement.refunded)} refunded`
      }
    }
  }

  return {
    describe: (event) => {
      startMs ??= event.atMs
      const line = tell(event)
      return line === undefined ? undefined : `${style.dim(showSeconds(event.atMs - startMs))}  ${line}`
    },
    statusOf: (event) => {
      if (event.kind !== 'progress') return undefined
      const metrics = Object.entries(event.metrics).map(([name, value]) => `${name} ${round(value)}`)
      return `         step ${event.step} of ${event.steps}  ${metrics.join('  ')}`.trimEnd()
    },
  }
}

function describeState(event: EventView & { kind: 'state' }, style: Style): string {
  const paint = { COMPLETED: style.green, FAILED: style.red, STOPPED: style.yellow } as Record<
    string,
    ((text: string) => string) | undefined
  >
  const state = (paint[event.state] ?? style.cyan)(event.state)
  const why = [event.reason, event.detail].filter((part) => part !== undefined && part !== '')
  return why.length === 0 ? state : `${state}: ${why.join(', ')}`
}

/** Right-aligned, so that the lines stand below one another up to a thousand seconds. */
export function showSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2).padStart(6)}s`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function round(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}
