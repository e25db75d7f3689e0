import type { Connection, PublicKey, TransactionInstruction } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import * as loader from './loader.js'
import { type Chain, retrying, sendInstructions } from './sending.js'
import type { Signer } from './signing.js'

/** What a deployment needs of web3.js's Connection besides sending. */
export type DeploymentRpc = Pick<Connection, 'getAccountInfo' | 'getMinimumBalanceForRentExemption'>

export interface Deployment {
  /** The ELF file, `chain/program/nightshift.so`. */
  program: Uint8Array
  /** The program's own key; only its first deployment is signed by it. */
  programKey: Signer
  /** A key used for nothing else: the buffer that the code travels in. */
  bufferKey: Signer
  /** Pays, and may upgrade the program from then on. */
  payer: Signer
  /** Priority fee in micro-lamports per compute unit. */
  microLamports: number
  /** After each piece that is on the chain. */
  onProgress?: (written: number, total: number) => void
}

/** Room for later versions: twice the program. */
const ROOM = 2
/** Pieces on their way at the same time. */
const AT_ONCE = 16
const UNITS = 10_000
const PROGRAM_DATA_HEADER_BYTES = 45

/**
 * Puts the program on a cluster, or upgrades it when its code differs; what is there already is left alone. A piece that was
 * lost is sent again by `sendInstructions`; before the last step the buffer is read back and compared.
 * Errors: PROGRAM_TOO_LARGE, DEPLOYMENT_DAMAGED, and those of sending.
 */
export async function deployProgram(
  chain: Chain & { rpc: DeploymentRpc },
  deployment: Deployment,
  signal?: AbortSignal,
): Promise<'deployed' | 'upgraded' | 'unchanged'> {
  const { program, programKey } = deployment
  const existing = await read(chain, loader.programDataAddress(programKey.publicKey), signal)
  const code = existing?.subarray(PROGRAM_DATA_HEADER_BYTES)
  if (code !== undefined && holds(code, program)) return 'unchanged'
  if (code !== undefined && code.length < program.length) throw tooLarge(program.length, code.length)
  const buffer = await upload(chain, deployment, signal)
  const { payer } = deployment
  if (code !== undefined) {
    await send(chain, deployment, [loader.upgrade(programKey.publicKey, buffer, payer.publicKey)], [], signal)
    return 'upgraded'
  }
  const lamports = await rent(chain, loader.accountBytes(program).program, signal)
  const final = loader.deploy({
    payer: payer.publicKey,
    programId: programKey.publicKey,
    buffer,
    authority: payer.publicKey,
    maxBytes: ROOM * program.length,
    lamports,
  })
  await send(chain, deployment, final, [programKey], signal)
  return 'deployed'
}

async function upload(
  chain: Chain & { rpc: DeploymentRpc },
  deployment: Deployment,
  signal: AbortSignal | undefined,
): Promise<PublicKey> {
  const { program, payer, bufferKey: buffer } = deployment
  const authority = payer.publicKey
  const lamports = await rent(chain, loader.accountBytes(program).buffer, signal)
  const created = loader.createBuffer({
    payer: authority,
    buffer: buffer.publicKey,
    authority,
    program,
    lamports,
  })
  await send(chain, deployment, created, [buffer], signal)
  const writes = loader.writeBuffer(buffer.publicKey, authority, program)
  const waiting = [...writes]
  let written = 0
  const worker = async () => {
    for (let write = waiting.shift(); write !== undefined; write = waiting.shift()) {
      await send(chain, deployment, [write], [], signal)
      deployment.onProgress?.(++written, writes.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  const there = await read(chain, buffer.publicKey, signal)
  const header = loader.accountBytes(program).buffer - program.length
  if (there === undefined || !holds(there.subarray(header), program)) {
    throw new NightshiftError('DEPLOYMENT_DAMAGED', 'the buffer on the chain does not hold the program', {
      advice: 'Deploy again; the rent of the buffer can be fetched back with `solana program close`.',
      context: { buffer: buffer.publicKey.toBase58() },
    })
  }
  return buffer.publicKey
}

/** Whether an account's bytes are the program, and zeros behind it. */
function holds(bytes: Uint8Array, program: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, program.length))
  return head.equals(program) && bytes.subarray(program.length).every((byte) => byte === 0)
}

async function read(
  chain: Chain & { rpc: DeploymentRpc },
  address: PublicKey,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const account = await retrying(chain, signal, () => chain.rpc.getAccountInfo(address, 'confirmed'))
  return account?.data
}

function rent(chain: Chain & { rpc: DeploymentRpc }, bytes: number, signal: AbortSignal | undefined) {
  return retrying(chain, signal, () => chain.rpc.getMinimumBalanceForRentExemption(bytes))
}

async function send(
  chain: Chain,
  { payer, microLamports }: Deployment,
  instructions: TransactionInstruction[],
  others: Signer[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const fee = { computeUnits: UNITS, microLamports }
  await sendInstructions(chain, { instructions, signers: [payer, ...others], fee }, signal)
}

function tooLarge(bytes: number, room: number): NightshiftError {
  return new NightshiftError(
    'PROGRAM_TOO_LARGE',
    `the program has ${bytes} bytes, its account has room for ${room}`,
    {
      advice: 'Extend the account first: `solana program extend <program id> <bytes>`.',
      context: { bytes, room },
    },
  )
}
