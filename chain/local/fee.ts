import type { VersionedMessage } from '@solana/web3.js'

/** Lamports for each signature, those that the precompiles check included. */
export const LAMPORTS_PER_SIGNATURE = 5_000

const COMPUTE_BUDGET = 'ComputeBudget111111111111111111111111111111'
const PRECOMPILES: ReadonlySet<string> = new Set([
  'Ed25519SigVerify111111111111111111111111111',
  'KeccakSecp256k11111111111111111111111111111',
  'Secp256r1SigVerify1111111111111111111111111',
])
const DEFAULT_UNITS_PER_INSTRUCTION = 200_000
const DEFAULT_UNITS_PER_BUILTIN = 3_000
const MAX_UNITS = 1_400_000
const MICRO_LAMPORTS = 1_000_000n
/** Instructions of these cost the smaller default (SIMD-0170). */
const BUILTINS: ReadonlySet<string> = new Set([
  '11111111111111111111111111111111',
  'Vote111111111111111111111111111111111111111',
  'BPFLoader1111111111111111111111111111111111',
  'BPFLoader2111111111111111111111111111111111',
  'BPFLoaderUpgradeab1e11111111111111111111111',
  'LoaderV411111111111111111111111111111111111',
  COMPUTE_BUDGET,
  ...PRECOMPILES,
])

/**
 * What the network takes for this message: 5,000 lamports a signature, and the priority fee that the transaction
 * offers (price in micro-lamports a unit × unit limit, rounded up). Source: solana-fee and compute-budget of Agave.
 */
export function feeOf(message: VersionedMessage): number {
  let signatures = message.header.numRequiredSignatures
  let price = 0n
  let limit: number | undefined
  let defaultLimit = 0
  for (const instruction of message.compiledInstructions) {
    const program = message.staticAccountKeys[instruction.programIdIndex]?.toBase58() ?? ''
    const data = Buffer.from(instruction.data)
    if (PRECOMPILES.has(program)) signatures += data[0] ?? 0
    if (program === COMPUTE_BUDGET) {
      if (data[0] === 2 && data.length >= 5) limit = data.readUInt32LE(1)
      if (data[0] === 3 && data.length >= 9) price = data.readBigUInt64LE(1)
    }
    defaultLimit += BUILTINS.has(program) ? DEFAULT_UNITS_PER_BUILTIN : DEFAULT_UNITS_PER_INSTRUCTION
  }
  const units = BigInt(Math.min(limit ?? defaultLimit, MAX_UNITS))
  const priority = (price * units + MICRO_LAMPORTS - 1n) / MICRO_LAMPORTS
  return signatures * LAMPORTS_PER_SIGNATURE + Number(priority)
}
