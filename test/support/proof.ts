import { computeEntries } from '../../kernels/proof/verifier.js'
import type { Session } from '../../node/net/session.js'
import { type Entry, entriesPerRow } from '../../protocols/challenge/params.js'
import { encodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import type { ChallengeRequest, ChallengeResponse, Opening } from '../../protocols/challenge/wire.js'
import { levelsOf, rootOf, segmentBytes } from './kernels.js'
import type { MemoryNetwork } from './memory.js'
import { MARKET, NOW } from './messages.js'

export type Provider = Session<ChallengeResponse, ChallengeRequest>

/** The smallest product that can be proved: quick without a device. */
export const PARAMS = { n: 16, rounds: 1 }

export interface Cheat {
  /** Changes the digest before it is committed to. */
  digest?: (entries: number[][]) => void
  receipt?: Partial<Receipt>
  signature?: (signature: Uint8Array) => Uint8Array
  bytes?: (receipt: Uint8Array) => Uint8Array
  openings?: (openings: Opening[]) => Opening[]
}

/** The proof of the smallest product, honest but for what `cheat` changes. */
export async function answer(
  session: Provider,
  network: MemoryNetwork,
  asker: Uint8Array,
  cheat: Cheat,
): Promise<void> {
  const { seed, lease } = (await session.receive())!.ask!
  const rows = Array.from({ length: PARAMS.n }, (_, row) =>
    Array.from({ length: entriesPerRow(PARAMS) }, (_, column): Entry => ({ round: 0, row, column })),
  )
  const digest = rows.map((row) => computeEntries(seed, PARAMS, row))
  cheat.digest?.(digest)
  const levels = levelsOf([digest], PARAMS.n, PARAMS.rounds)
  const receipt = {
    market: MARKET,
    lease: lease.length === 0 ? new Uint8Array(32) : lease,
    provider: network.publicKey,
    asker,
    seed,
    params: PARAMS,
    root: rootOf([digest], PARAMS.n, PARAMS.rounds),
    startedMs: NOW,
    endedMs: NOW + 2,
    ...cheat.receipt,
  }
  const encoded = encodeReceipt(receipt)
  const signed = await network.privateKey.sign(encoded)
  await session.send({
    receipt: { receipt: cheat.bytes?.(encoded) ?? encoded, signature: cheat.signature?.(signed) ?? signed },
  })
  const entries = (await session.receive())?.open?.entries
  if (entries === undefined) return
  const openings = entries.map(({ round, row, column }) => {
    // A row of so small a product is one leaf.
    const path = levels.slice(0, -1).map((level, height) => level[(row >> height) ^ 1]!)
    return { round, row, column, segment: segmentBytes(digest[row]!, 0), path }
  })
  await session.send({ openings: { openings: cheat.openings?.(openings) ?? openings } })
}
