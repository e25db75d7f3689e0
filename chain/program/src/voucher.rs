//! Vouchers: what the renter's session key signed off chain, checked by the Ed25519 precompile in the same transaction.
//! `protocols/settlement/voucher.ts` writes and reads the same bytes; shared vectors in `test/vectors/voucher.json`.

use crate::{
    error::Error,
    signature::{verified, Faults},
    state::Lease,
};
use pinocchio::{AccountView, Address};

pub const BYTES: usize = 88;

/// The leading 0xff is the first byte of no Solana transaction that can be sent, so a voucher is never a transaction.
pub const DOMAIN: [u8; 24] = *b"\xffnightshift voucher v1\0\0";

pub const FINAL: u8 = 1;

const FAULTS: Faults = Faults {
    missing: Error::VoucherMissing,
    malformed: Error::VoucherMalformed,
    wrong_key: Error::VoucherWrongKey,
};

pub struct Voucher {
    pub amount: u64,
    pub sequence: u64,
    pub is_final: bool,
}

/// Reads the voucher that the instruction right before this one has verified, for this lease and this session key.
pub fn voucher_of(sysvar: &AccountView, lease: &Lease, lease_address: &Address) -> Result<Voucher, Error> {
    let message = verified::<BYTES>(sysvar, &lease.session, &FAULTS)?;
    read(&message, lease, lease_address)
}

fn read(message: &[u8; BYTES], lease: &Lease, lease_address: &Address) -> Result<Voucher, Error> {
    let flags = message[80];
    if message[..24] != DOMAIN || flags & !FINAL != 0 || message[81..] != [0; 7] {
        return Err(Error::VoucherMalformed);
    }
    if &message[24..56] != lease_address.as_array() || word(message, 56) != lease.serial {
        return Err(Error::VoucherForeign);
    }
    Ok(Voucher { amount: word(message, 64), sequence: word(message, 72), is_final: flags & FINAL != 0 })
}

fn word(message: &[u8; BYTES], at: usize) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&message[at..at + 8]);
    u64::from_le_bytes(bytes)
}
