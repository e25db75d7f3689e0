use super::init_market::read_terms;
use crate::{
    account::{check_key, check_signer, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::Market,
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Announces new terms; they take effect by themselves after the market's delay, and a new announcement replaces one that is not
/// yet in force. Governance can change nothing else: no deposit, stake, mint or open lease.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [governance, market] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let terms = read_terms(&mut reader)?;
    reader.end()?;
    let now = now()?;
    let state = load_mut::<Market>(market, program)?;
    check_signer(governance)?;
    let current = *state.terms_at(now);
    check_key(governance, &current.governance, Error::WrongAuthority)?;
    state.terms = current;
    state.announced = terms;
    state.announced_at = now + state.update_delay as i64;
    emit(
        Event::MarketUpdateAnnounced,
        market.address(),
        governance.address(),
        [state.announced_at as u64, 0, 0, 0],
    );
    Ok(())
}
