import { statfs } from 'node:fs/promises'
import type { Finding } from './finding.js'

const GIB = 2 ** 30
/** The inputs of one job at most, and its outputs: without this much a job can fail half-way. */
const LEAST_BYTES = 2 * GIB
const COMFORTABLE_BYTES = 10 * GIB

export async function checkDisk(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder)
  return judgeDisk(bavail * bsize, folder)
}

export function judgeDisk(freeBytes: number, folder: string): Finding {
  const found = `${(freeBytes / GIB).toFixed(1)} GiB free at ${folder}`
  if (freeBytes >= COMFORTABLE_BYTES) return { verdict: 'ok', found }
  const advice = `free some space: jobs keep inputs and outputs there, 2 GiB at least (du -sh ${folder}/*), or choose another disk with --data-dir`
  return { verdict: freeBytes < LEAST_BYTES ? 'fail' : 'warn', found, advice }
}
