//! Nightshift's escrow: a payment channel per GPU lease, backed by the provider's stake.
//!
//! No instruction lets any key move a deposit, a stake or a payment by itself: deposits leave only to the payout
//! account named at the opening, against vouchers that the renter's session key signed, or back to the renter; stakes
//! leave only to their owner after the cool-down, or are burned by a rule. The layouts, the rules of each instruction
//! and their costs stand in `chain/README.md`, what was attacked in `chain/SECURITY.md`.
#![no_std]

mod account;
mod amount;
mod error;
mod event;
mod instructions;
mod state;
mod system;
mod token;
mod voucher;

use error::Error;
use pinocchio::{AccountView, Address, ProgramResult};

/// No instruction names more accounts than this.
const MAX_ACCOUNTS: usize = 16;

#[cfg(feature = "entrypoint")]
mod entrypoint {
    pinocchio::program_entrypoint!(crate::process, { crate::MAX_ACCOUNTS });
    pinocchio::no_allocator!();
    pinocchio::nostd_panic_handler!();
}

/// The first byte of the instruction data names the instruction; `chain/client/instructions.ts` holds the same list.
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (&tag, data) = data.split_first().ok_or(Error::UnknownInstruction)?;
    match tag {
        0 => instructions::init_market::process(program, accounts, data),
        1 => instructions::register_provider::process(program, accounts, data),
        2 => instructions::add_stake::process(program, accounts, data),
        3 => instructions::open_lease::process(program, accounts, data),
        4 => instructions::settle::process(program, accounts, data),
        5 => instructions::close_lease::process(program, accounts, data),
        6 => instructions::cancel_lease::process(program, accounts, data),
        7 => instructions::expire_lease::process(program, accounts, data),
        8 => instructions::complete::process(program, accounts, data),
        9 => instructions::request_unstake::process(program, accounts, data),
        10 => instructions::withdraw_stake::process(program, accounts, data),
        11 => instructions::set_payout::process(program, accounts, data),
        12 => instructions::close_provider::process(program, accounts, data),
        _ => Err(Error::UnknownInstruction.into()),
    }
}
