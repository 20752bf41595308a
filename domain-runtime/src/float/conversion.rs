//! Integers as numbers, and numbers as integers.

use super::parts::Parts;
use super::{Float, SIGN};

/// One in the 16.16 fixed point of losses: 65536.
const Q16_ONE: Float = Float(0x4780_0000);

impl Float {
    /// The number nearest to an integer, ties to even.
    pub fn from_u32(value: u32) -> Self {
        Self::from_u64(u64::from(value))
    }

    /// The number nearest to an integer, ties to even.
    pub fn from_u64(value: u64) -> Self {
        if value == 0 {
            return Self::ZERO;
        }
        Parts { sign: 0, exponent: 0, significand: value }.round()
    }

    /// The number nearest to an integer, ties to even.
    pub fn from_i32(value: i32) -> Self {
        let magnitude = Self::from_u32(value.unsigned_abs());
        if value < 0 { magnitude.negate() } else { magnitude }
    }

    /// A loss in 16.16 fixed point, ties to even, kept at the nearest end of 32 bits; the largest for NaN.
    pub fn to_q16(self) -> u32 {
        let scaled = self.multiply(Q16_ONE);
        if scaled.is_nan() || scaled == Self::INFINITY {
            return u32::MAX;
        }
        if scaled.is_zero() || scaled.0 & SIGN != 0 {
            return 0;
        }
        let Parts { exponent, significand, .. } = Parts::of(scaled);
        let shift = exponent.unsigned_abs();
        if exponent < 0 {
            return nearest_shifted(significand, shift);
        }
        // From 2^32 on even a shift by 9 makes too many bits of 24.
        let whole = significand.checked_shl(shift.min(u32::BITS)).unwrap_or(u64::MAX);
        u32::try_from(whole).unwrap_or(u32::MAX)
    }
}

/// The integer nearest to `significand / 2^shift`, ties to even, of a significand of 24 bits.
fn nearest_shifted(significand: u64, shift: u32) -> u32 {
    let kept = significand.checked_shr(shift).unwrap_or(0);
    let rest = significand.wrapping_sub(kept.checked_shl(shift).unwrap_or(0));
    // Above 24 bits of shift a half is more than the whole significand.
    let half = 1_u64.checked_shl(shift.wrapping_sub(1)).unwrap_or(u64::MAX);
    let is_up = rest > half || (rest == half && kept & 1 == 1);
    // At most 24 bits, and one more.
    u32::try_from(kept.wrapping_add(u64::from(is_up))).unwrap_or(u32::MAX)
}
