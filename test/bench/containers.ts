import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ContainerEngine } from '../../node/runtime/container/engine.js'
import { createContainerRuntime } from '../../node/runtime/container/runtime.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { ENGINES, missingFor, shellImage, startEngine } from '../support/engines.js'
import { type Figure, median } from './figure.js'

/**
 * From a prepared order to the result of a program that does nothing, over the runtime (image loaded, volume filled,
 * confinement verified, outputs read, all of it removed), and for reference create, start, wait and remove on the same
 * engine with the image in place. Both take turns; the median counts. An engine that is not installed is left out, loudly.
 */
const ROUNDS = 7
const GIB = 2 ** 30

export async function run(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const name of ENGINES) {
    const missing = missingFor(name)
    if (missing === undefined) figures.push(...(await measure(name)))
    else process.stderr.write(`LEFT OUT  ${name}: ${missing}\n`)
  }
  return figures
}

async function measure(name: (typeof ENGINES)[number]): Promise<Figure[]> {
  const { engine, stop } = await startEngine(name)
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-bench-'))
  try {
    const image = await shellImage()
    const plainImage = await loadPlain(engine, await shellImage({ tag: 'plain:latest' }))
    const runtime = await createContainerRuntime({
      engine,
      node: '0'.repeat(64),
      folder,
      limits: {
        memoryBytes: 2 * GIB,
        cpus: 2,
        processes: 256,
        diskBytes: 2 * GIB,
        imageBytes: GIB,
        cacheBytes: 0,
        logLinesPerSecond: 50,
      },
      gpus: [],
      clock: systemClock,
      log: silentLog,
    })
    const ours: number[] = []
    const started: number[] = []
    const plain: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now()
      const run = await runtime.prepare(
        {
          id: round.toString(16).padStart(64, '0'),
          declared: { archive: 'image', command: ['/bin/true'] },
          inputs: [{ name: 'image', bytes: image.length, read: () => Readable.from([image]) }],
          devices: [0],
          onEvent: () => {},
        },
        { signal: new AbortController().signal },
      )
      const prepared = performance.now()
      await run.start()
      started.push(performance.now() - prepared)
      await run.close()
      ours.push(performance.now() - begun)
      plain.push(await timePlain(engine, plainImage))
    }
    const reference = `${name}: create, start, wait, remove`
    const bare = median(plain)
    return [
      {
        name: `container.start_ms.${name}`,
        value: median(started),
        unit: 'ms',
        reference,
        ratio: median(started) / bare,
      },
      {
        name: `container.whole_ms.${name}`,
        value: median(ours),
        unit: 'ms',
        reference,
        ratio: median(ours) / bare,
      },
    ]
  } finally {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function loadPlain({ api }: ContainerEngine, image: Uint8Array): Promise<string> {
  const stream = await api.loadImage(Readable.from([image]) as never)
  await new Promise<void>((resolve, reject) => {
    api.modem.followProgress(stream as never, (error: unknown) => (error ? reject(error) : resolve()))
  })
  return 'plain:latest'
}

async function timePlain({ api }: ContainerEngine, Image: string): Promise<number> {
  const begun = performance.now()
  const container = await api.createContainer({
    Image,
    Cmd: ['/bin/true'],
    HostConfig: { NetworkMode: 'none' },
  })
  await container.start()
  await container.wait()
  await container.remove()
  return performance.now() - begun
}
