use crate::{
    account::{check_signer, created, load, now, sha256, Reader},
    error::Error,
    event::{emit, Event},
    proof::check_parameters,
    signature::{verified, Faults},
    state::{Dispute, Provider},
    system::{self, Creation},
};
use core::mem::size_of;
use pinocchio::{instruction::seeds, AccountView, Address, ProgramResult};

/// The receipt's layout: `protocols/challenge/receipt.ts`, shared vector in `test/vectors/receipt.json`.
const RECEIPT_BYTES: usize = 248;
const DOMAIN: [u8; 32] = *b"nightshift/receipt/1\0\0\0\0\0\0\0\0\0\0\0\0";

const FAULTS: Faults = Faults {
    missing: Error::ReceiptMissing,
    malformed: Error::ReceiptMalformed,
    wrong_key: Error::ReceiptForeign,
};

fn key_at(receipt: &[u8; RECEIPT_BYTES], at: usize) -> [u8; 32] {
    let mut key = [0u8; 32];
    key.copy_from_slice(&receipt[at..at + 32]);
    key
}

fn u32_at(receipt: &[u8; RECEIPT_BYTES], at: usize) -> u32 {
    let mut bytes = [0u8; 4];
    bytes.copy_from_slice(&receipt[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// Begins to show that a proof was false, by the receipt that the provider's node key signed. Anyone may; nothing of the
/// provider is bound by it. The instruction before is the Ed25519 precompile's, over the receipt.
#[inline(always)]
pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let [reporter, provider, dispute, instructions, system] = accounts else {
        return Err(Error::WrongAccountCount.into());
    };
    Reader::new(data).end()?;
    let provider_state = load::<Provider>(provider, program)?;
    check_signer(reporter)?;
    let receipt = verified::<RECEIPT_BYTES>(instructions, &provider_state.node, &FAULTS)?;
    if receipt[..32] != DOMAIN {
        return Err(Error::ReceiptMalformed.into());
    }
    if key_at(&receipt, 32) != *provider_state.market.as_array()
        || key_at(&receipt, 96) != *provider_state.node.as_array()
    {
        return Err(Error::ReceiptForeign.into());
    }
    let (n, rounds) = (u32_at(&receipt, 192), u32_at(&receipt, 196));
    check_parameters(n, rounds)?;
    let mut ended = [0u8; 8];
    ended.copy_from_slice(&receipt[240..248]);
    let ended_ms = u64::from_le_bytes(ended);
    // What a node signed before this registration was punished, if at all, with the stake of that time.
    if ended_ms / 1000 < provider_state.registered_at as u64 {
        return Err(Error::ReceiptTooOld.into());
    }

    let receipt_hash = sha256(&[&receipt]);
    let bump = system::check_new(dispute, &[b"dispute", reporter.address().as_array(), &receipt_hash], program)?;
    let seed = [bump];
    let signer = seeds!(b"dispute", reporter.address().as_array(), &receipt_hash, &seed);
    Creation { payer: reporter, account: dispute, system, space: size_of::<Dispute>(), owner: program }
        .create(&signer)?;
    let state = created::<Dispute>(dispute)?;
    state.bump = bump;
    state.market = provider_state.market;
    state.provider = *provider.address();
    state.lease = Address::new_from_array(key_at(&receipt, 64));
    state.reporter = *reporter.address();
    state.receipt_hash = receipt_hash;
    state.seed = key_at(&receipt, 160);
    state.root = key_at(&receipt, 200);
    state.n = n;
    state.rounds = rounds;
    state.ended_ms = ended_ms;
    state.opened_at = now()?;
    emit(Event::DisputeOpened, &state.market, provider.address(), [n as u64, rounds as u64, ended_ms, 0]);
    Ok(())
}
