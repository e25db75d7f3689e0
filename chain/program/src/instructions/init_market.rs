use crate::{
    account::{check_signer, created, Reader},
    error::Error,
    event::{emit, Event},
    state::{Market, Parameters, Terms, MAX_UPDATE_DELAY},
    system::{self, Creation},
    token,
};
use core::mem::size_of;
use pinocchio::{instruction::seeds, AccountView, Address, ProgramResult};

pub fn read_terms(reader: &mut Reader) -> Result<Terms, Error> {
    let parameters = Parameters {
        minimum_stake: reader.u64()?,
        cool_down: reader.u64()?,
        dispute_window: reader.u64()?,
        bond_bps: reader.u16()?,
        slash_bps: reader.u16()?,
        bounty_bps: reader.u16()?,
        fee_bps: reader.u16()?,
    };
    parameters.check()?;
    Ok(Terms { parameters, governance: reader.address()?, fee_account: reader.address()? })
}

/// Opens a market in one token. Whoever holds the base key chooses its terms, once; nobody can take the address first.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [payer, base, market, mint, system] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let terms = read_terms(&mut reader)?;
    let update_delay = reader.u64()?;
    reader.end()?;
    if update_delay == 0 || update_delay > MAX_UPDATE_DELAY {
        return Err(Error::ParameterOutOfRange.into());
    }
    check_signer(payer)?;
    check_signer(base)?;
    let decimals = token::check_mint(mint)?;
    let bump = system::check_new(market, &[b"market", base.address().as_array()], program)?;
    let seed = [bump];
    let signer = seeds!(b"market", base.address().as_array(), &seed);
    Creation { payer, account: market, system, space: size_of::<Market>(), owner: program }.create(&signer)?;

    let state = created::<Market>(market)?;
    state.bump = bump;
    state.decimals = decimals;
    state.base = *base.address();
    state.mint = *mint.address();
    state.terms = terms;
    state.update_delay = update_delay;
    emit(Event::MarketInitialized, market.address(), mint.address(), [0; 4]);
    Ok(())
}
