use super::payment::with_provider_signer;
use crate::{
    account::{check_different, check_key, check_signer, check_vault, check_writable, close, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::Provider,
    token::{self, Move, TokenAccount},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Ends a registration whose stake is withdrawn and whose leases and disputes are over; rent, and whatever somebody put into the
/// vault unasked, go to the owner.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, provider, vault, destination, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let state = load_mut::<Provider>(provider, program)?;
    check_signer(owner)?;
    check_writable(owner)?;
    check_key(owner, &state.owner, Error::WrongAuthority)?;
    check_vault(vault, provider, state.vault_bump, program)?;
    check_different(vault, destination)?;
    token::check_program(token)?;
    if state.stake != 0 || state.bound != 0 || state.open_leases != 0 || state.open_disputes != 0 {
        return Err(Error::ProviderBusy.into());
    }
    // Within the second of the registration, lease numbers could come twice (see register_provider).
    if now()? <= state.registered_at {
        return Err(Error::ProviderBusy.into());
    }
    let rest = TokenAccount::read(vault)?.amount();
    with_provider_signer(state, |signers| {
        if rest > 0 {
            Move { from: vault, to: destination, authority: provider, amount: rest }.transfer(signers)?;
        }
        token::close_vault(vault, owner, provider, signers)
    })?;
    emit(Event::ProviderClosed, &state.market, provider.address(), [rest, 0, 0, 0]);
    close(provider, owner)?;
    Ok(())
}
