import type { ContainerCreateOptions } from 'dockerode'
import { NightshiftError } from '../../../protocols/errors.js'
import { findDeviations } from './confinement.js'
import { type ContainerEngine, statusOf } from './engine.js'

/**
 * The container of a job, which is made anew for every start of its program: started a second time, one whose image lacks
 * /tmp would find it belonging to root (runc takes the mode of what is there by then). What lies in its volume stays.
 */
export interface Vessel {
  /** Of the container that is there now, or was last. */
  id(): string
  /** Takes the place of the one before. Throws UNCONFINED, ENGINE_FAILED. */
  remake(): Promise<void>
  remove(): Promise<void>
}

/** `made` is kept to be the containers that are there. */
export async function makeVessel(
  engine: ContainerEngine,
  asked: ContainerCreateOptions,
  made: Set<string>,
): Promise<Vessel> {
  let id = ''
  let isThere = false
  let isOver = false
  const drop = async () => {
    if (isThere) await removeContainer(engine, id)
    made.delete(id)
    isThere = false
  }
  const remake = async () => {
    await drop()
    id = await makeContainer(engine, asked)
    made.add(id)
    isThere = true
    // Removed meanwhile: nobody else would do it.
    if (isOver) await drop()
  }
  await remake()
  return {
    id: () => id,
    remake,
    remove: () => {
      isOver = true
      return drop()
    },
  }
}

/** Read back and compared before anything runs in it; what is freer than it should be is removed. */
export async function makeContainer(engine: ContainerEngine, asked: ContainerCreateOptions): Promise<string> {
  const made = await engine.ask('making the container', (api) => api.createContainer(asked))
  const deviations = findDeviations(await made.inspect(), asked, engine.kind)
  if (deviations.length === 0) return made.id
  await removeContainer(engine, made.id)
  throw unconfined(engine, deviations)
}

/** Killed first: removal by force waits ten seconds for a program that ignores the polite signal. */
export async function removeContainer(engine: ContainerEngine, id: string): Promise<void> {
  await engine.ask('killing', (api) => api.getContainer(id).kill({ signal: 'SIGKILL' })).catch(() => {})
  await gone(engine.ask('removing', (api) => api.getContainer(id).remove({ force: true, v: true })))
}

export async function removeVolume(engine: ContainerEngine, name: string): Promise<void> {
  await gone(engine.ask('removing the volume', (api) => api.getVolume(name).remove({ force: true })))
}

async function gone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error) => {
    if (statusOf(error) !== 404) throw error
  })
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
