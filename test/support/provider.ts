import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobEvent as DeviceEvent, JobOutput } from '../../kernels/tfjs/event.js'
import type { DeviceJob } from '../../kernels/tfjs/job.js'
import type { OfferedDevice } from '../../node/device/port.js'
import { type AuctionTopic, createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic, type HeartbeatTopic } from '../../node/market/heartbeats.js'
import type { Network } from '../../node/net/ports.js'
import type { Session } from '../../node/net/session.js'
import { createProvider, type Provider, type ProviderOptions } from '../../node/provider.js'
import { readDocument, writeDocument } from '../../node/store/document.js'
import type { Store } from '../../node/store/port.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { openBid } from '../../protocols/auction/bid.js'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { windowsOf } from '../../protocols/auction/rules.js'
import { type Bid, type Order, PricingRule } from '../../protocols/auction/wire.js'
import { digest, toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { contentOf } from '../../protocols/job/content.js'
import { jobProtocol } from '../../protocols/job/protocol.js'
import { encodeJobSpec } from '../../protocols/job/spec.js'
import type { Blob, JobEvent, JobRequest } from '../../protocols/job/wire.js'
import { leaseProtocol } from '../../protocols/lease/protocol.js'
import { termsHashOf } from '../../protocols/lease/rules.js'
import type { LeaseResponse, Terms } from '../../protocols/lease/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import type { VoucherResponse } from '../../protocols/settlement/wire.js'
import type { MemoryChain } from './chain.js'
import { type Holding, holdContent } from './content.js'
import { makeResult } from './messages.js'

export const GIB = 2 ** 30
/** A job that the declared runtime takes; the fake device does not look at it. */
export const JOB = {
  runtime: 'tfjs',
  job: {
    task: 'train',
    model: { input: [2], layers: [{ type: 'dense', units: 1 }] },
    loss: 'meanSquaredError',
    epochs: 1,
    dataset: { format: 'csv.gz', features: { first: 0, count: 2 }, label: 2 },
  },
}

/** Keeps documents as the real store writes them; survives the provider that used it. */
export function createMemoryStore(): Store & { fail(because: Error | undefined): void } {
  const documents = new Map<string, string>()
  let failure: Error | undefined
  return {
    fail: (because) => {
      failure = because
    },
    close: async () => {},
    collection: <T>(name: string) => ({
      get: async (key: string) => {
        const text = documents.get(`${name}/${key}`)
        return text === undefined ? undefined : (readDocument(text) as T)
      },
      put: async (key: string, value: T) => {
        const text = writeDocument(value)
        await Promise.resolve()
        if (failure !== undefined) throw failure
        documents.set(`${name}/${key}`, text)
      },
      delete: async (key: string) => void documents.delete(`${name}/${key}`),
      list: async () =>
        [...documents]
          .filter(([key]) => key.startsWith(`${name}/`))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, text]) => ({ key: key.slice(name.length + 1), value: readDocument(text) as T })),
    }),
  }
}

/** A device whose work ends when the test says so. */
export interface FakeDevice extends OfferedDevice {
  readonly jobs: DeviceJob[]
  /** What it does when it is asked for a checkpoint; nothing, unless the test says so. */
  onAsked: () => void
  say(event: DeviceEvent): void
  finish(artifacts: JobOutput['artifacts']): void
  fail(error: Error): void
  isRunning(): boolean
  proofs: { open: number; made: number }
}

export function createFakeDevice(): FakeDevice {
  const jobs: DeviceJob[] = []
  let current:
    | { say(event: DeviceEvent): void; end(output: JobOutput): void; fail(error: Error): void }
    | undefined
  const proofs = { open: 0, made: 0 }
  const device: FakeDevice = {
    onAsked: () => {},
    report: { backend: 'cpu', ok: true, gpu: false, model: 'Fake', memoryBytes: 2 * GIB, gflops: 10 },
    jobs,
    proofs,
    isRunning: () => current !== undefined,
    say: (event) => current?.say(event),
    finish: (artifacts) => current?.end({ artifacts }),
    fail: (error) => current?.fail(error),
    run: (job, { signal, onEvent, onAskable } = {}) =>
      new Promise<JobOutput>((resolve, reject) => {
        jobs.push(job)
        onAskable?.(() => device.onAsked())
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        current = { say: (event) => onEvent?.(event), end: resolve, fail: reject }
      }).finally(() => {
        current = undefined
      }),
    prove: async ({ seed }) => {
      proofs.open++
      proofs.made++
      return {
        root: digest(seed),
        elapsedMs: 1,
        open: async (entries) => entries.map((entry) => ({ ...entry, segment: seed, path: [digest(seed)] })),
        recall: async () => {
          throw new Error('this device keeps nothing resident')
        },
        release: async () => {
          proofs.open--
        },
      }
    },
  }
  return device
}

export interface ProviderHouse {
  provider: Provider
  network: Network
  device: FakeDevice
  store: ReturnType<typeof createMemoryStore>
  dataDir: string
  /** As `kill -9` does: nothing is asked to stop, no timer fires, nothing is written or sent any more. */
  kill(): void
  /** A new process over the same disk, with the same key. */
  restart(): Promise<Provider>
  remove(): Promise<void>
}

export async function startProvider(parts: {
  network: Network
  /** What a restarted process would have: the same key, no old handlers. */
  rejoin?: () => Promise<Network>
  chain: MemoryChain
  clock: Clock
  options?: Partial<ProviderOptions>
}): Promise<ProviderHouse> {
  const { chain, clock } = parts
  const store = createMemoryStore()
  const dataDir = mkdtempSync(join(tmpdir(), 'nightshift-provider-'))
  let life = createLife()
  const start = (network: Network, device: FakeDevice) =>
    createProvider({
      network,
      escrow: life.mortal(chain.escrow()),
      store: life.store(store),
      devices: [device],
      clock: life.clock(clock),
      random: systemRandom,
      log: silentLog,
      dataDir,
      pricePerHour: 3_600_000n,
      location: 'DE-Berlin',
      runtimes: ['tfjs'],
      version: '0.0.0',
      ...parts.options,
    })
  const device = createFakeDevice()
  chain.register(parts.network.publicKey, 100_000n)
  const house: ProviderHouse = {
    provider: await start(parts.network, device),
    network: parts.network,
    device,
    store,
    dataDir,
    kill: () => life.kill(),
    restart: async () => {
      house.kill()
      life = createLife()
      if (parts.rejoin !== undefined) house.network = await parts.rejoin()
      house.device = createFakeDevice()
      house.provider = await start(house.network, house.device)
      return house.provider
    },
    remove: async () => {
      await house.provider.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return house
}

/** What a process holds of the world, until it is killed. */
export function createLife() {
  let isDead = false
  const cancels = new Set<() => void>()
  const mortal = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (object, name) => {
        const found = Reflect.get(object, name) as unknown
        if (typeof found !== 'function') return found
        return (...args: unknown[]) =>
          isDead ? new Promise(() => {}) : (found as (...args: unknown[]) => unknown).apply(object, args)
      },
    })
  const keep = (cancel: () => void) => {
    cancels.add(cancel)
    return () => {
      cancels.delete(cancel)
      cancel()
    }
  }
  return {
    mortal,
    store: (store: Store): Store => ({ ...store, collection: (name) => mortal(store.collection(name)) }),
    clock: (clock: Clock): Clock => ({
      ...clock,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (isDead) return
          const cancel = keep(clock.after(ms, resolve))
          const stop = () => {
            cancel()
            if (!isDead) reject(signal?.reason)
          }
          if (signal?.aborted) stop()
          else signal?.addEventListener('abort', stop, { once: true })
        }),
      after: (ms, act) => (isDead ? () => {} : keep(clock.after(ms, act))),
      every: (ms, act) => (isDead ? () => {} : keep(clock.every(ms, act))),
    }),
    kill: () => {
      isDead = true
      for (const cancel of cancels) cancel()
    },
  }
}

export interface Ordered {
  order: Order
  orderId: Uint8Array
  envelope: Uint8Array
  spec: Uint8Array
}

/** Says what a renter says, step by step, and whatever a hostile one might. */
export interface ScriptedRenter {
  network: Network
  topic: AuctionTopic
  heartbeats: HeartbeatTopic
  bids: Array<{ peer: string; bid: Bid }>
  commitments: string[]
  /** What the next reveals are answered; default: taken. */
  answerReveals(refused: string): void
  order(fields?: Partial<Order>, requirements?: Partial<Requirements>): Promise<Ordered>
  award(ordered: Ordered, winner: string, pricePerHour?: bigint, round?: number): Promise<Uint8Array>
  terms(ordered: Ordered, provider: string, fields?: Partial<Terms>): Terms
  propose(
    ordered: Ordered,
    result: Uint8Array,
    terms: Terms,
    transaction?: Uint8Array,
  ): Promise<LeaseResponse & { transaction: Uint8Array; lease: Uint8Array }>
  /** From the order to the open lease. */
  lease(provider: string, fields?: Partial<Order>): Promise<OpenLease>
  pay(lease: OpenLease, amount: bigint, sequence: bigint, fields?: PayFields): Promise<VoucherResponse>
  close(): void
  startJob(
    lease: OpenLease,
    inputs: Array<{ name: string; bytes: Uint8Array; keep?: boolean; shared?: boolean }>,
    fromEvent?: number,
    checkpoint?: Blob,
    key?: Uint8Array,
  ): Promise<JobTalk>
}

export interface PayFields {
  final?: boolean
  serial?: bigint
  signer?: Network
}

export interface OpenLease {
  address: Uint8Array
  provider: string
  ordered: Ordered
  terms: Terms
}

/** `hold`: what its renter gives, and takes with. */
export type JobTalk = Session<JobRequest, JobEvent> & { blobs: Blob[]; hold: Holding }

export const PRICE = 3_600_000n

export async function createRenter(parts: {
  network: Network
  chain: MemoryChain
  clock: Clock
}): Promise<ScriptedRenter> {
  const { network, chain, clock } = parts
  const escrow = chain.escrow()
  const topicParts = { network, market: chain.market, clock, log: silentLog }
  const topic = createAuctionTopic(topicParts)
  const heartbeats = createHeartbeatTopic(topicParts)
  const bids: ScriptedRenter['bids'] = []
  const commitments: string[] = []
  let refusal = ''
  topic.onCommitment(({ peer }) => commitments.push(peer))
  await network.engine.handle(revealProtocol, async (session) => {
    const request = await session.receive()
    const opened = await openBid(request?.bid ?? new Uint8Array())
    if (!isRefusal(opened) && refusal === '') bids.push(opened)
    await session.send({ refused: refusal, detail: '' })
  })

  const hold = await holdContent(network)
  const renter: ScriptedRenter = {
    network,
    topic,
    heartbeats,
    bids,
    commitments,
    answerReveals: (refused) => {
      refusal = refused
    },
    order: async (fields = {}, requirements = {}) => {
      const spec = encodeJobSpec(JOB)
      const order: Order = {
        market: chain.market,
        nonce: systemRandom.bytes(16),
        timeMs: clock.now(),
        requirements: Requirements.encode({ devices: 1, runtime: 'tfjs', ...requirements }),
        ceilingPricePerHour: 2n * PRICE,
        durationS: 600,
        commitMs: 300,
        revealMs: 1_000,
        pricing: PricingRule.FIRST_PRICE,
        jobHash: spec.hash,
        sliceMs: 1_000,
        wallet: digest(network.publicKey),
        addresses: network.addresses(),
        ...fields,
      }
      const { orderId, envelope } = await topic.publish({ order })
      return { order, orderId, envelope, spec: spec.bytes }
    },
    award: async ({ orderId }, winner, pricePerHour = PRICE, round = 0) => {
      const result = makeResult({ orderId, winner, pricePerHour, round })
      return (await topic.publish({ result })).envelope
    },
    terms: ({ order, orderId }, provider, fields = {}) => ({
      market: order.market,
      orderId,
      provider,
      renter: network.peer,
      wallet: order.wallet,
      pricePerHour: PRICE,
      durationS: order.durationS,
      sliceMs: order.sliceMs,
      jobHash: order.jobHash,
      devices: 1,
      ...fields,
    }),
    propose: async (ordered, result, terms, transaction) => {
      const proposed = await escrow.proposeLease({
        provider: solanaKeyOf(terms.provider),
        wallet: terms.wallet,
        sessionKey: network.publicKey,
        orderId: ordered.orderId,
        termsHash: termsHashOf(terms),
        pricePerHour: terms.pricePerHour,
        durationS: terms.durationS,
      })
      const sent = transaction ?? proposed.transaction
      const proposal = { order: ordered.envelope, result, terms, transaction: sent }
      const response = await network.engine.request(leaseProtocol, terms.provider, { proposal })
      return { ...response, ...proposed }
    },
    lease: async (provider, fields = {}) => {
      const ordered = await renter.order(fields)
      const { commitUntil } = windowsOf(ordered.order)
      const known = bids.length
      while (bids.length === known || clock.now() < commitUntil) await clock.sleep(5)
      const result = await renter.award(ordered, provider)
      const terms = renter.terms(ordered, provider)
      const proposed = await renter.propose(ordered, result, terms)
      if (proposed.refused !== '') throw new Error(`refused: ${proposed.refused} ${proposed.detail}`)
      const { signature } = await escrow.openLease(proposed.transaction, proposed.signature)
      const opened = { lease: proposed.lease, signature }
      const told = await network.engine.request(leaseProtocol, provider, { opened })
      if (told.refused !== '') throw new Error(`not taken: ${told.refused} ${told.detail}`)
      return { address: proposed.lease, provider, ordered, terms }
    },
    pay: async (lease, amount, sequence, { final = false, serial, signer = network } = {}) => {
      const account = chain.leases.get(toHex(lease.address))
      const voucher = encodeVoucher({
        lease: lease.address,
        serial: serial ?? account?.serial ?? 1n,
        amount,
        sequence,
        final,
      })
      const signature = await signer.privateKey.sign(voucher)
      return network.engine.request(settlementProtocol, lease.provider, { voucher, signature })
    },
    close: () => {
      topic.close()
      heartbeats.close()
    },
    startJob: async (lease, inputs, fromEvent = 0, checkpoint, key = new Uint8Array()) => {
      const session = await network.engine.open(jobProtocol, lease.provider)
      const blobs = inputs.map(({ name, bytes, ...terms }) => ({
        name,
        sha256: contentOf(bytes),
        bytes: bytes.length,
        ...terms,
      }))
      await session.send({
        start: {
          lease: lease.address,
          key,
          spec: lease.ordered.spec,
          inputs: blobs,
          fromEvent,
          ...(checkpoint === undefined ? {} : { checkpoint }),
        },
      })
      return Object.assign(session, { blobs, hold })
    },
  }
  return renter
}

/** The next event that `pick` takes something from; those before it are passed over. */
export async function nextEvent<T>(
  talk: Session<JobRequest, JobEvent>,
  pick: (event: JobEvent) => T | undefined,
): Promise<T> {
  for (;;) {
    const event = await talk.receive()
    if (event === undefined) throw new Error('the provider ended the stream')
    const picked = pick(event)
    if (picked !== undefined) return picked
  }
}

/** Gives what the provider asks for. */
export async function upload(
  talk: JobTalk,
  inputs: Array<{ name: string; bytes: Uint8Array }>,
): Promise<void> {
  for (const { bytes } of inputs) talk.hold.give(bytes)
}
