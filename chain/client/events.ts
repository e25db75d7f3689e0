import { PublicKey } from '@solana/web3.js'

/**
 * The escrow program's events, one log line each: kind, market, subject (32 bytes each) and four words
 * (`chain/program/src/event.rs`). The names of the words stand here.
 */
const EVENTS = {
  MarketInitialized: [],
  ProviderRegistered: ['stake'],
  StakeAdded: ['amount', 'stake'],
  LeaseOpened: ['deposit', 'bond', 'serial', 'deadline'],
  /** `paid`: all so far; `amount`: of this transaction, `fee` included. */
  LeaseSettled: ['paid', 'amount', 'fee', 'sequence'],
  LeaseClosed: ['paid', 'amount', 'fee', 'refunded'],
  LeaseCancelled: ['deadline', 'paid'],
  LeaseExpired: ['paid', 'burned', 'refunded'],
  LeaseCompleted: ['paid'],
  UnstakeRequested: ['amount', 'unstakeAt', 'stake'],
  StakeWithdrawn: ['amount', 'stake'],
  PayoutChanged: [],
  ProviderClosed: ['swept'],
  MarketUpdateAnnounced: ['from'],
  LeaseExtended: ['addedDeposit', 'addedBond', 'deposit', 'deadline'],
  DisputeOpened: ['n', 'rounds', 'endedMs'],
  ProviderSlashed: ['penalty', 'compensation', 'bounty', 'burned'],
  /** `bound`: of the stake; `lamports`: what the answer is worth. */
  OpeningDemanded: ['answerBy', 'bound', 'serial', 'lamports'],
  OpeningAnswered: ['claimed', 'lamports'],
  ProviderSilent: ['burned', 'stake'],
} as const

type Events = typeof EVENTS
export type EventName = keyof Events

export type EscrowEvent = {
  [Name in EventName]: {
    name: Name
    market: PublicKey
    /**
     * The account that the event is about: a provider or a lease; of a new market, its mint;
     * of announced terms, who announced them.
     */
    subject: PublicKey
    values: Readonly<Record<Events[Name][number], bigint>>
  }
}[EventName]

export const EVENT_NAMES = Object.keys(EVENTS) as EventName[]

const EVENT_BYTES = 1 + 32 + 32 + 4 * 8

/**
 * Reads the events out of a transaction's logs. Any program can log any bytes, so only lines written while the escrow program
 * itself was running count.
 */
export function parseEvents(programId: PublicKey, logs: readonly string[]): EscrowEvent[] {
  const running: string[] = []
  const events: EscrowEvent[] = []
  for (const line of logs) {
    const invoked = /^Program (\w+) invoke \[\d+\]$/.exec(line)
    if (invoked !== null) running.push(invoked[1]!)
    else if (/^Program \w+ (success$|failed)/.test(line)) running.pop()
    else if (line.startsWith('Program data: ') && running.at(-1) === programId.toBase58()) {
      const event = decodeEvent(Buffer.from(line.slice('Program data: '.length), 'base64'))
      if (event !== undefined) events.push(event)
    }
  }
  return events
}

function decodeEvent(bytes: Buffer): EscrowEvent | undefined {
  const name = EVENT_NAMES[bytes[0] ?? -1]
  if (name === undefined || bytes.length !== EVENT_BYTES) return undefined
  const values = Object.fromEntries(
    EVENTS[name].map((field, index) => [field, bytes.readBigUInt64LE(65 + 8 * index)]),
  )
  return {
    name,
    market: new PublicKey(bytes.subarray(1, 33)),
    subject: new PublicKey(bytes.subarray(33, 65)),
    values,
  } as EscrowEvent
}
