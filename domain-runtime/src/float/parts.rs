//! A number taken apart into sign, exponent and significand, and rounded back into 32 bits.

use super::{Float, SIGN};

/// Bits of a significand that are stored; the leading one is not.
const FRACTION_BITS: u32 = 23;

/// The stored bits of a significand.
const FRACTION: u32 = 0x007f_ffff;

/// The leading one that is not stored.
const LEADING_ONE: u32 = 0x0080_0000;

/// The stored exponent of infinities and NaNs.
const EXPONENT_MAX: i32 = 255;

/// The exponent of the last place of a subnormal number: 2^-149.
const LOWEST_EXPONENT: i32 = -149;

/// What the stored exponent is above the exponent of a significand that has its leading one in bit 63.
///
/// 127 is IEEE's bias for significands in 1..2, and 63 the place of the one.
const BIAS: i32 = 127 + 63;

/// Bits of a 64-bit significand that rounding drops.
const DROPPED_BITS: u32 = 40;

/// The dropped bits of a number halfway between two f32.
const HALFWAY: u64 = 1 << (DROPPED_BITS - 1);

/// The dropped bits.
const DROPPED: u64 = (1 << DROPPED_BITS) - 1;

/// A number other than zero: `significand * 2^exponent`.
///
/// Bit 0 of a significand above 2^26 may be sticky: set for anything that was lost below it.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// The sign bit in its place.
    pub(super) sign: u32,
    /// The exponent of bit 0 of the significand.
    pub(super) exponent: i32,
    /// Not zero.
    pub(super) significand: u64,
}

impl Parts {
    /// Takes apart a number that is finite and not zero; its significand then has 24 bits.
    pub(super) fn of(number: Float) -> Self {
        let sign = number.0 & SIGN;
        let fraction = number.0 & FRACTION;
        let stored = ((number.0 & !SIGN) >> FRACTION_BITS).cast_signed();
        if stored > 0 {
            let significand = u64::from(fraction | LEADING_ONE);
            // The exponent 1 is stored for the smallest normal numbers and meant for subnormal ones.
            let exponent = stored.wrapping_sub(1).wrapping_add(LOWEST_EXPONENT);
            return Self { sign, exponent, significand };
        }
        let missing = fraction.leading_zeros().wrapping_sub(LEADING_ONE.leading_zeros());
        Self {
            sign,
            exponent: LOWEST_EXPONENT.wrapping_sub(missing.cast_signed()),
            significand: u64::from(fraction.wrapping_shl(missing)),
        }
    }

    /// The same number with the leading one of its significand in bit 62, which must lose nothing.
    pub(super) fn widened(self) -> Self {
        let shift = self.significand.leading_zeros().wrapping_sub(1);
        Self {
            sign: self.sign,
            exponent: self.exponent.wrapping_sub(shift.cast_signed()),
            significand: self.significand.wrapping_shl(shift),
        }
    }

    /// The f32 nearest to the number, ties to even.
    pub(super) fn round(self) -> Float {
        let zeros = self.significand.leading_zeros();
        let significand = self.significand.wrapping_shl(zeros);
        let stored = self.exponent.wrapping_sub(zeros.cast_signed()).wrapping_add(BIAS);
        if stored >= EXPONENT_MAX {
            return Float(Float::INFINITY.0 | self.sign);
        }
        if stored >= 1 {
            return Float(self.sign | rounded(stored.cast_unsigned(), significand));
        }
        let shift = 1_i32.wrapping_sub(stored).cast_unsigned();
        Float(self.sign | rounded(1, shift_right_sticky(significand, shift)))
    }
}

/// The bits of a magnitude. The carry of a rounding goes on into the exponent, up to infinity, and from
/// the largest subnormal number to the smallest normal one.
fn rounded(stored: u32, significand: u64) -> u32 {
    // 64 less 40 bits fit 32.
    let kept = u32::try_from(significand >> DROPPED_BITS).unwrap_or(u32::MAX);
    let dropped = significand & DROPPED;
    let is_up = dropped > HALFWAY || (dropped == HALFWAY && kept & 1 == 1);
    // The leading one of a normal number adds the 1 to the exponent that is taken off here.
    let exponent = stored.wrapping_sub(1).wrapping_shl(FRACTION_BITS);
    exponent.wrapping_add(kept).wrapping_add(u32::from(is_up))
}

/// Shifts right and keeps in bit 0 whether anything was lost.
pub(super) fn shift_right_sticky(value: u64, shift: u32) -> u64 {
    let kept = value.checked_shr(shift).unwrap_or(0);
    let is_exact = kept.checked_shl(shift).unwrap_or(0) == value;
    kept | u64::from(!is_exact)
}
