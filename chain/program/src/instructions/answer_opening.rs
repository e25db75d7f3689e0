use crate::{
    account::{check_key, check_signer, check_writable, load, load_mut, Reader},
    amount::{add, subtract},
    error::Error,
    event::{emit, Event},
    proof::{go_on, show},
    state::{Dispute, Lease, Provider, ANSWERING, DEMANDED, DEMAND_BOND, PROVEN},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// How an answer begins: with the segment that holds the entry, or with more of its path.
const SEGMENT: u8 = 0;
const PATH: u8 = 1;

/// The provider opens the entry that was demanded, in one transaction or in two. What it opens leads to the root that it signed, so
/// the demand is met and its bond the node's; whether the entry is true is then `slash_fraud`'s question, and the reporter's to ask.
/// Only the node may: others could keep on beginning anew until its time is over.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [node, provider, lease, dispute] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(node)?;
    check_writable(node)?;
    check_key(node, &provider_state.node, Error::WrongAuthority)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_key(lease, &state.lease, Error::WrongLease)?;
    if !state.is_demanded() {
        return Err(Error::NotDemanded.into());
    }
    let mut reader = Reader::new(data);
    let done = match reader.u8()? {
        SEGMENT => show(state, reader)?,
        PATH if state.stage == ANSWERING => go_on(state, reader.rest())?,
        PATH => return Err(Error::OpeningIncomplete.into()),
        _ => return Err(Error::MalformedInstruction.into()),
    };
    if !done {
        state.stage = ANSWERING;
        return Ok(());
    }
    allow_another(lease, state, program)?;
    state.stage = PROVEN;
    state.release(provider_state)?;
    emit(
        Event::OpeningAnswered,
        &state.market,
        provider.address(),
        [state.claimed as u64, DEMAND_BOND, 0, 0],
    );
    dispute.set_lamports(subtract(dispute.lamports(), DEMAND_BOND)?);
    node.set_lamports(add(node.lamports(), DEMAND_BOND)?);
    Ok(())
}

/// The lease in which the demand was made may have ended, and another one may have been opened at its address.
fn allow_another(lease: &AccountView, dispute: &Dispute, program: &Address) -> Result<(), Error> {
    match load::<Lease>(lease, program) {
        Ok(state) if state.serial == dispute.serial => {
            load_mut::<Lease>(lease, program)?.flags &= !DEMANDED;
            Ok(())
        }
        _ => Ok(()),
    }
}
