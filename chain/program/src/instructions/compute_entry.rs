use crate::{
    account::{load_mut, Reader},
    error::Error,
    proof::advance,
    state::{Dispute, PROVEN},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Computes a part of the disputed entry from the seed, for entries that are too large for one transaction. Anyone may.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let pairs = reader.u32()?;
    reader.end()?;
    let state = load_mut::<Dispute>(dispute, program)?;
    if state.stage != PROVEN {
        return Err(Error::OpeningIncomplete.into());
    }
    advance(state, pairs);
    Ok(())
}
