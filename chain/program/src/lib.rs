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
mod proof;
mod signature;
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

/// One value for what every handler gets, because the target passes five arguments at most.
struct Call<'a> {
    program: &'a Address,
    accounts: &'a mut [AccountView],
    data: &'a [u8],
}

impl Call<'_> {
    /// A function of its own for each handler, so that each has a stack frame of its own (at most 4,096 bytes).
    #[inline(never)]
    fn run(&mut self, handle: impl Fn(&Address, &mut [AccountView], &[u8]) -> ProgramResult) -> ProgramResult {
        handle(self.program, self.accounts, self.data)
    }
}

/// The first byte of the instruction data names the instruction; `chain/client/instructions.ts` holds the same list.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let (&tag, data) = data.split_first().ok_or(Error::UnknownInstruction)?;
    let mut call = Call { program, accounts, data };
    match tag {
        0 => call.run(instructions::init_market::process),
        1 => call.run(instructions::register_provider::process),
        2 => call.run(instructions::add_stake::process),
        3 => call.run(instructions::open_lease::process),
        4 => call.run(instructions::settle::process),
        5 => call.run(instructions::close_lease::process),
        6 => call.run(instructions::cancel_lease::process),
        7 => call.run(instructions::expire_lease::process),
        8 => call.run(instructions::complete::process),
        9 => call.run(instructions::request_unstake::process),
        10 => call.run(instructions::withdraw_stake::process),
        11 => call.run(instructions::set_payout::process),
        12 => call.run(instructions::close_provider::process),
        13 => call.run(instructions::update_market::process),
        14 => call.run(instructions::extend_lease::process),
        15 => call.run(instructions::open_dispute::process),
        16 => call.run(instructions::post_opening::process),
        17 => call.run(instructions::post_path::process),
        18 => call.run(instructions::compute_entry::process),
        19 => call.run(instructions::slash_fraud::process),
        20 => call.run(instructions::close_dispute::process),
        21 => call.run(instructions::close_verdict::process),
        22 => call.run(instructions::demand_opening::process),
        23 => call.run(instructions::answer_opening::process),
        24 => call.run(instructions::slash_silent::process),
        _ => Err(Error::UnknownInstruction.into()),
    }
}
