use super::payment::{with_provider_signer, Ending};
use crate::{
    account::{check_key, check_vault, close, load, load_mut, now, Reader},
    amount::{add, subtract},
    error::Error,
    event::{emit, Event},
    state::{Lease, Market, Provider},
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Ends a lease after its deadline, without anybody's agreement. What no voucher was settled for goes back to the renter. If the
/// provider neither was paid in full nor posted its completion, and the renter did not cancel, part of the bond is burned;
/// it goes to nobody, so that nobody gains from starving a provider.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [market, provider, stake_vault, mint, lease, vault, refund, renter, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Lease>(lease, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_vault(stake_vault, provider, provider_state.vault_bump, program)?;
    check_vault(vault, lease, state.vault_bump, program)?;
    check_key(mint, &market_state.mint, Error::WrongMint)?;
    token::check_program(token)?;
    if now()? < state.deadline {
        return Err(Error::LeaseNotEnded.into());
    }
    let total = state.paid;
    // A slash can have left less than what the bond once bound.
    let burned = state.forfeit().min(provider_state.stake);
    let address = *lease.address();
    let refunded = Ending { lease, vault, refund, renter, mint: &market_state.mint }.end(state, provider_state)?;
    close(lease, renter)?;
    if burned > 0 {
        provider_state.stake = subtract(provider_state.stake, burned)?;
        provider_state.lost = add(provider_state.lost, burned)?;
        with_provider_signer(provider_state, |signers| {
            Move { from: stake_vault, to: mint, authority: provider, amount: burned }.burn(signers)
        })?;
    }
    emit(Event::LeaseExpired, &provider_state.market, &address, [total, burned, refunded, 0]);
    Ok(())
}
