import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Keypair } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Random } from '../../protocols/ports.js'

/**
 * A key file is what the Solana tools write: a JSON array of 64 numbers, seed and public key. The node key is kept
 * so too, since a node's libp2p identity and its address on the chain are the same ed25519 key.
 */
export async function readKeyFile(path: string): Promise<Keypair> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new NightshiftError(missing ? 'KEY_FILE_MISSING' : 'KEY_FILE_UNREADABLE', `cannot read ${path}`, {
      advice:
        'name an existing key file, or let the node make one by starting it with an empty data directory',
      context: { path },
      cause,
    })
  }
  try {
    return Keypair.fromSecretKey(readBytes(JSON.parse(text)))
  } catch (cause) {
    throw new NightshiftError('KEY_FILE_DAMAGED', `${path} does not hold a key`, {
      advice: 'restore it from a backup; a key file is a JSON array of 64 numbers',
      context: { path },
      cause,
    })
  }
}

/** `Uint8Array.from` alone would take 257 for 1 and "1" for 1. */
function readBytes(value: unknown): Uint8Array {
  const isByte = (item: unknown) => Number.isInteger(item) && Number(item) >= 0 && Number(item) <= 255
  if (!Array.isArray(value) || !value.every(isByte)) throw new TypeError('not an array of bytes')
  return Uint8Array.from(value as number[])
}

/**
 * Writes a key so that only its owner reads it, under its name only once it is whole and on the disk: a node that
 * announced itself under a key must not come back without it. Code: KEY_FILE_UNWRITABLE.
 */
export async function writeKeyFile(path: string, key: Keypair): Promise<void> {
  const partial = `${path}.partial`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    // What an earlier attempt left behind may have other permissions, or be a link to somewhere else.
    await rm(partial, { force: true })
    await writeThrough(partial, JSON.stringify([...key.secretKey]))
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => {})
    throw new NightshiftError('KEY_FILE_UNWRITABLE', `cannot write ${path}`, {
      advice: 'free some disk space or check the permissions of its folder; no key was made',
      context: { path },
      cause,
    })
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

export async function readOrCreateKeyFile(path: string, random: Random): Promise<Keypair> {
  try {
    return await readKeyFile(path)
  } catch (error) {
    if (!(error instanceof NightshiftError) || error.code !== 'KEY_FILE_MISSING') throw error
    const key = Keypair.fromSeed(random.bytes(32))
    await writeKeyFile(path, key)
    return key
  }
}
