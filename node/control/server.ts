import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PRICING_STRATEGIES } from '../../config/schema.js'
import { SEARCH_LIMITS } from '../../config/search.js'
import { NightshiftError } from '../../protocols/errors.js'
import { MAX_NOTICE_S } from '../../protocols/heartbeat/rules.js'
import { isOfferOrder, type OfferOrder } from '../../protocols/inventory/order.js'
import { isPeer } from '../../protocols/peer.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import { createDoor } from '../dashboard/door.js'
import type { DashboardNode } from '../dashboard/port.js'
import { addDashboard } from '../dashboard/server.js'
import { createExecServer } from './exec.js'
import { removeControlFiles, writeControlFiles } from './file.js'
import type { ControlledNode } from './port.js'
import { viewError } from './view.js'

/**
 * The door for the commands of the same user on the same machine: HTTP on loopback, with a token that only this user
 * can read. A web page must not get in: every request needs the token, a Host that is the loopback address itself
 * (against DNS rebinding), and no Origin. The dashboard's own page has another door (../dashboard/door.ts).
 */
export interface ControlServer {
  readonly url: string
  /** Idempotent; ends open streams, takes the address and the token away. */
  stop(): Promise<void>
}

export interface ControlServerOptions {
  node: ControlledNode
  /** The node as a browser sees it, under /dashboard/. */
  dashboard: DashboardNode
  dataDir: string
  host: string
  /** 0: any free one. */
  port: number
  version: string
  pid: number
  clock: Clock
  random: Random
  log: Log
}

const BODY_LIMIT_BYTES = 65_536
const REQUEST_TIMEOUT_MS = 10_000
const TOKEN_BYTES = 32
/** Other users of the machine can connect as well: they must not use up the files that the node may open. */
const MAX_CONNECTIONS = 256
/** Whoever is away for longer stops the node. */
const LONGEST_PAUSE_MS = 366 * 86_400_000

const STATUS_OF: Readonly<Record<string, number>> = {
  JOB_UNKNOWN: 404,
  PORT_IN_USE: 409,
  PORT_FORBIDDEN: 409,
  OFFER_UNKNOWN: 404,
  OUTPUT_UNKNOWN: 404,
  ROLE_MISSING: 409,
  LINKS_TOO_MANY: 429,
  STREAMS_TOO_MANY: 429,
  BAD_REQUEST: 400,
  SEARCH_INVALID: 400,
}

const offerQuery = z.strictObject({
  requirements: z.strictObject({
    devices: z.number().int().min(0).max(1024),
    memoryBytes: z.coerce.bigint(),
    gpu: z.boolean(),
    models: z.array(z.string().max(256)).max(64),
    runtime: z.string().max(64),
    locations: z.array(z.string().max(64)).max(64),
    minimumStake: z.coerce.bigint(),
    minimumGflops: z.number(),
    allow: z.array(z.string().max(128)).max(256),
    deny: z.array(z.string().max(128)).max(256),
    maxLatencyMs: z.number().int().positive().exactOptional(),
    minimumReliability: z.number().min(0).max(1).exactOptional(),
    minimumAttestations: z.number().int().min(0).max(1024).exactOptional(),
    noticeS: z.number().int().min(0).max(MAX_NOTICE_S).exactOptional(),
    attesters: z.array(z.string().max(128)).max(256).default([]),
    choices: z
      .array(z.strictObject({ models: z.array(z.string().max(256)).max(64), memoryBytes: z.coerce.bigint() }))
      .max(64)
      .default([]),
  }),
  ceilingPricePerHour: z.coerce.bigint().exactOptional(),
  search: z.string().max(SEARCH_LIMITS.maxChars).exactOptional(),
  sort: z.custom<OfferOrder>((value) => typeof value === 'string' && isOfferOrder(value)).exactOptional(),
  limit: z.number().int().min(1).max(10_000).exactOptional(),
  all: z.boolean().exactOptional(),
})

const postRequest = z.strictObject({
  manifest: z.string().max(4096),
  service: z.string().max(64).optional(),
})

const verifyRequest = z.strictObject({ peer: z.string().max(128).refine(isPeer, 'a peer id') })

const reputationRequest = z.strictObject({ peer: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{4,128}$/) })

const priceRequest = z.strictObject({
  devices: z.number().int().min(1).max(1024),
  strategy: z.enum(PRICING_STRATEGIES).optional(),
})

const port = z.number().int().min(0).max(65_535)
const forwardRequest = z.strictObject({ port: port.min(1), localPort: port.exactOptional() })

const pauseRequest = z.strictObject({
  forMs: z.number().int().positive().max(LONGEST_PAUSE_MS).optional(),
  noticeMs: z
    .number()
    .int()
    .min(0)
    .max(MAX_NOTICE_S * 1_000)
    .optional(),
})

const eventQuery = z.object({
  from: z.coerce.number().int().min(0).default(0),
  follow: z.enum(['true', 'false']).default('false'),
})

const jobPath = z.object({ id: z.string().max(128) })

export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { node, dataDir, host, port, random } = options
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('hex')
  const server = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  })
  server.server.maxConnections = MAX_CONNECTIONS
  const door = createDoor(options)
  answerErrors(server, options.log)
  guard(server, token)
  addRoutes(server, node)
  server.post('/v1/dashboard', () => ({ path: door.invite() }))
  addDashboard(server, { node: options.dashboard, door, clock: options.clock })
  const exec = createExecServer(node)
  server.server.on('upgrade', (request, socket, head) => {
    if (denialOf(request.headers, token) !== undefined || !exec.take(request, socket, head)) socket.destroy()
  })
  const url = await listen(server, host, port)
  await writeControlFiles(dataDir, { url, pid: options.pid, version: options.version }, token)
  let stopped: Promise<void> | undefined
  return {
    url,
    stop: () => {
      stopped ??= removeControlFiles(dataDir).then(() => {
        exec.stop()
        return server.close()
      })
      return stopped
    },
  }
}

async function listen(server: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (cause) {
    const used = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
    throw new NightshiftError(
      used ? 'PORT_IN_USE' : 'CONTROL_NOT_LISTENING',
      `the control API cannot listen on ${host} port ${port}${used ? ': the port is in use' : ''}`,
      {
        advice: 'choose another port with --control-port, or 0 for any free one',
        context: { host, port },
        cause,
      },
    )
  }
}

/** Routes that do not exist are guarded as well; pages have a guard of their own (../dashboard/server.ts). */
function guard(server: FastifyInstance, token: string): void {
  server.addHook('onRequest', async ({ url, headers }) => {
    if (!url.startsWith('/dashboard/')) {
      const denial = denialOf(headers, token)
      if (denial !== undefined) throw denial
    } else if (!isLoopback(headers.host)) throw foreign()
  })
}

function denialOf(headers: IncomingHttpHeaders, token: string): NightshiftError | undefined {
  const { host, origin, authorization } = headers
  if (origin !== undefined || !isLoopback(host)) return foreign()
  const given = /^Bearer ([0-9a-f]+)$/.exec(authorization ?? '')?.[1] ?? ''
  return sameText(given, token) ? undefined : denied('CONTROL_DENIED', 'the token is missing or wrong')
}

function foreign(): NightshiftError {
  return denied('CONTROL_FOREIGN', 'requests of web pages and under other host names are not answered')
}

function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/.test(host ?? '')
}

/** Compares digests, so that neither length nor content shows in the time that it takes. */
function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

function denied(code: string, message: string): NightshiftError {
  return new NightshiftError(code, message, {
    advice: 'send the token of control.token in the data directory: "authorization: Bearer <token>"',
  })
}

function answerErrors(server: FastifyInstance, log: Log): void {
  server.setNotFoundHandler((_request, reply) => {
    const error = new NightshiftError('ROUTE_UNKNOWN', 'the control API has no such route', {
      advice: 'the command may be newer or older than the node: restart the node',
    })
    return reply.code(404).send({ error: viewError(error) })
  })
  server.setErrorHandler((error: unknown, _request: FastifyRequest, reply: FastifyReply) => {
    const known = asKnown(error)
    const code = known instanceof NightshiftError ? known.code : 'INTERNAL'
    if (code === 'INTERNAL') log.error('a control request failed', { error: String(error) })
    return reply.code(statusOf(code)).send({ error: viewError(known) })
  })
}

function statusOf(code: string): number {
  if (code === 'CONTROL_DENIED' || code === 'DASHBOARD_CLOSED') return 401
  if (code === 'CONTROL_FOREIGN') return 403
  return STATUS_OF[code] ?? 500
}

/** What fastify and zod say about a request, as an error of ours. */
function asKnown(error: unknown): unknown {
  const status = (error as { statusCode?: number }).statusCode
  const isClient = status !== undefined && status >= 400 && status < 500
  if (!(error instanceof z.ZodError) && !isClient) return error
  const message = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
  return new NightshiftError('BAD_REQUEST', message, {
    advice: 'the command may be newer or older than the node: restart the node',
    cause: error,
  })
}

function addRoutes(server: FastifyInstance, node: ControlledNode): void {
  server.get('/v1/status', () => node.status())
  server.post('/v1/offers', (request, reply) => node.offers(offerQuery.parse(request.body), signalOf(reply)))
  server.post('/v1/offers/watch', async (request, reply) => {
    const changes = await node.watchOffers(offerQuery.parse(request.body), signalOf(reply))
    return reply.type('application/x-ndjson').send(Readable.from(lines(changes)))
  })
  server.post('/v1/verify', (request, reply) =>
    node.verify(verifyRequest.parse(request.body).peer, signalOf(reply)),
  )
  server.post('/v1/reputation', (request, reply) =>
    node.reputation(reputationRequest.parse(request.body).peer, signalOf(reply)),
  )
  server.post('/v1/price', (request) => {
    const { devices, strategy } = priceRequest.parse(request.body)
    return node.price({ devices, ...(strategy === undefined ? {} : { strategy }) })
  })
  server.get('/v1/jobs', () => node.jobs())
  server.post('/v1/jobs', (request) => {
    const { manifest, service } = postRequest.parse(request.body)
    return node.postJob({ manifest, ...(service === undefined ? {} : { service }) })
  })
  server.get('/v1/jobs/:id', (request) => node.job(jobPath.parse(request.params).id))
  server.get('/v1/jobs/:id/events', async (request, reply) => {
    const { id } = jobPath.parse(request.params)
    const { from, follow } = eventQuery.parse(request.query)
    await node.job(id) // an unknown job is answered as such, not as a stream that breaks
    const events = node.jobEvents(id, { from, follow: follow === 'true', signal: signalOf(reply) })
    return reply.type('application/x-ndjson').send(Readable.from(lines(events)))
  })
  server.get('/v1/audits/:id', (request, reply) =>
    node.audit(jobPath.parse(request.params).id, signalOf(reply)),
  )
  server.post('/v1/jobs/:id/stop', async (request) => {
    await node.stopJob(jobPath.parse(request.params).id)
    return {}
  })
  server.post('/v1/jobs/:id/forward', async (request, reply) => {
    const { id } = jobPath.parse(request.params)
    const events = await node.forward(id, forwardRequest.parse(request.body), signalOf(reply))
    return reply.type('application/x-ndjson').send(Readable.from(lines(events)))
  })
  server.get('/v1/workflows', () => node.workflows())
  server.get('/v1/workflows/:id', (request) => node.workflow(jobPath.parse(request.params).id))
  server.get('/v1/workflows/:id/events', async (request, reply) => {
    const { id } = jobPath.parse(request.params)
    const { follow } = eventQuery.parse(request.query)
    await node.workflow(id)
    const events = node.workflowEvents(id, { follow: follow === 'true', signal: signalOf(reply) })
    return reply.type('application/x-ndjson').send(Readable.from(lines(events)))
  })
  server.post('/v1/workflows/:id/stop', async (request) => {
    await node.stopWorkflow(jobPath.parse(request.params).id)
    return {}
  })
  server.post('/v1/pause', (request) => {
    const { forMs, noticeMs } = pauseRequest.parse(request.body ?? {})
    return node.pause({
      ...(forMs === undefined ? {} : { forMs }),
      ...(noticeMs === undefined ? {} : { noticeMs }),
    })
  })
  server.post('/v1/resume', () => node.resume())
  server.post('/v1/stop', async () => {
    await node.stop()
    return {}
  })
}

/** Aborts when the caller has gone away. */
function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

async function* lines(events: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`
}
