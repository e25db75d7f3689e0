//! Kernel specification v1 of the matmul proof, as far as the chain needs it: where an entry stands in the tree, and what it
//! must be. The specification is `kernels/README.md`; `kernels/proof/` is the other implementation.

use crate::{
    account::{sha256, Reader},
    error::Error,
    state::Dispute,
};
use pinocchio::syscalls::sol_sha256;

pub const MODULUS: u64 = 509;
pub const GROUP: u32 = 4;
pub const SEGMENT_ENTRIES: u32 = 256;
pub const MIN_N: u32 = 16;
pub const MAX_N: u32 = 32_768;
pub const N_MULTIPLE: u32 = 16;
pub const MAX_ROUNDS: u32 = 256;
pub const DIGEST_BYTES: usize = 32;

const STREAM_INNER: u16 = 0;
const STREAM_LEFT: u16 = 1;
const STREAM_RIGHT: u16 = 2;

pub fn check_parameters(n: u32, rounds: u32) -> Result<(), Error> {
    let in_range = n >= MIN_N && n <= MAX_N && n % N_MULTIPLE == 0 && rounds >= 1 && rounds <= MAX_ROUNDS;
    if in_range {
        Ok(())
    } else {
        Err(Error::ReceiptMalformed)
    }
}

/// ceil(log2(count)) for count of at least 1.
fn depth_of(count: u32) -> u32 {
    let mut depth = 0;
    while (1u32 << depth) < count {
        depth += 1;
    }
    depth
}

/// Where an entry's leaf stands.
pub struct Place {
    pub leaf: u32,
    pub segment_bytes: usize,
    /// Byte of the entry within the segment.
    pub at: usize,
    /// Siblings from the leaf to the root.
    pub depth: u32,
}

pub fn place(dispute: &Dispute) -> Result<Place, Error> {
    let Dispute { n, rounds, round, row, column, .. } = *dispute;
    let entries = n / GROUP;
    if round >= rounds || row >= n || column >= entries {
        return Err(Error::OpeningOutOfRange);
    }
    let per_row = entries.div_ceil(SEGMENT_ENTRIES);
    let segment = column / SEGMENT_ENTRIES;
    let length = SEGMENT_ENTRIES.min(entries - segment * SEGMENT_ENTRIES);
    let round_depth = depth_of(n * per_row);
    Ok(Place {
        leaf: (round << round_depth) + row * per_row + segment,
        segment_bytes: 2 * length as usize,
        at: 2 * (column - segment * SEGMENT_ENTRIES) as usize,
        depth: round_depth + depth_of(rounds),
    })
}

fn hash_leaf(segment: &[u8]) -> [u8; 32] {
    sha256(&[&[0], segment])
}

/// Goes up the tree from the dispute's node by the siblings in `path`, and compares with the root once it is there.
/// Returns whether it is.
#[inline(always)]
fn climb(dispute: &mut Dispute, path: &[u8], depth: u32) -> Result<bool, Error> {
    if path.len() % DIGEST_BYTES != 0 {
        return Err(Error::OpeningMalformed);
    }
    let mut height = dispute.height as u32;
    for sibling in path.chunks_exact(DIGEST_BYTES) {
        if height >= depth {
            return Err(Error::OpeningMalformed);
        }
        dispute.node = if dispute.leaf >> height & 1 == 1 {
            sha256(&[&[1], sibling, &dispute.node])
        } else {
            sha256(&[&[1], &dispute.node, sibling])
        };
        height += 1;
    }
    dispute.height = height as u8;
    if height < depth {
        return Ok(false);
    }
    if dispute.node != dispute.root {
        return Err(Error::OpeningPathMismatch);
    }
    Ok(true)
}

/// Takes the segment that holds the dispute's entry, and as much of its path as came with it. Returns whether that leads to the
/// root.
pub fn show(dispute: &mut Dispute, mut reader: Reader) -> Result<bool, Error> {
    let place = place(dispute)?;
    let segment = reader.slice(place.segment_bytes)?;
    dispute.claimed = u16::from_le_bytes([segment[place.at], segment[place.at + 1]]);
    dispute.leaf = place.leaf;
    dispute.node = hash_leaf(segment);
    dispute.height = 0;
    climb(dispute, reader.rest(), place.depth)
}

/// Takes further siblings of a path. Returns whether they lead to the root.
pub fn go_on(dispute: &mut Dispute, path: &[u8]) -> Result<bool, Error> {
    if path.is_empty() {
        return Err(Error::OpeningMalformed);
    }
    let depth = place(dispute)?.depth;
    climb(dispute, path, depth)
}

/// The message whose hash yields sixteen factor words; the last four bytes are the counter.
struct Factors {
    message: [u8; 52],
    /// Little-endian words as they come out of the hash. They are not reduced mod 509 one by one: a dot product is
    /// reduced at its end, which gives the same residue.
    words: [u16; 16],
}

impl Factors {
    fn new(dispute: &Dispute, stream: u16) -> Self {
        let mut message = [0u8; 52];
        message[..8].copy_from_slice(b"NS/mm/v1");
        message[8..40].copy_from_slice(&dispute.seed);
        message[40..44].copy_from_slice(&dispute.n.to_le_bytes());
        message[44..46].copy_from_slice(&(dispute.round as u16).to_le_bytes());
        message[46..48].copy_from_slice(&stream.to_le_bytes());
        Self { message, words: [0; 16] }
    }

    #[inline(always)]
    fn expand(&mut self, counter: u32) {
        self.message[48..52].copy_from_slice(&counter.to_le_bytes());
        let parts: [&[u8]; 1] = [&self.message];
        unsafe { sol_sha256(parts.as_ptr() as *const u8, 1, self.words.as_mut_ptr() as *mut u8) };
    }

    /// The four words from `at` on, which are one row of a factor.
    #[inline(always)]
    fn row(&self, at: usize) -> [u64; 4] {
        [self.words[at] as u64, self.words[at + 1] as u64, self.words[at + 2] as u64, self.words[at + 3] as u64]
    }
}

/// A dot product of words below 2^16 with a row whose values are below 509, or of two such rows side by side, one in each half:
/// 4 · 2^16 · 2^9 fits into 32 bits.
#[inline(always)]
fn dot(words: &[u64; 4], row: &[u64; 4]) -> u64 {
    words[0]
        .wrapping_mul(row[0])
        .wrapping_add(words[1].wrapping_mul(row[1]))
        .wrapping_add(words[2].wrapping_mul(row[2]))
        .wrapping_add(words[3].wrapping_mul(row[3]))
}

/// (x mod 509) mod 16: an entry of A or B before 8 is taken off.
#[inline(always)]
fn map(x: u64) -> u64 {
    x % MODULUS & 15
}

/// Two rows side by side, reduced, for `dot`.
fn pack(low: [u64; 4], high: [u64; 4]) -> [u64; 4] {
    core::array::from_fn(|at| low[at] % MODULUS | (high[at] % MODULUS) << 32)
}

/// Adds up to `count` further pairs of inner steps to the dispute's sums; returns whether all n/2 pairs are in.
///
/// C(i, j) = Σ (a − 8)(b − 8) = Σ (a − 8)·b − 8 · Σ (a − 8), with a and b from 0 to 15.
#[inline(never)]
pub fn advance(dispute: &mut Dispute, count: u32) -> bool {
    let all = dispute.n / 2;
    let end = all.min(dispute.pairs.saturating_add(count));
    let mut factors = Factors::new(dispute, STREAM_LEFT);
    factors.expand(dispute.row / 4);
    let left = pack(factors.row(4 * (dispute.row % 4) as usize), [0; 4]);
    let mut factors = Factors::new(dispute, STREAM_RIGHT);
    factors.expand(dispute.column);
    let first = pack(factors.row(0), factors.row(4));
    let second = pack(factors.row(8), factors.row(12));
    let mut inner = Factors::new(dispute, STREAM_INNER);
    let mut sums = [0u64; 4];
    let mut shift = 0u64;
    for pair in dispute.pairs..end {
        inner.expand(pair);
        for half in [0, 8] {
            let a = map(dot(&inner.row(half), &left)).wrapping_sub(8);
            let b = inner.row(half + 4);
            let low = dot(&b, &first);
            let high = dot(&b, &second);
            shift = shift.wrapping_add(a);
            sums[0] = sums[0].wrapping_add(a.wrapping_mul(map(low & 0xffff_ffff)));
            sums[1] = sums[1].wrapping_add(a.wrapping_mul(map(low >> 32)));
            sums[2] = sums[2].wrapping_add(a.wrapping_mul(map(high & 0xffff_ffff)));
            sums[3] = sums[3].wrapping_add(a.wrapping_mul(map(high >> 32)));
        }
    }
    let shift = shift.wrapping_mul(8);
    for (total, sum) in dispute.sums.iter_mut().zip(sums) {
        *total = total.wrapping_add(sum.wrapping_sub(shift) as i64);
    }
    dispute.pairs = end;
    end == all
}

/// The digest entry that the sums make: Σ k · (C² mod 509), the same as squaring the residue. |C| is at most 2^21.
pub fn digest(sums: &[i64; 4]) -> u64 {
    let mut value = 0u64;
    for (index, sum) in sums.iter().enumerate() {
        let magnitude = sum.unsigned_abs();
        let square = magnitude.wrapping_mul(magnitude) % MODULUS;
        value = value.wrapping_add(square.wrapping_mul(index as u64 + 1));
    }
    value
}
