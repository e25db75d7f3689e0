import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { AuctionAudit } from '../market/audit.js'
import type { OwnerView, PauseOptions } from '../owner/guard.js'
import type { PricePreview } from '../provider.js'
import type { DeploymentEvent, DeploymentReport } from '../renter/event.js'
import type { HardwareVerdict } from '../renter/verification.js'
import type { PeerEvidence } from '../reputation/port.js'
import type { ExecOptions, Execution } from '../runtime/port.js'
import type { WorkflowEvent, WorkflowReport } from '../workflow/event.js'
import { openExec } from './exec.js'
import { readControlFiles } from './file.js'
import type { ForwardEvent, ForwardRequest, OfferQuery, Posted, PostRequest, PriceQuery } from './port.js'
import {
  type ErrorView,
  type Json,
  type NodeStatus,
  type OfferChange,
  type OfferView,
  toJson,
} from './view.js'

/** The commands' side of the control API. Errors of the node arrive as the NightshiftError that they were there. */
export interface ControlClient {
  readonly url: string
  readonly pid: number
  status(): Promise<NodeStatus>
  offers(query: OfferQuery): Promise<OfferView[]>
  watchOffers(query: OfferQuery, signal?: AbortSignal): Promise<AsyncIterable<OfferChange>>
  verify(peer: string, signal?: AbortSignal): Promise<Json<HardwareVerdict>>
  reputation(peer: string, signal?: AbortSignal): Promise<Json<PeerEvidence>>
  postJob(post: PostRequest): Promise<Posted>
  jobs(): Promise<Json<DeploymentReport>[]>
  job(id: string): Promise<Json<DeploymentReport>>
  jobEvents(
    id: string,
    options: { from?: number; follow: boolean; signal?: AbortSignal },
  ): AsyncIterable<Json<DeploymentEvent>>
  audit(id: string, signal?: AbortSignal): Promise<Json<AuctionAudit>[]>
  stopJob(id: string): Promise<void>
  forward(id: string, request: ForwardRequest, signal: AbortSignal): AsyncIterable<ForwardEvent>
  exec(id: string, command: readonly string[], options: ExecOptions): Promise<Execution>
  workflows(): Promise<Json<WorkflowReport>[]>
  workflow(id: string): Promise<Json<WorkflowReport>>
  workflowEvents(
    id: string,
    options: { follow: boolean; signal?: AbortSignal },
  ): AsyncIterable<Json<WorkflowEvent>>
  stopWorkflow(id: string): Promise<void>
  price(query: PriceQuery): Promise<Json<PricePreview>>
  /** The address of the dashboard with a key that works once. */
  dashboardLink(): Promise<string>
  pause(request?: PauseOptions): Promise<OwnerView>
  resume(): Promise<OwnerView>
  stop(): Promise<void>
}

/** The slowest answer waits for the chain for a few seconds. */
const ANSWER_TIMEOUT_MS = 15_000
/** A long story is read from the chain transaction by transaction. */
const HISTORY_TIMEOUT_MS = 60_000
/** A proof is waited for by the node itself, for a minute, and no longer. */
const PROOF_TIMEOUT_MS = 90_000
/** A job may have held several auctions, and others are asked for eight seconds about each. */
const AUDIT_TIMEOUT_MS = 120_000
const MAX_ANSWER_BYTES = 64 * 2 ** 20

/** What it means that a node was killed and left its address behind; somebody else may have its port by now. */
const STALE: readonly string[] = ['NODE_GONE', 'CONTROL_DENIED', 'BAD_ANSWER']

/** The node that runs on a data directory, or undefined when none answers there. */
export async function findNode(dataDir: string): Promise<ControlClient | undefined> {
  const files = await readControlFiles(dataDir)
  if (files === undefined) return undefined
  const client = createClient(files.control.url, files.control.pid, files.token)
  try {
    await client.status()
    return client
  } catch (error) {
    if (STALE.includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}

/** Rejects with NODE_NOT_RUNNING when no node runs on the data directory. */
export async function connectToNode(dataDir: string): Promise<ControlClient> {
  const client = await findNode(dataDir)
  if (client !== undefined) return client
  throw new NightshiftError('NODE_NOT_RUNNING', `no node runs on ${dataDir}`, {
    advice: 'start one with "nightshift node start", or name its data directory with --data-dir',
    context: { dataDir },
  })
}

function createClient(url: string, pid: number, token: string): ControlClient {
  const call = <T>(method: 'GET' | 'POST', path: string, body?: unknown) =>
    send({ url, token, method, path, body, timeoutMs: ANSWER_TIMEOUT_MS }).then((answer) =>
      readAnswer<T>(answer),
    )
  const act = async (path: string) => {
    await call('POST', path, {})
  }
  async function* stream<Line>(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Line> {
    const answer = await send({ url, token, method, path, body, ...(signal === undefined ? {} : { signal }) })
    try {
      if (answer.statusCode !== 200) await readAnswer(answer)
      yield* readLines(answer) as AsyncIterable<Line>
    } finally {
      answer.destroy() // whoever stops reading lets the node know
    }
  }
  const jobPath = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`
  const workflowPath = (id: string) => `/v1/workflows/${encodeURIComponent(id)}`
  return {
    url,
    pid,
    status: () => call('GET', '/v1/status'),
    offers: (query) => call('POST', '/v1/offers', toJson(query)),
    watchOffers: async (query, signal) =>
      stream<OfferChange>('POST', '/v1/offers/watch', toJson(query), signal),
    verify: async (peer, signal) =>
      readAnswer(
        await send({
          url,
          token,
          method: 'POST',
          path: '/v1/verify',
          body: { peer },
          timeoutMs: PROOF_TIMEOUT_MS,
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    reputation: async (peer, signal) =>
      readAnswer(
        await send({
          url,
          token,
          method: 'POST',
          path: '/v1/reputation',
          body: { peer },
          timeoutMs: HISTORY_TIMEOUT_MS,
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    postJob: (post) => call('POST', '/v1/jobs', post),
    jobs: () => call('GET', '/v1/jobs'),
    job: (id) => call('GET', jobPath(id)),
    jobEvents: (id, { from = 0, follow, signal }) =>
      stream('GET', `${jobPath(id)}/events?from=${from}&follow=${follow}`, undefined, signal),
    audit: async (id, signal) =>
      readAnswer(
        await send({
          url,
          token,
          method: 'GET',
          path: `/v1/audits/${encodeURIComponent(id)}`,
          timeoutMs: AUDIT_TIMEOUT_MS,
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    stopJob: (id) => act(`${jobPath(id)}/stop`),
    forward: (id, request, signal) => stream('POST', `${jobPath(id)}/forward`, request, signal),
    exec: (id, command, options) => openExec({ url, token }, id, command, options),
    workflows: () => call('GET', '/v1/workflows'),
    workflow: (id) => call('GET', workflowPath(id)),
    workflowEvents: (id, { follow, signal }) =>
      stream('GET', `${workflowPath(id)}/events?follow=${follow}`, undefined, signal),
    stopWorkflow: (id) => act(`${workflowPath(id)}/stop`),
    price: (query) => call('POST', '/v1/price', query),
    dashboardLink: async () => `${url}${(await call<{ path: string }>('POST', '/v1/dashboard', {})).path}`,
    pause: (request = {}) => call('POST', '/v1/pause', request),
    resume: () => call('POST', '/v1/resume'),
    stop: () => act('/v1/stop'),
  }
}

interface Sending {
  url: string
  token: string
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  /** Longest silence; a stream has none. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** node:http rather than fetch: fetch gives up on a stream that is silent for five minutes. */
function send({ url, token, method, path, body, timeoutMs, signal }: Sending): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    authorization: `Bearer ${token}`,
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const options = {
    method,
    headers,
    agent: false,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  } as const
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), options, resolve)
    sent.on('error', (error) => reject(isNotListening(error) ? gone(url, error) : error))
    sent.on('timeout', () => sent.destroy(silent(url)))
    sent.end(text)
  })
}

function gone(url: string, cause: Error): NightshiftError {
  return new NightshiftError('NODE_GONE', `no node answers at ${url} any more`, {
    advice: 'start it again with "nightshift node start"; its jobs and leases are kept',
    context: { url },
    cause,
  })
}

function silent(url: string): NightshiftError {
  return new NightshiftError('NODE_SILENT', `the node at ${url} does not answer`, {
    advice: 'it may hang, or another program has its port: end the process and start the node again',
    context: { url },
  })
}

async function readAnswer<T>(answer: IncomingMessage): Promise<T> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw badAnswer('more than 64 MiB')
    chunks.push(chunk)
  }
  const parsed = parse(Buffer.concat(chunks).toString())
  if (answer.statusCode === 200) return parsed as T
  const { error } = parsed as { error?: Partial<ErrorView> }
  if (error?.code === undefined) throw badAnswer(`status ${answer.statusCode}`)
  throw new NightshiftError(error.code, error.message ?? '', {
    advice: error.advice ?? '',
    ...(error.context === undefined ? {} : { context: error.context }),
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw badAnswer('no JSON', cause)
  }
}

function badAnswer(what: string, cause?: unknown): NightshiftError {
  return new NightshiftError('BAD_ANSWER', `the node answered with ${what}`, {
    advice: 'another program may listen on its port, or it is of another version: restart the node',
    cause,
  })
}

async function* readLines(answer: IncomingMessage): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '') yield parse(line)
  }
}

function isNotListening(error: unknown): boolean {
  return ['ECONNREFUSED', 'ECONNRESET', 'EADDRNOTAVAIL'].includes(String((error as { code?: unknown }).code))
}
