import { unchargedMs } from '../../protocols/challenge/duty.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { checkDeclared, toDeviceJob } from '../device/declared.js'
import type { Rack } from '../device/port.js'
import { devicesGone } from '../device/rack.js'
import { createAsking } from './asking.js'
import { readWhole } from './input.js'
import type { OutputFile, Run, Runtime } from './port.js'

const NAME = 'tfjs'

/** Declared models on the devices of this host. No foreign code runs. */
export function createTfjsRuntime(parts: { rack: Pick<Rack, 'unitsOf'>; clock: Clock }): Runtime {
  const { rack, clock } = parts
  return {
    name: NAME,
    check: async (declared, inputs) =>
      checkDeclared(
        { runtime: NAME, job: { ...declared } },
        inputs.map(({ name }) => name),
      ),
    // Nothing outlives the process that computes, and that ends with this one.
    clean: async () => 0,
    prepare: async ({ id, declared, inputs, from, onEvent }): Promise<Run> => {
      const loaded = new Map<string, Uint8Array>()
      for (const input of inputs) loaded.set(input.name, await readWhole(input))
      const job = toDeviceJob({ runtime: NAME, job: { ...declared } }, loaded, from)
      // A declared job computes on one device, however many its lease has.
      const [unit] = rack.unitsOf(Buffer.from(id, 'hex'))
      if (unit === undefined) throw devicesGone()
      const stopping = new AbortController()
      const asking = createAsking(onEvent)
      const provedBefore = unit.provedMs()
      let startedAt = clock.elapsed()
      return {
        start: async () => {
          startedAt = clock.elapsed()
          const periodMs = job.task === 'train' ? (job.spec.checkpointSeconds ?? 0) * 1_000 : 0
          const stopAsking = periodMs > 0 ? clock.every(periodMs, asking.ask) : () => {}
          try {
            const { signal } = stopping
            const { onEvent: tell, onAskable } = asking
            const { artifacts } = await unit.run(job, { signal, onEvent: tell, onAskable })
            return artifacts.map(toOutput)
          } finally {
            stopAsking()
            asking.end()
          }
        },
        idleMs: () => unchargedMs(unit.provedMs() - provedBefore, clock.elapsed() - startedAt),
        checkpoint: async () => {
          if (job.task === 'train') return asking.answer()
          throw new NightshiftError('NO_CHECKPOINTS', 'a prediction has no checkpoints', {
            advice: 'start it again from its beginning',
          })
        },
        pause: async () => {
          throw new NightshiftError('NO_PAUSE', 'a declared job cannot stand still', {
            advice: 'stop it instead',
          })
        },
        resume: async () => {},
        stop: async () =>
          stopping.abort(
            new NightshiftError('WORK_ENDED', 'the work was ended', { advice: 'it was asked to' }),
          ),
        close: async () => {},
      }
    },
  }
}

function toOutput({ name, bytes }: { name: string; bytes: Uint8Array }): OutputFile {
  return {
    name,
    read: async function* () {
      yield bytes
    },
  }
}
