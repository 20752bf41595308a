//! The natural logarithm.

use super::exponential::{LN2_HIGH, LN2_LOW};
use super::polynomial;
use crate::float::Float;

/// sqrt(1/2): significands are taken from [sqrt(1/2), sqrt(2)), around 1.
const SQRT_HALF_BITS: u32 = 0x3f35_04f3;

/// The smallest normal number: 2^-126.
const SMALLEST_NORMAL: Float = Float(0x0080_0000);

/// Makes every subnormal number normal: 2^23.
const SUBNORMAL_SCALE: Float = Float(0x4b00_0000);

/// The exponent of 1 / [`SUBNORMAL_SCALE`]: -23.
const SUBNORMAL_EXPONENT: Float = Float(0xc1b8_0000);

/// P in ln(1 + f) = f - f^2/2 + f^3 P(f).
const COEFFICIENTS: [Float; 8] = [
    Float(0x3eaa_aaaa),
    Float(0xbe80_0113),
    Float(0x3e4c_d00e),
    Float(0xbe2a_3945),
    Float(0x3e11_6c97),
    Float(0xbe06_c121),
    Float(0x3e02_af63),
    Float(0xbd9c_64ef),
];

/// The natural logarithm of `x`: minus infinity for both zeros, NaN below, exactly +0 for 1.
pub fn log(x: Float) -> Float {
    if x.is_zero() {
        return Float::NEGATIVE_INFINITY;
    }
    if !x.is_greater(Float::ZERO) {
        return Float::NAN;
    }
    if x == Float::INFINITY {
        return Float::INFINITY;
    }
    let (scaled, scale_exponent) = if SMALLEST_NORMAL.is_greater(x) {
        (x.multiply(SUBNORMAL_SCALE), SUBNORMAL_EXPONENT)
    } else {
        (x, Float::ZERO)
    };
    let exponent = scaled.0.wrapping_sub(SQRT_HALF_BITS).cast_signed() >> 23;
    let significand = Float(scaled.0.wrapping_sub(exponent.cast_unsigned() << 23));
    let exponent = Float::from_i32(exponent).add(scale_exponent);
    log_of_parts(exponent, significand.subtract(Float::ONE))
}

/// ln(2^exponent * (1 + fraction)), keeping what the largest addition rounds away.
fn log_of_parts(exponent: Float, fraction: Float) -> Float {
    let square = fraction.multiply(fraction);
    let bend = polynomial(fraction, &COEFFICIENTS).multiply_add(fraction, Float::HALF.negate());
    let low = square.multiply_add(bend, exponent.multiply(LN2_LOW));

    let high = exponent.multiply(LN2_HIGH);
    let sum = high.add(fraction);
    // Exact, for |high| >= |fraction| or high is zero (Dekker's fast two-sum).
    let lost = fraction.subtract(sum.subtract(high));
    sum.add(low.add(lost))
}
