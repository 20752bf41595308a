//! The two S-shaped functions: hyperbolic tangent and the error function.

use super::{exp, polynomial};
use crate::canonical::canonical;

/// Up to here tanh is a polynomial; beyond, it is written with exp.
const TANH_SPLIT: f32 = 0.625;

/// P in tanh(x) = x + x^3 P(x^2) up to [`TANH_SPLIT`]; relative error 2^-27.7.
const TANH_COEFFICIENTS: [f32; 5] = [
    f32::from_bits(0xbeaa_aa99), // -0.333_332_8
    f32::from_bits(0x3e08_837b), // 0.133_314_06
    f32::from_bits(0xbd5c_1ad2), // -0.053_736_515
    f32::from_bits(0x3ca8_fc67), // 0.020_628_167
    f32::from_bits(0xbbba_8672), // -0.005_692_296_7
];

/// Up to here erf is a polynomial; beyond, it is written with exp.
const ERF_SPLIT: f32 = 0.875;

/// From here on erf rounds to 1: erfc(3.92) < 2^-25.
const ERF_HIGHEST: f32 = 4.0;

/// P in erf(x) = x + x P(x^2) up to [`ERF_SPLIT`]; relative error 2^-26.1.
const ERF_SMALL_COEFFICIENTS: [f32; 6] = [
    f32::from_bits(0x3e03_75d3), // 0.128_379_15
    f32::from_bits(0xbec0_9377), // -0.376_125_07
    f32::from_bits(0x3de7_0dfa), // 0.112_819_63
    f32::from_bits(0xbcdb_518a), // -0.026_772_28
    f32::from_bits(0x3ba3_e7ff), // 0.005_002_021_3
    f32::from_bits(0xba1e_4dc8), // -0.000_603_881_2
];

/// P in erf(x) = 1 - exp(-x P(x)) from [`ERF_SPLIT`] to [`ERF_HIGHEST`]; relative error 2^-34.1.
const ERF_LARGE_COEFFICIENTS: [f32; 9] = [
    f32::from_bits(0x3f90_70f1), // 1.128_446_7
    f32::from_bits(0x3f22_dd93), // 0.636_193_45
    f32::from_bits(0x3dd4_e15a), // 0.103_945_45
    f32::from_bits(0xbcab_c062), // -0.020_965_759
    f32::from_bits(0x3ace_7e9b), // 0.001_575_428_4
    f32::from_bits(0x3a23_38ab), // 0.000_622_640_07
    f32::from_bits(0xb982_b6ad), // -0.000_249_316_36
    f32::from_bits(0x3825_4912), // 0.000_039_407_118
    f32::from_bits(0xb627_3879), // -0.000_002_491_781
];

/// The hyperbolic tangent of `x`, with an error below 1.5 ULP; odd to the bit.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let small = (size * square).mul_add(polynomial(square, &TANH_COEFFICIENTS), size);
    let large = 1.0 - 2.0 / (exp(size + size) + 1.0);
    let value = if size < TANH_SPLIT { small } else { large };
    canonical(value.copysign(x))
}

/// The error function of `x`, with an error below 1.5 ULP; odd to the bit.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let small = size.mul_add(polynomial(square, &ERF_SMALL_COEFFICIENTS), size);
    // A NaN passes through the clamp.
    let within = size.clamp(0.0, ERF_HIGHEST);
    let large = 1.0 - exp(-within * polynomial(within, &ERF_LARGE_COEFFICIENTS));
    let value = if size < ERF_SPLIT { small } else { large };
    canonical(value.copysign(x))
}
