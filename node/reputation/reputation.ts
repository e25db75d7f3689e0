import { PublicKey } from '@solana/web3.js'
import { abortable } from '../../protocols/abort.js'
import type { Evidence } from '../../protocols/challenge/attestation.js'
import {
  type ConductEvidence,
  type Experience,
  type ExperienceKind,
  type Reliability,
  reliabilityOf,
} from '../../protocols/inventory/reputation.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { Store } from '../store/port.js'
import type { ConductSource } from './chain.js'
import type { ExperienceStore } from './experience.js'
import { addConduct, type History, NO_HISTORY } from './history.js'
import type { PeerEvidence, Reputation } from './port.js'

export interface RunningReputation extends Reputation {
  /** Ends what is being read; what was read is kept. */
  stop(): Promise<void>
}

/** Leases last minutes; what changes sooner than this is this node's own experience, which is always counted at once. */
const FRESH_MS = 300_000
/** After a chain that did not answer. */
const RETRY_MS = 30_000
const READINGS_AT_ONCE = 2
/** One reading takes no longer; the next one goes on where it stopped. */
const READING_MS = 30_000
/** Peers that wait for a reading; of more, those are read that are asked for again later. */
const MAX_WAITING = 1_024
/** Peers kept in memory and in the store; the one that was read longest ago goes first. */
const MAX_KNOWN = 4_096
/** Writing the history to the disk that often while a long one is read. */
const SAVE_EVERY = 32

interface Known {
  history: History
  own: string[]
  verifiers: Evidence
  /** Unix milliseconds; missing: the chain has never answered. */
  readAtMs?: number
  /** By the clock's `elapsed`. */
  dueAt: number
  /** The same of what verifiers say. */
  verifiersDueAt: number
  problem?: string
}

type Stored = Pick<Known, 'history' | 'own' | 'readAtMs'>

const UNREAD: Known = {
  history: NO_HISTORY,
  own: [],
  verifiers: { count: 0, favourable: 0, weight: 0n },
  dueAt: Number.NEGATIVE_INFINITY,
  verifiersDueAt: Number.NEGATIVE_INFINITY,
}

export async function createReputation(parts: {
  escrow: Pick<Escrow, 'market' | 'provider'>
  conduct: ConductSource
  experience: ExperienceStore
  /** What verifiers say of a peer (`node/renter/evidence.ts`). */
  verifiersOf: (peer: string, signal: AbortSignal) => Promise<Evidence>
  store: Store
  clock: Clock
  log: Log
}): Promise<RunningReputation> {
  const { escrow, conduct, experience, clock, log } = parts
  const stored = parts.store.collection<Stored>('reputation-history')
  const { minimumStake } = await escrow.market()
  const stopping = new AbortController()
  const known = new Map<string, Known>()
  const reading = new Map<string, { done: Promise<void>; asksVerifiers: boolean }>()
  /** With whether verifiers are asked, too. */
  const waiting = new Map<string, boolean>()

  for (const { key, value } of await stored.list()) {
    known.set(key, { ...UNREAD, ...value, history: { ...NO_HISTORY, ...value.history } })
  }

  /** Its entry, now the last to be forgotten. */
  const recall = (peer: string): Known => {
    const entry = known.get(peer) ?? { ...UNREAD }
    known.delete(peer)
    known.set(peer, entry)
    for (const oldest of known.keys()) {
      if (known.size <= MAX_KNOWN) break
      known.delete(oldest)
      stored.delete(oldest).catch((error: unknown) => log.debug('not forgotten', { error: String(error) }))
    }
    return entry
  }

  const save = (peer: string, { history, own, readAtMs }: Known) =>
    stored.put(peer, { history, own, ...(readAtMs === undefined ? {} : { readAtMs }) })

  const read = async (peer: string, asksVerifiers: boolean): Promise<void> => {
    const entry = recall(peer)
    const late = new AbortController()
    const stopWaiting = clock.after(READING_MS, () => late.abort(new Error('the chain does not answer')))
    const signal = AbortSignal.any([stopping.signal, late.signal])
    try {
      const nodeKey = solanaKeyOf(peer)
      if (asksVerifiers) {
        entry.verifiers = await parts.verifiersOf(peer, signal)
        entry.verifiersDueAt = clock.elapsed() + FRESH_MS
      }
      const account = await escrow.provider(nodeKey, signal)
      const own = account === undefined ? [] : [account.nodeKey, account.owner, account.payout]
      // What it once was registered with stays its own after it has left.
      if (own.length > 0) entry.own = own.map((key) => new PublicKey(key).toBase58())
      let unsaved = 0
      for await (const transaction of conduct.after(nodeKey, entry.history.cursor, signal)) {
        entry.history = addConduct(entry.history, transaction)
        if (++unsaved % SAVE_EVERY === 0) await save(peer, entry)
      }
      entry.readAtMs = clock.now()
      entry.dueAt = clock.elapsed() + FRESH_MS
      delete entry.problem
      if (entry.history.cursor !== undefined) await save(peer, entry)
    } catch (error) {
      if (stopping.signal.aborted) return
      entry.problem = error instanceof Error ? error.message : String(error)
      entry.dueAt = clock.elapsed() + RETRY_MS
      entry.verifiersDueAt = Math.max(entry.verifiersDueAt, entry.dueAt)
      log.debug('the conduct of a peer could not be read', { peer, error: String(error) })
    } finally {
      stopWaiting()
    }
  }

  const startReading = (peer: string, asksVerifiers: boolean): Promise<void> => {
    waiting.delete(peer)
    const done = read(peer, asksVerifiers).finally(() => {
      reading.delete(peer)
      const [next] = waiting
      if (next !== undefined && !stopping.signal.aborted) void startReading(...next)
    })
    reading.set(peer, { done, asksVerifiers })
    return done
  }

  const refresh = (peer: string, asksVerifiers: boolean): void => {
    const { dueAt, verifiersDueAt } = known.get(peer) ?? UNREAD
    const isDue = Math.min(dueAt, asksVerifiers ? verifiersDueAt : dueAt) <= clock.elapsed()
    if (stopping.signal.aborted || !isDue || reading.has(peer)) return
    if (reading.size < READINGS_AT_ONCE) void startReading(peer, asksVerifiers)
    else if (waiting.has(peer) || waiting.size < MAX_WAITING) {
      waiting.set(peer, asksVerifiers || waiting.get(peer) === true)
    }
  }

  /** What is being read may be the chain only. */
  const readAll = async (peer: string): Promise<void> => {
    let current = reading.get(peer)
    while (current !== undefined && !current.asksVerifiers) {
      await current.done
      current = reading.get(peer)
    }
    await (current?.done ?? startReading(peer, true))
  }

  const weigh = (peer: string): { found: ConductEvidence; reliability: Reliability } => {
    const { history, own, verifiers } = known.get(peer) ?? UNREAD
    const found: ConductEvidence = {
      own,
      leases: history.leases,
      slashedAtMs: history.slashedAtMs,
      silentAtMs: history.silentAtMs,
      verifiersWeight: verifiers.weight,
      verifiers: verifiers.count,
      experience: experience.of(peer),
      minimumStake,
    }
    return { found, reliability: reliabilityOf(found, clock.now()) }
  }

  const now = (peer: string, asksVerifiers: boolean): Reliability => {
    refresh(peer, asksVerifiers)
    return weigh(peer).reliability
  }

  return {
    reliabilityOf: async (peer) => now(peer, true),
    known: (peer) => now(peer, false),

    evidenceOf: async (peer, signal) => {
      await abortable(readAll(peer), signal)
      const { found, reliability } = weigh(peer)
      const { readAtMs, problem, verifiers } = known.get(peer) ?? UNREAD
      return {
        peer,
        ...reliability,
        ...(readAtMs === undefined ? {} : { readAtMs }),
        ...(problem === undefined ? {} : { problem }),
        ...countUp(found),
        verifiers,
      }
    },

    stop: async () => {
      stopping.abort(new Error('the node stops'))
      waiting.clear()
      await Promise.allSettled([...reading.values()].map(({ done }) => done))
    },
  }
}

function countUp(
  found: ConductEvidence,
): Pick<PeerEvidence, 'leaseEnds' | 'paid' | 'slashes' | 'silences' | 'experience'> {
  const foreign = found.leases.filter(({ renter }) => !found.own.includes(renter))
  const ended = (end: string) => foreign.filter((lease) => lease.end === end)
  return {
    leaseEnds: {
      settled: ended('settled').length,
      failed: ended('failed').length,
      unfinished: ended('unfinished').length,
      renters: new Set(foreign.map(({ renter }) => renter)).size,
      selfPaid: found.leases.length - foreign.length,
    },
    paid: ended('settled').reduce((total, { amount }) => total + amount, 0n),
    slashes: found.slashedAtMs.length,
    silences: found.silentAtMs.length,
    experience: countExperience(found.experience),
  }
}

function countExperience(experience: Experience): Partial<Record<ExperienceKind, number>> {
  return Object.fromEntries(Object.entries(experience).map(([kind, { count }]) => [kind, count]))
}
