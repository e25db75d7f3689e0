//! Messages that were signed off chain: the Ed25519 precompile has checked them in the instruction right before ours.

use crate::error::Error;
use pinocchio::{address::address_eq, sysvars::instructions::Instructions, AccountView, Address};

const ED25519_PROGRAM: Address = Address::new_from_array([
    3, 125, 70, 214, 124, 147, 251, 190, 18, 249, 66, 143, 131, 141, 64, 255, 5, 112, 116, 73, 39, 244, 138, 100, 252,
    202, 112, 68, 128, 0, 0, 0,
]);

const KEY: usize = 16;
const MESSAGE: usize = 112;

/// One signature whose key, signature and message all lie in the precompile's own data: count 1, padding 0, then offsets and
/// instruction indexes (0xffff: this instruction) as the precompile reads them. Any other form is refused, because offsets
/// into another instruction would let a checked message differ from the one that is read here.
const fn header(message_bytes: usize) -> [u8; KEY] {
    let [low, high] = (message_bytes as u16).to_le_bytes();
    [1, 0, 48, 0, 0xff, 0xff, 16, 0, 0xff, 0xff, 112, 0, low, high, 0xff, 0xff]
}

/// What is wrong with a signed message, in the words of its kind.
pub struct Faults {
    pub missing: Error,
    pub malformed: Error,
    pub wrong_key: Error,
}

/// Copies the message of N bytes that `key` has signed. The copy lets the caller go on using all accounts.
#[inline(always)]
pub fn verified<const N: usize>(sysvar: &AccountView, key: &Address, faults: &Faults) -> Result<[u8; N], Error> {
    let instructions = Instructions::try_from(sysvar).map_err(|_| Error::WrongSysvar)?;
    let previous = instructions.get_instruction_relative(-1).map_err(|_| faults.missing)?;
    if !address_eq(previous.get_program_id(), &ED25519_PROGRAM) {
        return Err(faults.missing);
    }
    let data = previous.get_instruction_data();
    if data.len() != MESSAGE + N || data[..KEY] != header(N) {
        return Err(faults.malformed);
    }
    if &data[KEY..KEY + 32] != key.as_array() {
        return Err(faults.wrong_key);
    }
    data[MESSAGE..].try_into().map_err(|_| faults.malformed)
}
