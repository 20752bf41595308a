//! The exponential function.

use super::{clamp, polynomial};
use crate::float::Float;

/// Below this the result rounds to zero: -104.
const LOWEST: Float = Float(0xc2d0_0000);

/// Above this the result is infinite: 89.
const HIGHEST: Float = Float(0x42b2_0000);

/// Adding this leaves an integer, rounded to even, in the low bits: 1.5 * 2^23.
const ROUNDER: Float = Float(0x4b40_0000);

/// 1 / ln 2.
const PER_LN2: Float = Float(0x3fb8_aa3b);

/// The first 16 bits of ln 2, so that its product with any exponent is exact.
pub(super) const LN2_HIGH: Float = Float(0x3f31_7200);

/// ln 2 less [`LN2_HIGH`].
pub(super) const LN2_LOW: Float = Float(0x35bf_be8e);

/// P in exp(r) = 1 + r + r^2 P(r) for |r| <= ln(2)/2.
const COEFFICIENTS: [Float; 5] = [
    Float(0x3eff_fffe),
    Float(0x3e2a_aa49),
    Float(0x3d2a_ac5a),
    Float(0x3c09_1cd0),
    Float(0x3ab5_24ae),
];

/// e to the power of `x`: infinite above 88.72, zero below -103.97, exactly 1 for both zeros.
pub fn exp(x: Float) -> Float {
    let within = clamp(x, LOWEST, HIGHEST);
    let shifted = within.multiply_add(PER_LN2, ROUNDER);
    let power_of_two = shifted.subtract(ROUNDER);
    let rest = power_of_two.multiply_add(LN2_HIGH.negate(), within);
    let rest = power_of_two.multiply_add(LN2_LOW.negate(), rest);
    let bend = polynomial(rest, &COEFFICIENTS);
    let near_one = rest.multiply(rest).multiply_add(bend, rest).add(Float::ONE);

    let exponent = shifted.0.wrapping_sub(ROUNDER.0).cast_signed();
    let half = exponent >> 1;
    // Two steps, because 2^-150 and 2^128 are no f32; the first step is exact.
    near_one.multiply(power(half)).multiply(power(exponent.wrapping_sub(half)))
}

/// 2 to the power of `exponent`, which must lie in -126..=127.
fn power(exponent: i32) -> Float {
    Float(exponent.wrapping_add(127).cast_unsigned() << 23)
}
