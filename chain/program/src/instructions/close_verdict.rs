use crate::{
    account::{check_key, close, load, load_mut, Reader},
    error::Error,
    state::{Provider, Verdict},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Gives the rent of a verdict back once the registration that was slashed has ended. Until then it stays, so that one receipt is
/// punished once; afterwards the receipt is older than any registration.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, provider, verdict] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let state = load_mut::<Verdict>(verdict, program)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    if let Ok(registered) = load::<Provider>(provider, program) {
        if registered.registered_at <= state.slashed_at {
            return Err(Error::ProviderStillRegistered.into());
        }
    }
    close(verdict, reporter)?;
    Ok(())
}
