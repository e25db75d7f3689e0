import type { Config } from '../../config/schema.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { ControlledNode, OfferQuery } from '../control/port.js'
import { type NodeStatus, type ProviderView, type RenterView, toJson } from '../control/view.js'
import type { Escrow } from '../escrow/port.js'
import type { Renter } from '../renter.js'
import { readPlan } from './manifest.js'
import { listOffers, readQuery, watchOffers } from './offers.js'

/** The roles of a node as the control server asks for them. */
export interface Roles {
  config: Config
  escrow: Escrow
  clock: Clock
  renter?: Renter
  provider?: ProviderControl
  /** All of the status but the roles. */
  status(): Promise<Omit<NodeStatus, 'provider' | 'renter'>>
  renterView(): Promise<RenterView>
  stop(): void
}

/** The part of a provider that the control server needs. */
export interface ProviderControl {
  view(): Promise<ProviderView>
  pause(): Promise<void>
  resume(): Promise<void>
}

export function createControlledNode(roles: Roles): ControlledNode {
  const { config, escrow, clock, renter, provider } = roles
  const requireRenter = () => renter ?? missing('renter', 'start the node without limiting its roles')
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
    watchOffers: async function* (query, signal) {
      yield* watchOffers(requireRenter(), await search(query), clock, signal)
    },
    verify: async (peer, signal) => toJson(await requireRenter().verifyHardware(peer, signal)),
    postJob: async ({ manifest, service }) => {
      const { decimals } = await escrow.market()
      const plan = await readPlan(manifest, service, { decimals, config })
      const { id } = await requireRenter().post(plan)
      return { id }
    },
    jobs: async () => toJson(await requireRenter().jobs()),
    job: async (id) => toJson(await requireJob(id)),
    jobEvents: async function* (id, { from, follow, signal }) {
      let index = 0
      for await (const event of requireRenter().events(id, { follow, signal })) {
        if (index++ >= from) yield toJson(event)
      }
    },
    stopJob: async (id) => {
      await requireJob(id)
      await requireRenter().stopJob(id)
    },
    pause: async () => requireProvider().pause(),
    resume: async () => requireProvider().resume(),
    stop: async () => roles.stop(),
  }
}

function missing(role: string, advice: string): never {
  throw new NightshiftError('ROLE_MISSING', `this node is no ${role}`, { advice, context: { role } })
}
