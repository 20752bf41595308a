//! The natural logarithm.

use super::exponential::{LN2_HIGH, LN2_LOW};
use super::polynomial;
use crate::canonical::CANONICAL_NAN_BITS;

/// Bits of sqrt(1/2): significands are taken from [sqrt(1/2), sqrt(2)), around 1.
const SQRT_HALF_BITS: u32 = 0x3f35_04f3;

/// Makes every subnormal number normal: 2^23.
const SUBNORMAL_SCALE: f32 = 8_388_608.0;

/// P in ln(1 + f) = f - f^2/2 + f^3 P(f); relative error 2^-27.4.
const COEFFICIENTS: [f32; 8] = [
    f32::from_bits(0x3eaa_aaaa), // 0.333_333_3
    f32::from_bits(0xbe80_0113), // -0.250_008_2
    f32::from_bits(0x3e4c_d00e), // 0.200_012_42
    f32::from_bits(0xbe2a_3945), // -0.166_234_09
    f32::from_bits(0x3e11_6c97), // 0.142_015_8
    f32::from_bits(0xbe06_c121), // -0.131_596_1
    f32::from_bits(0x3e02_af63), // 0.127_622_17
    f32::from_bits(0xbd9c_64ef), // -0.076_364_39
];

/// The natural logarithm of `x`, with an error below 0.9 ULP.
///
/// log(+-0) is minus infinity, log of anything below is NaN, log(1) is exactly +0.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn log(x: f32) -> f32 {
    let is_small = x < f32::MIN_POSITIVE;
    let scaled = if is_small { x * SUBNORMAL_SCALE } else { x };
    let scale_exponent = if is_small { -23.0 } else { 0.0 };

    let exponent = scaled.to_bits().wrapping_sub(SQRT_HALF_BITS).cast_signed() >> 23;
    let significand = f32::from_bits(scaled.to_bits().wrapping_sub(exponent.cast_unsigned() << 23));
    let finite = log_of_parts(small_integer(exponent) + scale_exponent, significand - 1.0);

    if x == f32::INFINITY {
        f32::INFINITY
    } else if x > 0.0 {
        finite
    } else if x == 0.0 {
        f32::NEG_INFINITY
    } else {
        f32::from_bits(CANONICAL_NAN_BITS)
    }
}

/// ln(2^exponent * (1 + fraction)), keeping what the largest addition rounds away.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn log_of_parts(exponent: f32, fraction: f32) -> f32 {
    let square = fraction * fraction;
    let bend = polynomial(fraction, &COEFFICIENTS).mul_add(fraction, -0.5);
    let low = square.mul_add(bend, exponent * LN2_LOW);

    let high = exponent * LN2_HIGH;
    let sum = high + fraction;
    // Exact, for |high| >= |fraction| or high is zero (Dekker's fast two-sum).
    let lost = fraction - (sum - high);
    sum + (low + lost)
}

/// An integer of at most 9 bits as f32.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[expect(clippy::cast_precision_loss, reason = "9 bits fit a significand of 24")]
#[inline(always)]
fn small_integer(value: i32) -> f32 {
    value as f32
}
