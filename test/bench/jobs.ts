import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.js'

/**
 * The figures of a job's life, each by the bench of that name, one after another so that none disturbs the next: what a
 * transfer reaches of TLS and needs of memory, how long a job is gone when its provider dies, what a step of training and the
 * start of a container cost more than without the runtime.
 */
const PARTS = ['transfer', 'training', 'containers', 'failover']

export async function run(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const part of PARTS) {
    const path = new URL(`./${part}.js`, import.meta.url)
    if (!existsSync(fileURLToPath(path))) {
      process.stderr.write(`LEFT OUT  ${part}: there is no such bench\n`)
      continue
    }
    process.stderr.write(`${part}\n`)
    const bench = (await import(path.href)) as { run: () => Promise<Figure[]> }
    figures.push(...(await bench.run()))
  }
  return figures
}
