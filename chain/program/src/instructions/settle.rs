use super::payment::Payment;
use crate::{
    account::{check_key, check_vault, load, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Lease, Market, VOID},
    token, voucher,
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Pays a voucher. Anyone may send it: the money goes to the payout account named at the opening and nowhere else.
/// Vouchers are good for as long as the lease is open, also after the deadline, until somebody ends it.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [market, lease, vault, payout, fee_account, instructions, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let market_state = load::<Market>(market, program)?;
    let state = load_mut::<Lease>(lease, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_vault(vault, lease, state.vault_bump, program)?;
    token::check_program(token)?;
    if state.has(VOID) {
        return Err(Error::LeaseVoid.into());
    }
    let voucher = voucher::voucher_of(instructions, state, lease.address())?;
    if voucher.sequence <= state.sequence || voucher.amount <= state.paid {
        return Err(Error::VoucherStale.into());
    }
    let paid = Payment { lease, vault, payout, fee_account, market: market_state, now: now()? }.pay(state, &voucher)?;
    emit(
        Event::LeaseSettled,
        &state.market,
        lease.address(),
        [state.paid, paid.amount, paid.fee, state.sequence],
    );
    Ok(())
}
