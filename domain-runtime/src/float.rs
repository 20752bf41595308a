//! The f32 of IEEE 754 made of integers: the bits that any processor computes, without its floats.
//!
//! Every operation rounds once, to nearest with ties to even; subnormal numbers are exact; every NaN
//! that comes out is [`Float::NAN`]. Functions and sums keep the order of operations of profile P0.

mod arithmetic;
mod conversion;
pub mod elementary;
mod parts;
pub mod reduction;
pub mod rotation;
pub mod schedule;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};

/// The sign bit.
const SIGN: u32 = 1 << 31;

/// Everything but the sign.
const MAGNITUDE: u32 = !SIGN;

/// The bits of an f32.
///
/// `==` compares bits, which is what a proof needs; [`Float::is_equal`] compares numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, Default)]
pub struct Float(pub u32);

impl Float {
    /// Plus zero.
    pub const ZERO: Self = Self(0);
    /// Minus zero.
    pub const NEGATIVE_ZERO: Self = Self(SIGN);
    /// One half.
    pub const HALF: Self = Self(0x3f00_0000);
    /// One.
    pub const ONE: Self = Self(0x3f80_0000);
    /// Two.
    pub const TWO: Self = Self(0x4000_0000);
    /// The one NaN of profile P0: quiet, positive, without a payload.
    pub const NAN: Self = Self(0x7fc0_0000);
    /// Plus infinity.
    pub const INFINITY: Self = Self(0x7f80_0000);
    /// Minus infinity.
    pub const NEGATIVE_INFINITY: Self = Self(0xff80_0000);

    /// Whether this is any NaN, the canonical one or not.
    pub const fn is_nan(self) -> bool {
        self.0 & MAGNITUDE > Self::INFINITY.0
    }

    /// Whether this is a zero or any other number that is no infinity.
    pub const fn is_finite(self) -> bool {
        self.0 & MAGNITUDE < Self::INFINITY.0
    }

    /// Whether this is plus or minus zero.
    pub const fn is_zero(self) -> bool {
        self.0 & MAGNITUDE == 0
    }

    /// Whether this number is above the other; never with a NaN, never between the two zeros.
    pub const fn is_greater(self, other: Self) -> bool {
        if self.is_nan() || other.is_nan() || (self.is_zero() && other.is_zero()) {
            return false;
        }
        self.place() > other.place()
    }

    /// Whether both are the same number; never with a NaN, always between the two zeros.
    pub const fn is_equal(self, other: Self) -> bool {
        !self.is_nan() && (self.0 == other.0 || (self.is_zero() && other.is_zero()))
    }

    /// The number with the other sign; a NaN stays the canonical one.
    #[must_use]
    pub const fn negate(self) -> Self {
        Self(self.0 ^ SIGN).canonical()
    }

    /// The number without its sign; a NaN stays the canonical one.
    #[must_use]
    pub const fn absolute(self) -> Self {
        Self(self.0 & MAGNITUDE).canonical()
    }

    /// The size of this number with the sign of another; a NaN stays the canonical one.
    #[must_use]
    pub const fn with_sign_of(self, other: Self) -> Self {
        Self(self.0 & MAGNITUDE | other.0 & SIGN).canonical()
    }

    /// The number itself, or [`Float::NAN`] for any NaN.
    #[must_use]
    pub const fn canonical(self) -> Self {
        if self.is_nan() { Self::NAN } else { self }
    }

    /// An integer that orders numbers as they are, -0 below +0.
    ///
    /// # Source
    /// IEEE 754-2019, 5.10: the bits of positive numbers are in order, those of negative ones reversed.
    const fn place(self) -> i32 {
        let bits = self.0.cast_signed();
        bits ^ ((bits >> 31) & i32::MAX)
    }

    /// The number at a place in order; the inverse of [`Self::place`].
    const fn at_place(place: i32) -> Self {
        Self((place ^ ((place >> 31) & i32::MAX)).cast_unsigned())
    }
}

#[cfg(test)]
mod tests;
