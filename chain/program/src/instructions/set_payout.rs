use crate::{
    account::{check_key, check_signer, load, load_mut, Reader},
    error::Error,
    event::{emit, Event},
    state::{Market, Provider},
    token,
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Names another payout account, for leases that are opened from now on; open leases keep theirs.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, market, provider, payout] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let market_state = load::<Market>(market, program)?;
    let state = load_mut::<Provider>(provider, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_signer(owner)?;
    check_key(owner, &state.owner, Error::WrongAuthority)?;
    token::check_mint_of(payout, &market_state.mint)?;
    state.payout = *payout.address();
    emit(Event::PayoutChanged, &state.market, provider.address(), [0; 4]);
    Ok(())
}
