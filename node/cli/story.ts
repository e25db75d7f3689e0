import { formatAmount } from '../../protocols/money.js'
import { isPeer } from '../../protocols/peer.js'
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
  /** What the seconds are counted from, Unix milliseconds; default: the first event. */
  startMs?: number
}

export type EventView = Json<DeploymentEvent>

export interface Story {
  /** Undefined: nothing worth a line of its own. `label` stands before it: whose event it is, where several jobs are told of. */
  describe(event: EventView, label?: string): string | undefined
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

export function createStory(context: StoryContext): Story {
  const { style, decimals, nameOf = shortPeer } = context
  let { startMs } = context
  const amount = (value: string | bigint) => showAmount(value, decimals)
  const peer = (id: string) => style.bold(nameOf(id))
  const good = (text: string) => style.green(text)
  const bad = (text: string) => style.red(text)

  let ceiling: string | undefined
  /** The reason of an offer above the ceiling comes in atomic units, which nobody reads. */
  const describeMismatch = (bid: Json<BidOutcome>) =>
    (bid.reason ?? '')
      .split('; ')
      .map((part) =>
        part.startsWith('price ') && ceiling !== undefined
          ? `${amount(bid.pricePerHour)} an hour is above the ceiling of ${amount(ceiling)}`
          : part,
      )
      .join('; ')

  const describeBid = (bid: Json<BidOutcome>) => {
    const { peer: bidder, pricePerHour, outcome, reason } = bid
    switch (outcome) {
      case 'lost':
        return `${peer(bidder)} revealed its bid: ${amount(pricePerHour)} an hour`
      case 'refused':
        return `bid of ${peer(bidder)} ${style.yellow('refused')}: ${reason}`
      case 'unqualified':
        return `${peer(bidder)} ${style.yellow('does not qualify')}: ${describeMismatch(bid)}`
      // The award, the challenge and the state have told of it already.
      case 'won':
      case 'failed':
        return undefined
    }
  }

  const describeComparison = ({ agreed, odd }: EventView & { kind: 'compared' }) => {
    if (agreed) return `all providers left the ${good('same')} results`
    const who = odd.length === 0 ? 'no half of them agrees' : `odd: ${odd.map(peer).join(', ')}`
    return `the providers left ${bad('different')} results; ${who}`
  }

  const tell = (event: EventView): string | undefined => {
    switch (event.kind) {
      case 'state':
        return describeState(event, style, peer)
      case 'ordered':
        ceiling = event.ceilingPricePerHour
        return `order published, at most ${amount(event.ceilingPricePerHour)} an hour`
      case 'doubted':
        return describeDoubt(event, style)
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
          : `${peer(prover)} ${bad('failed')} its matmul proof: ${explain(reason)} (checked in ${Math.round(checkingMs)} ms)`
      }
      case 'standing-lost':
        return `${peer(event.peer)} ${bad('lost its standing')} with this renter: ${event.reason}`
      case 'objected':
        return `${peer(event.peer)} ${bad('takes the job for invalid')}: ${event.detail}`
      case 'log': {
        const by = event.peer === undefined ? '' : ` ${nameOf(event.peer)}`
        return style.dim(`│${by} ${event.line}`)
      }
      case 'progress':
      case 'transfer':
        return undefined
      case 'service': {
        const by = event.peer === undefined ? '' : ` on ${peer(event.peer)}`
        if (event.status === 'HEALTHY') return `the service${by} is ${good('healthy')}`
        if (event.status === 'UNHEALTHY') return `the service${by} is ${bad('not healthy')}: ${event.detail}`
        return `the service${by} is ${style.yellow('started again')} (${event.restarts}): ${event.detail}`
      }
      case 'voucher':
        return style.dim(
          `voucher ${event.sequence} for ${nameOf(event.peer)}: ${amount(event.amount)} in all`,
        )
      case 'copy':
        return event.copy.state === 'signed' ? `${peer(event.copy.peer)} has signed its lease` : undefined
      case 'compared':
        return describeComparison(event)
      case 'checkpoint': {
        const { step, bytes, peer: by } = event.checkpoint
        return `checkpoint after step ${step} of ${nameOf(by)} is kept (${bytes.toLocaleString('en')} bytes)`
      }
      case 'returned':
        return `${peer(event.peer)} is there again, after ${(event.goneMs / 1_000).toFixed(1)} s`
      case 'leaving':
        return `${peer(event.peer)} says that it leaves in ${Math.max(0, Math.round((event.endsAtMs - event.atMs) / 1_000))} s: ${event.reason}`
      case 'continued':
        return `${peer(event.peer)} goes on from step ${event.step}`
      case 'output':
        return `received ${event.name}${event.peer === undefined ? '' : ` of ${nameOf(event.peer)}`} (${event.bytes.toLocaleString('en')} bytes): ${event.path}`
      case 'checked': {
        const verdict = event.ok ? good('passed') : bad('failed')
        return `checked on ${event.rows} held-back rows: accuracy ${percent(event.accuracy)}, expected ${percent(event.expected)}: ${verdict}`
      }
      case 'settled': {
        const { peer: paid, settlement } = { peer: event.settlement.peer, settlement: event.settlement }
        return `settled with ${peer(paid)}: ${amount(settlement.paid)} paid, ${amount(settlement.refunded)} refunded`
      }
      case 'slashed': {
        const bounty =
          BigInt(event.bounty) > 0n ? `, ${amount(event.bounty)} of it to this renter as bounty` : ''
        return `${peer(event.peer)} was ${bad('slashed')} on the chain by its own signed receipt: ${amount(event.amount)} of its stake${bounty}`
      }
    }
  }

  return {
    describe: (event, label) => {
      startMs ??= event.atMs
      const line = tell(event)
      if (line === undefined) return undefined
      const whose = label === undefined ? '' : `${label}  `
      return `${style.dim(showSeconds(event.atMs - startMs))}  ${whose}${line}`
    },
    statusOf: (event) => {
      if (event.kind === 'transfer') return `         ${describeTransfer(event)}`
      if (event.kind !== 'progress') return undefined
      const metrics = Object.entries(event.metrics).map(([name, value]) => `${name} ${round(value)}`)
      return `         step ${event.step} of ${event.steps}  ${metrics.join('  ')}`.trimEnd()
    },
  }
}

/** `data to the provider: 210.0 of 1,073.7 MB, 35.2 MB/s, 25 s left`; decimal megabytes, as lines are sold. */
function describeTransfer(event: EventView & { kind: 'transfer' }): string {
  const { name, direction, bytes, totalBytes, bytesPerSecond, secondsLeft } = event
  const mega = (count: number) =>
    (count / 1e6).toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
  const way = direction === 'up' ? 'to the provider' : 'from the provider'
  const left = secondsLeft === undefined ? '' : `, ${showDuration(secondsLeft)} left`
  return `${name} ${way}: ${mega(bytes)} of ${mega(totalBytes)} MB, ${mega(bytesPerSecond)} MB/s${left}`
}

function showDuration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

function describeState(
  { state, reason = '', detail = '' }: EventView & { kind: 'state' },
  style: Style,
  peer: (id: string) => string,
): string {
  const paint: Readonly<Partial<Record<typeof state, (text: string) => string>>> = {
    COMPLETED: style.green,
    FAILED: style.red,
    STOPPED: style.yellow,
  }
  const name = (paint[state] ?? style.cyan)(state)
  if (isPeer(detail)) return `${name} on ${peer(detail)}`
  const why = [reason, detail].filter((part) => part !== '').join(', ')
  return why === '' ? name : `${name}: ${why}`
}

function describeDoubt({ reason, detail }: EventView & { kind: 'doubted' }, style: Style): string {
  const advice = REMEDIES[reason]
  const told = `others do ${style.yellow('not pass this order on')}: ${reason}, ${detail}`
  return advice === undefined ? told : `${told}; ${advice}`
}

/** What to do about an order that others do not pass on. */
const REMEDIES: Readonly<Partial<Record<string, string>>> = {
  DEPOSIT_TOO_SMALL: 'allow the job a longer timeouts.duration or a higher max_price_per_hour',
  OVERDRAWN: 'put more into the wallet, or wait for other jobs of it',
  TOO_MANY_ORDERS: 'it is asked again later',
  CONSENT_REFUSED:
    'start the node with the key of its wallet: nightshift node start --chain-wallet-file <path>',
}

/** What the reason of a failed challenge means, for people; programs match on the reason itself. */
const EXPLAINED: Readonly<Partial<Record<string, string>>> = {
  DECLINED: 'it declined',
  RECEIPT_MALFORMED: 'its receipt cannot be read',
  RECEIPT_DIFFERS: 'its receipt is for another challenge',
  RECEIPT_BAD_SIGNATURE: 'its receipt is not signed by its key',
  OPENING_MISSING: 'it did not open what was asked for',
  OPENING_MALFORMED: 'what it opened cannot be read',
  OPENING_OUTSIDE_ROOT: 'what it opened is not what it committed to',
  OPENING_DIFFERS: 'an entry that it opened is not what the arithmetic gives',
  TOO_SLOW: 'it took too long',
  UNREACHABLE: 'it cannot be reached',
}

function explain(reason = 'no reason'): string {
  const text = EXPLAINED[reason]
  return text === undefined ? reason : `${reason}, ${text}`
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
