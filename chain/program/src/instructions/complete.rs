use crate::{
    account::{check_key, check_signer, load, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Lease, Provider, COMPLETED},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// The provider posts its output's digest before the deadline: it is alive and has delivered, so its bond stays whole even if the
/// renter never answers. It pays nothing out; only vouchers do.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [node, provider, lease] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let output = reader.bytes()?;
    reader.end()?;
    let now = now()?;
    let provider_state = load::<Provider>(provider, program)?;
    let state = load_mut::<Lease>(lease, program)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_signer(node)?;
    check_key(node, &provider_state.node, Error::WrongAuthority)?;
    if state.has(COMPLETED) {
        return Err(Error::AlreadyCompleted.into());
    }
    if now >= state.deadline {
        return Err(Error::LeaseEnded.into());
    }
    state.flags |= COMPLETED;
    state.output = output;
    state.completed_at = now;
    emit(Event::LeaseCompleted, &state.market, lease.address(), [state.paid, 0, 0, 0]);
    Ok(())
}
