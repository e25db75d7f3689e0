use crate::{
    account::{check_different, check_key, check_signer, check_vault, load_mut, Reader},
    amount::add,
    error::Error,
    event::{emit, Event},
    state::Provider,
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Adds to a provider's stake. Only the owner may: one unit of stake from a stranger would keep a registration from being closed.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, provider, vault, source, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let amount = reader.u64()?;
    reader.end()?;
    let state = load_mut::<Provider>(provider, program)?;
    check_signer(owner)?;
    check_key(owner, &state.owner, Error::WrongAuthority)?;
    token::check_program(token)?;
    check_vault(vault, provider, state.vault_bump, program)?;
    check_different(source, vault)?;
    if amount == 0 {
        return Err(Error::AmountOutOfRange.into());
    }
    state.stake = add(state.stake, amount)?;
    Move { from: source, to: vault, authority: owner, amount }.transfer(&[])?;
    emit(Event::StakeAdded, &state.market, provider.address(), [amount, state.stake, 0, 0]);
    Ok(())
}
