//! What happened, as one `sol_log_data` line for each change: kind, market, subject, four words. A fixed form, so that
//! clients need no schema; what the words mean stands with each kind in `chain/client/events.ts`.

use pinocchio::{syscalls::sol_log_data, Address};

#[repr(u8)]
#[derive(Clone, Copy)]
pub enum Event {
    MarketInitialized = 0,
    ProviderRegistered = 1,
    StakeAdded = 2,
    LeaseOpened = 3,
    LeaseSettled = 4,
    LeaseClosed = 5,
    LeaseCancelled = 6,
    LeaseExpired = 7,
    LeaseCompleted = 8,
    UnstakeRequested = 9,
    StakeWithdrawn = 10,
    PayoutChanged = 11,
    ProviderClosed = 12,
    MarketUpdateAnnounced = 13,
    LeaseExtended = 14,
    DisputeOpened = 15,
    ProviderSlashed = 16,
    OpeningDemanded = 17,
    OpeningAnswered = 18,
    ProviderSilent = 19,
}

const BYTES: usize = 1 + 32 + 32 + 4 * 8;

pub fn emit(event: Event, market: &Address, subject: &Address, words: [u64; 4]) {
    let mut line = [0u8; BYTES];
    line[0] = event as u8;
    line[1..33].copy_from_slice(market.as_array());
    line[33..65].copy_from_slice(subject.as_array());
    for (index, word) in words.iter().enumerate() {
        let at = 65 + 8 * index;
        line[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let fields: [&[u8]; 1] = [&line];
    unsafe { sol_log_data(fields.as_ptr() as *const u8, 1) };
}
