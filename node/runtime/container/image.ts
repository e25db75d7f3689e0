import { NightshiftError } from '../../../protocols/errors.js'
import type { InputFile } from '../port.js'
import { retag } from './archive.js'
import { type ContainerEngine, statusOf } from './engine.js'
import { type Pulled, removeImage } from './pulled.js'
import type { ContainerSpec } from './spec.js'

/** An image of 10 GB over a home connection. */
const PULL_MS = 3_600_000
const LOAD_MS = 600_000

export interface LoadedImage {
  /** What a container is made from: an immutable id. */
  id: string
  /** Removes it when it came for this job; one that was there before stays. */
  remove(): Promise<void>
}

/** Carried images get names below it, so that what a crash left is found again. */
export function imageName(node: string, job: string): string {
  return `nightshift.invalid/${node}:${job}`
}

/** Throws IMAGE_UNUSABLE, ENGINE_FAILED. */
export async function loadImage(
  engine: ContainerEngine,
  spec: ContainerSpec,
  parts: {
    inputs: readonly InputFile[]
    tag: string
    maxBytes: number
    signal: AbortSignal
    pulled: Pulled
  },
): Promise<LoadedImage> {
  if (spec.image !== undefined) return pullImage(engine, spec.image, parts)
  const input = parts.inputs.find(({ name }) => name === spec.archive)
  if (input === undefined) throw unusable(`no input is named ${spec.archive}`)
  const archive = retag(input.read(), parts.tag, parts.maxBytes)
  const broken = new Promise<never>((_, reject) => archive.once('error', reject))
  broken.catch(() => {})
  const stop = () => archive.destroy(parts.signal.reason)
  parts.signal.addEventListener('abort', stop, { once: true })
  if (parts.signal.aborted) stop()
  const load = async (api: ContainerEngine['api']) =>
    finish(api, await api.loadImage(archive, { quiet: true }))
  try {
    await Promise.race([engine.ask('loading the image', load, LOAD_MS), broken])
  } catch (error) {
    archive.destroy()
    // What is wrong with the archive says more than what the engine makes of its broken end.
    throw archive.errored ?? error
  } finally {
    parts.signal.removeEventListener('abort', stop)
  }
  const { Id } = await engine.ask('reading the image', (api) => api.getImage(parts.tag).inspect())
  return {
    id: Id,
    remove: () => removeImage(engine, parts.tag),
  }
}

async function pullImage(
  engine: ContainerEngine,
  image: string,
  { maxBytes, signal, pulled }: { maxBytes: number; signal: AbortSignal; pulled: Pulled },
): Promise<LoadedImage> {
  const inspect = () => engine.ask('reading the image', (api) => api.getImage(image).inspect())
  const there = await inspect().catch((error) => {
    if (statusOf(error) === 404) return undefined
    throw error
  })
  // What was there before is its owner's, whatever becomes of the job.
  if (there !== undefined && !pulled.has(image)) {
    requireSize(image, there.Size, maxBytes)
    return { id: there.Id, remove: async () => {} }
  }
  await pulled.hold(image)
  try {
    if (there === undefined) {
      const pull = async (api: ContainerEngine['api']) =>
        finish(api, await api.pull(image, { abortSignal: signal }))
      await engine.ask(`pulling ${image}`, pull, PULL_MS).catch((cause) => {
        throw unusable(`${image} could not be pulled: ${(cause as Error).message}`, cause)
      })
    }
    const { Id, Size } = there ?? (await inspect())
    requireSize(image, Size, maxBytes)
    await pulled.keep(image, Size)
    return { id: Id, remove: () => pulled.release(image, true) }
  } catch (error) {
    await pulled.release(image, false)
    throw error
  }
}

function requireSize(image: string, bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw unusable(`${image} has ${bytes} bytes, at most ${maxBytes}`)
}

/** Reads the engine's progress to its end; its last word may be an error under the status 200. */
function finish(api: ContainerEngine['api'], progress: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    api.modem.followProgress(progress, (error, said) => {
      const failed = (said as Array<{ error?: string }> | null)?.find((line) => line?.error !== undefined)
      if (error) reject(error)
      else if (failed !== undefined) reject(unusable(String(failed.error)))
      else resolve()
    })
  })
}

function unusable(what: string, cause?: unknown): NightshiftError {
  return new NightshiftError('IMAGE_UNUSABLE', `the image cannot be used: ${what}`, {
    advice: 'name an image by its digest that the provider’s engine can pull, or carry it as `archive`',
    cause,
  })
}
