import { hash, toHex } from '../bytes.js'

/** One name for all that a job leaves: a hash of the outputs' names and digests, in the order of the names. */
export function outputsHashOf(outputs: ReadonlyArray<{ name: string; sha256: Uint8Array }>): Uint8Array {
  const sorted = [...outputs].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const parts = sorted.flatMap(({ name, sha256 }) => [new TextEncoder().encode(name), sha256])
  return hash('nightshift/outputs/1', ...parts)
}

export interface Copy {
  peer: string
  /** Of all its outputs. */
  hash: Uint8Array
}

export interface Comparison {
  agreed: boolean
  /** Whoever left something else than more than half of all did; nobody where no such half is. */
  odd: string[]
}

/** Compares what several providers left of one job. With two that differ nobody can say which is right. */
export function compareCopies(copies: readonly Copy[]): Comparison {
  const groups = new Map<string, string[]>()
  for (const { peer, hash: name } of copies) {
    groups.set(toHex(name), [...(groups.get(toHex(name)) ?? []), peer])
  }
  const most = [...groups.values()].find((peers) => peers.length * 2 > copies.length)
  const odd = most === undefined ? [] : copies.map(({ peer }) => peer).filter((peer) => !most.includes(peer))
  return { agreed: groups.size <= 1, odd }
}
