import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PublicKey } from '@solana/web3.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import type { Random } from '../../protocols/ports.js'
import { NODE_KEY_FILE, WALLET_FILE } from '../identity/files.js'
import { readOrCreateKeyFile } from '../identity/key.js'

/** One node of a local swarm before it runs: its data directory with keys and configuration. */
export interface Member {
  name: string
  dataDir: string
  configFile: string
  /** Base58 peer id. */
  peer: string
  nodeKey: PublicKey
  wallet: PublicKey
}

/** The configuration's own names, as in a file. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>> | string>>

/** Makes the data directory with two keys, so that both can be funded before the node starts. */
export async function prepareMember(folder: string, name: string, random: Random): Promise<Member> {
  const dataDir = join(folder, name)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const nodeKey = await readOrCreateKeyFile(join(dataDir, NODE_KEY_FILE), random)
  const wallet = await readOrCreateKeyFile(join(dataDir, WALLET_FILE), random)
  return {
    name,
    dataDir,
    configFile: join(dataDir, 'config.json'),
    peer: peerIdFromSolanaKey(nodeKey.publicKey.toBytes()),
    nodeKey: new PublicKey(nodeKey.publicKey),
    wallet: new PublicKey(wallet.publicKey),
  }
}

/** Writes the member's configuration; later settings win, key by key. */
export async function writeSettings(member: Member, ...layers: readonly Settings[]): Promise<void> {
  const merged: Record<string, unknown> = { preset: 'localnet', data_dir: member.dataDir }
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      merged[key] = typeof value === 'string' ? value : { ...(merged[key] as object), ...value }
    }
  }
  await writeFile(member.configFile, `${JSON.stringify(merged, null, 2)}\n`, { mode: 0o600 })
}
