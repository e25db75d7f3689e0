import { PublicKey } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * Strict decoders of the escrow program's accounts: owner, length, kind and version must be exactly right, or the account is
 * refused with a named error. Layouts: `chain/program/src/state.rs`. Times are Unix seconds.
 */
export interface Parameters {
  minimumStake: bigint
  coolDownSeconds: number
  disputeWindowSeconds: number
  /** Shares in basis points (1/10,000). */
  bondBps: number
  slashBps: number
  bountyBps: number
  feeBps: number
}

export interface Terms extends Parameters {
  governance: PublicKey
  /** Token account that gets the fee share; unused while `feeBps` is 0. */
  feeAccount: PublicKey
}

export interface Market {
  base: PublicKey
  mint: PublicKey
  decimals: number
  terms: Terms
  updateDelaySeconds: number
  /** Terms that take effect at `from`, once announced. */
  announced: { from: number; terms: Terms } | undefined
}

export interface Provider {
  market: PublicKey
  node: PublicKey
  owner: PublicKey
  payout: PublicKey
  stake: bigint
  bound: bigint
  unstaking: bigint
  /** 0 when nothing is asked back. */
  unstakeAt: number
  nextSerial: bigint
  openLeases: number
  openDisputes: number
  registeredAt: number
  lost: bigint
}

export interface Lease {
  market: PublicKey
  provider: PublicKey
  renter: PublicKey
  session: PublicKey
  termsHash: Uint8Array
  payout: PublicKey
  /** Digest posted with `complete`; undefined before. */
  output: Uint8Array | undefined
  serial: bigint
  pricePerHour: bigint
  durationSeconds: number
  startedAt: number
  deadline: number
  deposit: bigint
  paid: bigint
  sequence: bigint
  bond: bigint
  disputeWindowSeconds: number
  completedAt: number
  cancelled: boolean
  completed: boolean
  /** The provider was slashed in this lease. */
  void: boolean
  feeBps: number
  slashBps: number
  bountyBps: number
  /** An opening was demanded and has not been given: no second demand meanwhile, nor after a silence. */
  demanded: boolean
  /** What the renter got back out of the provider's stake. */
  compensated: bigint
  /** How long a demanded opening may be waited for: the market's cool-down at the opening. */
  answerWindowSeconds: number
}

/** How far a dispute has come. `asked` and `answering`: the provider is to open the entry. */
export type DisputeStage = 'opened' | 'climbing' | 'proven' | 'asked' | 'answering'

export interface Dispute {
  market: PublicKey
  provider: PublicKey
  /** All zero when the receipt names none. */
  lease: PublicKey
  reporter: PublicKey
  receiptHash: Uint8Array
  seed: Uint8Array
  root: Uint8Array
  n: number
  rounds: number
  stage: DisputeStage
  /** Siblings of the path that were taken. */
  height: number
  /** The entry that was shown, and what the provider committed to. */
  entry: { round: number; row: number; column: number; claimed: number }
  /** Pairs of inner steps computed, of n / 2. */
  pairs: number
  openedAt: number
  /** While an opening is demanded: silence is punished from `answerBy` on and costs `bound`; `serial` is the lease's. */
  demand: { answerBy: number; bound: bigint; serial: bigint } | undefined
}

export interface Verdict {
  provider: PublicKey
  receiptHash: Uint8Array
  reporter: PublicKey
  slashedAt: number
  penalty: bigint
}

/** What an RPC node returns for an account; null when there is none. */
export interface RawAccount {
  owner: PublicKey
  data: Uint8Array
}

const VERSION = 1
const CANCELLED = 1
const COMPLETED = 2
const VOID = 4
const DEMANDED = 8

export const MARKET_BYTES = 368
export const PROVIDER_BYTES = 256
export const LEASE_BYTES = 384
export const DISPUTE_BYTES = 384
export const VERDICT_BYTES = 128

/** First byte of each account, for filters on `getProgramAccounts`. */
export const KINDS = { market: 1, provider: 2, lease: 3, dispute: 4, verdict: 5 } as const

class Cursor {
  private at: number
  constructor(
    private readonly data: Uint8Array,
    start: number,
  ) {
    this.at = start
  }
  private get view() {
    return new DataView(this.data.buffer, this.data.byteOffset, this.data.byteLength)
  }
  u16 = () => this.view.getUint16(this.move(2), true)
  u32 = () => this.view.getUint32(this.move(4), true)
  u64 = () => this.view.getBigUint64(this.move(8), true)
  seconds = () => Number(this.view.getBigInt64(this.move(8), true))
  bytes = () => this.data.slice(this.move(32), this.at)
  key = () => new PublicKey(this.bytes())

  private move(length: number): number {
    this.at += length
    return this.at - length
  }
}

function checkAccount(
  what: keyof typeof KINDS,
  length: number,
  address: PublicKey,
  account: RawAccount | null,
  programId: PublicKey,
): Uint8Array {
  const context = { what, address: address.toBase58() }
  if (account === null) {
    throw new NightshiftError('CHAIN_ACCOUNT_MISSING', `there is no ${what} at ${address.toBase58()}`, {
      advice: `Check the address and the cluster; a ${what} that was closed no longer has an account.`,
      context,
    })
  }
  if (!account.owner.equals(programId)) {
    throw new NightshiftError(
      'CHAIN_ACCOUNT_FOREIGN',
      `the account at ${address.toBase58()} belongs to ${account.owner.toBase58()}, not to the escrow program`,
      { advice: 'Do not trust it: check the address and the program id.', context },
    )
  }
  const { data } = account
  if (data.length !== length || data[0] !== KINDS[what] || data[1] !== VERSION) {
    throw new NightshiftError(
      'CHAIN_ACCOUNT_LAYOUT',
      `the account at ${address.toBase58()} is no ${what} of version 1`,
      {
        advice: 'Check the address; if the program was upgraded, update this client.',
        context: { ...context, length: data.length, kind: data[0], version: data[1] },
      },
    )
  }
  return data
}

function readTerms(cursor: Cursor): Terms {
  return {
    minimumStake: cursor.u64(),
    coolDownSeconds: cursor.seconds(),
    disputeWindowSeconds: cursor.seconds(),
    bondBps: cursor.u16(),
    slashBps: cursor.u16(),
    bountyBps: cursor.u16(),
    feeBps: cursor.u16(),
    governance: cursor.key(),
    feeAccount: cursor.key(),
  }
}

export function decodeMarket(address: PublicKey, account: RawAccount | null, programId: PublicKey): Market {
  const data = checkAccount('market', MARKET_BYTES, address, account, programId)
  const cursor = new Cursor(data, 8)
  const base = cursor.key()
  const mint = cursor.key()
  const terms = readTerms(cursor)
  const updateDelaySeconds = cursor.seconds()
  const from = cursor.seconds()
  const announced = readTerms(cursor)
  return {
    base,
    mint,
    decimals: data[3]!,
    terms,
    updateDelaySeconds,
    announced: from === 0 ? undefined : { from, terms: announced },
  }
}

/** The terms in force at a time: announced ones take effect by themselves. */
export function termsAt(market: Market, unixSeconds: number): Terms {
  return market.announced !== undefined && unixSeconds >= market.announced.from
    ? market.announced.terms
    : market.terms
}

export function decodeProvider(
  address: PublicKey,
  account: RawAccount | null,
  programId: PublicKey,
): Provider {
  const cursor = new Cursor(checkAccount('provider', PROVIDER_BYTES, address, account, programId), 8)
  return {
    market: cursor.key(),
    node: cursor.key(),
    owner: cursor.key(),
    payout: cursor.key(),
    stake: cursor.u64(),
    bound: cursor.u64(),
    unstaking: cursor.u64(),
    unstakeAt: cursor.seconds(),
    nextSerial: cursor.u64(),
    openLeases: cursor.u32(),
    openDisputes: cursor.u32(),
    registeredAt: cursor.seconds(),
    lost: cursor.u64(),
  }
}

/** What may back new leases: neither bound nor asked back. */
export function freeStake(provider: Provider): bigint {
  const free = provider.stake - provider.bound - provider.unstaking
  return free > 0n ? free : 0n
}

export function decodeLease(address: PublicKey, account: RawAccount | null, programId: PublicKey): Lease {
  const data = checkAccount('lease', LEASE_BYTES, address, account, programId)
  const flags = data[4]!
  const feeBps = new Cursor(data, 6).u16()
  const cursor = new Cursor(data, 8)
  const market = cursor.key()
  const provider = cursor.key()
  const renter = cursor.key()
  const session = cursor.key()
  const termsHash = cursor.bytes()
  const payout = cursor.key()
  const output = cursor.bytes()
  const completed = (flags & COMPLETED) !== 0
  return {
    market,
    provider,
    renter,
    session,
    termsHash,
    payout,
    output: completed ? output : undefined,
    serial: cursor.u64(),
    pricePerHour: cursor.u64(),
    durationSeconds: cursor.seconds(),
    startedAt: cursor.seconds(),
    deadline: cursor.seconds(),
    deposit: cursor.u64(),
    paid: cursor.u64(),
    sequence: cursor.u64(),
    bond: cursor.u64(),
    disputeWindowSeconds: cursor.seconds(),
    completedAt: cursor.seconds(),
    slashBps: cursor.u16(),
    bountyBps: cursor.u16(),
    compensated: new Cursor(data, 328).u64(),
    answerWindowSeconds: new Cursor(data, 336).seconds(),
    cancelled: (flags & CANCELLED) !== 0,
    completed,
    void: (flags & VOID) !== 0,
    demanded: (flags & DEMANDED) !== 0,
    feeBps,
  }
}

const STAGES: readonly DisputeStage[] = ['opened', 'climbing', 'proven', 'asked', 'answering']
/** Where a dispute names its provider, for filters on `getProgramAccounts`. */
export const DISPUTE_OFFSETS = { provider: 40 } as const

export function decodeDispute(address: PublicKey, account: RawAccount | null, programId: PublicKey): Dispute {
  const data = checkAccount('dispute', DISPUTE_BYTES, address, account, programId)
  const cursor = new Cursor(data, 8)
  const claimed = new Cursor(data, 6).u16()
  const read = {
    market: cursor.key(),
    provider: cursor.key(),
    lease: cursor.key(),
    reporter: cursor.key(),
    receiptHash: cursor.bytes(),
    seed: cursor.bytes(),
    root: cursor.bytes(),
    n: cursor.u32(),
    rounds: cursor.u32(),
  }
  const entry = { round: cursor.u32(), row: cursor.u32(), column: cursor.u32(), claimed }
  const rest = new Cursor(data, 320)
  const pairs = rest.u32()
  const times = new Cursor(data, 336)
  const openedAt = times.seconds()
  const answerBy = times.seconds()
  const demand = answerBy === 0 ? undefined : { answerBy, bound: times.u64(), serial: times.u64() }
  return { ...read, entry, stage: STAGES[data[3]!]!, height: data[4]!, pairs, openedAt, demand }
}

export function decodeVerdict(address: PublicKey, account: RawAccount | null, programId: PublicKey): Verdict {
  const cursor = new Cursor(checkAccount('verdict', VERDICT_BYTES, address, account, programId), 8)
  return {
    provider: cursor.key(),
    receiptHash: cursor.bytes(),
    reporter: cursor.key(),
    slashedAt: cursor.seconds(),
    penalty: cursor.u64(),
  }
}
