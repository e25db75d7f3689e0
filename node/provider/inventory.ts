import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import type { Benchmark, InventoryRequest, InventoryResponse } from '../../protocols/inventory/wire.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'

/** Tells anyone who asks what this node has: its newest heartbeat, signed as gossiped, and how its backends did. */
export async function serveInventory(parts: {
  engine: Engine
  topic: HeartbeatTopic
  self: string
  benchmarks: readonly Benchmark[]
  runningJobs: () => number
  attestations: () => Uint8Array[]
  /** This node's signed round trips, if it measures any. */
  roundTrips?: () => Promise<Uint8Array>
}): Promise<() => Promise<void>> {
  const { engine, topic, self, benchmarks, runningJobs, attestations, roundTrips } = parts
  await engine.handle(inventoryProtocol, async (session: Session<InventoryResponse, InventoryRequest>) => {
    if ((await session.receive()) === undefined) return
    await session.send({
      heartbeat: topic.newest(self)?.envelope ?? new Uint8Array(),
      benchmarks: [...benchmarks],
      runningJobs: runningJobs(),
      attestations: attestations(),
      ...(roundTrips === undefined ? {} : { roundTrips: await roundTrips() }),
    })
  })
  return () => engine.unhandle(inventoryProtocol)
}
