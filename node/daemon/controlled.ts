import type { Config } from '../../config/schema.js'
import { NightshiftError } from '../../protocols/errors.js'
import { isPeer } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import type { ControlledNode, OfferQuery } from '../control/port.js'
import { type NodeStatus, type ProviderView, type RenterView, toJson } from '../control/view.js'
import type { Escrow } from '../escrow/port.js'
import type { PauseOptions } from '../owner/guard.js'
import type { ProviderStatus } from '../provider/status.js'
import type { Provider } from '../provider.js'
import type { Renter } from '../renter.js'
import type { Reputation } from '../reputation/port.js'
import type { Workflows } from '../workflow/workflows.js'
import { forwardJob } from './forward.js'
import { isWorkflow, readParsed, toPlan, toWorkflowPlan } from './manifest.js'
import { listOffers, readQuery, watchOffers } from './offers.js'

/** The roles of a node as the control server asks for them. */
export interface Roles {
  config: Config
  escrow: Escrow
  reputation: Reputation
  clock: Clock
  renter?: Renter
  workflows?: Workflows
  provider?: ProviderControl
  /** All of the status but the roles. */
  status(): Promise<Omit<NodeStatus, 'provider' | 'renter'>>
  renterView(): Promise<RenterView>
  stop(): void
}

/** The part of a provider that the control server needs. */
export interface ProviderControl {
  view(): Promise<ProviderView>
  status(): ProviderStatus
  price: Provider['previewPrice']
  pause(options: PauseOptions): Promise<void>
  resume(): Promise<void>
}

export function createControlledNode(roles: Roles): ControlledNode {
  const { config, escrow, reputation, clock, renter, workflows, provider } = roles
  const requireRenter = () => renter ?? missing('renter', 'start the node without limiting its roles')
  const requireWorkflows = () => workflows ?? missing('renter', 'start the node without limiting its roles')
  const requireProvider = () =>
    provider ?? missing('provider', 'start the node with --provider-enabled true and a price')
  const requireJob = async (id: string) => {
    const report = await requireRenter().job(id)
    if (report !== undefined) return report
    throw new NightshiftError('JOB_UNKNOWN', `there is no job ${id}`, {
      advice: 'see "nightshift job list"',
      context: { id },
    })
  }
  const requireWorkflow = async (id: string) => {
    const report = await requireWorkflows().get(id)
    if (report !== undefined) return report
    throw new NightshiftError('JOB_UNKNOWN', `there is no workflow ${id}`, {
      advice: 'see "nightshift job list"',
      context: { id },
    })
  }
  /** By the end of its id, as lists show it, if that is one provider's only. */
  const findPeer = async (named: string, signal: AbortSignal) => {
    if (isPeer(named)) return named
    const offers = await requireRenter().offers(signal)
    const found = offers.filter(({ peer }) => peer.endsWith(named))
    if (found.length === 1) return found[0]!.peer
    const many = found.length === 0 ? 'no provider' : `${found.length} providers`
    throw new NightshiftError('OFFER_UNKNOWN', `${many} with an id that ends in "${named}"`, {
      advice: 'name its whole peer id: "nightshift offers search --all --json" lists them',
      context: { peer: named },
    })
  }
  const search = async (query: OfferQuery) => readQuery(query, (await escrow.market()).decimals)
  return {
    status: async () => {
      const status = await roles.status()
      return {
        ...status,
        ...(provider === undefined ? {} : { provider: await provider.view() }),
        ...(renter === undefined ? {} : { renter: await roles.renterView() }),
      }
    },
    offers: async (query, signal) => listOffers(requireRenter(), await search(query), signal),
    watchOffers: async (query, signal) => watchOffers(requireRenter(), await search(query), clock, signal),
    verify: async (peer, signal) => toJson(await requireRenter().verifyHardware(peer, signal)),
    reputation: async (named, signal) =>
      toJson(await reputation.evidenceOf(await findPeer(named, signal), signal)),
    postJob: async ({ manifest, service }) => {
      const { decimals } = await escrow.market()
      const parsed = await readParsed(manifest)
      if (isWorkflow(parsed, service)) {
        const plan = toWorkflowPlan(parsed, manifest, { decimals, config })
        return { id: (await requireWorkflows().post(plan)).id, isWorkflow: true }
      }
      const { id } = await requireRenter().post(toPlan(parsed, manifest, service, { decimals, config }))
      return { id, isWorkflow: false }
    },
    jobs: async () => toJson(await requireRenter().jobs()),
    job: async (id) => toJson(await requireJob(id)),
    jobEvents: async function* (id, { from, follow, signal }) {
      let index = 0
      for await (const event of requireRenter().events(id, { follow, signal })) {
        if (index++ >= from) yield toJson(event)
      }
    },
    audit: async (id, signal) => toJson(await requireRenter().auditOf(id, signal)),
    stopJob: async (id) => {
      await requireJob(id)
      await requireRenter().stopJob(id)
    },
    forward: async (id, request, signal) => {
      await requireJob(id)
      return forwardJob(requireRenter(), id, request, signal)
    },
    exec: async (id, command, options) => {
      await requireJob(id)
      return requireRenter().reach.exec(id, command, options)
    },
    workflows: async () => toJson(await requireWorkflows().list()),
    workflow: async (id) => toJson(await requireWorkflow(id)),
    workflowEvents: async function* (id, { follow, signal }) {
      for await (const event of requireWorkflows().events(id, { follow, signal })) yield toJson(event)
    },
    stopWorkflow: async (id) => {
      await requireWorkflow(id)
      await requireWorkflows().stopWorkflow(id)
    },
    price: async ({ devices, strategy }) => toJson(await requireProvider().price({ devices }, strategy)),
    pause: async (options) => {
      await requireProvider().pause(options)
      return (await requireProvider().view()).owner
    },
    resume: async () => {
      await requireProvider().resume()
      return (await requireProvider().view()).owner
    },
    stop: async () => roles.stop(),
  }
}

function missing(role: string, advice: string): never {
  throw new NightshiftError('ROLE_MISSING', `this node is no ${role}`, { advice, context: { role } })
}
