/**
 * The public networks that a provider's connections come from: IPv4 addresses whole, IPv6 by their first 64 bits, which
 * one host has to itself (RFC 6177). Two providers that share one count as one host. Only addresses over which a provider
 * has proved its key may be given: one that it merely announces may be a rival's, to be left out together with it.
 * Addresses that say nothing about where a host is are left out: private, loopback, link-local and carrier-grade ones (RFC 6890) and those of relays.
 */
export function hostsOf(addresses: readonly string[]): string[] {
  const hosts = new Set<string>()
  for (const address of addresses) {
    if (address.includes('/p2p-circuit')) continue
    const [, family, value = ''] = address.split('/')
    const host = family === 'ip4' ? hostOfV4(value) : family === 'ip6' ? hostOfV6(value) : undefined
    if (host !== undefined) hosts.add(host)
  }
  return [...hosts].sort().slice(0, MAX_HOSTS)
}

/** So many fit into a result with the largest number of bids. */
export const MAX_HOSTS = 2
export const MAX_HOST_CHARS = 19

/** First address and length of the prefix in bits. */
const PRIVATE_V4: ReadonlyArray<readonly [string, number]> = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
]

function hostOfV4(text: string): string | undefined {
  const value = readV4(text)
  if (value === undefined) return undefined
  const isPrivate = PRIVATE_V4.some(([first, bits]) => {
    const size = 2 ** (32 - bits)
    return Math.floor(value / size) === Math.floor((readV4(first) ?? 0) / size)
  })
  return isPrivate ? undefined : text
}

function readV4(text: string): number | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined
  const parts = text.split('.').map(Number)
  return parts.every((part) => part <= 255) ? parts.reduce((all, part) => all * 256 + part, 0) : undefined
}

/** Of all IPv6 addresses only 2000::/3 are given out for use between networks (RFC 4291, IANA). */
function hostOfV6(text: string): string | undefined {
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0 || !/^[0-9a-f:]+$/i.test(text)) return undefined
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const [first = 0, ...rest] = groups.slice(0, 4).map((group) => Number.parseInt(group, 16))
  if (first < 0x2000 || first > 0x3fff) return undefined
  return [first, ...rest].map((group) => group.toString(16)).join(':')
}
