use crate::{
    account::{check_key, check_signer, close, load_mut, Reader},
    error::Error,
    state::Dispute,
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Takes a dispute back; its rent goes to the reporter. A demand cannot be taken back: the provider is at its answer.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    state.check_not_demanded()?;
    close(dispute, reporter)?;
    Ok(())
}
