use super::payment::with_provider_signer;
use crate::{
    account::{check_key, check_vault, close, load, load_mut, now, Reader},
    amount::{add, subtract},
    error::Error,
    event::{emit, Event},
    state::{Dispute, Market, Provider},
    token::{self, Move},
};
use pinocchio::{AccountView, Address, ProgramResult};

/// Ends a demand whose answer is overdue. What it bound of the stake is burned and goes to nobody, so that nobody gains from keeping
/// a provider from its answer; rent and the demand's bond go back to who demanded. Anyone may.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, market, provider, vault, mint, dispute, token] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Dispute>(dispute, program)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_vault(vault, provider, provider_state.vault_bump, program)?;
    check_key(mint, &market_state.mint, Error::WrongMint)?;
    token::check_program(token)?;
    if !state.is_demanded() {
        return Err(Error::NotDemanded.into());
    }
    if now()? < state.answer_by {
        return Err(Error::AnswerNotOverdue.into());
    }
    // A slash for a false proof can have left less than what the demand once bound.
    let burned = state.bound.min(provider_state.stake);
    state.release(provider_state)?;
    provider_state.stake = subtract(provider_state.stake, burned)?;
    provider_state.lost = add(provider_state.lost, burned)?;
    if burned > 0 {
        with_provider_signer(provider_state, |signers| {
            Move { from: vault, to: mint, authority: provider, amount: burned }.burn(signers)
        })?;
    }
    emit(Event::ProviderSilent, market.address(), provider.address(), [burned, provider_state.stake, 0, 0]);
    close(dispute, reporter)?;
    Ok(())
}
