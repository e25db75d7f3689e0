use crate::{
    account::{check_key, check_signer, check_writable, load_mut, now, Reader},
    amount::add,
    error::Error,
    event::{emit, Event},
    proof::place,
    state::{Dispute, Lease, Provider, ASKED, DEMANDED, DEMAND_BOND, RECEIPT_LIFE, VOID},
    system::{self, SYSTEM_PROGRAM},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// The renter of an open lease demands an entry of a proof whose receipt the provider signed in that lease, and then would not open.
/// It binds of the stake what silence in the lease costs anyway, until the answer comes; the answer is due a cool-down later, as
/// long as that was when the lease was opened, so that a machine may be switched off meanwhile. One demand in a lease at a time: who has few leases has few demands, whoever makes them.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, provider, lease, dispute, system] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let (round, row, column) = (reader.u32()?, reader.u32()?, reader.u32()?);
    reader.end()?;
    let now = now()?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let lease_state = load_mut::<Lease>(lease, program)?;
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_writable(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    check_key(reporter, &lease_state.renter, Error::WrongAuthority)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_key(provider, &lease_state.provider, Error::WrongProvider)?;
    check_key(lease, &state.lease, Error::WrongLease)?;
    check_key(system, &SYSTEM_PROGRAM, Error::WrongProgram)?;
    state.check_not_demanded()?;
    if lease_state.has(VOID) {
        return Err(Error::LeaseVoid.into());
    }
    if lease_state.has(DEMANDED) {
        return Err(Error::LeaseDemanded.into());
    }
    if now >= lease_state.deadline {
        return Err(Error::LeaseEnded.into());
    }
    let ended_at = state.ended_ms / 1000;
    if ended_at < provider_state.registered_at as u64 {
        return Err(Error::ReceiptTooOld.into());
    }
    if now as u64 > add(ended_at, RECEIPT_LIFE)? {
        return Err(Error::ReceiptExpired.into());
    }
    state.begin(round, row, column);
    place(state)?;
    state.stage = ASKED;
    state.answer_by = now + lease_state.answer_window.max(lease_state.dispute_window) as i64;
    state.bound = lease_state.price_of_silence();
    state.serial = lease_state.serial;
    lease_state.flags |= DEMANDED;
    provider_state.bound = add(provider_state.bound, state.bound)?;
    provider_state.open_disputes = provider_state.open_disputes.checked_add(1).ok_or(Error::AmountOutOfRange)?;
    let words = [state.answer_by as u64, state.bound, state.serial, DEMAND_BOND];
    emit(Event::OpeningDemanded, &state.market, provider.address(), words);
    system::transfer(reporter, dispute, DEMAND_BOND)
}
