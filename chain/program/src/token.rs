//! SPL token accounts and calls of the classic token program; Token-2022 is refused, its extensions could take fees or refuse transfers.

use crate::{
    account::{check_key, check_writable},
    error::Error,
    system::Creation,
};
use pinocchio::{
    address::address_eq,
    cpi::{invoke_signed, Seed, Signer},
    instruction::{InstructionAccount, InstructionView},
    AccountView, Address, ProgramResult,
};

pub const TOKEN_PROGRAM: Address = Address::new_from_array([
    6, 221, 246, 225, 215, 101, 161, 147, 217, 203, 225, 70, 206, 235, 121, 172, 28, 180, 133, 237, 95, 91, 55, 145,
    58, 140, 245, 133, 126, 255, 0, 169,
]);

/// Wrapped SOL cannot be burned by the token program, so a market in it could not end a lease.
pub const NATIVE_MINT: Address = Address::new_from_array([
    6, 155, 136, 87, 254, 171, 129, 132, 251, 104, 127, 99, 70, 24, 192, 53, 218, 196, 57, 220, 26, 235, 59, 85, 152,
    160, 240, 0, 0, 0, 0, 1,
]);

const TOKEN_ACCOUNT_BYTES: usize = 165;
const MINT_BYTES: usize = 82;
const INITIALIZED: u8 = 1;

/// Fields of a token account of the classic program, at their offsets in its layout.
pub struct TokenAccount<'a> {
    bytes: &'a [u8; TOKEN_ACCOUNT_BYTES],
}

impl<'a> TokenAccount<'a> {
    pub fn read(account: &'a AccountView) -> Result<Self, Error> {
        if !account.owned_by(&TOKEN_PROGRAM) || account.data_len() != TOKEN_ACCOUNT_BYTES {
            return Err(Error::WrongTokenAccount);
        }
        // Owner and length were checked; nothing holds a mutable reference to token accounts.
        Ok(Self { bytes: unsafe { &*(account.data_ptr() as *const [u8; TOKEN_ACCOUNT_BYTES]) } })
    }

    fn is(&self, at: usize, expected: &Address) -> bool {
        &self.bytes[at..at + 32] == expected.as_array()
    }

    pub fn amount(&self) -> u64 {
        let mut amount = [0u8; 8];
        amount.copy_from_slice(&self.bytes[64..72]);
        u64::from_le_bytes(amount)
    }

    fn is_open(&self) -> bool {
        self.bytes[108] == INITIALIZED
    }

    fn is_shared(&self) -> bool {
        self.bytes[72] != 0 || self.bytes[129] != 0
    }
}

/// A usable, unfrozen token account of this mint, whoever it belongs to.
pub fn check_mint_of(account: &AccountView, mint: &Address) -> Result<(), Error> {
    let token = TokenAccount::read(account)?;
    if !token.is(0, mint) {
        return Err(Error::WrongMint);
    }
    if !token.is_open() {
        return Err(Error::WrongTokenAccount);
    }
    Ok(())
}

/// A token account that is this wallet's alone: nobody else may spend from it or close it.
pub fn check_wallet_of(account: &AccountView, mint: &Address, wallet: &Address) -> Result<(), Error> {
    check_mint_of(account, mint)?;
    let token = TokenAccount::read(account)?;
    if !token.is(32, wallet) || token.is_shared() {
        return Err(Error::WrongTokenAccount);
    }
    Ok(())
}

/// Checks a mint of the classic token program and returns its decimals.
pub fn check_mint(mint: &AccountView) -> Result<u8, Error> {
    if !mint.owned_by(&TOKEN_PROGRAM) || mint.data_len() != MINT_BYTES || address_eq(mint.address(), &NATIVE_MINT) {
        return Err(Error::WrongMint);
    }
    let bytes = unsafe { &*(mint.data_ptr() as *const [u8; MINT_BYTES]) };
    if bytes[45] != 1 {
        return Err(Error::WrongMint);
    }
    Ok(bytes[44])
}

pub fn check_program(token: &AccountView) -> Result<(), Error> {
    check_key(token, &TOKEN_PROGRAM, Error::WrongProgram)
}

/// A vault: a token account at a program-derived address, spendable only by `authority`, a state account of ours.
pub struct NewVault<'a> {
    pub payer: &'a AccountView,
    pub vault: &'a AccountView,
    pub authority: &'a Address,
    pub mint: &'a AccountView,
    pub system: &'a AccountView,
}

impl NewVault<'_> {
    #[inline(never)]
    pub fn create(&self, seeds: &[Seed]) -> ProgramResult {
        Creation {
            payer: self.payer,
            account: self.vault,
            system: self.system,
            space: TOKEN_ACCOUNT_BYTES,
            owner: &TOKEN_PROGRAM,
        }
        .create(seeds)?;
        let mut data = [0u8; 33];
        data[0] = 18;
        data[1..].copy_from_slice(self.authority.as_array());
        let accounts = [
            InstructionAccount::writable(self.vault.address()),
            InstructionAccount::readonly(self.mint.address()),
        ];
        let instruction = InstructionView { program_id: &TOKEN_PROGRAM, accounts: &accounts, data: &data };
        invoke_signed(&instruction, &[self.vault, self.mint], &[])
    }
}

/// Tokens that move, and who may move them.
pub struct Move<'a> {
    pub from: &'a AccountView,
    /// The receiving account, or the mint when the tokens are burned.
    pub to: &'a AccountView,
    pub authority: &'a AccountView,
    pub amount: u64,
}

impl Move<'_> {
    /// Without signers, `authority` has signed the transaction itself.
    pub fn transfer(&self, signers: &[Signer]) -> ProgramResult {
        self.call(3, signers)
    }

    pub fn burn(&self, signers: &[Signer]) -> ProgramResult {
        self.call(8, signers)
    }

    #[inline(never)]
    fn call(&self, tag: u8, signers: &[Signer]) -> ProgramResult {
        check_writable(self.from)?;
        check_writable(self.to)?;
        let mut data = [0u8; 9];
        data[0] = tag;
        data[1..].copy_from_slice(&self.amount.to_le_bytes());
        let accounts = [
            InstructionAccount::writable(self.from.address()),
            InstructionAccount::writable(self.to.address()),
            InstructionAccount::readonly_signer(self.authority.address()),
        ];
        let instruction = InstructionView { program_id: &TOKEN_PROGRAM, accounts: &accounts, data: &data };
        invoke_signed(&instruction, &[self.from, self.to, self.authority], signers)
    }
}

/// Closes an empty vault; its lamports go to `to`.
#[inline(never)]
pub fn close_vault(vault: &AccountView, to: &AccountView, authority: &AccountView, signers: &[Signer]) -> ProgramResult {
    let accounts = [
        InstructionAccount::writable(vault.address()),
        InstructionAccount::writable(to.address()),
        InstructionAccount::readonly_signer(authority.address()),
    ];
    let instruction = InstructionView { program_id: &TOKEN_PROGRAM, accounts: &accounts, data: &[9] };
    invoke_signed(&instruction, &[vault, to, authority], signers)
}
