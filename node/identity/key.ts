import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
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
    return Keypair.fromSecretKey(Uint8Array.from(JSON.parse(text) as number[]))
  } catch (cause) {
    throw new NightshiftError('KEY_FILE_DAMAGED', `${path} does not hold a key`, {
      advice: 'restore it from a backup; a key file is a JSON array of 64 numbers',
      context: { path },
      cause,
    })
  }
}

/** Writes a key so that only its owner reads it, under its name only once it is whole. */
export async function writeKeyFile(path: string, key: Keypair): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.partial`
  await writeFile(partial, JSON.stringify([...key.secretKey]), { mode: 0o600 })
  await chmod(partial, 0o600)
  await rename(partial, path)
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
