import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { NightshiftError } from '../../protocols/errors.js'
import type { BankState } from './bank.js'
import { storageError } from './journal.js'

/**
 * A snapshot is the whole state in one file: a magic line, SHA-256 of the rest, and the state in V8's structured-clone format.
 * Generation n is `snapshot-n` plus `journal-n`, which holds what happened after it. A new snapshot is written beside the old one,
 * synced, and only then named; the generation before is kept, so that a damaged newest snapshot can be deleted.
 */
const MAGIC = Buffer.from('nightshift snapshot 1\n')
const HASH_BYTES = 32
const WRITE_CHUNK_BYTES = 4 * 1024 * 1024

export interface Snapshot {
  readonly bank: BankState
  /** Secret key of the wallet that pays airdrops and deploys programs. */
  readonly faucet: Uint8Array
}

export function snapshotPath(dataDir: string, generation: number): string {
  return join(dataDir, `snapshot-${String(generation).padStart(8, '0')}`)
}

export function journalPath(dataDir: string, generation: number): string {
  return join(dataDir, `journal-${String(generation).padStart(8, '0')}`)
}

/** Numbers of the snapshots and journals that lie in the data directory, ascending. */
export function listGenerations(dataDir: string): { snapshots: number[]; journals: number[] } {
  const names = readdirSync(dataDir)
  const numbers = (kind: string) =>
    names
      .flatMap((name) => {
        const match = new RegExp(`^${kind}-(\\d{8})$`).exec(name)
        return match === null ? [] : [Number(match[1])]
      })
      .sort((a, b) => a - b)
  return { snapshots: numbers('snapshot'), journals: numbers('journal') }
}

/** Removes snapshots that a killed process did not finish. */
export function removeUnfinished(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (/^snapshot-\d{8}\.part$/.test(name)) rmSync(join(dataDir, name))
  }
}

/** Takes the state's picture in memory; what happens to the chain afterwards does not change it. */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const body = serialize(snapshot)
  return Buffer.concat([MAGIC, createHash('sha256').update(body).digest(), body])
}

/** Throws SNAPSHOT_DAMAGED, naming the file and what can be done. */
export function readSnapshot(path: string): Snapshot {
  const bytes = readFileSync(path)
  const damaged = (detail: string, cause?: unknown) =>
    new NightshiftError('SNAPSHOT_DAMAGED', `the chain's snapshot ${path} is damaged: ${detail}`, {
      advice:
        'Delete this file and start again: if the snapshot before it is still there, the chain is rebuilt from that one and ' +
        'the journals. If it is the only one, restore the data directory from a copy or start with an empty one.',
      context: { path },
      cause,
    })
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw damaged('it does not begin as a snapshot of this version')
  }
  const body = bytes.subarray(MAGIC.length + HASH_BYTES)
  const hash = bytes.subarray(MAGIC.length, MAGIC.length + HASH_BYTES)
  if (!createHash('sha256').update(body).digest().equals(hash)) throw damaged('its checksum does not match')
  try {
    return deserialize(body) as Snapshot
  } catch (cause) {
    throw damaged('it was written by a newer version of Node.js, or cannot be read', cause)
  }
}

/** Writes a snapshot in one go; for the first one of a chain. */
export function writeSnapshot(path: string, bytes: Buffer): void {
  const partPath = `${path}.part`
  try {
    const fd = openSync(partPath, 'w')
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(partPath, path)
  } catch (cause) {
    rmSync(partPath, { force: true })
    throw storageError(path, cause)
  }
}

/** Writes a snapshot in pieces, while the chain goes on. */
export async function writeSnapshotAside(path: string, bytes: Buffer): Promise<void> {
  const partPath = `${path}.part`
  try {
    const file = await open(partPath, 'w')
    try {
      for (let at = 0; at < bytes.length; at += WRITE_CHUNK_BYTES) {
        await file.writeFile(bytes.subarray(at, at + WRITE_CHUNK_BYTES))
      }
      await file.sync()
    } finally {
      await file.close()
    }
    renameSync(partPath, path)
  } catch (cause) {
    rmSync(partPath, { force: true })
    throw storageError(path, cause)
  }
}
