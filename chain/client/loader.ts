import { createHash } from 'node:crypto'
import {
  Keypair,
  PublicKey,
  SYSVAR_CLOCK_PUBKEY,
  SYSVAR_RENT_PUBKEY,
  SystemProgram,
  TransactionInstruction,
} from '@solana/web3.js'

/**
 * Puts the program on a cluster through the upgradeable loader (loader v3), which checks it as it would on mainnet: every
 * system call resolved, every instruction valid.
 */
export const LOADER_PROGRAM_ID = new PublicKey('BPFLoaderUpgradeab1e11111111111111111111111')

/** Written per transaction: leaves room for two signatures within a packet of 1,232 bytes. */
export const CHUNK_BYTES = 900

const BUFFER_HEADER_BYTES = 37
const PROGRAM_BYTES = 36

/** Seed of the program's key on local chains. Public, so never to be used where money has a value. */
export const LOCALNET_PROGRAM_SEED = 'nightshift escrow program, local chain'

/** The program's key on every local chain: ed25519 with SHA-256(LOCALNET_PROGRAM_SEED) as its seed. */
export function localnetProgramKeypair(): Keypair {
  return Keypair.fromSeed(createHash('sha256').update(LOCALNET_PROGRAM_SEED).digest())
}

export function programDataAddress(programId: PublicKey): PublicKey {
  return PublicKey.findProgramAddressSync([programId.toBytes()], LOADER_PROGRAM_ID)[0]
}

/** Bytes of the two accounts whose rent the payer must bring besides the buffer, which is returned. */
export function accountBytes(program: Uint8Array): { buffer: number; program: number } {
  return { buffer: BUFFER_HEADER_BYTES + program.length, program: PROGRAM_BYTES }
}

export interface CreateBuffer {
  payer: PublicKey
  buffer: PublicKey
  authority: PublicKey
  program: Uint8Array
  /** Rent-exempt minimum of `accountBytes(program).buffer`. */
  lamports: number
}

/** Signed by payer and buffer. */
export function createBuffer(args: CreateBuffer): TransactionInstruction[] {
  return [
    SystemProgram.createAccount({
      fromPubkey: args.payer,
      newAccountPubkey: args.buffer,
      lamports: args.lamports,
      space: accountBytes(args.program).buffer,
      programId: LOADER_PROGRAM_ID,
    }),
    loader(Buffer.from([0, 0, 0, 0]), [
      { pubkey: args.buffer, isSigner: false, isWritable: true },
      { pubkey: args.authority, isSigner: false, isWritable: false },
    ]),
  ]
}

/** The program in pieces, one instruction (and transaction) each, signed by the buffer's authority. */
export function writeBuffer(
  buffer: PublicKey,
  authority: PublicKey,
  program: Uint8Array,
): TransactionInstruction[] {
  const count = Math.ceil(program.length / CHUNK_BYTES)
  return Array.from({ length: count }, (_, index) => {
    const offset = index * CHUNK_BYTES
    const chunk = program.subarray(offset, offset + CHUNK_BYTES)
    const head = Buffer.alloc(16)
    head.writeUInt32LE(1, 0)
    head.writeUInt32LE(offset, 4)
    head.writeBigUInt64LE(BigInt(chunk.length), 8)
    return loader(Buffer.concat([head, chunk]), [
      { pubkey: buffer, isSigner: false, isWritable: true },
      { pubkey: authority, isSigner: true, isWritable: false },
    ])
  })
}

export interface Deploy {
  payer: PublicKey
  /** Signs; its key is the program id. */
  programId: PublicKey
  buffer: PublicKey
  authority: PublicKey
  /** Room for later versions, in bytes; at least the program's length. */
  maxBytes: number
  /** Rent-exempt minimum of `accountBytes(program).program`. */
  lamports: number
}

/** Signed by payer, program and authority. */
export function deploy(args: Deploy): TransactionInstruction[] {
  const data = Buffer.alloc(12)
  data.writeUInt32LE(2, 0)
  data.writeBigUInt64LE(BigInt(args.maxBytes), 4)
  const read = (pubkey: PublicKey) => ({ pubkey, isSigner: false, isWritable: false })
  const write = (pubkey: PublicKey) => ({ pubkey, isSigner: false, isWritable: true })
  return [
    SystemProgram.createAccount({
      fromPubkey: args.payer,
      newAccountPubkey: args.programId,
      lamports: args.lamports,
      space: PROGRAM_BYTES,
      programId: LOADER_PROGRAM_ID,
    }),
    loader(data, [
      { pubkey: args.payer, isSigner: true, isWritable: true },
      write(programDataAddress(args.programId)),
      write(args.programId),
      write(args.buffer),
      read(SYSVAR_RENT_PUBKEY),
      read(SYSVAR_CLOCK_PUBKEY),
      read(SystemProgram.programId),
      { pubkey: args.authority, isSigner: true, isWritable: false },
    ]),
  ]
}

/** Replaces the program's code by a buffer's; signed by the authority, who gets the buffer's rent. */
export function upgrade(
  programId: PublicKey,
  buffer: PublicKey,
  authority: PublicKey,
): TransactionInstruction {
  const read = (pubkey: PublicKey) => ({ pubkey, isSigner: false, isWritable: false })
  const write = (pubkey: PublicKey) => ({ pubkey, isSigner: false, isWritable: true })
  return loader(Buffer.from([3, 0, 0, 0]), [
    write(programDataAddress(programId)),
    write(programId),
    write(buffer),
    write(authority),
    read(SYSVAR_RENT_PUBKEY),
    read(SYSVAR_CLOCK_PUBKEY),
    { pubkey: authority, isSigner: true, isWritable: false },
  ])
}

function loader(data: Buffer, keys: TransactionInstruction['keys']): TransactionInstruction {
  return new TransactionInstruction({ programId: LOADER_PROGRAM_ID, keys, data })
}
