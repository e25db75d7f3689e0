import type { Quota } from '../../protocols/descriptor.js'
import { TokenBuckets } from '../../protocols/limits.js'

const DEFAULT_CONCURRENT_TOTAL = 1024

/** Admits sessions of one protocol, by the peer that opens them. */
export class Gate {
  readonly #quota: Quota
  readonly #opens: TokenBuckets
  readonly #open = new Map<string, number>()
  #total = 0

  constructor(quota: Quota) {
    this.#quota = quota
    this.#opens = new TokenBuckets({ perMinute: quota.opensPerMinute, burst: quota.opensPerMinute })
  }

  /** Undefined when the session is let in, and then `leave` must be called once; else what limit it met. */
  enter(peer: string, nowMs: number): string | undefined {
    const { concurrentPerPeer, opensPerMinute, concurrentTotal = DEFAULT_CONCURRENT_TOTAL } = this.#quota
    const mine = this.#open.get(peer) ?? 0
    if (mine >= concurrentPerPeer) return `at most ${concurrentPerPeer} sessions of a peer at the same time`
    if (this.#total >= concurrentTotal) return `at most ${concurrentTotal} sessions at the same time`
    if (!this.#opens.take(peer, nowMs)) return `at most ${opensPerMinute} sessions of a peer in a minute`
    this.#open.set(peer, mine + 1)
    this.#total++
    return undefined
  }

  leave(peer: string): void {
    const mine = this.#open.get(peer) ?? 0
    if (mine <= 1) this.#open.delete(peer)
    else this.#open.set(peer, mine - 1)
    this.#total--
  }
}
