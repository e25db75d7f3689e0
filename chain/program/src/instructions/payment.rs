//! What `settle`, `close_lease` and `expire_lease` share: paying against a voucher, and ending a lease.

use crate::{
    account::{check_different, check_key, check_writable},
    amount::{share_down, subtract},
    error::Error,
    state::{Lease, Market, Provider},
    token::{self, Move, TokenAccount},
    voucher::Voucher,
};
use pinocchio::{
    address::address_eq,
    cpi::{Seed, Signer},
    error::ProgramError,
    AccountView, Address, ProgramResult,
};

/// Runs `act` with the lease's address as a signer: it is the authority over its vault.
pub fn with_signer(lease: &Lease, act: impl FnOnce(&[Signer]) -> ProgramResult) -> ProgramResult {
    let bump = [lease.bump];
    let seeds: [Seed; 5] = [
        Seed::from(b"lease".as_slice()),
        Seed::from(lease.provider.as_array().as_slice()),
        Seed::from(lease.renter.as_array().as_slice()),
        Seed::from(lease.terms_hash.as_slice()),
        Seed::from(bump.as_slice()),
    ];
    act(&[Signer::from(&seeds)])
}

/// Runs `act` with the provider's address as a signer: it is the authority over the stake's vault.
pub fn with_provider_signer(provider: &Provider, act: impl FnOnce(&[Signer]) -> ProgramResult) -> ProgramResult {
    let bump = [provider.bump];
    let seeds: [Seed; 4] = [
        Seed::from(b"provider".as_slice()),
        Seed::from(provider.market.as_array().as_slice()),
        Seed::from(provider.node.as_array().as_slice()),
        Seed::from(bump.as_slice()),
    ];
    act(&[Signer::from(&seeds)])
}

pub struct Paid {
    pub amount: u64,
    pub fee: u64,
}

/// The accounts of a payment out of a lease's vault.
pub struct Payment<'a> {
    pub lease: &'a AccountView,
    pub vault: &'a AccountView,
    pub payout: &'a AccountView,
    pub fee_account: &'a AccountView,
    pub market: &'a Market,
    pub now: i64,
}

impl Payment<'_> {
    /// Pays the difference between the voucher and what was paid before. The caller has decided that it may be used.
    #[inline(never)]
    pub fn pay(&self, lease: &mut Lease, voucher: &Voucher) -> Result<Paid, ProgramError> {
        check_key(self.payout, &lease.payout, Error::WrongTokenAccount)?;
        check_different(self.payout, self.vault)?;
        if voucher.amount > lease.deposit {
            return Err(Error::VoucherAboveDeposit.into());
        }
        let amount = subtract(voucher.amount, lease.paid)?;
        lease.paid = voucher.amount;
        lease.sequence = voucher.sequence;
        let fee = self.fee_of(amount, lease)?;
        if amount > 0 {
            with_signer(lease, |signers| {
                if fee > 0 {
                    self.send(self.fee_account, fee, signers)?;
                }
                self.send(self.payout, amount - fee, signers)
            })?;
        }
        Ok(Paid { amount, fee })
    }

    fn send(&self, to: &AccountView, amount: u64, signers: &[Signer]) -> ProgramResult {
        Move { from: self.vault, to, authority: self.lease, amount }.transfer(signers)
    }

    /// The market's share. A fee account that is gone, frozen or not a token account never stops a payment: no fee then.
    fn fee_of(&self, amount: u64, lease: &Lease) -> Result<u64, Error> {
        if lease.fee_bps == 0 {
            return Ok(0);
        }
        check_key(self.fee_account, &self.market.terms_at(self.now).fee_account, Error::WrongTokenAccount)?;
        let usable = !address_eq(self.fee_account.address(), self.vault.address())
            && token::check_mint_of(self.fee_account, &self.market.mint).is_ok();
        Ok(if usable { share_down(amount, lease.fee_bps) } else { 0 })
    }
}

/// The accounts of a lease's end.
pub struct Ending<'a> {
    pub lease: &'a AccountView,
    pub vault: &'a AccountView,
    pub refund: &'a AccountView,
    pub renter: &'a AccountView,
    pub mint: &'a Address,
}

impl Ending<'_> {
    /// Sends everything that is left in the vault to the renter and closes the vault; the caller then closes the lease.
    /// Everything, and not what the books say, because anyone can put one unit into a vault and one that is not empty
    /// cannot be closed. Returns what went back.
    #[inline(never)]
    pub fn end(&self, lease: &Lease, provider: &mut Provider) -> Result<u64, ProgramError> {
        check_key(self.renter, &lease.renter, Error::WrongAuthority)?;
        check_writable(self.renter)?;
        let rest = TokenAccount::read(self.vault)?.amount();
        if rest > 0 {
            token::check_wallet_of(self.refund, self.mint, &lease.renter)?;
        }
        provider.bound = subtract(provider.bound, lease.bond)?;
        provider.open_leases = provider.open_leases.checked_sub(1).ok_or(Error::AmountOutOfRange)?;
        with_signer(lease, |signers| {
            if rest > 0 {
                let refund = Move { from: self.vault, to: self.refund, authority: self.lease, amount: rest };
                refund.transfer(signers)?;
            }
            token::close_vault(self.vault, self.renter, self.lease, signers)
        })?;
        Ok(rest)
    }
}
