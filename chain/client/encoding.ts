import { type PublicKey, TransactionInstruction } from '@solana/web3.js'

/** What every instruction of the escrow program is made of: its tag, little-endian fields, and accounts with their rights. */
export const TAGS = {
  initMarket: 0,
  registerProvider: 1,
  addStake: 2,
  openLease: 3,
  settle: 4,
  closeLease: 5,
  cancelLease: 6,
  expireLease: 7,
  complete: 8,
  requestUnstake: 9,
  withdrawStake: 10,
  setPayout: 11,
  closeProvider: 12,
  updateMarket: 13,
  extendLease: 14,
  openDispute: 15,
  postOpening: 16,
  postPath: 17,
  computeEntry: 18,
  slashFraud: 19,
  closeDispute: 20,
  closeVerdict: 21,
  demandOpening: 22,
  answerOpening: 23,
  slashSilent: 24,
} as const

export type InstructionName = keyof typeof TAGS

export interface Meta {
  pubkey: PublicKey
  isSigner: boolean
  isWritable: boolean
}

export const read = (pubkey: PublicKey): Meta => ({ pubkey, isSigner: false, isWritable: false })
export const write = (pubkey: PublicKey): Meta => ({ pubkey, isSigner: false, isWritable: true })
export const signs = (pubkey: PublicKey): Meta => ({ pubkey, isSigner: true, isWritable: false })
export const pays = (pubkey: PublicKey): Meta => ({ pubkey, isSigner: true, isWritable: true })

export const u8 = (value: number) => Uint8Array.of(value)
export const u16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
export const u64 = (value: bigint | number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

export function instruction(
  programId: PublicKey,
  name: InstructionName,
  keys: Meta[],
  ...fields: Uint8Array[]
): TransactionInstruction {
  return new TransactionInstruction({ programId, keys, data: Buffer.concat([u8(TAGS[name]), ...fields]) })
}
