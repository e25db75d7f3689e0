import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { CONTENT_SECURITY_POLICY, readAssets } from './assets.js'
import { type Door, SESSION_MS } from './door.js'
import { createPriceHistory, type PriceHistory, tellLive } from './live.js'
import type { DashboardNode } from './port.js'

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-cache',
} as const

/** Streams of one browser: a tab has two. */
const MAX_STREAMS = 64

const jobPath = z.object({ id: z.string().max(128) })
const outputPath = jobPath.extend({ index: z.coerce.number().int().min(0).max(100_000) })
const storyQuery = z.object({ from: z.coerce.number().int().min(0).default(0) })

/**
 * The pages under `/dashboard/`. Whoever has no session gets in by a link only; what changes anything must come from
 * the page itself, which `Origin` says (Fetch standard: a browser sends it with every POST and scripts cannot set it).
 */
export function addDashboard(
  server: FastifyInstance,
  { node, door, clock }: { node: DashboardNode; door: Door; clock: Clock },
): void {
  const closing = new AbortController()
  const assets = readAssets()
  let prices: PriceHistory | undefined
  server.addHook('preClose', async () => {
    prices?.stop()
    closing.abort()
  })
  let streams = 0

  const stream = (reply: FastifyReply, tell: (signal: AbortSignal) => AsyncIterable<string>) => {
    if (streams >= MAX_STREAMS) {
      throw new NightshiftError('STREAMS_TOO_MANY', `${MAX_STREAMS} pages are open`, {
        advice: 'close some of them',
      })
    }
    streams++
    const gone = new AbortController()
    reply.raw.once('close', () => {
      streams--
      gone.abort()
    })
    const signal = AbortSignal.any([gone.signal, closing.signal])
    return reply.type('text/event-stream; charset=utf-8').send(Readable.from(tell(signal)))
  }

  server.register(async (pages) => {
    pages.addHook('onRequest', async (request, reply) => {
      reply.headers(HEADERS)
      if (request.url.startsWith('/dashboard/enter?')) return
      requireSession(door, request)
      if (request.method !== 'GET') requireOwnPage(request)
    })
    pages.get('/dashboard/enter', async (request, reply) => {
      const { key } = z.object({ key: z.string().max(128) }).parse(request.query)
      const session = door.enter(key)
      if (session === undefined) {
        return reply.code(403).type('text/plain; charset=utf-8').send(USED)
      }
      const life = `Max-Age=${SESSION_MS / 1_000}`
      return reply
        .header(
          'set-cookie',
          `${cookieName(request)}=${session}; Path=/dashboard; HttpOnly; SameSite=Strict; ${life}`,
        )
        .redirect('/dashboard/', 303)
    })
    for (const [path, { type, body, etag }] of assets) {
      pages.get(path, async (request, reply) => {
        reply.header('etag', etag)
        if (request.headers['if-none-match'] === etag) return reply.code(304).send()
        return reply.type(type).send(body)
      })
    }
    pages.get('/dashboard/live', (_request, reply) =>
      stream(reply, (signal) => {
        // From the first look on: a node that nobody looks at asks nobody for prices.
        prices ??= createPriceHistory(node, clock, closing.signal)
        return tellLive(node, prices, clock, signal)
      }),
    )
    pages.get('/dashboard/price', () => node.price())
    pages.get('/dashboard/jobs/:id', (request) => node.job(jobPath.parse(request.params).id))
    pages.get('/dashboard/jobs/:id/story', async (request, reply) => {
      const { id } = jobPath.parse(request.params)
      const { from } = storyQuery.parse(request.query)
      await node.job(id)
      return stream(reply, (signal) => tellStory(node, id, from, signal))
    })
    pages.get('/dashboard/jobs/:id/outputs/:index', async (request, reply) => {
      const { id, index } = outputPath.parse(request.params)
      const { name, bytes, content } = await node.output(id, index)
      return reply
        .type('application/octet-stream')
        .header('content-length', bytes)
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
        .send(content)
    })
    pages.post('/dashboard/pause', async () => node.pause().then(() => ({})))
    pages.post('/dashboard/resume', async () => node.resume().then(() => ({})))
    pages.post('/dashboard/jobs/:id/stop', async (request) =>
      node.stopJob(jobPath.parse(request.params).id).then(() => ({})),
    )
  })
}

const USED = `This link has been used, or is older than two minutes.

Run "nightshift dashboard" for a new one.
`

/** Browsers keep cookies by host, not by port: the nodes of one machine must not take each other's. */
function cookieName(request: FastifyRequest): string {
  return `nightshift-${request.socket.localPort}`
}

function requireSession(door: Door, request: FastifyRequest): void {
  const name = cookieName(request)
  const session = (request.headers.cookie ?? '')
    .split(/; */)
    .find((each) => each.startsWith(`${name}=`))
    ?.slice(name.length + 1)
  if (door.isInside(session)) return
  throw new NightshiftError(
    'DASHBOARD_CLOSED',
    'this browser has no session with the node, or not any more',
    {
      advice: 'run "nightshift dashboard" and open the link that it prints',
    },
  )
}

function requireOwnPage({ headers }: FastifyRequest): void {
  if (headers.origin === `http://${headers.host}`) return
  throw new NightshiftError('CONTROL_FOREIGN', 'this was not asked by the dashboard’s own page', {
    advice: 'use the page that "nightshift dashboard" opens',
  })
}

async function* tellStory(
  node: DashboardNode,
  id: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let index = from
  for await (const event of node.story(id, { from, signal })) {
    yield `id: ${index++}\ndata: ${JSON.stringify(event)}\n\n`
  }
  yield 'event: end\ndata: {}\n\n'
}
