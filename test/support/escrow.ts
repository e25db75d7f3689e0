import type { Keypair, TransactionInstruction } from '@solana/web3.js'
import { PublicKey } from '@solana/web3.js'
import { leaseAddress, marketAddress, providerAddress, vaultAddress } from '../../chain/client/addresses.js'
import * as escrow from '../../chain/client/instructions.js'
import type { Lease } from '../../chain/client/layouts.js'
import { encodeVoucher, type Voucher } from '../../protocols/settlement/voucher.js'
import { hashOf, keypairOf, signMessage, World } from './runtime.js'

export const DEFAULT_TERMS: escrow.NewTerms = {
  minimumStake: 1_000_000n,
  coolDownSeconds: 3600,
  disputeWindowSeconds: 600,
  bondBps: 2_000,
  slashBps: 5_000,
  bountyBps: 1_000,
  feeBps: 0,
  governance: PublicKey.default,
}

/** A market with one token, ready for providers and renters. */
export class MarketWorld extends World {
  readonly governance = keypairOf('governance')
  readonly base = this.key('base')
  readonly mint: PublicKey
  readonly address: PublicKey
  readonly feeAccount: PublicKey

  constructor(terms: Partial<escrow.NewTerms> = {}) {
    super()
    this.mint = this.createMint()
    this.address = marketAddress(this.programId, this.base.publicKey)
    this.feeAccount = this.createTokenAccount(this.mint, this.governance.publicKey)
    const init = escrow.initMarket({
      programId: this.programId,
      payer: this.payer.publicKey,
      base: this.base.publicKey,
      mint: this.mint,
      terms: {
        ...DEFAULT_TERMS,
        governance: this.governance.publicKey,
        feeAccount: this.feeAccount,
        ...terms,
      },
      updateDelaySeconds: 86_400,
    })
    this.expect(this.send([init], [this.payer, this.base]))
  }

  /** Another market in the same token and on the same terms. */
  anotherMarket(): PublicKey {
    const base = this.key('base')
    const init = escrow.initMarket({
      programId: this.programId,
      payer: this.payer.publicKey,
      base: base.publicKey,
      mint: this.mint,
      terms: { ...this.market(this.address).terms },
      updateDelaySeconds: 1,
    })
    this.expect(this.send([init], [this.payer, base]))
    return marketAddress(this.programId, base.publicKey)
  }

  newProvider(stake = 10_000_000n): ProviderParty {
    const owner = this.wallet('owner')
    const node = this.key('node')
    const source = this.createTokenAccount(this.mint, owner.publicKey, 1_000_000_000n)
    const payout = this.createTokenAccount(this.mint, owner.publicKey)
    const address = providerAddress(this.programId, this.address, node.publicKey)
    const party = {
      owner,
      node,
      source,
      payout,
      address,
      vault: vaultAddress(this.programId, address),
    }
    this.expect(this.send([this.registration(party, stake)], [owner, node]))
    return party
  }

  registration(party: ProviderParty, stake: bigint): TransactionInstruction {
    return escrow.registerProvider({
      programId: this.programId,
      market: this.address,
      mint: this.mint,
      owner: party.owner.publicKey,
      node: party.node.publicKey,
      source: party.source,
      payout: party.payout,
      stake,
    })
  }

  newRenter(tokens = 1_000_000_000n): RenterParty {
    const wallet = this.wallet('renter')
    const session = this.key('session')
    return { wallet, session, source: this.createTokenAccount(this.mint, wallet.publicKey, tokens) }
  }

  /** One hour at 3,600,000 atomic units an hour: a deposit of 3,600,000. */
  opening(
    provider: ProviderParty,
    renter: RenterParty,
    change: Partial<escrow.OpenLease> = {},
  ): escrow.OpenLease {
    const { bondBps, disputeWindowSeconds, feeBps } = this.market(this.address).terms
    return {
      programId: this.programId,
      market: this.address,
      mint: this.mint,
      node: provider.node.publicKey,
      renter: renter.wallet.publicKey,
      source: renter.source,
      termsHash: hashOf(`terms ${this.nextTerms++}`),
      session: renter.session.publicKey,
      pricePerHour: 3_600_000n,
      durationSeconds: 3600,
      bondBps,
      disputeWindowSeconds,
      feeBps,
      ...change,
    }
  }
  private nextTerms = 0

  open(provider: ProviderParty, renter: RenterParty, change: Partial<escrow.OpenLease> = {}): LeaseParty {
    const opening = this.opening(provider, renter, change)
    this.expect(this.send([escrow.openLease(opening)], [renter.wallet, provider.node]))
    return this.leaseParty(opening, provider, renter)
  }

  /** An open lease, read from the chain. */
  leaseParty(opening: escrow.OpenLease, provider: ProviderParty, renter: RenterParty): LeaseParty {
    const address = leaseAddress(this.programId, {
      provider: provider.address,
      renter: opening.renter,
      termsHash: opening.termsHash,
    })
    return {
      address,
      vault: vaultAddress(this.programId, address),
      parties: this.lease(address),
      provider,
      renter,
      opening,
    }
  }

  voucher(lease: LeaseParty, fields: Partial<Voucher>, signer = lease.renter.session): escrow.SignedVoucher {
    return signVoucher(
      {
        lease: lease.address.toBytes(),
        serial: lease.parties.serial,
        amount: 0n,
        sequence: 1n,
        final: false,
        ...fields,
      },
      signer,
    )
  }

  settling(lease: LeaseParty, voucher: escrow.SignedVoucher): TransactionInstruction[] {
    return escrow.settle({
      programId: this.programId,
      lease: lease.address,
      parties: lease.parties,
      voucher,
      feeAccount: this.feeAccount,
    })
  }

  closing(lease: LeaseParty, agreement: escrow.CloseLease['agreement']): TransactionInstruction[] {
    return escrow.closeLease({
      programId: this.programId,
      lease: lease.address,
      parties: lease.parties,
      node: lease.provider.node.publicKey,
      refund: lease.renter.source,
      agreement,
      feeAccount: this.feeAccount,
    })
  }

  expiring(lease: LeaseParty): TransactionInstruction {
    return escrow.expireLease({
      programId: this.programId,
      lease: lease.address,
      parties: lease.parties,
      mint: this.mint,
      refund: lease.renter.source,
    })
  }
}

export interface ProviderParty {
  owner: Keypair
  node: Keypair
  source: PublicKey
  payout: PublicKey
  address: PublicKey
  vault: PublicKey
}

export interface RenterParty {
  wallet: Keypair
  session: Keypair
  source: PublicKey
}

export interface LeaseParty {
  address: PublicKey
  vault: PublicKey
  /** The lease as it was opened. */
  parties: Lease
  provider: ProviderParty
  renter: RenterParty
  opening: escrow.OpenLease
}

export function signVoucher(voucher: Voucher, signer: Keypair): escrow.SignedVoucher {
  return signMessage(encodeVoucher(voucher), signer)
}
