import { MINT_SIZE, TOKEN_PROGRAM_ID } from '@solana/spl-token'
import {
  Ed25519Program,
  type Keypair,
  PublicKey,
  SYSVAR_CLOCK_PUBKEY,
  SystemProgram,
  TransactionInstruction,
} from '@solana/web3.js'
import * as assert from 'uvu/assert'
import * as escrow from '../../chain/client/instructions.js'
import { type LeaseParty, MarketWorld, type ProviderParty, type RenterParty } from '../support/escrow.js'
import { type Call, type Case, edit, refuseAll as runTable, withAccount } from '../support/refusals.js'
import { hashOf, signMessage } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program refuses')

class Stage {
  readonly world = new MarketWorld({ feeBps: 100 })
  readonly provider: ProviderParty = this.world.newProvider()
  readonly renter: RenterParty = this.world.newRenter()
  readonly lease: LeaseParty = this.world.open(this.provider, this.renter)
  readonly otherProvider: ProviderParty = this.world.newProvider()
  readonly otherRenter: RenterParty = this.world.newRenter()
  readonly otherLease: LeaseParty = this.world.open(this.otherProvider, this.otherRenter)
  readonly otherMint: PublicKey = this.world.createMint()
  readonly otherMintAccount: PublicKey = this.world.createTokenAccount(
    this.otherMint,
    this.renter.wallet.publicKey,
    50_000_000n,
  )
  readonly stranger: Keypair = this.world.wallet('stranger')
  readonly strangerTokens: PublicKey = this.world.createTokenAccount(
    this.world.mint,
    this.stranger.publicKey,
    50_000_000n,
  )
  readonly otherMarket: PublicKey = this.world.anotherMarket()

  /** An account with the bytes of a real one that does not belong to the escrow program. */
  forgery(original: PublicKey): PublicKey {
    const address = this.world.key('forgery').publicKey
    this.world.forge(address, this.stranger.publicKey, this.world.account(original)!.data)
    return address
  }
}

let checked = 0

function refuseAll(...table: Parameters<typeof runTable>): void {
  checked += runTable(...table)
}

test('an unknown instruction, and none at all', () => {
  const world = new MarketWorld()
  for (const data of [Buffer.alloc(0), Buffer.from([99]), Buffer.from([255, 1])]) {
    const instruction = new TransactionInstruction({ programId: world.programId, keys: [], data })
    assert.is(world.send([instruction], [world.payer]).code, 'ESCROW_UNKNOWN_INSTRUCTION')
  }
})

test('markets of wrong mints, wrong addresses and unbounded parameters', () => {
  const { world, stranger, strangerTokens } = new Stage()
  const base = world.key('base')
  const native = new PublicKey('So11111111111111111111111111111111111111112')
  const good = { ...world.market(world.address).terms }
  const build = (change: Partial<escrow.InitMarket> = {}): Call => ({
    instructions: [
      escrow.initMarket({
        programId: world.programId,
        payer: stranger.publicKey,
        base: base.publicKey,
        mint: world.mint,
        terms: good,
        updateDelaySeconds: 60,
        ...change,
      }),
    ],
    signers: [stranger, base],
  })
  const call = build()
  const unready = world.key('mint')
  const parameters: [string, Partial<escrow.NewTerms>][] = [
    ['no minimum stake', { minimumStake: 0n }],
    ['no dispute window', { disputeWindowSeconds: 0 }],
    [
      'a dispute window above 30 days',
      { disputeWindowSeconds: 30 * 86_400 + 1, coolDownSeconds: 31 * 86_400 },
    ],
    ['a cool-down shorter than the dispute window', { coolDownSeconds: 599 }],
    ['a cool-down above a year', { coolDownSeconds: 365 * 86_400 + 1 }],
    ['a bond above the whole', { bondBps: 10_001 }],
    ['a slash above the whole', { slashBps: 10_001 }],
    ['a bounty above half', { bountyBps: 5_001 }],
    ['a fee above a tenth', { feeBps: 1_001 }],
  ]
  world.forge(unready.publicKey, TOKEN_PROGRAM_ID, new Uint8Array(MINT_SIZE))
  refuseAll(world, call, [
    ...parameters.map(
      ([what, change]): Case => [
        what,
        'ESCROW_PARAMETER_OUT_OF_RANGE',
        build({ terms: { ...good, ...change } }),
      ],
    ),
    ['no delay', 'ESCROW_PARAMETER_OUT_OF_RANGE', build({ updateDelaySeconds: 0 })],
    [
      'a delay above a year',
      'ESCROW_PARAMETER_OUT_OF_RANGE',
      build({ updateDelaySeconds: 365 * 86_400 + 1 }),
    ],
    ['wrapped SOL', 'ESCROW_WRONG_MINT', build({ mint: native })],
    ['a token account as mint', 'ESCROW_WRONG_MINT', build({ mint: strangerTokens })],
    ['a wallet as mint', 'ESCROW_WRONG_MINT', build({ mint: stranger.publicKey })],
    ['a mint that is not initialized', 'ESCROW_WRONG_MINT', build({ mint: unready.publicKey })],
    [
      'an address that the base does not give',
      'ESCROW_WRONG_ADDRESS',
      withAccount(call, 2, stranger.publicKey),
    ],
    ['the address of another market', 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, world.address)],
    ['another system program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 4, world.programId)],
  ])
  assert.is(world.send(call.instructions, [stranger, base]).code, 'ESCROW_ALREADY_EXISTS')
})

test('registrations with too little, of others, twice, or with wrong accounts', () => {
  const stage = new Stage()
  const { world, stranger, otherMintAccount } = stage
  const owner = world.wallet('owner')
  const node = world.key('node')
  const party = {
    owner,
    node,
    source: world.createTokenAccount(world.mint, owner.publicKey, 3_000_000n),
    payout: world.createTokenAccount(world.mint, owner.publicKey),
    address: PublicKey.default,
    vault: PublicKey.default,
  }
  const build = (stake: bigint): Call => ({
    instructions: [world.registration(party, stake)],
    signers: [owner, node],
  })
  const call = build(2_000_000n)
  const wrapped = stage.forgery(world.address)
  refuseAll(world, call, [
    ['less than the minimum stake', 'ESCROW_BELOW_MINIMUM_STAKE', build(999_999n)],
    ['nothing', 'ESCROW_BELOW_MINIMUM_STAKE', build(0n)],
    ['more than the wallet has', 'CHAIN_INSUFFICIENT_TOKENS', build(2n ** 64n - 1n)],
    ['a forged market', 'ESCROW_WRONG_OWNER', withAccount(call, 2, wrapped)],
    ['a provider as market', 'ESCROW_WRONG_KIND', withAccount(call, 2, stage.provider.address)],
    ['another address', 'ESCROW_WRONG_ADDRESS', withAccount(call, 3, stranger.publicKey)],
    ["another provider's address", 'ESCROW_WRONG_ADDRESS', withAccount(call, 3, stage.provider.address)],
    ["another provider's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 4, stage.provider.vault)],
    ['another mint', 'ESCROW_WRONG_MINT', withAccount(call, 5, stage.otherMint)],
    ['tokens of another mint', 'ESCROW_WRONG_MINT', withAccount(call, 6, otherMintAccount)],
    ["a stranger's tokens", 'CHAIN_TOKEN_OWNER', withAccount(call, 6, stage.strangerTokens)],
    ["another provider's stake", 'CHAIN_TOKEN_OWNER', withAccount(call, 6, stage.provider.vault)],
    ['a payout account of another mint', 'ESCROW_WRONG_MINT', withAccount(call, 7, otherMintAccount)],
    ['a wallet as payout account', 'ESCROW_WRONG_TOKEN_ACCOUNT', withAccount(call, 7, stranger.publicKey)],
    ['the mint as payout account', 'ESCROW_WRONG_TOKEN_ACCOUNT', withAccount(call, 7, world.mint)],
    ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 8, world.programId)],
    ['another system program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 9, world.programId)],
  ])
  assert.is(world.send(call.instructions, [world.payer, owner, node]).code, 'ESCROW_ALREADY_EXISTS')
})

test('stakes added to what is no provider, from others, or of nothing', () => {
  const stage = new Stage()
  const { world, stranger, provider } = stage
  const build = (amount: bigint, owner = provider.owner, source = provider.source): Call => ({
    instructions: [
      escrow.addStake({
        programId: world.programId,
        provider: provider.address,
        owner: owner.publicKey,
        source,
        amount,
      }),
    ],
    signers: [owner],
  })
  const call = build(5n)
  refuseAll(world, call, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', build(5n, stranger, stage.strangerTokens)],
    ['the node', 'ESCROW_WRONG_AUTHORITY', build(5n, provider.node, stage.strangerTokens)],
    ['nothing', 'ESCROW_AMOUNT_OUT_OF_RANGE', build(0n)],
    ['an amount that overflows', 'ESCROW_AMOUNT_OUT_OF_RANGE', build(2n ** 64n - 1n)],
    ['more than there is', 'CHAIN_INSUFFICIENT_TOKENS', build(990_000_001n)],
    ['a forged provider', 'ESCROW_WRONG_OWNER', withAccount(call, 1, stage.forgery(provider.address))],
    ['a lease as provider', 'ESCROW_WRONG_KIND', withAccount(call, 1, stage.lease.address)],
    ["another provider's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, stage.otherProvider.vault)],
    ["a lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, stage.lease.vault)],
    ['the vault as its own source', 'ESCROW_DUPLICATE_ACCOUNT', withAccount(call, 3, provider.vault)],
    ["somebody else's tokens", 'CHAIN_TOKEN_OWNER', withAccount(call, 3, stage.renter.source)],
    ['tokens of another mint', 'CHAIN_TOKEN_MINT', withAccount(call, 3, stage.otherMintAccount)],
    ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 4, world.programId)],
  ])
})

test(
  'openings at other terms than signed, without stake, of others, or with wrong accounts',
  () => {
    const stage = new Stage()
    const { world, provider, renter, stranger } = stage
    const termsHash = hashOf('the terms of this test')
    const build = (change: Partial<escrow.OpenLease> = {}): Call => ({
      instructions: [escrow.openLease(world.opening(provider, renter, { termsHash, ...change }))],
      signers: [renter.wallet, provider.node],
    })
    const call = build()
    const patch = (offset: number, value: bigint): Call =>
      edit(call, 0, (i) => {
        i.data.writeBigUInt64LE(value, offset)
      })
    const poor = world.newProvider(1_000_000n)
    const leaving = world.newProvider()
    const request = escrow.requestUnstake({
      programId: world.programId,
      market: world.address,
      provider: leaving.address,
      owner: leaving.owner.publicKey,
      amount: 10_000_000n,
    })
    world.expect(world.send([request], [leaving.owner]))
    const from = (party: ProviderParty, change: Partial<escrow.OpenLease> = {}): Call => ({
      ...build({ node: party.node.publicKey, ...change }),
      signers: [renter.wallet, party.node],
    })
    const mine = world.createTokenAccount(world.mint, renter.wallet.publicKey, 10n)
    const elsewhere = build({ market: stage.otherMarket })
    refuseAll(world, call, [
      ['a price of nothing', 'ESCROW_AMOUNT_OUT_OF_RANGE', build({ pricePerHour: 0n })],
      ['a price above all', 'ESCROW_AMOUNT_OUT_OF_RANGE', patch(65, 2n ** 64n - 1n)],
      ['no duration', 'ESCROW_AMOUNT_OUT_OF_RANGE', build({ durationSeconds: 0 })],
      ['a duration above 90 days', 'ESCROW_AMOUNT_OUT_OF_RANGE', build({ durationSeconds: 90 * 86_400 + 1 })],
      ['a deposit below the price', 'ESCROW_TERMS_CHANGED', patch(81, 3_599_999n)],
      ['a deposit above the price', 'ESCROW_TERMS_CHANGED', patch(81, 3_600_001n)],
      ['a bond below the share', 'ESCROW_TERMS_CHANGED', patch(89, 719_999n)],
      ['another bond share', 'ESCROW_TERMS_CHANGED', build({ bondBps: 0 })],
      ['another dispute window', 'ESCROW_TERMS_CHANGED', build({ disputeWindowSeconds: 601 })],
      [
        "the provider's own key as session",
        'ESCROW_WRONG_AUTHORITY',
        build({ session: provider.node.publicKey }),
      ],
      ['another fee share', 'ESCROW_TERMS_CHANGED', build({ feeBps: 0 })],
      ['more bond than free stake', 'ESCROW_INSUFFICIENT_STAKE', from(poor, { pricePerHour: 5_000_004n })],
      ['a provider that is leaving', 'ESCROW_BELOW_MINIMUM_STAKE', from(leaving)],
      ['a renter without the deposit', 'CHAIN_INSUFFICIENT_TOKENS', build({ source: mine })],
      ["somebody else's tokens", 'CHAIN_TOKEN_OWNER', build({ source: stage.otherRenter.source })],
      ["another lease's deposit", 'CHAIN_TOKEN_OWNER', build({ source: stage.lease.vault })],
      ['tokens of another mint', 'ESCROW_WRONG_MINT', build({ source: stage.otherMintAccount })],
      [
        'a key that is not the node',
        'ESCROW_WRONG_AUTHORITY',
        {
          ...withAccount(call, 1, stranger.publicKey),
          signers: [renter.wallet, stranger],
        },
      ],
      [
        "another provider's key",
        'ESCROW_WRONG_AUTHORITY',
        {
          ...withAccount(call, 1, stage.otherProvider.node.publicKey),
          signers: [renter.wallet, stage.otherProvider.node],
        },
      ],
      ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 2, stage.otherMarket)],
      ['a provider of no market', 'ESCROW_WRONG_OWNER', elsewhere],
      ['a forged market', 'ESCROW_WRONG_OWNER', withAccount(call, 2, stage.forgery(world.address))],
      ['a forged provider', 'ESCROW_WRONG_OWNER', withAccount(call, 3, stage.forgery(provider.address))],
      ['a market as provider', 'ESCROW_WRONG_KIND', withAccount(call, 3, world.address)],
      ['the address of another lease', 'ESCROW_WRONG_ADDRESS', withAccount(call, 4, stage.lease.address)],
      ['an address of nothing', 'ESCROW_WRONG_ADDRESS', withAccount(call, 4, stranger.publicKey)],
      ["another lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 5, stage.lease.vault)],
      ['another mint', 'ESCROW_WRONG_MINT', withAccount(call, 6, stage.otherMint)],
      ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 8, world.programId)],
      ['another system program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 9, world.programId)],
    ])
    const again = world.send(call.instructions, [world.payer, renter.wallet, provider.node])
    assert.is(again.code, 'ESCROW_ALREADY_EXISTS')
  },
  { timeoutMs: 120_000 },
)

/** Ways to get the Ed25519 instruction wrong, for the instructions that use a voucher. */
function voucherCases(stage: Stage, build: (voucher: escrow.SignedVoucher) => Call): Case[] {
  const { world, lease } = stage
  const good = world.voucher(lease, { amount: 100_000n, sequence: 5n, final: true })
  const call = build(good)
  const flip = (at: number): Call => build({ ...good, message: flipped(good.message, at) })
  const resigned = (at: number, value: number): Call => {
    const message = Uint8Array.from(good.message)
    message[at] = value
    return build(signMessage(message, lease.renter.session))
  }
  const without: Call = { ...call, instructions: call.instructions.slice(1) }
  const between: Call = {
    ...call,
    instructions: [
      call.instructions[0]!,
      SystemProgram.transfer({
        fromPubkey: world.payer.publicKey,
        toPubkey: world.payer.publicKey,
        lamports: 1,
      }),
      call.instructions[1]!,
    ],
  }
  const after: Call = { ...call, instructions: [call.instructions[1]!, call.instructions[0]!] }
  const wrongKey = world.voucher(lease, { amount: 100_000n, sequence: 5n, final: true }, stage.stranger)
  const strange = edit(call, 0, (i) => {
    Object.assign(
      i,
      Ed25519Program.createInstructionWithPublicKey({
        publicKey: stage.stranger.publicKey.toBytes(),
        message: wrongKey.message,
        signature: wrongKey.signature,
      }),
    )
  })
  // Offsets that name another instruction's data: the precompile would check bytes that the program does not read.
  const indirect = edit(call, 0, (i) => {
    i.data.writeUInt16LE(0, 14)
  })
  const twoSignatures = edit(call, 0, (i) => {
    i.data[0] = 2
    i.data = Buffer.concat([i.data.subarray(0, 16), i.data.subarray(2, 16), i.data.subarray(16)])
  })
  const none = edit(call, 0, (i) => {
    i.data = Buffer.from([0, 0])
  })
  const longer = build(signMessage(Buffer.concat([good.message, Buffer.alloc(1)]), lease.renter.session))
  const elsewhere = world.voucher(lease, {
    lease: stage.otherLease.address.toBytes(),
    amount: 100_000n,
    sequence: 5n,
    final: true,
  })
  const older = world.voucher(lease, {
    serial: lease.parties.serial - 1n,
    amount: 1n,
    sequence: 5n,
    final: true,
  })
  return [
    ['no voucher', 'ESCROW_VOUCHER_MISSING', without],
    ['an instruction between voucher and use', 'ESCROW_VOUCHER_MISSING', between],
    ['the voucher after its use', 'ESCROW_VOUCHER_MISSING', after],
    ['a voucher that was changed', 'CHAIN_TRANSACTION_FAILED', flip(64)],
    [
      'a signature that was changed',
      'CHAIN_TRANSACTION_FAILED',
      build({ ...good, signature: flipped(good.signature, 3) }),
    ],
    ["a stranger's signature", 'ESCROW_VOUCHER_WRONG_KEY', strange],
    ['a count of no signatures', 'ESCROW_VOUCHER_MALFORMED', none],
    ['two signatures', 'CHAIN_TRANSACTION_FAILED', twoSignatures],
    ["a message in another instruction's data", 'ESCROW_VOUCHER_MALFORMED', indirect],
    ['a longer message', 'ESCROW_VOUCHER_MALFORMED', longer],
    ['another domain', 'ESCROW_VOUCHER_MALFORMED', resigned(1, 0x4e)],
    ['unknown flags', 'ESCROW_VOUCHER_MALFORMED', resigned(80, 3)],
    ['reserved bytes in use', 'ESCROW_VOUCHER_MALFORMED', resigned(87, 1)],
    ['a voucher for another lease', 'ESCROW_VOUCHER_FOREIGN', build(elsewhere)],
    ['a voucher of an earlier lease', 'ESCROW_VOUCHER_FOREIGN', build(older)],
    [
      'more than the deposit',
      'ESCROW_VOUCHER_ABOVE_DEPOSIT',
      build(world.voucher(lease, { amount: 3_600_001n, sequence: 5n, final: true })),
    ],
    [
      'all the money of the world',
      'ESCROW_VOUCHER_ABOVE_DEPOSIT',
      build(world.voucher(lease, { amount: 2n ** 64n - 1n, sequence: 5n, final: true })),
    ],
  ]
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[at]! ^= 1
  return changed
}

test(
  'vouchers that are old, low, foreign, forged or misplaced, and wrong accounts of a settlement',
  () => {
    const stage = new Stage()
    const { world, lease, provider } = stage
    const build = (voucher: escrow.SignedVoucher): Call => ({
      instructions: world.settling(lease, voucher),
      signers: [],
    })
    world.expect(
      world.send(build(world.voucher(lease, { amount: 50_000n, sequence: 4n })).instructions, [world.payer]),
    )
    const call = build(world.voucher(lease, { amount: 100_000n, sequence: 5n }))
    refuseAll(world, call, [
      ...voucherCases(stage, build),
      [
        'the same sequence again',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 60_000n, sequence: 4n })),
      ],
      [
        'an earlier sequence',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 60_000n, sequence: 3n })),
      ],
      [
        'the same amount again',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 50_000n, sequence: 5n })),
      ],
      [
        'a lower amount',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 49_999n, sequence: 5n })),
      ],
      ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 0, stage.otherMarket)],
      ['another lease', 'ESCROW_WRONG_ADDRESS', withAccount(call, 1, stage.otherLease.address)],
      ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 1, stage.forgery(lease.address))],
      ["another lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, stage.otherLease.vault)],
      ["the provider's stake as vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, provider.vault)],
      [
        "a stranger's account as payout",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 3, stage.strangerTokens),
      ],
      ['the vault as payout', 'ESCROW_WRONG_TOKEN_ACCOUNT', withAccount(call, 3, lease.vault)],
      [
        "a stranger's account for the fee",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 4, stage.strangerTokens),
      ],
      ['another sysvar', 'ESCROW_WRONG_SYSVAR', withAccount(call, 5, SYSVAR_CLOCK_PUBKEY)],
      ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 6, world.programId)],
    ])
    assert.is(world.send(call.instructions, [world.payer]).code, 'ESCROW_VOUCHER_STALE', 'settled twice')
  },
  { timeoutMs: 120_000 },
)

test(
  'closes that one side did not agree to, and wrong accounts of a close',
  () => {
    const stage = new Stage()
    const { world, lease, provider, renter, stranger, otherRenter } = stage
    const build = (voucher: escrow.SignedVoucher): Call => ({
      instructions: world.closing(lease, { voucher }),
      signers: [provider.node],
    })
    world.expect(
      world.send(world.settling(lease, world.voucher(lease, { amount: 50_000n, sequence: 4n })), [
        world.payer,
      ]),
    )
    const both = (key: Keypair, node = provider.node): Call => ({
      instructions: world.closing(lease, { signer: key.publicKey }),
      signers: [node, key],
    })
    const unsigned = (key: Keypair): Call => ({
      ...edit(both(key), 0, (i) => {
        i.keys[9]!.isSigner = false
      }),
      signers: [provider.node],
    })
    const call = build(world.voucher(lease, { amount: 100_000n, sequence: 5n, final: true }))
    const shared = world.createTokenAccount(world.mint, renter.wallet.publicKey)
    world.approve(shared, renter.wallet, stranger.publicKey)
    refuseAll(world, call, [
      ...voucherCases(stage, build),
      [
        'a voucher that is not final',
        'ESCROW_VOUCHER_NOT_FINAL',
        build(world.voucher(lease, { amount: 100_000n, sequence: 5n })),
      ],
      [
        'an earlier final voucher',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 100_000n, sequence: 3n, final: true })),
      ],
      [
        'a lower final voucher',
        'ESCROW_VOUCHER_STALE',
        build(world.voucher(lease, { amount: 49_999n, sequence: 5n, final: true })),
      ],
      [
        'a third form',
        'ESCROW_MALFORMED_INSTRUCTION',
        edit(call, 1, (i) => {
          i.data[1] = 2
        }),
      ],
      ['a wallet that did not sign', 'ESCROW_MISSING_SIGNATURE', unsigned(renter.wallet)],
      ['a session key that did not sign', 'ESCROW_MISSING_SIGNATURE', unsigned(renter.session)],
      ['a stranger for the renter', 'ESCROW_WRONG_AUTHORITY', both(stranger)],
      ['the provider for the renter', 'ESCROW_WRONG_AUTHORITY', both(provider.owner)],
      ['the node for both', 'ESCROW_WRONG_AUTHORITY', both(provider.node)],
      [
        'a stranger for the node',
        'ESCROW_WRONG_AUTHORITY',
        { ...withAccount(call, 0, stranger.publicKey), signers: [stranger] },
      ],
      [
        'the renter for the node',
        'ESCROW_WRONG_AUTHORITY',
        { ...withAccount(call, 0, renter.wallet.publicKey), signers: [renter.wallet] },
      ],
      [
        'the owner for the node',
        'ESCROW_WRONG_AUTHORITY',
        { ...withAccount(call, 0, provider.owner.publicKey), signers: [provider.owner] },
      ],
      ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 1, stage.otherMarket)],
      ['another provider', 'ESCROW_WRONG_PROVIDER', withAccount(call, 2, stage.otherProvider.address)],
      ['a forged provider', 'ESCROW_WRONG_OWNER', withAccount(call, 2, stage.forgery(provider.address))],
      ['another lease', 'ESCROW_WRONG_PROVIDER', withAccount(call, 3, stage.otherLease.address)],
      ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 3, stage.forgery(lease.address))],
      ["another lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 4, stage.otherLease.vault)],
      [
        "a stranger's account as payout",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 5, stage.strangerTokens),
      ],
      [
        "a stranger's account for the fee",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 6, stage.strangerTokens),
      ],
      [
        "a stranger's account for the refund",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 7, stage.strangerTokens),
      ],
      [
        "another renter's account for the refund",
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 7, otherRenter.source),
      ],
      [
        'the payout account for the refund',
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 7, provider.payout),
      ],
      [
        'an account with a delegate for the refund',
        'ESCROW_WRONG_TOKEN_ACCOUNT',
        withAccount(call, 7, shared),
      ],
      [
        'an account of another mint for the refund',
        'ESCROW_WRONG_MINT',
        withAccount(call, 7, stage.otherMintAccount),
      ],
      ['the vault for the refund', 'ESCROW_WRONG_TOKEN_ACCOUNT', withAccount(call, 7, lease.vault)],
      [
        "a stranger's wallet for the rent",
        'ESCROW_WRONG_AUTHORITY',
        withAccount(call, 8, stranger.publicKey),
      ],
      ['another sysvar', 'ESCROW_WRONG_SYSVAR', withAccount(call, 9, SYSVAR_CLOCK_PUBKEY)],
      ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 10, world.programId)],
    ])
    const again = world.send(call.instructions, [world.payer, provider.node])
    assert.is(again.code, 'ESCROW_WRONG_OWNER', 'closed twice')
  },
  { timeoutMs: 120_000 },
)

test('cancellations by others, twice or too late', () => {
  const stage = new Stage()
  const { world, lease, stranger, provider } = stage
  const build = (signer: Keypair): Call => ({
    instructions: [
      escrow.cancelLease({ programId: world.programId, lease: lease.address, signer: signer.publicKey }),
    ],
    signers: [signer],
  })
  const call = build(lease.renter.session)
  refuseAll(world, call, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', build(stranger)],
    ['the node', 'ESCROW_WRONG_AUTHORITY', build(provider.node)],
    ['the owner', 'ESCROW_WRONG_AUTHORITY', build(provider.owner)],
    ["another lease's renter", 'ESCROW_WRONG_AUTHORITY', build(stage.otherRenter.wallet)],
    ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 1, stage.forgery(lease.address))],
    ['a provider as lease', 'ESCROW_WRONG_KIND', withAccount(call, 1, provider.address)],
  ])
  assert.is(world.send(call.instructions, [world.payer, ...call.signers]).code, 'ESCROW_ALREADY_CANCELLED')
  world.advance(3600 + 600)
  const late = escrow.cancelLease({
    programId: world.programId,
    lease: stage.otherLease.address,
    signer: stage.otherRenter.wallet.publicKey,
  })
  assert.is(world.send([late], [stage.otherRenter.wallet]).code, 'ESCROW_LEASE_ENDED')
})

test('completions by others, twice or too late', () => {
  const stage = new Stage()
  const { world, lease, stranger, provider } = stage
  const build = (node: Keypair): Call => ({
    instructions: [
      escrow.complete({
        programId: world.programId,
        node: node.publicKey,
        provider: provider.address,
        lease: lease.address,
        output: hashOf('output'),
      }),
    ],
    signers: [node],
  })
  const call = build(provider.node)
  refuseAll(world, call, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', build(stranger)],
    ['the renter', 'ESCROW_WRONG_AUTHORITY', build(lease.renter.wallet)],
    ['another provider', 'ESCROW_WRONG_PROVIDER', withAccount(call, 1, stage.otherProvider.address)],
    ["another provider's lease", 'ESCROW_WRONG_PROVIDER', withAccount(call, 2, stage.otherLease.address)],
    ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 2, stage.forgery(lease.address))],
  ])
  assert.is(world.send(call.instructions, [world.payer, provider.node]).code, 'ESCROW_ALREADY_COMPLETED')
  world.advance(3600 + 600)
  const late = escrow.complete({
    programId: world.programId,
    node: stage.otherProvider.node.publicKey,
    provider: stage.otherProvider.address,
    lease: stage.otherLease.address,
    output: hashOf('output'),
  })
  assert.is(world.send([late], [world.payer, stage.otherProvider.node]).code, 'ESCROW_LEASE_ENDED')
})

test('ends before the deadline, and wrong accounts of an end', () => {
  const stage = new Stage()
  const { world, lease, provider, stranger } = stage
  const call: Call = { instructions: [world.expiring(lease)], signers: [] }
  world.advance(3600 + 599)
  assert.is(world.send(call.instructions, [world.payer]).code, 'ESCROW_LEASE_NOT_ENDED')
  world.advance(1)
  refuseAll(world, call, [
    ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 0, stage.otherMarket)],
    ['another provider', 'ESCROW_WRONG_PROVIDER', withAccount(call, 1, stage.otherProvider.address)],
    ["another provider's stake", 'ESCROW_WRONG_ADDRESS', withAccount(call, 2, stage.otherProvider.vault)],
    ['another mint', 'ESCROW_WRONG_MINT', withAccount(call, 3, stage.otherMint)],
    ["another provider's lease", 'ESCROW_WRONG_PROVIDER', withAccount(call, 4, stage.otherLease.address)],
    ['a forged lease', 'ESCROW_WRONG_OWNER', withAccount(call, 4, stage.forgery(lease.address))],
    ["another lease's vault", 'ESCROW_WRONG_ADDRESS', withAccount(call, 5, stage.otherLease.vault)],
    [
      "a stranger's account for the refund",
      'ESCROW_WRONG_TOKEN_ACCOUNT',
      withAccount(call, 6, stage.strangerTokens),
    ],
    [
      "the provider's account for the refund",
      'ESCROW_WRONG_TOKEN_ACCOUNT',
      withAccount(call, 6, provider.payout),
    ],
    ["a stranger's wallet for the rent", 'ESCROW_WRONG_AUTHORITY', withAccount(call, 7, stranger.publicKey)],
    ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(call, 8, world.programId)],
  ])
  assert.is(world.send(call.instructions, [world.payer]).code, 'ESCROW_WRONG_OWNER', 'ended twice')
})

test('stakes asked back or withdrawn by others, too early, or below what is bound', () => {
  const stage = new Stage()
  const { world, provider, lease, stranger } = stage
  const request = (amount: bigint, owner = provider.owner): Call => ({
    instructions: [
      escrow.requestUnstake({
        programId: world.programId,
        market: world.address,
        provider: provider.address,
        owner: owner.publicKey,
        amount,
      }),
    ],
    signers: [owner],
  })
  const withdraw = (owner = provider.owner): Call => ({
    instructions: [
      escrow.withdrawStake({
        programId: world.programId,
        provider: provider.address,
        owner: owner.publicKey,
        destination: provider.source,
      }),
    ],
    signers: [owner],
  })
  const close = (owner = provider.owner): Call => ({
    instructions: [
      escrow.closeProvider({
        programId: world.programId,
        provider: provider.address,
        owner: owner.publicKey,
        destination: provider.source,
      }),
    ],
    signers: [owner],
  })
  const nothing = withdraw()
  assert.is(
    world.send(nothing.instructions, [world.payer, provider.owner]).code,
    'ESCROW_NOTHING_TO_WITHDRAW',
  )
  const asked = request(9_000_000n)
  refuseAll(world, asked, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', request(9_000_000n, stranger)],
    ['the node', 'ESCROW_WRONG_AUTHORITY', request(9_000_000n, provider.node)],
    ['more than the stake', 'ESCROW_AMOUNT_OUT_OF_RANGE', request(10_000_001n)],
    ['what the lease binds', 'ESCROW_INSUFFICIENT_STAKE', request(9_280_001n)],
    ['all of it while a lease is open', 'ESCROW_INSUFFICIENT_STAKE', request(10_000_000n)],
    ['less left than the minimum', 'ESCROW_BELOW_MINIMUM_STAKE', request(9_000_001n)],
    ['another market', 'ESCROW_WRONG_MARKET', withAccount(asked, 1, stage.otherMarket)],
    ['a forged provider', 'ESCROW_WRONG_OWNER', withAccount(asked, 2, stage.forgery(provider.address))],
  ])
  const taken = withdraw()
  world.advance(3599)
  assert.is(world.send(taken.instructions, [world.payer, provider.owner]).code, 'ESCROW_COOLING_DOWN')
  world.advance(1)
  refuseAll(world, taken, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', withdraw(stranger)],
    ['the node', 'ESCROW_WRONG_AUTHORITY', withdraw(provider.node)],
    ["another provider's vault", 'ESCROW_WRONG_ADDRESS', withAccount(taken, 2, stage.otherProvider.vault)],
    ['the vault as destination', 'ESCROW_DUPLICATE_ACCOUNT', withAccount(taken, 3, provider.vault)],
    ['a destination of another mint', 'CHAIN_TOKEN_MINT', withAccount(taken, 3, stage.otherMintAccount)],
    ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(taken, 4, world.programId)],
  ])
  const early = close()
  assert.is(world.send(early.instructions, [world.payer, provider.owner]).code, 'ESCROW_PROVIDER_BUSY')
  world.advance(600)
  const done = world.closing(lease, { signer: lease.renter.wallet.publicKey })
  world.expect(world.send(done, [world.payer, provider.node, lease.renter.wallet]))
  world.expect(world.send(request(1_000_000n).instructions, [world.payer, provider.owner]))
  world.advance(3600)
  world.expect(world.send(withdraw().instructions, [world.payer, provider.owner]))
  const ended = close()
  refuseAll(
    world,
    ended,
    [
      ['a stranger', 'ESCROW_WRONG_AUTHORITY', close(stranger)],
      [
        'another provider with a stake',
        'ESCROW_WRONG_AUTHORITY',
        withAccount(ended, 1, stage.otherProvider.address),
      ],
      ["another provider's vault", 'ESCROW_WRONG_ADDRESS', withAccount(ended, 2, stage.otherProvider.vault)],
      ['the vault as destination', 'ESCROW_DUPLICATE_ACCOUNT', withAccount(ended, 3, provider.vault)],
      ['another token program', 'ESCROW_WRONG_PROGRAM', withAccount(ended, 4, world.programId)],
    ],
    { readonly: [3] },
  )
})

test('payout accounts named by others, of other mints, or that are none', () => {
  const stage = new Stage()
  const { world, provider, stranger } = stage
  const payout = world.createTokenAccount(world.mint, provider.owner.publicKey)
  const build = (owner: Keypair, account = payout): Call => ({
    instructions: [
      escrow.setPayout({
        programId: world.programId,
        market: world.address,
        provider: provider.address,
        owner: owner.publicKey,
        payout: account,
      }),
    ],
    signers: [owner],
  })
  const call = build(provider.owner)
  refuseAll(world, call, [
    ['a stranger', 'ESCROW_WRONG_AUTHORITY', build(stranger, stage.strangerTokens)],
    ['the node, stolen', 'ESCROW_WRONG_AUTHORITY', build(provider.node, stage.strangerTokens)],
    ['an account of another mint', 'ESCROW_WRONG_MINT', build(provider.owner, stage.otherMintAccount)],
    ['a wallet', 'ESCROW_WRONG_TOKEN_ACCOUNT', build(provider.owner, stranger.publicKey)],
    ['another market', 'ESCROW_WRONG_MARKET', withAccount(call, 1, stage.otherMarket)],
    ["another owner's provider", 'ESCROW_WRONG_AUTHORITY', withAccount(call, 2, stage.otherProvider.address)],
  ])
  assert.ok(stage.lease.parties.payout.equals(provider.payout), 'the open lease keeps its payout account')
})

test('every table was run', () => {
  console.log(`${checked} refusals checked`)
  assert.ok(checked > 200)
})

test.run()
