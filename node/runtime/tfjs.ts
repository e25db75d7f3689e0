import { unchargedMs } from '../../protocols/challenge/duty.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { checkDeclared, toDeviceJob } from '../device/declared.js'
import type { Rack } from '../device/port.js'
import type { InputFile, OutputFile, Run, Runtime } from './port.js'

const NAME = 'tfjs'

/** Declared models on the devices of this host. No foreign code runs. */
export function createTfjsRuntime(parts: { rack: Pick<Rack, 'unitsOf'>; clock: Clock }): Runtime {
  const { rack, clock } = parts
  return {
    name: NAME,
    check: (declared, inputNames) => checkDeclared({ runtime: NAME, job: { ...declared } }, inputNames),
    // Nothing outlives the process that computes, and that ends with this one.
    clean: async () => 0,
    prepare: async ({ id, declared, inputs, onEvent }): Promise<Run> => {
      const loaded = new Map<string, Uint8Array>()
      for (const input of inputs) loaded.set(input.name, await load(input))
      const job = toDeviceJob({ runtime: NAME, job: { ...declared } }, loaded)
      // A declared job computes on one device, however many its lease has.
      const [unit] = rack.unitsOf(Buffer.from(id, 'hex'))
      if (unit === undefined) {
        throw new NightshiftError('LEASE_CLOSED', 'its devices were given back', {
          advice: 'open another lease',
        })
      }
      const stopping = new AbortController()
      const provedBefore = unit.provedMs()
      let startedAt = clock.elapsed()
      return {
        start: async () => {
          startedAt = clock.elapsed()
          const { artifacts } = await unit.run(job, { signal: stopping.signal, onEvent })
          return artifacts.map(toOutput)
        },
        idleMs: () => unchargedMs(unit.provedMs() - provedBefore, clock.elapsed() - startedAt),
        checkpoint: async () => {
          throw new NightshiftError('NO_CHECKPOINTS', 'this kind of job writes checkpoints by steps only', {
            advice: 'declare `checkpointSteps` in the manifest’s `job`',
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

async function load(input: InputFile): Promise<Uint8Array> {
  const whole = new Uint8Array(input.bytes)
  let at = 0
  for await (const piece of input.read()) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
