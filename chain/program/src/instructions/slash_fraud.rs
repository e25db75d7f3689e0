use super::payment::with_provider_signer;
use crate::{
    account::{
        check_different, check_key, check_signer, check_vault, check_writable, close, created, load, load_mut, now,
        Reader,
    },
    amount::{add, share_down, subtract},
    error::Error,
    event::{emit, Event},
    proof::{advance, digest},
    state::{Dispute, Lease, Market, Provider, Verdict, PROVEN, VOID},
    system::{self, Creation},
    token::{self, Move},
};
use core::mem::size_of;
use pinocchio::{error::ProgramError, instruction::seeds, AccountView, Address, ProgramResult};

/// The part of a penalty that can go to the renter. The rest is shared between reporter and fire, so that a provider that slashes
/// itself in favour of a renter of its own loses at least a quarter of what it moves past the cool-down.
const MAX_COMPENSATION_BPS: u16 = 5_000;

/// What becomes of a penalty.
struct Shares {
    penalty: u64,
    compensation: u64,
    bounty: u64,
    burned: u64,
}

impl Shares {
    fn of(stake: u64, market: &Market, now: i64, owed: u64) -> Result<Self, Error> {
        let parameters = &market.terms_at(now).parameters;
        let penalty = share_down(stake, parameters.slash_bps);
        let compensation = owed.min(share_down(penalty, MAX_COMPENSATION_BPS));
        let bounty = share_down(penalty - compensation, parameters.bounty_bps);
        let burned = subtract(penalty, add(compensation, bounty)?)?;
        Ok(Self { penalty, compensation, bounty, burned })
    }
}

/// The lease that the receipt names, if it is open, is one of this program, and is this provider's.
fn open_lease<'a>(
    lease: &'a AccountView,
    provider: &AccountView,
    program: &Address,
) -> Result<Option<&'a mut Lease>, Error> {
    match load::<Lease>(lease, program) {
        Ok(state) if state.provider == *provider.address() => load_mut::<Lease>(lease, program).map(Some),
        _ => Ok(None),
    }
}

/// Finishes the recomputation of the disputed entry, and slashes the provider if it is not what it had committed to: a share of the
/// stake, out of which first the renter gets back what it has paid (at most half), then the reporter its bounty; the rest is
/// burned. The lease is void: no voucher is paid any more and the deposit can be fetched at once.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, market, provider, vault, mint, bounty, dispute, verdict, lease, refund, token, system] = accounts
    else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let now = now()?;
    let market_state = load::<Market>(market, program)?;
    let provider_state = load_mut::<Provider>(provider, program)?;
    let state = load_mut::<Dispute>(dispute, program)?;
    check_signer(reporter)?;
    check_key(reporter, &state.reporter, Error::WrongAuthority)?;
    check_key(market, &state.market, Error::WrongMarket)?;
    check_key(provider, &state.provider, Error::WrongProvider)?;
    check_key(mint, &market_state.mint, Error::WrongMint)?;
    check_key(lease, &state.lease, Error::WrongLease)?;
    check_vault(vault, provider, provider_state.vault_bump, program)?;
    check_different(bounty, vault)?;
    check_different(refund, vault)?;
    token::check_program(token)?;
    // Time may have passed since the opening: the registration that signed the receipt must be the one that is punished.
    if state.ended_ms / 1000 < provider_state.registered_at as u64 {
        return Err(Error::ReceiptTooOld.into());
    }
    if state.stage != PROVEN {
        return Err(Error::OpeningIncomplete.into());
    }
    advance(state, u32::MAX);
    if digest(&state.sums) == state.claimed as u64 {
        return Err(Error::EntryIsRight.into());
    }
    let receipt_hash = state.receipt_hash;
    let base: [&[u8]; 3] = [b"verdict", provider.address().as_array(), &receipt_hash];
    let bump = system::check_new(verdict, &base, program).map_err(|error| match error {
        Error::AlreadyExists => Error::AlreadySlashed,
        other => other,
    })?;
    let seed = [bump];
    let signer = seeds!(b"verdict", provider.address().as_array(), &receipt_hash, &seed);
    Creation { payer: reporter, account: verdict, system, space: size_of::<Verdict>(), owner: program }
        .create(&signer)?;

    let open = open_lease(lease, provider, program)?;
    // A lease in which the provider lied more than once is made whole once.
    let owed = match &open {
        Some(lease) => subtract(lease.paid, lease.compensated)?,
        None => 0,
    };
    let shares = Shares::of(provider_state.stake, market_state, now, owed)?;
    if let Some(lease) = open {
        if shares.compensation > 0 {
            token::check_wallet_of(refund, &market_state.mint, &lease.renter)?;
        }
        lease.compensated = add(lease.compensated, shares.compensation)?;
        lease.flags |= VOID;
        lease.deadline = lease.deadline.min(now);
    }
    let record = created::<Verdict>(verdict)?;
    record.bump = bump;
    record.provider = *provider.address();
    record.receipt_hash = receipt_hash;
    record.reporter = *reporter.address();
    record.slashed_at = now;
    record.penalty = shares.penalty;
    provider_state.stake = subtract(provider_state.stake, shares.penalty)?;
    provider_state.lost = add(provider_state.lost, shares.penalty)?;

    with_provider_signer(provider_state, |signers| {
        let parts = [(refund, shares.compensation), (bounty, shares.bounty)];
        for (to, amount) in parts {
            if amount > 0 {
                Move { from: vault, to, authority: provider, amount }.transfer(signers)?;
            }
        }
        if shares.burned > 0 {
            Move { from: vault, to: mint, authority: provider, amount: shares.burned }.burn(signers)?;
        }
        Ok::<(), ProgramError>(())
    })?;
    emit(
        Event::ProviderSlashed,
        market.address(),
        provider.address(),
        [shares.penalty, shares.compensation, shares.bounty, shares.burned],
    );
    check_writable(reporter)?;
    close(dispute, reporter)?;
    Ok(())
}
