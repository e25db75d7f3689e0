import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NightshiftError } from '../../../protocols/errors.js'
import { confine } from './confinement.js'
import type { ContainerEngine } from './engine.js'
import { hijack } from './hijack.js'
import { removeImage } from './pulled.js'
import { createRelay, type Relay } from './relay.js'
import { parseContainerSpec } from './spec.js'
import { writeTar } from './tar.js'
import { makeContainer, removeContainer } from './vessel.js'

/**
 * The way to a job's ports. The job has no network; its network namespace, with nothing but a loopback in it, is that of a
 * second container, which runs the relay (relay/relay.c) and nothing else, as confined as the job. So neither a bridge nor
 * any right on this host is needed, on either engine, and a job that is restarted keeps its namespace.
 */
export interface Gate {
  /** Of its container: whose namespace the job joins. */
  readonly id: string
  readonly relay: Relay
}

const READY_MS = 20_000
const RELAY_MEMORY = '24Mi'
const SOURCES: Readonly<Partial<Record<string, string>>> = { x64: 'relay-x64', arm64: 'relay-arm64' }

export interface GateParts {
  engine: ContainerEngine
  /** Of the container that is made. */
  name: string
  /** Of the image that is made for it. */
  tag: string
  labels: Readonly<Record<string, string>>
  seccomp: string
  /** Is called with what removes each thing that was made, as soon as it is there. */
  undo: (act: () => Promise<unknown>) => void
}

/** Throws PORTS_NOT_OFFERED on other machines than x86-64 and arm64, ENGINE_FAILED, UNCONFINED. */
export async function openGate(parts: GateParts): Promise<Gate> {
  const { engine, name, tag, labels, seccomp, undo } = parts
  const architecture = await architectureOf(engine)
  const archive = relayImage(await readProgram(architecture), architecture, tag)
  await engine.ask('loading the relay', async (api) => {
    const progress = await api.loadImage(archive, { quiet: true })
    for await (const _ of progress as AsyncIterable<unknown>);
  })
  undo(() => removeImage(engine, tag))
  const spec = parseContainerSpec({
    archive: 'relay',
    directory: '/',
    memory: RELAY_MEMORY,
    tmp: '1Mi',
    processes: 8,
  })
  const confined = confine(spec, {
    name,
    image: tag,
    labels,
    seccomp,
    gpus: [],
    engine: engine.kind,
  })
  const asked = { ...confined, AttachStdin: true, OpenStdin: true, StdinOnce: true }
  const id = await makeContainer(engine, asked)
  undo(() => removeContainer(engine, id))
  const path = `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`
  const wire = await hijack(engine, 'attaching to the relay', path)
  undo(async () => wire.destroy())
  await engine.ask('starting the relay', (api) => api.getContainer(id).start())
  const relay = createRelay(wire)
  await engine.ask(
    'waiting for the relay',
    () => Promise.race([relay.ready, relay.ended.then(silent)]),
    READY_MS,
  )
  return { id, relay }
}

function silent(): never {
  throw new Error('it ended before it said a word')
}

/** The engine's, which may run in a virtual machine of another kind than this host's. */
async function architectureOf(engine: ContainerEngine): Promise<'x64' | 'arm64'> {
  const { Arch } = await engine.ask('asking for its version', (api) => api.version())
  if (Arch === 'amd64' || Arch === 'x86_64') return 'x64'
  if (Arch === 'arm64' || Arch === 'aarch64') return 'arm64'
  throw new NightshiftError('PORTS_NOT_OFFERED', `there is no relay for ${Arch}`, {
    advice: 'post the job without `expose`, or find another provider',
  })
}

/** From the sources also when this file runs from `dist`: the program is no script that is compiled. */
async function readProgram(architecture: 'x64' | 'arm64'): Promise<Uint8Array> {
  const path = `../../../../node/runtime/container/relay/${SOURCES[architecture]}`
  return readFile(fileURLToPath(new URL(path, import.meta.url)))
}

/** One file, as `docker save` writes it. */
function relayImage(program: Uint8Array, architecture: 'x64' | 'arm64', tag: string) {
  return writeTar(async (tar) => {
    const layer = await buffer(
      writeTar((inner) => inner.add({ name: 'relay', mode: 0o755, mtime: new Date(0) }, program)),
    )
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(layer))).toString('hex')
    const image = {
      architecture: architecture === 'x64' ? 'amd64' : 'arm64',
      os: 'linux',
      config: { Entrypoint: ['/relay'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    }
    await tar.add({ name: 'layer.tar' }, layer)
    await tar.add({ name: 'config.json' }, Buffer.from(JSON.stringify(image)))
    const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }]
    await tar.add({ name: 'manifest.json' }, Buffer.from(JSON.stringify(manifest)))
  })
}
