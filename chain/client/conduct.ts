import type { PublicKey } from '@solana/web3.js'
import bs58 from 'bs58'
import { TAGS } from './encoding.js'
import { parseEvents } from './events.js'

/**
 * What one transaction says of a provider's conduct. Closed leases have no account any more, so their story is in the
 * transactions that named the provider's account, and nowhere else. Amounts in atomic units, addresses base58.
 */
export type ConductEvent =
  | { kind: 'closed'; lease: string; renter: string; paid: bigint }
  | { kind: 'expired'; lease: string; renter: string; paid: bigint; burned: bigint; refunded: bigint }
  | { kind: 'completed'; lease: string }
  /** `lease`: the one that is void by it, or no lease's address when the receipt named none. */
  | { kind: 'slashed'; lease: string; penalty: bigint }
  /** It let the time pass in which the chain had asked it to open a proof. */
  | { kind: 'silent'; burned: bigint }

/** The part of an RPC node's answer to `getTransaction` that is read here. */
export interface SeenTransaction {
  transaction: {
    message: {
      getAccountKeys(lookups?: {
        accountKeysFromLookups?: { writable: PublicKey[]; readonly: PublicKey[] } | null
      }): { get(index: number): PublicKey | undefined }
      compiledInstructions: ReadonlyArray<CompiledInstruction>
    }
  }
  meta: {
    err: unknown
    logMessages?: string[] | null
    loadedAddresses?: { writable: PublicKey[]; readonly: PublicKey[] }
    innerInstructions?: ReadonlyArray<{
      instructions: ReadonlyArray<{ programIdIndex: number; accounts: number[]; data: string }>
    }> | null
  } | null
}

interface CompiledInstruction {
  programIdIndex: number
  accountKeyIndexes: readonly number[]
  data: Uint8Array
}

/** Where the accounts stand in the instructions that decide over a lease (`close_lease.rs` and its neighbours). */
const PLACES = {
  [TAGS.closeLease]: { provider: 2, lease: 3, renter: 8 },
  [TAGS.expireLease]: { provider: 1, lease: 4, renter: 7 },
  [TAGS.slashFraud]: { provider: 2, lease: 8, renter: undefined },
} as const

/**
 * In the order in which they happened; empty for a transaction that failed, or that is about somebody else. The program
 * has checked every account that is read here, so an event with its instruction cannot name a wrong renter.
 */
export function readConduct(
  programId: PublicKey,
  provider: PublicKey,
  seen: SeenTransaction,
): ConductEvent[] {
  if (seen.meta === null || seen.meta.err !== null) return []
  const decisions = decisionsOf(programId, provider, seen)
  const renterOf = (lease: string) => decisions.find((each) => each.lease === lease)?.renter
  return parseEvents(programId, seen.meta.logMessages ?? []).flatMap((event): ConductEvent[] => {
    const lease = event.subject.toBase58()
    const renter = renterOf(lease)
    switch (event.name) {
      case 'LeaseClosed':
        return renter === undefined ? [] : [{ kind: 'closed', lease, renter, paid: event.values.paid }]
      case 'LeaseExpired':
        return renter === undefined ? [] : [{ kind: 'expired', lease, renter, ...event.values }]
      case 'LeaseCompleted':
        return [{ kind: 'completed', lease }]
      case 'ProviderSlashed': {
        const voided = decisions.find((each) => each.tag === TAGS.slashFraud)?.lease ?? ''
        const { penalty } = event.values
        return event.subject.equals(provider) ? [{ kind: 'slashed', lease: voided, penalty }] : []
      }
      case 'ProviderSilent':
        return event.subject.equals(provider) ? [{ kind: 'silent', burned: event.values.burned }] : []
      default:
        return []
    }
  })
}

interface Decision {
  tag: number
  lease: string
  renter?: string
}

/** The instructions, inner ones too, that decided over a lease of this provider. */
function decisionsOf(
  programId: PublicKey,
  provider: PublicKey,
  { transaction, meta }: SeenTransaction,
): Decision[] {
  const { message } = transaction
  const lookups = meta?.loadedAddresses
  const keys = message.getAccountKeys(lookups === undefined ? {} : { accountKeysFromLookups: lookups })
  const inner = (meta?.innerInstructions ?? []).flatMap(({ instructions }) =>
    instructions.map(({ programIdIndex, accounts, data }) => ({
      programIdIndex,
      accountKeyIndexes: accounts,
      data: bs58.decode(data),
    })),
  )
  const all: readonly CompiledInstruction[] = [...message.compiledInstructions, ...inner]
  return all.flatMap(({ programIdIndex, accountKeyIndexes, data }) => {
    const tag = data[0]
    const places = Object.entries(PLACES).find(([each]) => Number(each) === tag)?.[1]
    if (tag === undefined || places === undefined) return []
    const keyAt = (place: number) => keys.get(accountKeyIndexes[place] ?? -1)
    const lease = keyAt(places.lease)?.toBase58()
    const isOurs =
      keys.get(programIdIndex)?.equals(programId) === true &&
      keyAt(places.provider)?.equals(provider) === true
    if (lease === undefined || !isOurs) return []
    const renter = places.renter === undefined ? undefined : keyAt(places.renter)?.toBase58()
    return [{ tag, lease, ...(renter === undefined ? {} : { renter }) }]
  })
}
