use super::payment::with_provider_signer;
use crate::{
    account::{check_different, check_key, check_signer, check_vault, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::Provider,
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Pays out what was asked for a cool-down ago, to an account of the owner's choice; never what open leases or disputes bind.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, provider, vault, destination, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let state = load_mut::<Provider>(provider, program)?;
    check_signer(owner)?;
    check_key(owner, &state.owner, Error::WrongAuthority)?;
    check_vault(vault, provider, state.vault_bump, program)?;
    check_different(vault, destination)?;
    token::check_program(token)?;
    // A slash can have left less than what was asked for.
    let amount = state.unstaking.min(state.stake);
    if amount == 0 {
        return Err(Error::NothingToWithdraw.into());
    }
    if now()? < state.unstake_at {
        return Err(Error::CoolingDown.into());
    }
    if state.stake - amount < state.bound {
        return Err(Error::InsufficientStake.into());
    }
    state.stake -= amount;
    state.unstaking = 0;
    state.unstake_at = 0;
    with_provider_signer(state, |signers| {
        Move { from: vault, to: destination, authority: provider, amount }.transfer(signers)
    })?;
    emit(Event::StakeWithdrawn, &state.market, provider.address(), [amount, state.stake, 0, 0]);
    Ok(())
}
