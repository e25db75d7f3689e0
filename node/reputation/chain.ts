import { Connection, PublicKey } from '@solana/web3.js'
import { providerAddress } from '../../chain/client/addresses.js'
import { type ConductEvent, readConduct } from '../../chain/client/conduct.js'
import { retrying } from '../../chain/client/sending.js'
import { abortable } from '../../protocols/abort.js'
import type { Clock } from '../../protocols/ports.js'
import { createTimedFetch } from '../escrow/rpc.js'

/** The transactions that named a provider's account. */
export interface ConductSource {
  /**
   * Those after `cursor`, oldest first, of a long story only the newest. Each is asked for when it is taken, so whoever
   * stops in the middle goes on with the cursor of the last. Throws CHAIN_UNREACHABLE.
   */
  after(
    nodeKey: Uint8Array,
    cursor: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<{ signature: string; atMs: number; events: ConductEvent[] }>
}

/** Of one provider in one reading: each is a request to the chain. */
const MAX_TRANSACTIONS = 256
/** What a server answers at most to one request. */
const PAGE = 1_000
const AT_ONCE = 4
/** Nobody waits for it, and the next reading comes by itself. */
const OUTAGE_MS = 5_000

export function createConductSource(options: {
  rpcUrl: string
  commitment: 'processed' | 'confirmed' | 'finalized'
  programId: PublicKey
  market: PublicKey
  clock: Clock
}): ConductSource {
  const { rpcUrl, programId, market, clock } = options
  // Transactions can be asked for once they are confirmed, not before.
  const commitment = options.commitment === 'finalized' ? 'finalized' : 'confirmed'
  const connection = new Connection(rpcUrl, {
    commitment,
    disableRetryOnRateLimit: true,
    fetch: createTimedFetch(clock),
  })
  const ask = <T>(signal: AbortSignal, call: () => Promise<T>) =>
    abortable(retrying({ clock, outageMs: OUTAGE_MS }, signal, call), signal)

  const read = async (provider: PublicKey, signature: string, signal: AbortSignal) => {
    const seen = await ask(signal, () =>
      connection.getTransaction(signature, { commitment, maxSupportedTransactionVersion: 0 }),
    )
    return seen === null ? [] : readConduct(programId, provider, seen)
  }

  return {
    after: async function* (nodeKey, cursor, signal) {
      const provider = providerAddress(programId, market, new PublicKey(nodeKey))
      const newestFirst = await ask(signal, () =>
        connection.getSignaturesForAddress(provider, {
          limit: PAGE,
          ...(cursor === undefined ? {} : { until: cursor }),
        }),
      )
      const found = newestFirst
        .filter(({ err }) => err === null)
        .slice(0, MAX_TRANSACTIONS)
        .reverse()
      for (let start = 0; start < found.length; start += AT_ONCE) {
        const some = found.slice(start, start + AT_ONCE)
        const events = await Promise.all(some.map(({ signature }) => read(provider, signature, signal)))
        for (const [at, { signature, blockTime }] of some.entries()) {
          yield { signature, atMs: (blockTime ?? 0) * 1_000, events: events[at] ?? [] }
        }
      }
    },
  }
}
