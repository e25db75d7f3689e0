import { createServer } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import type { Finding } from './finding.js'

export interface Endpoint {
  host: string
  port: number
}

/** Host and port of an address that can be listened on over TCP; undefined for others. */
export function endpointOf(address: string): Endpoint | undefined {
  const [ip, tcp] = multiaddr(address).getComponents()
  if (ip === undefined || tcp?.name !== 'tcp' || !/^ip[46]$/.test(ip.name)) return undefined
  return { host: ip.value ?? '', port: Number(tcp.value) }
}

/** Listens for a moment; resolves to the system's error code where that does not work. */
export function tryListening({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

export interface ListeningFacts {
  /** With the error code of a try to listen; none: it worked. */
  endpoints: ReadonlyArray<Endpoint & { problem?: string | undefined }>
  /** Whether a node of ours runs on this data directory: then it is what uses the ports. */
  isRunning: boolean
  announced: number
}

/** Whether others could connect, as far as this machine alone can tell. */
export function judgeListening({ endpoints, isRunning, announced }: ListeningFacts): Finding {
  const named = endpoints.map(({ host, port }) => `${host} port ${port}`).join(', ') || 'nothing'
  const broken = endpoints.find(
    ({ problem }) => problem !== undefined && !(isRunning && problem === 'EADDRINUSE'),
  )
  if (broken !== undefined) {
    const { host, port, problem } = broken
    return {
      verdict: 'fail',
      found: `cannot listen on ${host} port ${port}: ${describe(problem!)}`,
      advice:
        problem === 'EADDRINUSE'
          ? `stop what uses it (ss -ltnp "sport = :${port}"), or choose another with --network-listen /ip4/0.0.0.0/tcp/0`
          : 'choose an address of this machine and a port above 1023 with --network-listen',
    }
  }
  const isReachable = endpoints.some(({ host }) => !isLoopback(host)) || announced > 0
  if (!isReachable) {
    return {
      verdict: 'warn',
      found: `listens on ${named}: only this machine can connect`,
      advice: 'listen to others too: --network-listen /ip4/0.0.0.0/tcp/4771',
    }
  }
  return {
    verdict: 'ok',
    found: `${isRunning ? 'the running node listens' : 'free to listen'} on ${named}; behind a router, forward the port and name the outer address with --network-announce`,
  }
}

function describe(problem: string): string {
  if (problem === 'EADDRINUSE') return 'another program uses it'
  if (problem === 'EACCES') return 'the system does not allow it'
  return problem === 'EADDRNOTAVAIL' ? 'the address is not of this machine' : problem
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}
