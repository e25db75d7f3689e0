import { systemClock } from '../../node/system/clock.js'
import type { Clock } from '../../protocols/ports.js'
import { createMemoryChain, type MemoryChain } from './chain.js'
import { createHub, type Hub, type MemoryNetwork } from './memory.js'
import { createRenter, type ProviderHouse, type ScriptedRenter, startProvider } from './provider.js'

/** One market in memory: a chain, a provider and a renter, gone when the body has ended. */
export interface World {
  hub: Hub
  chain: MemoryChain
  clock: Clock
  house: ProviderHouse
  renter: ScriptedRenter
  /** Another renter of the same market. */
  renterToo(): Promise<ScriptedRenter>
}

export async function withWorld(
  body: (world: World) => Promise<void>,
  options: Parameters<typeof startProvider>[0]['options'] & { clock?: Clock; providerClock?: Clock } = {},
): Promise<void> {
  const { clock = systemClock, providerClock = clock, ...rest } = options
  const hub = createHub()
  const chain = createMemoryChain(clock)
  const network: MemoryNetwork = await hub.join()
  const renters: ScriptedRenter[] = []
  const renterToo = async () => {
    const renter = await createRenter({ network: await hub.join(), chain, clock })
    renters.push(renter)
    return renter
  }
  const renter = await renterToo()
  const house = await startProvider({
    network,
    rejoin: () => hub.join(network.privateKey),
    chain,
    clock: providerClock,
    options: { reconcilePeriodMs: 100, ...rest },
  })
  try {
    await body({ hub, chain, clock, house, renter, renterToo })
  } finally {
    chain.isDown = false
    for (const each of renters) each.close()
    await house.remove()
  }
}
