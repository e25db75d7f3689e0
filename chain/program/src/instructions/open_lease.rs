use crate::{
    account::{check_key, check_signer, created, load, load_mut, now, Reader},
    amount::{add, price_of, share_up, MAX_PRICE_PER_HOUR},
    error::Error,
    event::{emit, Event},
    state::{Lease, Market, Provider, MAX_DURATION},
    system::{self, Creation},
    token::{self, Move, NewVault},
};
use core::mem::size_of;
use pinocchio::{instruction::seeds, AccountView, Address, ProgramResult};

/// Opens a payment channel. The renter's wallet pays deposit and rent, the node's key agrees to back it with a bond.
/// Both sign the resulting amounts and not only what they follow from, so that new market terms cannot change them underway.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [renter, node, market, provider, lease, vault, mint, source, token, system] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let terms_hash = reader.bytes()?;
    let session = reader.address()?;
    let price_per_hour = reader.u64()?;
    let duration = reader.u64()?;
    let deposit = reader.u64()?;
    let bond = reader.u64()?;
    let dispute_window = reader.u64()?;
    let fee_bps = reader.u16()?;
    reader.end()?;

    let now = now()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    check_signer(renter)?;
    check_signer(node)?;
    check_key(market, &provider_state.market, Error::WrongMarket)?;
    check_key(node, &provider_state.node, Error::WrongAuthority)?;
    check_key(mint, &market_state.mint, Error::WrongMint)?;
    token::check_program(token)?;
    token::check_mint_of(source, &market_state.mint)?;

    // The provider could sign its own vouchers.
    if session == provider_state.node {
        return Err(Error::WrongAuthority.into());
    }
    let parameters = &market_state.terms_at(now).parameters;
    if price_per_hour == 0 || price_per_hour > MAX_PRICE_PER_HOUR || duration == 0 || duration > MAX_DURATION {
        return Err(Error::AmountOutOfRange.into());
    }
    let as_signed = deposit == price_of(price_per_hour, duration)
        && bond == share_up(deposit, parameters.bond_bps)
        && dispute_window == parameters.dispute_window
        && fee_bps == parameters.fee_bps;
    if !as_signed {
        return Err(Error::TermsChanged.into());
    }
    if provider_state.staying() < parameters.minimum_stake {
        return Err(Error::BelowMinimumStake.into());
    }
    if provider_state.free() < bond {
        return Err(Error::InsufficientStake.into());
    }

    let base: [&[u8]; 4] =
        [b"lease", provider.address().as_array(), renter.address().as_array(), &terms_hash];
    let bump = system::check_new(lease, &base, program)?;
    let vault_bump = system::check_new(vault, &[b"vault", lease.address().as_array()], program)?;
    let seed = [bump];
    let signer =
        seeds!(b"lease", provider.address().as_array(), renter.address().as_array(), &terms_hash, &seed);
    Creation { payer: renter, account: lease, system, space: size_of::<Lease>(), owner: program }
        .create(&signer)?;
    let vault_seed = [vault_bump];
    let vault_signer = seeds!(b"vault", lease.address().as_array(), &vault_seed);
    NewVault { payer: renter, vault, authority: lease.address(), mint, system }.create(&vault_signer)?;

    let state = created::<Lease>(lease)?;
    state.bump = bump;
    state.vault_bump = vault_bump;
    state.fee_bps = fee_bps;
    state.market = *market.address();
    state.provider = *provider.address();
    state.renter = *renter.address();
    state.session = session;
    state.terms_hash = terms_hash;
    state.payout = provider_state.payout;
    state.serial = provider_state.next_serial;
    state.price_per_hour = price_per_hour;
    state.duration = duration;
    state.started_at = now;
    state.deadline = now + (duration + dispute_window) as i64;
    state.deposit = deposit;
    state.bond = bond;
    state.dispute_window = dispute_window;
    state.answer_window = parameters.cool_down;
    state.slash_bps = parameters.slash_bps;
    state.bounty_bps = parameters.bounty_bps;

    provider_state.bound = add(provider_state.bound, bond)?;
    provider_state.open_leases += 1;
    provider_state.next_serial = add(provider_state.next_serial, 1)?;
    Move { from: source, to: vault, authority: renter, amount: deposit }.transfer(&[])?;
    emit(
        Event::LeaseOpened,
        market.address(),
        lease.address(),
        [deposit, bond, state.serial, state.deadline as u64],
    );
    Ok(())
}
