/**
 * Identities cost nothing, addresses do: one host may hold so many connections to this node and no more, so that whoever
 * makes up a thousand peers on one machine takes a few places and not all.
 */
export interface HostLimit {
  /** Whether a connection from this multiaddr may be added to those that are open. */
  hasRoomFor(address: string): boolean
}

export function createHostLimit(parts: {
  maxPerHost: number
  /** Remote multiaddrs of the connections that are open. */
  open: () => readonly string[]
}): HostLimit {
  const { maxPerHost, open } = parts
  return {
    hasRoomFor: (address) => {
      if (maxPerHost === Number.POSITIVE_INFINITY) return true
      const host = hostOf(address)
      if (host === undefined) return true
      let count = 0
      for (const other of open()) if (hostOf(other) === host) count++
      return count < maxPerHost
    },
  }
}

/** IPv4 as it is; of IPv6 the first 64 bits, which is what one household or server is given. Undefined: neither. */
export function hostOf(address: string): string | undefined {
  const [, kind, host] = address.split('/')
  if (kind === 'ip4') return host
  if (kind !== 'ip6' || host === undefined) return undefined
  const [left = '', right] = host.split('::') as [string, string | undefined]
  const groups = left === '' ? [] : left.split(':')
  if (right !== undefined) {
    const after = right === '' ? [] : right.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
