import { createHash } from 'node:crypto'
import {
  type AccountMeta,
  Keypair,
  PublicKey,
  SYSVAR_CLOCK_PUBKEY,
  SYSVAR_RENT_PUBKEY,
  SystemProgram,
  TransactionInstruction,
} from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Log, Random } from '../../protocols/ports.js'
import { describeFault } from './fault.js'
import type { Ledger } from './ledger.js'
import { signTransaction } from './sign.js'
import type { DecodedTransaction } from './transaction.js'

/** Deploys through the upgradeable loader (loader v3), as a cluster would. Layouts: solana-loader-v3-interface. */
export interface LocalProgram {
  readonly programId: PublicKey
  /** The compiled program, an ELF file. */
  readonly so: Uint8Array
}

export interface DeployPorts {
  readonly ledger: Ledger
  readonly random: Random
  readonly log: Log
  readonly submit: (transaction: DecodedTransaction) => boolean
  /** Begins the next slot: a program can be called, and upgraded again, from the slot after its deployment. */
  readonly nextSlot: () => void
}

const LOADER = new PublicKey('BPFLoaderUpgradeab1e11111111111111111111111')
const PROGRAM_BYTES = 36
const BUFFER_HEAD_BYTES = 37
const PROGRAM_DATA_HEAD_BYTES = 45
/** Program bytes in one write: what fits a transaction of 1,232 bytes beside its head. */
const WRITE_BYTES = 900
/** The loader extends by at least this much. */
const EXTEND_MIN_BYTES = 10_240

const TAG = { initializeBuffer: 0, write: 1, deploy: 2, upgrade: 3, extend: 6 } as const

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function account(pubkey: PublicKey, rights: '' | 's' | 'w' | 'sw' = ''): AccountMeta {
  return { pubkey, isSigner: rights.includes('s'), isWritable: rights.includes('w') }
}

function instruction(keys: AccountMeta[], ...data: Buffer[]): TransactionInstruction {
  return new TransactionInstruction({ programId: LOADER, keys, data: Buffer.concat(data) })
}

/**
 * Sees to it that `programId` runs exactly `so`: deploys it, upgrades it when other code is there, does nothing when it is there
 * already. Throws PROGRAM_NOT_DEPLOYED with the loader's own logs.
 */
export function deployProgram(
  ports: DeployPorts,
  program: LocalProgram,
): 'deployed' | 'upgraded' | 'unchanged' {
  const { bank } = ports.ledger
  const programData = programDataOf(program.programId)
  const deployed = bank.readAccount(programData.toBytes())
  const present = deployed?.data.subarray(PROGRAM_DATA_HEAD_BYTES)
  if (present !== undefined && holds(present, program.so)) return 'unchanged'

  const buffer = writeBuffer(ports, program)
  if (present === undefined) deployBuffer(ports, program, programData, buffer)
  else upgradeTo(ports, program, programData, buffer, present.length)
  ports.nextSlot()
  const outcome = present === undefined ? 'deployed' : 'upgraded'
  ports.log.info(`program ${outcome}`, {
    programId: program.programId.toBase58(),
    sha256: createHash('sha256').update(program.so).digest('hex'),
    bytes: program.so.length,
  })
  return outcome
}

export function programDataOf(programId: PublicKey): PublicKey {
  return PublicKey.findProgramAddressSync([programId.toBytes()], LOADER)[0]
}

/** Whether the program's data is `so`, followed by nothing but zeros (room for a larger one). */
function holds(data: Uint8Array, so: Uint8Array): boolean {
  return (
    data.length >= so.length &&
    Buffer.compare(data.subarray(0, so.length), so) === 0 &&
    data.subarray(so.length).every((byte) => byte === 0)
  )
}

function send(
  { ledger, submit }: DeployPorts,
  program: LocalProgram,
  instructions: TransactionInstruction[],
  signers: Keypair[] = [],
): void {
  const transaction = signTransaction(ledger.bank, instructions, [ledger.faucet, ...signers])
  const simulation = ledger.bank.simulate(transaction, { verifySignatures: false, replaceBlockhash: false })
  if (simulation.fault === null && submit(transaction)) return
  const why = simulation.fault === null ? 'it was not applied' : describeFault(simulation.fault)
  throw new NightshiftError(
    'PROGRAM_NOT_DEPLOYED',
    `the loader refused ${program.programId.toBase58()}: ${why}\n${simulation.logs.join('\n')}`,
    {
      advice:
        'Build the program again; its file must be an ELF for sBPF that uses only syscalls that the network knows.',
      context: { programId: program.programId.toBase58(), bytes: program.so.length },
    },
  )
}

function writeBuffer(ports: DeployPorts, program: LocalProgram): PublicKey {
  const { bank, faucet } = ports.ledger
  const buffer = Keypair.fromSeed(ports.random.bytes(32))
  const authority = account(faucet.publicKey, 's')
  const space = BUFFER_HEAD_BYTES + program.so.length
  const create = SystemProgram.createAccount({
    fromPubkey: faucet.publicKey,
    newAccountPubkey: buffer.publicKey,
    space,
    lamports: Number(bank.rentExemptMinimum(PROGRAM_DATA_HEAD_BYTES + program.so.length)),
    programId: LOADER,
  })
  const initialize = instruction(
    [account(buffer.publicKey, 'w'), account(faucet.publicKey)],
    u32(TAG.initializeBuffer),
  )
  send(ports, program, [create, initialize], [buffer])
  for (let offset = 0; offset < program.so.length; offset += WRITE_BYTES) {
    const part = Buffer.from(program.so.subarray(offset, offset + WRITE_BYTES))
    const keys = [account(buffer.publicKey, 'w'), authority]
    send(ports, program, [instruction(keys, u32(TAG.write), u32(offset), u64(part.length), part)])
  }
  return buffer.publicKey
}

/**
 * The program's address has no key here that could sign for its creation, so its empty account is placed; all else is
 * the loader's work.
 */
function deployBuffer(
  ports: DeployPorts,
  program: LocalProgram,
  programData: PublicKey,
  buffer: PublicKey,
): void {
  const { ledger } = ports
  const payer = ledger.faucet.publicKey
  ledger.placeAccount({
    address: program.programId.toBytes(),
    account: {
      lamports: ledger.bank.rentExemptMinimum(PROGRAM_BYTES),
      data: new Uint8Array(PROGRAM_BYTES),
      owner: LOADER.toBytes(),
      executable: false,
    },
  })
  const keys = [
    account(payer, 'sw'),
    account(programData, 'w'),
    account(program.programId, 'w'),
    account(buffer, 'w'),
    account(SYSVAR_RENT_PUBKEY),
    account(SYSVAR_CLOCK_PUBKEY),
    account(SystemProgram.programId),
    account(payer, 's'),
  ]
  send(ports, program, [instruction(keys, u32(TAG.deploy), u64(program.so.length))])
}

function upgradeTo(
  ports: DeployPorts,
  program: LocalProgram,
  programData: PublicKey,
  buffer: PublicKey,
  room: number,
): void {
  const payer = ports.ledger.faucet.publicKey
  const missing = program.so.length - room
  if (missing > 0) {
    const keys = [
      account(programData, 'w'),
      account(program.programId, 'w'),
      account(SystemProgram.programId),
      account(payer, 'sw'),
    ]
    send(ports, program, [instruction(keys, u32(TAG.extend), u32(Math.max(missing, EXTEND_MIN_BYTES)))])
    ports.nextSlot()
  }
  const keys = [
    account(programData, 'w'),
    account(program.programId, 'w'),
    account(buffer, 'w'),
    account(payer, 'w'),
    account(SYSVAR_RENT_PUBKEY),
    account(SYSVAR_CLOCK_PUBKEY),
    account(payer, 's'),
  ]
  send(ports, program, [instruction(keys, u32(TAG.upgrade))])
}
