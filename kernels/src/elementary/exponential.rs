//! The exponential function.

use super::polynomial;
use crate::canonical::canonical;

/// Below this the result rounds to zero: ln(2^-150) = -103.97.
const LOWEST: f32 = -104.0;

/// Above this the result is infinite: ln(2^128) = 88.72.
const HIGHEST: f32 = 89.0;

/// Adding this leaves an integer, rounded to even, in the low bits: 1.5 * 2^23.
const ROUNDER: f32 = 12_582_912.0;

/// 1 / ln 2, rounded to f32.
const PER_LN2: f32 = f32::from_bits(0x3fb8_aa3b);

/// The first 16 bits of ln 2, so that its product with any exponent is exact.
pub(super) const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);

/// ln 2 less [`LN2_HIGH`], rounded to f32.
pub(super) const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);

/// P in exp(r) = 1 + r + r^2 P(r) for |r| <= ln(2)/2; relative error 2^-28.2.
const COEFFICIENTS: [f32; 5] = [
    f32::from_bits(0x3eff_fffe), // 0.499_999_94
    f32::from_bits(0x3e2a_aa49), // 0.166_665_21
    f32::from_bits(0x3d2a_ac5a), // 0.041_668_274
    f32::from_bits(0x3c09_1cd0), // 0.008_368_686
    f32::from_bits(0x3ab5_24ae), // 0.001_382_013_6
];

/// e to the power of `x`, with an error below 1.1 ULP; subnormal results are rounded once more.
///
/// Infinite above 88.72, zero below -103.97. exp(0) and exp(-0) are exactly 1.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let within = x.clamp(LOWEST, HIGHEST);
    let shifted = within.mul_add(PER_LN2, ROUNDER);
    let power_of_two = shifted - ROUNDER;
    let rest = power_of_two.mul_add(-LN2_HIGH, within);
    let rest = power_of_two.mul_add(-LN2_LOW, rest);
    let near_one = (rest * rest).mul_add(polynomial(rest, &COEFFICIENTS), rest) + 1.0;

    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed();
    let half = exponent >> 1;
    // Two steps, because 2^-150 and 2^128 are no f32; the first step is exact.
    canonical(near_one * power(half) * power(exponent.wrapping_sub(half)))
}

/// 2 to the power of `exponent`, which must lie in -126..=127.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn power(exponent: i32) -> f32 {
    f32::from_bits(exponent.wrapping_add(127).cast_unsigned() << 23)
}
