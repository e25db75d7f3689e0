//! Checks on accounts. All instructions use these, so that none forgets the owner, the kind or the writability.

use crate::{
    error::Error,
    state::{State, VERSION},
};
use core::mem::size_of;
use pinocchio::{
    address::address_eq,
    syscalls::{sol_memset_, sol_sha256},
    sysvars::{clock::Clock, Sysvar},
    AccountView, Address,
};

fn check_state<T: State>(account: &AccountView, program: &Address) -> Result<(), Error> {
    if !account.owned_by(program) {
        return Err(Error::WrongOwner);
    }
    if account.data_len() != size_of::<T>() {
        return Err(Error::WrongKind);
    }
    // The length was checked, and account data is 8-byte aligned in the runtime's input.
    let header = unsafe { &*(account.data_ptr() as *const [u8; 2]) };
    if header[0] != T::KIND || header[1] != VERSION {
        return Err(Error::WrongKind);
    }
    Ok(())
}

pub fn load<'a, T: State>(account: &'a AccountView, program: &Address) -> Result<&'a T, Error> {
    check_state::<T>(account, program)?;
    // Owner, length and kind were checked; every bit pattern is a valid T.
    Ok(unsafe { &*(account.data_ptr() as *const T) })
}

/// Handlers load at most one account of each kind, so the same account can never be borrowed twice.
#[allow(clippy::mut_from_ref)]
pub fn load_mut<'a, T: State>(account: &'a AccountView, program: &Address) -> Result<&'a mut T, Error> {
    check_state::<T>(account, program)?;
    check_writable(account)?;
    Ok(unsafe { &mut *(account.data_ptr() as *mut T) })
}

/// The zeroed bytes of an account that this instruction has just created with the length of T.
#[allow(clippy::mut_from_ref)]
pub fn created<T: State>(account: &AccountView) -> Result<&mut T, Error> {
    if account.data_len() != size_of::<T>() {
        return Err(Error::WrongKind);
    }
    let bytes = account.data_ptr() as *mut u8;
    unsafe {
        *bytes = T::KIND;
        *bytes.add(1) = VERSION;
        Ok(&mut *(bytes as *mut T))
    }
}

pub fn check_signer(account: &AccountView) -> Result<(), Error> {
    if account.is_signer() {
        Ok(())
    } else {
        Err(Error::MissingSignature)
    }
}

pub fn check_writable(account: &AccountView) -> Result<(), Error> {
    if account.is_writable() {
        Ok(())
    } else {
        Err(Error::NotWritable)
    }
}

pub fn check_key(account: &AccountView, expected: &Address, error: Error) -> Result<(), Error> {
    if address_eq(account.address(), expected) {
        Ok(())
    } else {
        Err(error)
    }
}

pub fn check_different(left: &AccountView, right: &AccountView) -> Result<(), Error> {
    if address_eq(left.address(), right.address()) {
        Err(Error::DuplicateAccount)
    } else {
        Ok(())
    }
}

/// The address that these seeds and this bump derive. That it is off the curve was established at the creation.
pub fn derive<const N: usize>(seeds: &[&[u8]; N], bump: u8, program: &Address) -> Address {
    let bump = [bump];
    let mut parts: [&[u8]; 8] = [&[]; 8];
    parts[..N].copy_from_slice(seeds);
    parts[N] = &bump;
    parts[N + 1] = program.as_array();
    parts[N + 2] = b"ProgramDerivedAddress";
    Address::new_from_array(sha256(&parts[..N + 3]))
}

/// Checks that `vault` is the token account that belongs to `holder`, a provider or a lease.
pub fn check_vault(vault: &AccountView, holder: &AccountView, bump: u8, program: &Address) -> Result<(), Error> {
    let expected = derive(&[b"vault", holder.address().as_array()], bump, program);
    check_key(vault, &expected, Error::WrongAddress)?;
    check_writable(vault)
}

/// SHA-256 over the parts, one after the other.
#[inline(always)]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = [0u8; 32];
    unsafe { sol_sha256(parts.as_ptr() as *const u8, parts.len() as u64, hash.as_mut_ptr()) };
    hash
}

pub fn now() -> Result<i64, Error> {
    match Clock::get() {
        Ok(clock) => Ok(clock.unix_timestamp),
        Err(_) => Err(Error::ClockUnavailable),
    }
}

/// Gives the rent of a finished account back and leaves nothing that a later instruction could take for a live one.
pub fn close(account: &mut AccountView, to: &mut AccountView) -> Result<(), Error> {
    check_writable(to)?;
    check_different(account, to)?;
    let lamports = to.lamports().checked_add(account.lamports()).ok_or(Error::AmountOutOfRange)?;
    to.set_lamports(lamports);
    account.set_lamports(0);
    // The header is wiped as well, so that even a revival within this transaction finds no account of ours.
    unsafe { sol_memset_(account.data_mut_ptr(), 0, account.data_len() as u64) };
    account.close().map_err(|_| Error::WrongKind)
}

/// Reads instruction data field by field; what is left over or missing is malformed.
pub struct Reader<'a> {
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.data.split_first_chunk::<N>().ok_or(Error::MalformedInstruction)?;
        self.data = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    pub fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    pub fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    pub fn bytes(&mut self) -> Result<[u8; 32], Error> {
        self.take()
    }

    pub fn address(&mut self) -> Result<Address, Error> {
        Ok(Address::new_from_array(self.take()?))
    }

    /// The next `length` bytes.
    pub fn slice(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.data.split_at_checked(length).ok_or(Error::MalformedInstruction)?;
        self.data = rest;
        Ok(head)
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.data
    }

    pub fn end(self) -> Result<(), Error> {
        if self.data.is_empty() {
            Ok(())
        } else {
            Err(Error::MalformedInstruction)
        }
    }
}
