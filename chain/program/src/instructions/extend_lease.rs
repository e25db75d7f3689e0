use crate::{
    account::{check_different, check_key, check_signer, check_vault, load, load_mut, now, Reader},
    amount::{add, price_of, share_up, subtract},
    error::Error,
    event::{emit, Event},
    state::{Lease, Market, Provider, CANCELLED, COMPLETED, MAX_DURATION, VOID},
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Makes an open lease longer at the same price: more deposit from the renter's wallet, more bond from the provider's free
/// stake, a later deadline. Both sign, and both sign the amounts.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [renter, node, market, provider, lease, vault, source, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let seconds = reader.u64()?;
    let deposit = reader.u64()?;
    let bond = reader.u64()?;
    reader.end()?;
    let now = now()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Lease>(lease, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_signer(renter)?;
    check_key(renter, &state.renter, Error::WrongAuthority)?;
    check_signer(node)?;
    check_key(node, &provider_state.node, Error::WrongAuthority)?;
    check_vault(vault, lease, state.vault_bump, program)?;
    check_different(source, vault)?;
    token::check_program(token)?;
    if now >= state.deadline || state.flags & (CANCELLED | COMPLETED | VOID) != 0 {
        return Err(Error::LeaseEnded.into());
    }
    let duration = add(state.duration, seconds)?;
    if seconds == 0 || duration > MAX_DURATION {
        return Err(Error::AmountOutOfRange.into());
    }
    let parameters = &market_state.terms_at(now).parameters;
    let total = price_of(state.price_per_hour, duration);
    if deposit != subtract(total, state.deposit)? || bond != share_up(deposit, parameters.bond_bps) {
        return Err(Error::TermsChanged.into());
    }
    if provider_state.staying() < parameters.minimum_stake {
        return Err(Error::BelowMinimumStake.into());
    }
    if provider_state.free() < bond {
        return Err(Error::InsufficientStake.into());
    }
    state.duration = duration;
    state.deposit = total;
    state.bond = add(state.bond, bond)?;
    state.deadline += seconds as i64;
    provider_state.bound = add(provider_state.bound, bond)?;
    Move { from: source, to: vault, authority: renter, amount: deposit }.transfer(&[])?;
    emit(Event::LeaseExtended, &state.market, lease.address(), [deposit, bond, state.deposit, state.deadline as u64]);
    Ok(())
}
