use crate::{
    account::{check_signer, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Lease, CANCELLED},
};
use pinocchio::{address::address_eq, AccountView, Address, ProgramResult};

/// The renter's unilateral close: the deadline moves to one dispute window from now, never later than it was, and the provider
/// settles its best voucher until then. Nothing is burned after a cancellation.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [signer, lease] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let now = now()?;
    let state = load_mut::<Lease>(lease, program)?;
    check_signer(signer)?;
    if !address_eq(signer.address(), &state.renter) && !address_eq(signer.address(), &state.session) {
        return Err(Error::WrongAuthority.into());
    }
    if state.has(CANCELLED) {
        return Err(Error::AlreadyCancelled.into());
    }
    if now >= state.deadline {
        return Err(Error::LeaseEnded.into());
    }
    state.flags |= CANCELLED;
    state.deadline = state.deadline.min(now + state.dispute_window as i64);
    emit(Event::LeaseCancelled, &state.market, lease.address(), [state.deadline as u64, state.paid, 0, 0]);
    Ok(())
}
