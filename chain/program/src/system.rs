//! Calls of the system program.

use crate::{
    account::{check_key, check_writable},
    error::Error,
};
use pinocchio::{
    cpi::{invoke_signed, Seed, Signer},
    instruction::{InstructionAccount, InstructionView},
    sysvars::{rent::Rent, Sysvar},
    AccountView, Address, ProgramResult,
};

pub const SYSTEM_PROGRAM: Address = Address::new_from_array([0; 32]);

/// Finds the canonical address of the seeds, or fails when `account` is another.
#[inline(always)]
pub fn check_new(account: &AccountView, seeds: &[&[u8]], program: &Address) -> Result<u8, Error> {
    let (address, bump) = Address::find_program_address(seeds, program);
    check_key(account, &address, Error::WrongAddress)?;
    check_writable(account)?;
    if !account.owned_by(&SYSTEM_PROGRAM) || account.data_len() != 0 {
        return Err(Error::AlreadyExists);
    }
    Ok(bump)
}

/// Moves lamports of a wallet that has signed the transaction.
#[inline(never)]
pub fn transfer(from: &AccountView, to: &AccountView, lamports: u64) -> ProgramResult {
    let mut data = [0u8; 12];
    data[0] = 2;
    data[4..12].copy_from_slice(&lamports.to_le_bytes());
    let accounts =
        [InstructionAccount::writable_signer(from.address()), InstructionAccount::writable(to.address())];
    let instruction = InstructionView { program_id: &SYSTEM_PROGRAM, accounts: &accounts, data: &data };
    invoke_signed(&instruction, &[from, to], &[])
}

/// An account to be created at a program-derived address. One value, because the target passes five arguments at most.
pub struct Creation<'a> {
    pub payer: &'a AccountView,
    pub account: &'a AccountView,
    pub system: &'a AccountView,
    pub space: usize,
    pub owner: &'a Address,
}

impl Creation<'_> {
    /// Lamports that somebody sent to the address before do not stand in the way.
    #[inline(never)]
    pub fn create(&self, seeds: &[Seed]) -> ProgramResult {
        check_key(self.system, &SYSTEM_PROGRAM, Error::WrongProgram)?;
        check_writable(self.payer)?;
        let rent = Rent::get()?.try_minimum_balance(self.space)?;
        let signers = [Signer::from(seeds)];
        if self.account.lamports() == 0 {
            return self.create_empty(rent, &signers);
        }
        if self.account.lamports() < rent {
            transfer(self.payer, self.account, rent - self.account.lamports())?;
        }
        self.allocate(&signers)?;
        self.assign(&signers)
    }

    fn create_empty(&self, rent: u64, signers: &[Signer]) -> ProgramResult {
        let mut data = [0u8; 52];
        data[4..12].copy_from_slice(&rent.to_le_bytes());
        data[12..20].copy_from_slice(&(self.space as u64).to_le_bytes());
        data[20..52].copy_from_slice(self.owner.as_array());
        let accounts = [
            InstructionAccount::writable_signer(self.payer.address()),
            InstructionAccount::writable_signer(self.account.address()),
        ];
        let instruction = InstructionView { program_id: &SYSTEM_PROGRAM, accounts: &accounts, data: &data };
        invoke_signed(&instruction, &[self.payer, self.account], signers)
    }

    fn allocate(&self, signers: &[Signer]) -> ProgramResult {
        let mut data = [0u8; 12];
        data[0] = 8;
        data[4..12].copy_from_slice(&(self.space as u64).to_le_bytes());
        self.call_as_account(&data, signers)
    }

    fn assign(&self, signers: &[Signer]) -> ProgramResult {
        let mut data = [0u8; 36];
        data[0] = 1;
        data[4..36].copy_from_slice(self.owner.as_array());
        self.call_as_account(&data, signers)
    }

    fn call_as_account(&self, data: &[u8], signers: &[Signer]) -> ProgramResult {
        let accounts = [InstructionAccount::writable_signer(self.account.address())];
        let instruction = InstructionView { program_id: &SYSTEM_PROGRAM, accounts: &accounts, data };
        invoke_signed(&instruction, &[self.account], signers)
    }
}
