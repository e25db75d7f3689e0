import type { Keypair, PublicKey } from '@solana/web3.js'
import { SYSVAR_CLOCK_PUBKEY, TransactionInstruction } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import type { MarketWorld } from './escrow.js'

/** Tables of what the escrow program must refuse: a call that would succeed, and cases that break one thing of it each. */
/** A transaction that would succeed. Each case breaks one thing of it. */
export interface Call {
  instructions: TransactionInstruction[]
  signers: Keypair[]
}

/** What is wrong, which code must come back, and the call that is wrong in this one thing. */
export type Case = [what: string, code: string, call: Call]

export function withAccount(
  call: Call,
  index: number,
  pubkey: PublicKey,
  at = call.instructions.length - 1,
): Call {
  return edit(call, at, (instruction) => {
    instruction.keys[index] = { ...instruction.keys[index]!, pubkey }
  })
}

export function edit(call: Call, at: number, change: (instruction: TransactionInstruction) => void): Call {
  const instructions = call.instructions.map((instruction) => {
    const { programId, data } = instruction
    return new TransactionInstruction({
      programId,
      data: Buffer.from(data),
      keys: instruction.keys.map((key) => ({ ...key })),
    })
  })
  change(instructions[at]!)
  return { ...call, instructions }
}

/** Accounts that may be read-only in this call, and data whose length is the instruction's own affair. */
interface Skip {
  readonly: number[]
  length?: boolean
}

/** What every instruction must refuse, whatever it does: wrong length, wrong count, a missing signature, a read-only account. */
function generalCases(call: Call, payer: Keypair, skip: Skip): Case[] {
  const last = call.instructions.length - 1
  const target = call.instructions[last]!
  const cases: Case[] = [
    [
      'an account more',
      'ESCROW_WRONG_ACCOUNT_COUNT',
      edit(call, last, (i) => {
        i.keys.push({ pubkey: SYSVAR_CLOCK_PUBKEY, isSigner: false, isWritable: false })
      }),
    ],
    [
      'an account less',
      'ESCROW_WRONG_ACCOUNT_COUNT',
      edit(call, last, (i) => {
        i.keys.pop()
      }),
    ],
  ]
  if (skip.length !== true) {
    cases.push([
      'a byte more of data',
      'ESCROW_MALFORMED_INSTRUCTION',
      edit(call, last, (i) => {
        i.data = Buffer.concat([i.data, Buffer.alloc(1)])
      }),
    ])
  }
  if (target.data.length > 1 && skip.length !== true) {
    cases.push([
      'a byte less of data',
      'ESCROW_MALFORMED_INSTRUCTION',
      edit(call, last, (i) => {
        i.data = i.data.subarray(0, -1)
      }),
    ])
  }
  target.keys.forEach((key, index) => {
    if (key.isSigner) {
      const unsigned = edit(call, last, (i) => {
        i.keys[index] = { ...key, isSigner: false }
      })
      const signers = [payer, ...call.signers.filter((signer) => !signer.publicKey.equals(key.pubkey))]
      cases.push([`account ${index} that did not sign`, 'ESCROW_MISSING_SIGNATURE', { ...unsigned, signers }])
    }
    if (key.isWritable && !skip.readonly.includes(index)) {
      const readonly = edit(call, last, (i) => {
        i.keys[index] = { ...key, isWritable: false }
      })
      const signers = [payer, ...call.signers]
      cases.push([`account ${index} as read-only`, 'ESCROW_NOT_WRITABLE', { ...readonly, signers }])
    }
  })
  return cases
}

/**
 * Runs all cases against the same state, and then the unbroken call, which must succeed: else the cases would prove nothing.
 * Returns how many were refused.
 */
export function refuseAll(
  world: MarketWorld,
  call: Call,
  cases: Case[],
  skip: Skip = { readonly: [] },
): number {
  const all = [...generalCases(call, world.payer, skip), ...cases]
  for (const [what, code, broken] of all) {
    const outcome = world.send(broken.instructions, [world.payer, ...broken.signers])
    const got = outcome.code === '' ? 'accepted' : outcome.code
    assert.is(outcome.code, code, `${what}: ${got}\n${outcome.logs.slice(0, 12).join('\n')}`)
  }
  world.expect(world.send(call.instructions, [world.payer, ...call.signers]))
  return all.length
}
