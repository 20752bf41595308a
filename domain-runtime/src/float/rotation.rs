//! The angles of rotary positions, as integers: 2^-32 of a turn.
//!
//! The same integers and bits as in `kernels`, which a test compares with these.

use super::Float;
use super::elementary::cosine_of_turn;

/// Fraction bits of a logarithm to the base 2.
const LOGARITHM_BITS: u32 = 40;

/// Fraction bits of a power between 1/2 and 1.
const POWER_BITS: u32 = 62;

/// ln 2 with [`POWER_BITS`].
const LN_2: u128 = 3_196_577_161_300_663_915;

/// 2^32 / (2 pi) with 30 bits of fraction: what one radian is, in 2^-32 of a turn.
const PER_RADIAN: u128 = 733_972_625_820_500_307;

/// Fraction bits of [`PER_RADIAN`].
const PER_RADIAN_BITS: u32 = 30;

/// Terms of the series of exp: the last is below 2^-62.
const TERMS: u128 = 20;

/// Bits of the fraction of an f32.
const FRACTION_BITS: u32 = 23;

/// The fraction of an f32.
const FRACTION_MASK: u32 = 0x007f_ffff;

/// What the exponent of an f32 is stored with.
const EXPONENT_BIAS: u32 = 127;

/// A right angle.
const QUARTER: u32 = 1 << 30;

/// How fast pair `pair` of a head of `width` numbers turns: base^(-2 pair / width) radians for each
/// position, off by less than 2^-32 of a turn. The base is above 1.
///
/// # Units
/// 2^-32 of a turn for each position.
///
/// # Source
/// Su and others, "`RoFormer`", 2021, equation 34.
#[must_use]
pub fn frequency(base: Float, width: u32, pair: u32) -> u32 {
    let logarithm = u128::from(logarithm(base));
    let exponent = u128::from(pair).saturating_mul(2).saturating_mul(logarithm);
    let exponent = exponent.checked_div(u128::from(width.max(1))).unwrap_or(0);
    let fraction = exponent & (1_u128 << LOGARITHM_BITS).saturating_sub(1);
    let whole = u32::try_from(exponent >> LOGARITHM_BITS).unwrap_or(u32::MAX);
    let shift = whole.saturating_add(PER_RADIAN_BITS).saturating_add(POWER_BITS);
    let half = 1_u128.checked_shl(shift.saturating_sub(1)).unwrap_or(0);
    let product = PER_RADIAN.saturating_mul(negative_power(fraction)).saturating_add(half);
    u32::try_from(product.checked_shr(shift).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// The cosine of an angle in 2^-32 of a turn.
#[must_use]
pub fn cosine(turn: u32) -> Float {
    cosine_of_turn(turn).canonical()
}

/// The sine of an angle in 2^-32 of a turn.
#[must_use]
pub fn sine(turn: u32) -> Float {
    cosine_of_turn(turn.wrapping_sub(QUARTER)).canonical()
}

/// log2 of a number above 1 with [`LOGARITHM_BITS`], cut off; a bit for each square.
fn logarithm(Float(number): Float) -> u64 {
    let mut mantissa = u128::from(number & FRACTION_MASK | 1 << FRACTION_BITS) << 40;
    let mut bits = u64::from((number >> FRACTION_BITS).saturating_sub(EXPONENT_BIAS));
    for _ in 0..LOGARITHM_BITS {
        // Below 2^64, so that the square is below 2^128.
        mantissa = mantissa.saturating_mul(mantissa) >> 63;
        let is_above = mantissa >> 64 == 1;
        if is_above {
            mantissa >>= 1;
        }
        bits = bits << 1 | u64::from(is_above);
    }
    bits
}

/// 2 to the power of minus a fraction, with [`POWER_BITS`]: exp's series by Horner's rule.
fn negative_power(fraction: u128) -> u128 {
    let x = fraction.saturating_mul(LN_2) >> LOGARITHM_BITS;
    let one = 1_u128 << POWER_BITS;
    (1..=TERMS).rev().fold(one, |series, term| {
        let product = x.saturating_mul(series) >> POWER_BITS;
        one.saturating_sub(product.checked_div(term).unwrap_or(0))
    })
}
