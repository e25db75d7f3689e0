import * as assert from 'uvu/assert'
import { type AttestationBoard, openAttestationBoard } from '../../node/market/attestations.js'
import type { Network } from '../../node/net/ports.js'
import { createEvidenceReader } from '../../node/renter/evidence.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'
import { ATTESTATION_WORD } from '../../protocols/challenge/attestation.js'
import { Attestation } from '../../protocols/challenge/wire.js'
import { seal } from '../../protocols/envelope.js'
import { fill, MARKET } from '../support/messages.js'
import { startNetwork } from '../support/network.js'
import { createMemoryStore } from '../support/provider.js'
import { suite } from '../support/suite.js'

const test = suite('attestations in the distributed hash table')

const COUNT = 6
const networks: Network[] = []
const boards: AttestationBoard[] = []
/** Stakes by node key in hex. */
const stakes = new Map<string, bigint>()

/** Looks again until it holds; the table takes its time on a busy machine. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const until = systemClock.elapsed() + 60_000
  while (!(await holds())) {
    assert.ok(systemClock.elapsed() < until, 'it did not come about in a minute')
    await systemClock.sleep(100)
  }
}

test.before(
  async () => {
    networks.push(await startNetwork())
    const bootstrap = networks[0]!.addresses()
    for (let index = 1; index < COUNT; index++) networks.push(await startNetwork({ bootstrap }))
    await eventually(() => networks[0]!.peers().length === COUNT - 1)
    for (const network of networks) {
      const parts = {
        network,
        market: MARKET,
        store: createMemoryStore(),
        clock: systemClock,
        log: silentLog,
        heartbeats: { newest: () => undefined },
      }
      boards.push(await openAttestationBoard(parts))
    }
  },
  { timeoutMs: 60_000 },
)
test.after(async () => {
  for (const board of boards) board.stop()
  await Promise.all(networks.map((network) => network.stop()))
})

function attest(
  verifier: Network,
  provider: Network,
  fields: Partial<Attestation> = {},
): Promise<Uint8Array> {
  const payload = Attestation.encode({
    market: MARKET,
    provider: provider.publicKey,
    timeMs: systemClock.now(),
    model: 'RTX 4090',
    backend: 'webgpu',
    gpu: true,
    params: { n: 8_192, rounds: 4 },
    provingMs: 1_000,
    recallMs: 50,
    verdict: 'matches',
    memoryVerdict: 'matches',
    ratio: 0.5,
    receiptHash: fill(32, 8),
    ...fields,
  })
  return seal({ word: ATTESTATION_WORD, payload, key: verifier.privateKey })
}

/** A reader that has heard nothing of anybody, and whom the provider tells nothing. */
function createReader(at: number) {
  return createEvidenceReader({
    heartbeats: { newest: () => undefined, all: () => [] },
    engine: networks[at]!.engine,
    escrow: {
      provider: async (key: Uint8Array) => ({ stake: stakes.get(toHex(key)) ?? 0n }),
      providers: async (keys: Uint8Array[]) => keys.map((key) => ({ stake: stakes.get(toHex(key)) ?? 0n })),
    } as never,
    board: boards[at]!,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    market: MARKET,
  })
}

test(
  'a renter who never met the provider reads what it keeps to itself, from those who have staked',
  async () => {
    const [, provider, rich, poor, liar] = networks as [Network, Network, Network, Network, Network]
    stakes.set(toHex(rich.publicKey), 700n)
    stakes.set(toHex(liar.publicKey), 50n)
    await boards[2]!.publish(provider.peer, await attest(rich, provider, { verdict: 'slower than claimed' }))
    await boards[3]!.publish(provider.peer, await attest(poor, provider))
    await boards[4]!.publish(provider.peer, await attest(liar, provider))
    // Own words about oneself do not even get stored by others.
    await networks[1]!.dht
      .put(`attestation/${provider.peer}/${provider.peer}`, await attest(provider, provider))
      .then(
        () => assert.unreachable(),
        (error) => assert.is(error.code, 'RECORD_INVALID'),
      )
    await eventually(async () => {
      const reader = createReader(5)
      const evidence = await reader.evidenceOf(provider.peer)
      reader.stop()
      return evidence.count === 2 && evidence.favourable === 1 && evidence.weight === -650n
    })
  },
  { timeoutMs: 120_000 },
)

test(
  'of two words of one verifier the newer one is found, also after the older one was put again',
  async () => {
    const [, , verifier, provider] = networks as [Network, Network, Network, Network]
    stakes.set(toHex(verifier.publicKey), 700n)
    const now = systemClock.now()
    const old = await attest(verifier, provider, { timeMs: now - 60_000 })
    const bad = await attest(verifier, provider, {
      timeMs: now,
      verdict: '',
      memoryVerdict: '',
      failure: 'OPENING_DIFFERS',
    })
    const key = `attestation/${provider.peer}/${verifier.peer}`
    await networks[2]!.dht.put(key, bad)
    await networks[1]!.dht.put(key, old).catch(() => {})
    await eventually(async () => {
      const found = await networks[5]!.dht.get(key).catch(() => undefined)
      return found !== undefined && toHex(found) === toHex(bad)
    })
  },
  { timeoutMs: 120_000 },
)

test.run()
