//! Account layouts. Fixed, little-endian, no implicit padding; `chain/client/layouts.ts` decodes the same bytes.
//! Every account begins with its kind and version, keeps its bump, and has reserved zero bytes for later fields.

use crate::{amount::share_down, error::Error};
use core::mem::size_of;
use pinocchio::Address;

pub const VERSION: u8 = 1;

/// An account of this program: a `repr(C)` struct without padding that begins with kind and version.
pub trait State: Sized {
    const KIND: u8;
}

pub const DAY: u64 = 86_400;
pub const MAX_COOL_DOWN: u64 = 365 * DAY;
pub const MAX_DISPUTE_WINDOW: u64 = 30 * DAY;
pub const MAX_UPDATE_DELAY: u64 = 365 * DAY;
pub const MAX_FEE_BPS: u16 = 1_000;
pub const MAX_DURATION: u64 = 90 * DAY;

/// What governance can change, a delay ahead; open leases keep what they were opened with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Parameters {
    pub minimum_stake: u64,
    /// Seconds between asking for a stake and getting it, in which fraud can still be proved.
    pub cool_down: u64,
    /// Seconds after a lease's paid time, or after its cancellation, in which vouchers can still be settled for sure.
    pub dispute_window: u64,
    /// Share of the deposit that is bound of the stake while the lease is open.
    pub bond_bps: u16,
    /// Share of the bond that is burned when the provider disappears.
    pub slash_bps: u16,
    /// Share of a slashed amount that the reporter gets.
    pub bounty_bps: u16,
    /// Share of every payment that goes to the fee account.
    pub fee_bps: u16,
}

impl Parameters {
    pub fn check(&self) -> Result<(), Error> {
        let in_range = self.minimum_stake >= 1
            && self.dispute_window >= 1
            && self.dispute_window <= MAX_DISPUTE_WINDOW
            && self.cool_down >= self.dispute_window
            && self.cool_down <= MAX_COOL_DOWN
            && self.bond_bps <= 10_000
            && self.slash_bps <= 10_000
            && self.bounty_bps <= 5_000
            && self.fee_bps <= MAX_FEE_BPS;
        if in_range {
            Ok(())
        } else {
            Err(Error::ParameterOutOfRange)
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Terms {
    pub parameters: Parameters,
    pub governance: Address,
    pub fee_account: Address,
}

/// Seeds: "market", base.
#[repr(C)]
pub struct Market {
    pub kind: u8,
    pub version: u8,
    pub bump: u8,
    pub decimals: u8,
    pub reserved_header: [u8; 4],
    pub base: Address,
    pub mint: Address,
    pub terms: Terms,
    /// Seconds between the announcement of new terms and their taking effect; never changes.
    pub update_delay: u64,
    /// When the announced terms take effect; 0 when none are announced.
    pub announced_at: i64,
    pub announced: Terms,
    pub reserved: [u8; 88],
}

impl Market {
    /// The terms in force: announced ones take effect by themselves, so nobody has to send a transaction on time.
    pub fn terms_at(&self, now: i64) -> &Terms {
        if self.announced_at != 0 && now >= self.announced_at {
            &self.announced
        } else {
            &self.terms
        }
    }
}

/// Seeds: "provider", market, node. Its vault: "vault", provider.
#[repr(C)]
pub struct Provider {
    pub kind: u8,
    pub version: u8,
    pub bump: u8,
    pub vault_bump: u8,
    pub reserved_header: [u8; 4],
    pub market: Address,
    /// The node's key: peer id and signer of leases. It can move nothing out of the stake.
    pub node: Address,
    /// Paid the stake and the rent; alone may take the stake back or rename the payout account.
    pub owner: Address,
    pub payout: Address,
    pub stake: u64,
    /// Sum of the bonds of open leases and disputes; part of the stake.
    pub bound: u64,
    /// Asked back and cooling down; part of the stake, and slashable until it is withdrawn.
    pub unstaking: u64,
    pub unstake_at: i64,
    /// Unique for every lease that was ever opened at this address, so that no voucher outlives its lease.
    pub next_serial: u64,
    pub open_leases: u32,
    pub open_disputes: u32,
    pub registered_at: i64,
    /// Burned or slashed since the registration.
    pub lost: u64,
    pub reserved: [u8; 56],
}

impl Provider {
    /// What may back new leases.
    pub fn free(&self) -> u64 {
        self.stake.saturating_sub(self.bound).saturating_sub(self.unstaking)
    }

    /// What stays when the cool-down in progress ends.
    pub fn staying(&self) -> u64 {
        self.stake.saturating_sub(self.unstaking)
    }
}

pub const CANCELLED: u8 = 1;
pub const COMPLETED: u8 = 2;
/// The provider was slashed for a false proof in this lease: no voucher is paid any more, anyone may end it.
pub const VOID: u8 = 4;
/// An opening was demanded in this lease and has not been answered: no second one meanwhile, nor after a silence.
pub const DEMANDED: u8 = 8;

/// Seeds: "lease", provider, renter, terms hash. Its vault: "vault", lease.
#[repr(C)]
pub struct Lease {
    pub kind: u8,
    pub version: u8,
    pub bump: u8,
    pub vault_bump: u8,
    pub flags: u8,
    pub reserved_header: u8,
    pub fee_bps: u16,
    pub market: Address,
    pub provider: Address,
    /// The wallet that paid deposit and rent, and gets both back.
    pub renter: Address,
    /// The key that signs vouchers, and can do nothing but that, cancel, and agree to a close.
    pub session: Address,
    pub terms_hash: [u8; 32],
    /// The provider's payout account at the opening; payments go nowhere else.
    pub payout: Address,
    /// Digest that the provider posted with `complete`.
    pub output: [u8; 32],
    pub serial: u64,
    pub price_per_hour: u64,
    pub duration: u64,
    pub started_at: i64,
    /// From here on anyone may end the lease: start + duration + dispute window, or sooner after a cancellation.
    pub deadline: i64,
    pub deposit: u64,
    pub paid: u64,
    pub sequence: u64,
    pub bond: u64,
    pub dispute_window: u64,
    pub completed_at: i64,
    pub slash_bps: u16,
    pub bounty_bps: u16,
    pub reserved_shares: [u8; 4],
    /// What the renter got back out of the provider's stake.
    pub compensated: u64,
    /// Seconds in which an opening that is demanded must be given: the cool-down when the lease was opened.
    pub answer_window: u64,
    pub reserved: [u8; 40],
}

impl Lease {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What is burned of the bond if the lease is ended now by nobody's agreement: the provider fell silent.
    pub fn forfeit(&self) -> u64 {
        if self.flags & (CANCELLED | COMPLETED | VOID) != 0 || self.paid >= self.deposit {
            0
        } else {
            self.price_of_silence()
        }
    }

    /// The most that silence can cost the provider: of the lease, or of an opening that is demanded in it.
    pub fn price_of_silence(&self) -> u64 {
        share_down(self.bond, self.slash_bps)
    }
}

/// Stages of a dispute; 0 while no entry has been shown.
pub const CLIMBING: u8 = 1;
pub const PROVEN: u8 = 2;
/// The provider is to open the entry, and then is at it: the entry is neither the reporter's to change nor to give up.
pub const ASKED: u8 = 3;
pub const ANSWERING: u8 = 4;

/// So many lamports stand behind a demand and go to the node that answers it: more than its fees, and enough for an account that
/// was empty to exist.
pub const DEMAND_BOND: u64 = 1_000_000;
/// For so long, in seconds, an opening can be demanded of a receipt.
pub const RECEIPT_LIFE: u64 = DAY;

/// A false proof being shown: the receipt, then an opened entry with its way to the root, then the entry recomputed.
/// Seeds: "dispute", reporter, receipt hash. It binds nothing of the provider until the entry is shown to be false, or the
/// renter of the receipt's lease demands that the provider opens it.
#[repr(C)]
pub struct Dispute {
    pub kind: u8,
    pub version: u8,
    pub bump: u8,
    pub stage: u8,
    /// How many siblings of the path were hashed.
    pub height: u8,
    pub reserved_header: u8,
    /// The entry as the provider committed to it.
    pub claimed: u16,
    pub market: Address,
    pub provider: Address,
    /// The lease that the receipt names; it may be closed, or none at all.
    pub lease: Address,
    pub reporter: Address,
    pub receipt_hash: [u8; 32],
    pub seed: [u8; 32],
    pub root: [u8; 32],
    pub n: u32,
    pub rounds: u32,
    pub round: u32,
    pub row: u32,
    pub column: u32,
    /// Index of the leaf in the whole tree.
    pub leaf: u32,
    pub node: [u8; 32],
    /// Running sums of the four entries of C under the digest entry.
    pub sums: [i64; 4],
    /// Pairs of inner steps that are in the sums.
    pub pairs: u32,
    pub reserved_count: u32,
    pub ended_ms: u64,
    pub opened_at: i64,
    /// From here on silence is punished; 0 when no opening is demanded.
    pub answer_by: i64,
    /// What the demand binds of the stake, and what is burned of it in the end if no answer comes.
    pub bound: u64,
    /// Of the lease in which the demand was made.
    pub serial: u64,
    pub reserved: [u8; 16],
}

impl Dispute {
    /// An opening is demanded of the provider and was not given.
    pub fn is_demanded(&self) -> bool {
        self.stage == ASKED || self.stage == ANSWERING
    }

    /// A dispute in which the reporter has the word.
    pub fn check_not_demanded(&self) -> Result<(), Error> {
        if self.is_demanded() {
            Err(Error::DemandOpen)
        } else {
            Ok(())
        }
    }

    /// Begins with another entry: what was shown and computed of the last one is void.
    pub fn begin(&mut self, round: u32, row: u32, column: u32) {
        self.round = round;
        self.row = row;
        self.column = column;
        self.claimed = 0;
        self.height = 0;
        self.sums = [0; 4];
        self.pairs = 0;
    }

    /// The demand is over: nothing is bound by it any more.
    pub fn release(&mut self, provider: &mut Provider) -> Result<(), Error> {
        provider.bound = provider.bound.checked_sub(self.bound).ok_or(Error::AmountOutOfRange)?;
        provider.open_disputes = provider.open_disputes.checked_sub(1).ok_or(Error::AmountOutOfRange)?;
        self.answer_by = 0;
        self.bound = 0;
        self.serial = 0;
        Ok(())
    }
}

/// Stays after a slash, so that one receipt is punished once. Seeds: "verdict", provider, receipt hash.
#[repr(C)]
pub struct Verdict {
    pub kind: u8,
    pub version: u8,
    pub bump: u8,
    pub reserved_header: [u8; 5],
    pub provider: Address,
    pub receipt_hash: [u8; 32],
    /// Paid the rent, and gets it back once the registration that was slashed has ended.
    pub reporter: Address,
    pub slashed_at: i64,
    pub penalty: u64,
    pub reserved: [u8; 8],
}

impl State for Dispute {
    const KIND: u8 = 4;
}
impl State for Verdict {
    const KIND: u8 = 5;
}
impl State for Market {
    const KIND: u8 = 1;
}
impl State for Provider {
    const KIND: u8 = 2;
}
impl State for Lease {
    const KIND: u8 = 3;
}

const _: () = assert!(size_of::<Parameters>() == 32);
const _: () = assert!(size_of::<Market>() == 368);
const _: () = assert!(size_of::<Provider>() == 256);
const _: () = assert!(size_of::<Lease>() == 384);
const _: () = assert!(size_of::<Dispute>() == 384);
const _: () = assert!(size_of::<Verdict>() == 128);
