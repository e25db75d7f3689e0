import bs58 from 'bs58'
import type { Applied, Bank } from './bank.js'
import { type AccountView, readAccountView, showAccount } from './encoding.js'
import { invalidParams } from './rpc/error.js'
import { type AccountFilter, readFilters } from './rpc/filter.js'
import { withContext } from './rpc/method.js'
import { readAddress, readConfig, readList, readSignature } from './rpc/params.js'

/** Where a subscription's messages go; `id` is what the subscriber was told. */
export type Notify = (method: string, id: number, result: unknown) => void

interface Base {
  readonly id: number
  readonly notify: Notify
}

type Subscription = Base &
  (
    | { readonly kind: 'account'; readonly address: Uint8Array; readonly view: AccountView }
    | {
        readonly kind: 'program'
        readonly program: string
        readonly view: AccountView
        readonly matches: AccountFilter
      }
    | { readonly kind: 'signature'; readonly signature: string }
    | { readonly kind: 'logs'; readonly mentions: string | undefined }
    | { readonly kind: 'slot' }
    | { readonly kind: 'root' }
  )

type Kind = Subscription['kind']

/** What selects a subscription when something happens; the empty key stands for all. */
function keyOf(subscription: Subscription): string {
  switch (subscription.kind) {
    case 'account':
      return bs58.encode(subscription.address)
    case 'program':
      return subscription.program
    case 'signature':
      return subscription.signature
    case 'logs':
      return subscription.mentions ?? ''
    case 'slot':
    case 'root':
      return ''
  }
}

/** Parameters of `<kind>Subscribe` to what is subscribed to. */
const READERS: {
  [K in Kind]: (params: readonly unknown[]) => Omit<Extract<Subscription, { kind: K }>, keyof Base>
} = {
  account([address, options]) {
    const config = readConfig(options)
    return {
      kind: 'account',
      address: readAddress(address),
      view: readAccountView(config.encoding, config.dataSlice),
    }
  },
  program([program, options]) {
    const config = readConfig(options)
    return {
      kind: 'program',
      program: bs58.encode(readAddress(program, 'program')),
      view: readAccountView(config.encoding, config.dataSlice),
      matches: readFilters(config.filters),
    }
  },
  signature([signature, options]) {
    readConfig(options)
    return { kind: 'signature', signature: readSignature(signature) }
  },
  logs([filter, options]) {
    readConfig(options)
    if (filter === 'all' || filter === 'allWithVotes') return { kind: 'logs', mentions: undefined }
    const mentions = readList((filter as { mentions?: unknown } | null)?.mentions, 'mentions', 1)
    if (mentions.length !== 1) throw invalidParams('mentions must name exactly one address')
    return { kind: 'logs', mentions: bs58.encode(readAddress(mentions[0])) }
  },
  slot: () => ({ kind: 'slot' }),
  root: () => ({ kind: 'root' }),
}

const SUBSCRIBE = /^(account|program|signature|logs|slot|root)(Subscribe|Unsubscribe)$/

/** The kind and action of a method such as `accountSubscribe`, or undefined when it is another method. */
export function readSubscriptionMethod(
  method: string,
): { kind: Kind; action: 'subscribe' | 'unsubscribe' } | undefined {
  const match = SUBSCRIBE.exec(method)
  if (match === null) return undefined
  return { kind: match[1] as Kind, action: match[2] === 'Subscribe' ? 'subscribe' : 'unsubscribe' }
}

/** Who wants to hear of what, over all connections. */
export class Subscriptions {
  readonly #bank: Bank
  readonly #byId = new Map<number, Subscription>()
  readonly #byKey = new Map<string, Set<Subscription>>()
  #programSubscriptions = 0
  #nextId = 1

  constructor(bank: Bank) {
    this.#bank = bank
  }

  get size(): number {
    return this.#byId.size
  }

  /** The id of the new subscription. `afterwards` must run when the subscriber has been told the id. */
  subscribe(kind: Kind, params: readonly unknown[], notify: Notify): { id: number; afterwards: () => void } {
    const id = this.#nextId++
    const subscription = { id, notify, ...READERS[kind](params) } as Subscription
    this.#byId.set(id, subscription)
    if (kind === 'program') this.#programSubscriptions++
    const key = `${kind}:${keyOf(subscription)}`
    const peers = this.#byKey.get(key) ?? new Set()
    this.#byKey.set(key, peers.add(subscription))
    return { id, afterwards: () => this.#catchUp(subscription) }
  }

  unsubscribe(id: number): boolean {
    const subscription = this.#byId.get(id)
    if (subscription === undefined) return false
    this.#byId.delete(id)
    if (subscription.kind === 'program') this.#programSubscriptions--
    const key = `${subscription.kind}:${keyOf(subscription)}`
    const peers = this.#byKey.get(key)
    peers?.delete(subscription)
    if (peers?.size === 0) this.#byKey.delete(key)
    return true
  }

  /** Tells about a transaction: its signature, its logs, and every account that it may have written. */
  announce({ transaction, accounts }: Applied): void {
    if (this.#byId.size === 0) return
    this.#announceSignature(transaction.signature, transaction.fault)
    const { signature, fault: err, logs } = transaction
    for (const mention of ['', ...new Set(transaction.accounts)]) {
      for (const { id, notify } of this.#interested('logs', mention)) {
        notify('logsNotification', id, withContext(this.#bank, { signature, err, logs }))
      }
    }
    const written = accounts.filter(({ writable }) => writable)
    const changed = transaction.fault === null ? written : written.slice(0, 1)
    for (const { address, bytes } of changed) this.#announceAccount(address, bytes)
  }

  /** Tells that a slot has begun. */
  announceSlot(): void {
    const { slot } = this.#bank
    for (const { id, notify } of this.#interested('slot', '')) {
      notify('slotNotification', id, { slot, parent: slot - 1, root: slot - 1 })
    }
    for (const { id, notify } of this.#interested('root', '')) notify('rootNotification', id, slot - 1)
  }

  #interested<K extends Kind>(kind: K, key: string): Extract<Subscription, { kind: K }>[] {
    return [...(this.#byKey.get(`${kind}:${key}`) ?? [])] as Extract<Subscription, { kind: K }>[]
  }

  #announceSignature(signature: string, err: unknown): void {
    for (const { id, notify } of this.#interested('signature', signature)) {
      this.unsubscribe(id)
      notify('signatureNotification', id, withContext(this.#bank, { err }))
    }
  }

  #announceAccount(address: string, bytes: Uint8Array): void {
    if (this.#programSubscriptions === 0 && !this.#byKey.has(`account:${address}`)) return
    const read = (at: Uint8Array) => this.#bank.readAccount(at)
    const account = read(bytes) ?? CLOSED_ACCOUNT
    for (const { id, notify, view } of this.#interested('account', address)) {
      notify('accountNotification', id, withContext(this.#bank, showAccount(account, view, read)))
    }
    for (const { id, notify, view, matches } of this.#interested('program', bs58.encode(account.owner))) {
      if (!matches(account)) continue
      const value = { pubkey: address, account: showAccount(account, view, read) }
      notify('programNotification', id, withContext(this.#bank, value))
    }
  }

  /** A signature that was there before its subscription is told at once. */
  #catchUp(subscription: Subscription): void {
    if (subscription.kind !== 'signature') return
    const applied = this.#bank.history.get(subscription.signature)
    if (applied !== undefined) this.#announceSignature(applied.signature, applied.fault)
  }
}

/** What an address without an account looks like to a subscriber. */
const CLOSED_ACCOUNT = {
  lamports: 0n,
  data: new Uint8Array(),
  owner: new Uint8Array(32),
  executable: false,
  rentEpoch: 0n,
}
