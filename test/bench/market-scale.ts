import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.js'
import { makeReport } from './scale/report.js'

/**
 * The simulation of large markets. Writes `protocols/market-scale.json` and `.svg` anew, the same on every machine, and
 * the table of protocols/README.md to standard error; test/unit/market-scale.test.ts fails when they are stale.
 */
export const SCALE_FILES = {
  json: fileURLToPath(new URL('../../../protocols/market-scale.json', import.meta.url)),
  svg: fileURLToPath(new URL('../../../protocols/market-scale.svg', import.meta.url)),
}

export async function run(): Promise<Figure[]> {
  const { json, svg, table } = await makeReport()
  writeFileSync(SCALE_FILES.json, json)
  writeFileSync(SCALE_FILES.svg, svg)
  process.stderr.write(table)
  const { points } = JSON.parse(json) as { points: Array<{ providers: number; sharded: Sharded }> }
  return points.flatMap(({ providers, sharded }) => [
    { name: `messages_per_minute.${providers}`, value: sharded.messagesPerMinute, unit: '1/min' },
    { name: `bytes_per_minute.${providers}`, value: sharded.bytesPerMinute, unit: 'bytes/min' },
    { name: `cpu.${providers}`, value: sharded.cpu, unit: 'cores' },
    ...(sharded.matchMs === undefined
      ? []
      : [{ name: `match_ms.${providers}`, value: sharded.matchMs, unit: 'ms' }]),
  ])
}

interface Sharded {
  messagesPerMinute: number
  bytesPerMinute: number
  cpu: number
  matchMs?: number
}
