import type { Device } from '../../kernels/worker/device.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { type Pauses, retryPauseMs } from '../../protocols/limits.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Demand, Escrow } from '../escrow/port.js'

/**
 * Level-triggered: answers every opening that the chain says is demanded of this node. Nothing is stored for it: the demand names seed,
 * parameters and root, and whatever device this node has now makes the same proof again. Runs at start and on a timer.
 */
export interface DemandService {
  /** One pass; another one that is asked for meanwhile is the same. */
  run(): Promise<void>
  answered(): number
  /** Ends what is under way; the next start takes it up. */
  stop(): Promise<void>
}

interface Parts {
  escrow: Pick<Escrow, 'provider' | 'demands' | 'answerDemand' | 'chainTime'>
  device: Pick<Device, 'prove'>
  /** 32 bytes: under this key the node is registered. */
  nodeKey: Uint8Array
  clock: Clock
  random: Random
  log: Log
  /** A renter's job runs, or the owner is at the machine: a demand that can wait waits. */
  isBusy: () => boolean
}

/** With less time left than this, seconds, a demand waits for nobody. */
const URGENT_S = 3_600
const PAUSES: Pauses = { firstMs: 10_000, longestMs: 600_000 }

export function createDemandService(parts: Parts): DemandService {
  const { escrow, clock, random, log, nodeKey } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  /** Demands that could not be answered, by address, and when they are tried again, ms of `elapsed`. */
  const failed = new Map<string, { failures: number; againAtMs: number }>()
  let answered = 0
  let running: Promise<void> | undefined

  async function pass(): Promise<void> {
    const account = await escrow.provider(nodeKey, signal)
    if (account === undefined || account.openDemands === 0) return failed.clear()
    const [demands, chainNow] = await Promise.all([escrow.demands(signal), escrow.chainTime(signal)])
    // The most urgent first: each takes the device for as long as the proof took.
    for (const demand of demands.toSorted((a, b) => a.answerBy - b.answerBy)) {
      if (mayWait(demand, chainNow)) continue
      await attempt(demand)
    }
  }

  function mayWait({ address, answerBy }: Demand, chainNow: number): boolean {
    if ((failed.get(toHex(address))?.againAtMs ?? 0) > clock.elapsed()) return true
    return parts.isBusy() && answerBy - chainNow > URGENT_S
  }

  async function attempt(demand: Demand): Promise<void> {
    const key = toHex(demand.address)
    const { failures = 0 } = failed.get(key) ?? {}
    try {
      const { signature } = await answer(demand)
      answered++
      failed.delete(key)
      log.info('a demanded opening was given', { lease: toHex(demand.lease), transaction: signature })
    } catch (error) {
      signal.throwIfAborted()
      const pauseMs = retryPauseMs(failures + 1, PAUSES, random)
      failed.set(key, { failures: failures + 1, againAtMs: clock.elapsed() + pauseMs })
      log.error('a demanded opening could not be given yet: silence costs a part of the stake', {
        lease: toHex(demand.lease),
        costs: String(demand.bound),
        answerBy: demand.answerBy,
        code: codeOf(error),
        error: String(error),
      })
    }
  }

  async function answer(demand: Demand): Promise<{ signature: string }> {
    const { seed, params, root, entry } = demand
    const proof = await parts.device.prove({ seed, params }, { signal })
    try {
      if (!equal(proof.root, root)) {
        throw new NightshiftError(
          'PROOF_DIFFERS',
          'the proof that was signed is not what this device finds',
          {
            advice: 'check the memory of the device that made it; what was signed cannot be opened',
          },
        )
      }
      const [opening] = await proof.open([entry], { signal })
      return await escrow.answerDemand(demand, opening!, signal)
    } finally {
      await proof.release()
    }
  }

  return {
    run: () => {
      running ??= pass()
        .catch((error) => {
          if (!signal.aborted) log.warn('demands could not be read; tried again', { error: String(error) })
        })
        .finally(() => {
          running = undefined
        })
      return running
    },
    answered: () => answered,
    stop: async () => {
      stopping.abort(new Error('the provider stops'))
      await running
    },
  }
}
