use crate::{
    account::{check_key, check_signer, load_mut},
    error::Error,
    proof::go_on,
    state::{Dispute, CLIMBING, PROVEN},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Further siblings of the path of the entry that `post_opening` showed.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    state.check_not_demanded()?;
    if state.stage != CLIMBING {
        return Err(Error::OpeningIncomplete.into());
    }
    if go_on(state, data)? {
        state.stage = PROVEN;
    }
    Ok(())
}
