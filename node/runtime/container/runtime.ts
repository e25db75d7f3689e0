import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, NightshiftError } from '../../../protocols/errors.js'
import type { Clock, Log } from '../../../protocols/ports.js'
import type { Run, Runtime, RuntimeJob } from '../port.js'
import { explainCards } from './cards.js'
import { confine } from './confinement.js'
import type { ContainerEngine } from './engine.js'
import { openGate } from './gate.js'
import { imageName, loadImage } from './image.js'
import { createLeftovers } from './leftovers.js'
import { openPulled, type Pulled, removeImage } from './pulled.js'
import { createRun } from './run.js'
import { seccompProfile } from './seccomp.js'
import { type ContainerLimits, type ContainerSpec, checkContainer, checkLimits, isService } from './spec.js'
import { makeVessel, removeContainer, removeVolume } from './vessel.js'
import { fill } from './volume.js'

const NODE_LABEL = 'org.nightshift.node'
const JOB_LABEL = 'org.nightshift.job'
/** Of what others depend on: Podman removes nothing that is still needed. */
const GATE_LABEL = 'org.nightshift.gate'

export interface ContainerRuntimeOptions {
  engine: ContainerEngine
  /** Lower-case hex: tells this node's containers from all others on the same engine. */
  node: string
  /** A folder of this node; the seccomp profile is written into it. */
  folder: string
  limits: ContainerLimits
  /** The engine's names of the cards, by their places: device ids for Docker, CDI names for Podman. */
  gpus: readonly string[]
  clock: Clock
  log: Log
}

/** Jobs in containers of Docker or Podman. Only what carries this node's label is ever touched. */
export async function createContainerRuntime(options: ContainerRuntimeOptions): Promise<Runtime> {
  const { engine, limits, node } = options
  const seccomp = await writeProfile(options)
  const { folder, clock, log } = options
  const pulled = await openPulled({ engine, folder, maxBytes: limits.cacheBytes, clock, log })
  /** Ids of jobs that are being prepared or run: nothing of theirs is left over. */
  const live = new Set<string>()
  const cleanUp = async () => (await clean(engine, node, live)) + (await pulled.sweep())
  const leftovers = createLeftovers({ clean: cleanUp, clock, log })
  /** The engine's names of containers that are there now. */
  const made = new Set<string>()

  const check = (declared: RuntimeJob['declared'], inputNames: readonly string[]): ContainerSpec => {
    const spec = checkContainer(declared, inputNames)
    checkLimits(spec, limits)
    if (spec.gpus <= options.gpus.length) return spec
    const said = `${spec.gpus} GPUs, but ${options.gpus.length} are here`
    throw new NightshiftError('LIMIT_EXCEEDED', said, { advice: 'ask for fewer, or for another provider' })
  }
  return {
    name: 'container',
    check: async (declared, inputs) =>
      void check(
        declared,
        inputs.map(({ name }) => name),
      ),
    prepare: async (job, { signal }) => {
      const names = job.inputs.map(({ name }) => name)
      const spec = check(job.declared, names)
      live.add(job.id)
      const onRemoved = (isAll: boolean) => {
        live.delete(job.id)
        if (!isAll) leftovers.noticed()
      }
      return prepare({ ...options, made, pulled, onRemoved }, spec, job, seccomp, signal)
    },
    groups: () => [...made],
    clean: cleanUp,
    end: leftovers.stop,
  }
}

/** Docker takes the profile itself, Podman the path of a file on its own host. */
async function writeProfile({ engine, folder }: ContainerRuntimeOptions): Promise<string> {
  const profile = JSON.stringify(seccompProfile())
  if (engine.kind === 'docker') return profile
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const path = join(folder, 'seccomp.json')
  await writeFile(path, profile, { mode: 0o644 })
  return path
}

async function prepare(
  options: ContainerRuntimeOptions & {
    made: Set<string>
    pulled: Pulled
    onRemoved: (isAll: boolean) => void
  },
  spec: ContainerSpec,
  job: RuntimeJob,
  seccomp: string,
  signal: AbortSignal,
): Promise<Run> {
  const { engine, node, limits, clock, log } = options
  const name = `nightshift-${node.slice(0, 12)}-${job.id}`
  const labels = { [NODE_LABEL]: node, [JOB_LABEL]: job.id }
  const cards = job.devices.flatMap((place) => options.gpus[place] ?? [])
  if (spec.gpus > cards.length) {
    options.onRemoved(true)
    throw new NightshiftError('LIMIT_EXCEEDED', `${spec.gpus} GPUs, but the lease has ${cards.length}`, {
      advice: 'ask for as many `gpu.units` in the manifest’s profile',
    })
  }
  const undo: Array<() => Promise<unknown>> = []
  /** Backwards, and on past what fails: what is left is found by its label when the engine answers again. */
  const remove = async (isKnown = true) => {
    let isAll = isKnown
    for (const act of undo.splice(0).reverse()) {
      await act().catch((error) => {
        isAll = false
        log.warn('something of a job is left', { job: job.id, error: String(error) })
      })
    }
    options.onRemoved(isAll)
  }
  try {
    const tag = imageName(node.slice(0, 12), job.id)
    const image = await loadImage(engine, spec, {
      inputs: job.inputs,
      tag,
      maxBytes: limits.imageBytes,
      signal,
      pulled: options.pulled,
    })
    undo.push(image.remove)
    signal.throwIfAborted()
    await engine.ask('making the volume', (api) => api.createVolume({ Name: name, Labels: labels }))
    undo.push(() => removeVolume(engine, name))
    const { Mountpoint } = await engine.ask('reading the volume', (api) => api.getVolume(name).inspect())
    const gate = isService(spec)
      ? await openGate({
          engine,
          name: `${name}-gate`,
          tag: imageName(node.slice(0, 12), `gate-${job.id}`),
          labels: { ...labels, [GATE_LABEL]: 'true' },
          seccomp,
          undo: (act) => undo.push(act),
        })
      : undefined
    const asked = confine(spec, {
      name,
      image: image.id,
      volume: name,
      ...(gate === undefined ? {} : { joins: gate.id }),
      labels,
      seccomp,
      gpus: cards.slice(0, spec.gpus),
      engine: engine.kind,
    })
    const vessel = await makeVessel(engine, asked, options.made)
    undo.push(vessel.remove)
    const files = job.inputs.filter((input) => input.name !== spec.archive)
    await fill(engine, vessel.id(), files, job.from)
    signal.throwIfAborted()
    return createRun({
      engine,
      vessel,
      spec,
      volume: { name, mountpoint: Mountpoint },
      ...(gate === undefined ? {} : { relay: gate.relay }),
      clock,
      log,
      logLinesPerSecond: limits.logLinesPerSecond,
      onEvent: job.onEvent,
      remove: () => remove(),
    })
  } catch (error) {
    // What was asked of an engine that failed, it may have done.
    await remove(codeOf(error) !== 'ENGINE_FAILED')
    throw explainCards(spec, error)
  }
}

/** Of whatever carries this node's label, all that is of no job in `live`. */
async function clean(engine: ContainerEngine, node: string, live: ReadonlySet<string>): Promise<number> {
  const filters = { label: [`${NODE_LABEL}=${node}`] }
  const isOver = ({ Labels }: { Labels?: Record<string, string> | null }) =>
    !live.has(Labels?.[JOB_LABEL] ?? '')
  const listed = await engine.ask('listing containers', (api) => api.listContainers({ all: true, filters }))
  const containers = listed.filter(isOver)
  const [gates, jobs] = [true, false].map((isGate) =>
    containers.filter(({ Labels }) => (Labels?.[GATE_LABEL] !== undefined) === isGate),
  )
  for (const { Id } of [...jobs!, ...gates!]) await removeContainer(engine, Id)
  const { Volumes } = await engine.ask('listing volumes', (api) => api.listVolumes({ filters }))
  const volumes = (Volumes ?? []).filter(isOver)
  for (const { Name } of volumes) await removeVolume(engine, Name)
  const prefix = imageName(node.slice(0, 12), '')
  const images = await engine.ask('listing images', (api) => api.listImages())
  const tags = images
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((tag) => {
      const job = tag.slice(prefix.length).replace(/^gate-/, '')
      return tag.startsWith(prefix) && !live.has(job)
    })
  for (const tag of tags) await removeImage(engine, tag)
  return containers.length + volumes.length + tags.length
}
