//! Vouchers: what the renter's session key signed off chain, checked by the Ed25519 precompile in the same transaction.
//! `protocols/settlement/voucher.ts` writes and reads the same bytes; shared vectors in `test/vectors/voucher.json`.

use crate::{error::Error, state::Lease};
use pinocchio::{address::address_eq, sysvars::instructions::Instructions, AccountView, Address};

pub const BYTES: usize = 88;

/// The leading 0xff is the first byte of no Solana transaction that can be sent, so a voucher is never a transaction.
pub const DOMAIN: [u8; 24] = *b"\xffnightshift voucher v1\0\0";

pub const FINAL: u8 = 1;

const ED25519_PROGRAM: Address = Address::new_from_array([
    3, 125, 70, 214, 124, 147, 251, 190, 18, 249, 66, 143, 131, 141, 64, 255, 5, 112, 116, 73, 39, 244, 138, 100, 252,
    202, 112, 68, 128, 0, 0, 0,
]);

/// One signature whose key, signature and message all lie in the precompile's own data: count 1, padding 0, then offsets and
/// instruction indexes (0xffff: this instruction) as the precompile reads them. Any other form is refused, because offsets
/// into another instruction would let a checked message differ from the one that is read here.
const HEADER: [u8; 16] = {
    let [size_low, size_high] = (BYTES as u16).to_le_bytes();
    [1, 0, 48, 0, 0xff, 0xff, 16, 0, 0xff, 0xff, 112, 0, size_low, size_high, 0xff, 0xff]
};
const KEY: usize = 16;
const MESSAGE: usize = 112;

pub struct Voucher {
    pub amount: u64,
    pub sequence: u64,
    pub is_final: bool,
}

/// Reads the voucher that the instruction right before this one has verified, for this lease and this session key.
pub fn verified(sysvar: &AccountView, lease: &Lease, lease_address: &Address) -> Result<Voucher, Error> {
    let instructions = Instructions::try_from(sysvar).map_err(|_| Error::WrongSysvar)?;
    let previous = instructions.get_instruction_relative(-1).map_err(|_| Error::VoucherMissing)?;
    if !address_eq(previous.get_program_id(), &ED25519_PROGRAM) {
        return Err(Error::VoucherMissing);
    }
    let data: &[u8; MESSAGE + BYTES] =
        previous.get_instruction_data().try_into().map_err(|_| Error::VoucherMalformed)?;
    if data[..KEY] != HEADER {
        return Err(Error::VoucherMalformed);
    }
    if &data[KEY..KEY + 32] != lease.session.as_array() {
        return Err(Error::VoucherWrongKey);
    }
    read(&data[MESSAGE..], lease, lease_address)
}

fn read(message: &[u8], lease: &Lease, lease_address: &Address) -> Result<Voucher, Error> {
    let flags = message[80];
    if message[..24] != DOMAIN || flags & !FINAL != 0 || message[81..] != [0; 7] {
        return Err(Error::VoucherMalformed);
    }
    if &message[24..56] != lease_address.as_array() || word(message, 56) != lease.serial {
        return Err(Error::VoucherForeign);
    }
    Ok(Voucher { amount: word(message, 64), sequence: word(message, 72), is_final: flags & FINAL != 0 })
}

fn word(message: &[u8], at: usize) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&message[at..at + 8]);
    u64::from_le_bytes(bytes)
}
