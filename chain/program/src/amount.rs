//! Integer money. The target has no 128-bit product, so products are split where they could not fit into 64 bits.

use crate::error::Error;

pub const SECONDS_PER_HOUR: u64 = 3600;
pub const BASIS_POINTS: u64 = 10_000;

/// Highest price per hour: with it, and a duration below 2^31 s, no product below overflows.
pub const MAX_PRICE_PER_HOUR: u64 = (u32::MAX as u64) * SECONDS_PER_HOUR;

pub fn add(left: u64, right: u64) -> Result<u64, Error> {
    left.checked_add(right).ok_or(Error::AmountOutOfRange)
}

pub fn subtract(left: u64, right: u64) -> Result<u64, Error> {
    left.checked_sub(right).ok_or(Error::AmountOutOfRange)
}

/// ceil(price_per_hour × seconds / 3600). The caller has checked `MAX_PRICE_PER_HOUR` and `seconds` < 2^31.
pub fn price_of(price_per_hour: u64, seconds: u64) -> u64 {
    let whole = (price_per_hour / SECONDS_PER_HOUR).wrapping_mul(seconds);
    let rest = (price_per_hour % SECONDS_PER_HOUR).wrapping_mul(seconds);
    whole + rest.div_ceil(SECONDS_PER_HOUR)
}

/// floor(amount × basis points / 10,000), for `basis_points` of at most 10,000.
pub fn share_down(amount: u64, basis_points: u16) -> u64 {
    let basis_points = basis_points as u64;
    let whole = (amount / BASIS_POINTS).wrapping_mul(basis_points);
    whole + (amount % BASIS_POINTS).wrapping_mul(basis_points) / BASIS_POINTS
}

/// ceil(amount × basis points / 10,000), for `basis_points` of at most 10,000.
pub fn share_up(amount: u64, basis_points: u16) -> u64 {
    let basis_points = basis_points as u64;
    let whole = (amount / BASIS_POINTS).wrapping_mul(basis_points);
    whole + (amount % BASIS_POINTS).wrapping_mul(basis_points).div_ceil(BASIS_POINTS)
}
