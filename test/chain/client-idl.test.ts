import { readFileSync } from 'node:fs'
import { PublicKey } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import * as disputes from '../../chain/client/disputes.js'
import { TAGS } from '../../chain/client/encoding.js'
import { ERROR_NAMES, FIRST_ERROR } from '../../chain/client/errors.js'
import * as escrow from '../../chain/client/instructions.js'
import {
  DISPUTE_BYTES,
  KINDS,
  LEASE_BYTES,
  MARKET_BYTES,
  PROVIDER_BYTES,
  VERDICT_BYTES,
} from '../../chain/client/layouts.js'
import { localnetProgramKeypair } from '../../chain/client/loader.js'
import { MarketWorld } from '../support/escrow.js'
import { hashOf, signMessage } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('the IDL, which standard tools read, agrees with client and program')

type Type = string | { array: [string, number] } | { defined: { name: string } }
interface Field {
  name: string
  type: Type
}
interface Idl {
  address: string
  instructions: {
    name: string
    discriminator: number[]
    accounts: { name: string; writable?: boolean; signer?: boolean; address?: string }[]
    args: Field[]
  }[]
  accounts: { name: string; discriminator: number[] }[]
  errors: { code: number; name: string }[]
  types: { name: string; type: { fields: Field[] } }[]
}

const idl: Idl = JSON.parse(readFileSync(new URL('../../../chain/program/idl.json', import.meta.url), 'utf8'))
const SIZES: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8, pubkey: 32 }

function sizeOf(type: Type): number {
  if (typeof type === 'string') return SIZES[type]!
  if ('array' in type) return SIZES[type.array[0]]! * type.array[1]
  return sizeOfStruct(type.defined.name)
}

function sizeOfStruct(name: string): number {
  const { fields } = idl.types.find((type) => type.name === name)!.type
  return fields.reduce((total, field) => total + sizeOf(field.type), 0)
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

test('instructions, errors and accounts are the same in number and name', () => {
  assert.equal(
    idl.instructions.map(({ name, discriminator }) => [name, discriminator]),
    Object.entries(TAGS).map(([name, tag]) => [snake(name), [tag]]),
  )
  assert.equal(
    idl.errors.map(({ code, name }) => [code, snake(name).slice(1).toUpperCase()]),
    ERROR_NAMES.map((name, index) => [FIRST_ERROR + index, name]),
  )
  const bytes = {
    market: MARKET_BYTES,
    provider: PROVIDER_BYTES,
    lease: LEASE_BYTES,
    dispute: DISPUTE_BYTES,
    verdict: VERDICT_BYTES,
  }
  for (const { name, discriminator } of idl.accounts) {
    const kind = name.toLowerCase() as keyof typeof KINDS
    assert.equal(discriminator, [KINDS[kind], 1])
    assert.is(sizeOfStruct(name) + discriminator.length, bytes[kind], name)
  }
  assert.is(idl.accounts.length, Object.keys(KINDS).length)
  assert.is(idl.address, localnetProgramKeypair().publicKey.toBase58())
})

test('every builder gives the accounts, rights and bytes that the IDL says', () => {
  const world = new MarketWorld()
  const provider = world.newProvider()
  const lease = world.open(provider, world.newRenter())
  const { programId, address: market, mint } = world
  const signed = signMessage(new Uint8Array(8), provider.node)
  const owner = provider.owner.publicKey
  const node = provider.node.publicKey
  const key = PublicKey.default
  const who = { programId, provider: provider.address, owner }
  const terms = world.market(market).terms
  const state = {
    market,
    provider: provider.address,
    lease: lease.address,
    reporter: owner,
    receiptHash: hashOf('r'),
  }
  const opening = {
    round: 0,
    row: 0,
    column: 0,
    segment: new Uint8Array(8),
    path: Array(60).fill(hashOf('p')),
  }
  const posted = disputes.postOpening(programId, owner, key, opening)
  const built = [
    escrow.initMarket({ programId, payer: owner, base: key, mint, terms, updateDelaySeconds: 1 }),
    world.registration(provider, 1n),
    escrow.addStake({ ...who, source: key, amount: 1n }),
    escrow.openLease(lease.opening),
    ...world.settling(lease, signed).slice(1),
    ...world.closing(lease, { voucher: signed }).slice(1),
    escrow.cancelLease({ programId, lease: lease.address, signer: owner }),
    world.expiring(lease),
    escrow.complete({ ...who, node, lease: lease.address, output: hashOf('o') }),
    escrow.requestUnstake({ ...who, market, amount: 1n }),
    escrow.withdrawStake({ ...who, destination: key }),
    escrow.setPayout({ ...who, market, payout: key }),
    escrow.closeProvider({ ...who, destination: key }),
    escrow.updateMarket({ programId, market, governance: owner, terms }),
    escrow.extendLease({
      programId,
      lease: lease.address,
      parties: lease.parties,
      node,
      source: key,
      seconds: 1,
      bondBps: 1,
    }),
    ...disputes
      .openDispute({ ...who, reporter: owner, node, receipt: signed, receiptHash: hashOf('r') })
      .slice(1),
    ...posted,
    ...disputes.computeEntry(programId, key, 8192),
    disputes.slashFraud({ programId, dispute: key, state, mint, bounty: key, refund: key }),
    disputes.closeDispute(programId, owner, key),
    disputes.closeVerdict(programId, owner, key, hashOf('r')),
    disputes.demandOpening({ ...state, programId, dispute: key, entry: opening }),
    disputes.answerOpening({ programId, node, dispute: key, state, opening })[0]!,
    disputes.slashSilent({ programId, dispute: key, state, mint }),
  ]
  assert.is(built.length, idl.instructions.length)
  const variable = ['post_opening', 'post_path', 'answer_opening']
  built.forEach((instruction, index) => {
    const { name, accounts, args, discriminator } = idl.instructions[index]!
    assert.is(instruction.data[0], discriminator[0], name)
    const bytes = args.reduce((total, arg) => total + sizeOf(arg.type), 1)
    if (variable.includes(name)) assert.ok(instruction.data.length > bytes)
    else assert.is(instruction.data.length, bytes, name)
    assert.equal(
      instruction.keys.map((meta) => [meta.isSigner, meta.isWritable]),
      accounts.map((account) => [account.signer === true, account.writable === true]),
      name,
    )
    accounts.forEach(({ address }, at) => {
      if (address !== undefined) assert.is(instruction.keys[at]!.pubkey.toBase58(), address, `${name} ${at}`)
    })
  })
})

test.run()
