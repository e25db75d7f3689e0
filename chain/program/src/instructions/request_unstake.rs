use crate::{
    account::{check_key, check_signer, load, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Market, Provider},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Asks for `amount` of the stake back; it replaces an earlier request and starts the cool-down anew. Zero takes the request back.
/// What stays must back the open leases and be a whole stake, or nothing.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, market, provider] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let amount = reader.u64()?;
    reader.end()?;
    let now = now()?;
    let market_state = load::<Market>(market, program)?;
    let state = load_mut::<Provider>(provider, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_signer(owner)?;
    check_key(owner, &state.owner, Error::WrongAuthority)?;
    let parameters = &market_state.terms_at(now).parameters;
    let staying = state.stake.checked_sub(amount).ok_or(Error::AmountOutOfRange)?;
    if amount > 0 {
        if staying < state.bound {
            return Err(Error::InsufficientStake.into());
        }
        if staying != 0 && staying < parameters.minimum_stake {
            return Err(Error::BelowMinimumStake.into());
        }
    }
    state.unstaking = amount;
    state.unstake_at = if amount == 0 { 0 } else { now + parameters.cool_down as i64 };
    emit(
        Event::UnstakeRequested,
        &state.market,
        provider.address(),
        [amount, state.unstake_at as u64, state.stake, 0],
    );
    Ok(())
}
