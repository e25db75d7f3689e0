import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NightshiftError } from '../../../protocols/errors.js'
import type { Clock, Log } from '../../../protocols/ports.js'
import type { Run, Runtime, RuntimeJob } from '../port.js'
import { confine, findDeviations } from './confinement.js'
import { type ContainerEngine, statusOf } from './engine.js'
import { imageName, loadImage, removeImage } from './image.js'
import { createRun } from './run.js'
import { seccompProfile } from './seccomp.js'
import { type ContainerLimits, type ContainerSpec, checkContainer, checkLimits } from './spec.js'
import { fill } from './volume.js'

const NODE_LABEL = 'org.nightshift.node'
const JOB_LABEL = 'org.nightshift.job'

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
    check: (declared, inputNames) => void check(declared, inputNames),
    prepare: async (job, { signal }) => {
      const names = job.inputs.map(({ name }) => name)
      return prepare({ ...options, made }, check(job.declared, names), job, seccomp, signal)
    },
    groups: () => [...made],
    clean: () => clean(engine, node),
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
  options: ContainerRuntimeOptions & { made: Set<string> },
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
    throw new NightshiftError('LIMIT_EXCEEDED', `${spec.gpus} GPUs, but the lease has ${cards.length}`, {
      advice: 'ask for as many `gpu.units` in the manifest’s profile',
    })
  }
  const undo: Array<() => Promise<unknown>> = []
  /** Backwards, and on past what fails: what is left is found by its label at the next start. */
  const remove = async () => {
    for (const act of undo.splice(0).reverse()) {
      await act().catch((error) =>
        log.warn('something of a job is left', { job: job.id, error: String(error) }),
      )
    }
  }
  try {
    const tag = imageName(node.slice(0, 12), job.id)
    const image = await loadImage(engine, spec, {
      inputs: job.inputs,
      tag,
      maxBytes: limits.imageBytes,
      signal,
    })
    undo.push(image.remove)
    signal.throwIfAborted()
    await engine.ask('making the volume', (api) => api.createVolume({ Name: name, Labels: labels }))
    undo.push(() => removeVolume(engine, name))
    const { Mountpoint } = await engine.ask('reading the volume', (api) => api.getVolume(name).inspect())
    const asked = confine(spec, {
      name,
      image: image.id,
      volume: name,
      labels,
      seccomp,
      gpus: cards.slice(0, spec.gpus),
      engine: engine.kind,
    })
    const made = await engine.ask('making the container', (api) => api.createContainer(asked))
    options.made.add(made.id)
    undo.push(async () => {
      await removeContainer(engine, made.id)
      options.made.delete(made.id)
    })
    const deviations = findDeviations(await made.inspect(), asked, engine.kind)
    if (deviations.length > 0) throw unconfined(engine, deviations)
    const files = job.inputs.filter((input) => input.name !== spec.archive)
    await fill(engine, made.id, files, job.from)
    signal.throwIfAborted()
    return createRun({
      engine,
      id: made.id,
      spec,
      volume: { name, mountpoint: Mountpoint },
      clock,
      log,
      logLinesPerSecond: limits.logLinesPerSecond,
      onEvent: job.onEvent,
      remove,
    })
  } catch (error) {
    await remove()
    throw error
  }
}

/** Killed first: removal by force waits ten seconds for a program that ignores the polite signal. */
async function removeContainer(engine: ContainerEngine, id: string): Promise<void> {
  await engine.ask('killing', (api) => api.getContainer(id).kill({ signal: 'SIGKILL' })).catch(() => {})
  await gone(engine.ask('removing', (api) => api.getContainer(id).remove({ force: true, v: true })))
}

async function removeVolume(engine: ContainerEngine, name: string): Promise<void> {
  await gone(engine.ask('removing the volume', (api) => api.getVolume(name).remove({ force: true })))
}

async function gone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error) => {
    if (statusOf(error) !== 404) throw error
  })
}

async function clean(engine: ContainerEngine, node: string): Promise<number> {
  const filters = { label: [`${NODE_LABEL}=${node}`] }
  const containers = await engine.ask('listing containers', (api) =>
    api.listContainers({ all: true, filters }),
  )
  for (const { Id } of containers) await removeContainer(engine, Id)
  const { Volumes } = await engine.ask('listing volumes', (api) => api.listVolumes({ filters }))
  for (const { Name } of Volumes ?? []) await removeVolume(engine, Name)
  const prefix = imageName(node.slice(0, 12), '')
  const images = await engine.ask('listing images', (api) => api.listImages())
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith(prefix))
  for (const tag of tags) await removeImage(engine, tag)
  return containers.length + (Volumes ?? []).length + tags.length
}

function unconfined(engine: ContainerEngine, deviations: readonly string[]): NightshiftError {
  const said = deviations.join('; ')
  return new NightshiftError(
    'UNCONFINED',
    `${engine.kind} ${engine.version} would not confine the job: ${said}`,
    {
      advice: 'update the container engine, or take `container` out of provider.runtimes',
      context: { deviations: [...deviations] },
    },
  )
}
