use crate::{
    account::{check_key, check_signer, load_mut, Reader},
    error::Error,
    proof::show,
    state::{Dispute, CLIMBING, PROVEN},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Shows an entry: which one, the segment that holds it, and as much of its path as fits; the rest follows by `post_path`.
/// Can be repeated with another entry; the computation then starts anew.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    state.check_not_demanded()?;
    let mut reader = Reader::new(data);
    state.begin(reader.u32()?, reader.u32()?, reader.u32()?);
    state.stage = if show(state, reader)? { PROVEN } else { CLIMBING };
    Ok(())
}
