use crate::{
    account::{check_different, check_signer, check_vault, load_mut, Reader},
    amount::add,
    error::Error,
    event::{emit, Event},
    state::Provider,
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Adds to a provider's stake. Anyone may: what is added belongs to the provider's owner.
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [funder, provider, vault, source, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let amount = reader.u64()?;
    reader.end()?;
    let state = load_mut::<Provider>(provider, program)?;
    check_signer(funder)?;
    token::check_program(token)?;
    check_vault(vault, provider, state.vault_bump, program)?;
    check_different(source, vault)?;
    if amount == 0 {
        return Err(Error::AmountOutOfRange.into());
    }
    state.stake = add(state.stake, amount)?;
    Move { from: source, to: vault, authority: funder, amount }.transfer(&[])?;
    emit(Event::StakeAdded, &state.market, provider.address(), [amount, state.stake, 0, 0]);
    Ok(())
}
