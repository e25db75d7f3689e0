use crate::{
    account::{check_key, check_signer, created, load, now, Reader},
    error::Error,
    event::{emit, Event},
    state::{Market, Provider},
    system::{self, Creation},
    token::{self, Move, NewVault},
};
use core::mem::size_of;
use pinocchio::{instruction::seeds, AccountView, Address, ProgramResult};

/// Lease numbers start at the registration's time shifted by this: a provider that closes and registers again does so
/// at least one cool-down (one second or more) later, and cannot open a million leases a second, so no number comes twice.
const SERIALS_PER_SECOND_BITS: u32 = 20;

/// Registers a node with its first stake. The owner pays and signs; the node's key signs that it belongs to this owner.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [owner, node, market, provider, vault, mint, source, payout, token, system] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    let mut reader = Reader::new(data);
    let stake = reader.u64()?;
    reader.end()?;
    let now = now()?;
    let market_state = load::<Market>(market, program)?;
    check_signer(owner)?;
    check_signer(node)?;
    token::check_program(token)?;
    check_key(mint, &market_state.mint, Error::WrongMint)?;
    if stake < market_state.terms_at(now).parameters.minimum_stake {
        return Err(Error::BelowMinimumStake.into());
    }
    let base: [&[u8]; 3] = [b"provider", market.address().as_array(), node.address().as_array()];
    let bump = system::check_new(provider, &base, program)?;
    let vault_bump = system::check_new(vault, &[b"vault", provider.address().as_array()], program)?;
    token::check_mint_of(source, &market_state.mint)?;
    token::check_mint_of(payout, &market_state.mint)?;

    let seed = [bump];
    let signer = seeds!(b"provider", market.address().as_array(), node.address().as_array(), &seed);
    Creation { payer: owner, account: provider, system, space: size_of::<Provider>(), owner: program }
        .create(&signer)?;
    let vault_seed = [vault_bump];
    let vault_signer = seeds!(b"vault", provider.address().as_array(), &vault_seed);
    NewVault { payer: owner, vault, authority: provider.address(), mint, system }.create(&vault_signer)?;

    let state = created::<Provider>(provider)?;
    state.bump = bump;
    state.vault_bump = vault_bump;
    state.market = *market.address();
    state.node = *node.address();
    state.owner = *owner.address();
    state.payout = *payout.address();
    state.stake = stake;
    state.next_serial = (now as u64) << SERIALS_PER_SECOND_BITS;
    state.registered_at = now;
    Move { from: source, to: vault, authority: owner, amount: stake }.transfer(&[])?;
    emit(Event::ProviderRegistered, market.address(), provider.address(), [stake, 0, 0, 0]);
    Ok(())
}
