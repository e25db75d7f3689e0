use super::payment::{Ending, Paid, Payment};
use crate::{
    account::{check_key, check_signer, check_vault, close, load, load_mut, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Lease, Market, Provider, VOID},
    token, voucher,
};
use pinocchio::{address::address_eq, AccountView, Address, ProgramResult};

const WITH_FINAL_VOUCHER: u8 = 0;
const BY_BOTH: u8 = 1;

/// Ends a lease by agreement: the node's key signs, and the renter agrees either by a FINAL voucher, which is paid here, or by
/// signing too (wallet or session key). The rest goes back to the renter, the bond is free again.
///
/// `agreement` is the instructions sysvar in the first form, the signer in the second.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [node, market, provider, lease, vault, payout, fee_account, refund, renter, agreement, token] = accounts
    else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let mode = reader.u8()?;
    reader.end()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Lease>(lease, program)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_signer(node)?;
    check_key(node, &provider_state.node, Error::WrongAuthority)?;
    check_vault(vault, lease, state.vault_bump, program)?;
    token::check_program(token)?;

    let paid = match mode {
        WITH_FINAL_VOUCHER => {
            if state.has(VOID) {
                return Err(Error::LeaseVoid.into());
            }
            let voucher = voucher::voucher_of(agreement, state, lease.address())?;
            if !voucher.is_final {
                return Err(Error::VoucherNotFinal.into());
            }
            // Equal is fine: somebody may have settled the final voucher before.
            if voucher.sequence < state.sequence || voucher.amount < state.paid {
                return Err(Error::VoucherStale.into());
            }
            Payment { lease, vault, payout, fee_account, market: market_state, now: now()? }.pay(state, &voucher)?
        }
        BY_BOTH => {
            check_signer(agreement)?;
            let key = agreement.address();
            if !address_eq(key, &state.renter) && !address_eq(key, &state.session) {
                return Err(Error::WrongAuthority.into());
            }
            Paid { amount: 0, fee: 0 }
        }
        _ => return Err(Error::MalformedInstruction.into()),
    };
    let total = state.paid;
    let address = *lease.address();
    let refunded = Ending { lease, vault, refund, renter, mint: &market_state.mint }.end(state, provider_state)?;
    close(lease, renter)?;
    emit(Event::LeaseClosed, &provider_state.market, &address, [total, paid.amount, paid.fee, refunded]);
    Ok(())
}
