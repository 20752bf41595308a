//! The two S-shaped functions: hyperbolic tangent and the error function.

use super::{clamp, exp, polynomial};
use crate::float::Float;

/// Up to here tanh is a polynomial; beyond, it is written with exp: 0.625.
const TANH_SPLIT: Float = Float(0x3f20_0000);

/// P in tanh(x) = x + x^3 P(x^2) up to [`TANH_SPLIT`].
const TANH_COEFFICIENTS: [Float; 5] = [
    Float(0xbeaa_aa99),
    Float(0x3e08_837b),
    Float(0xbd5c_1ad2),
    Float(0x3ca8_fc67),
    Float(0xbbba_8672),
];

/// Up to here erf is a polynomial; beyond, it is written with exp: 0.875.
const ERF_SPLIT: Float = Float(0x3f60_0000);

/// From here on erf rounds to 1: 4.
const ERF_HIGHEST: Float = Float(0x4080_0000);

/// P in erf(x) = x + x P(x^2) up to [`ERF_SPLIT`].
const ERF_SMALL_COEFFICIENTS: [Float; 6] = [
    Float(0x3e03_75d3),
    Float(0xbec0_9377),
    Float(0x3de7_0dfa),
    Float(0xbcdb_518a),
    Float(0x3ba3_e7ff),
    Float(0xba1e_4dc8),
];

/// P in erf(x) = 1 - exp(-x P(x)) from [`ERF_SPLIT`] to [`ERF_HIGHEST`].
const ERF_LARGE_COEFFICIENTS: [Float; 9] = [
    Float(0x3f90_70f1),
    Float(0x3f22_dd93),
    Float(0x3dd4_e15a),
    Float(0xbcab_c062),
    Float(0x3ace_7e9b),
    Float(0x3a23_38ab),
    Float(0xb982_b6ad),
    Float(0x3825_4912),
    Float(0xb627_3879),
];

/// The hyperbolic tangent of `x`; odd to the bit.
pub fn tanh(x: Float) -> Float {
    let size = x.absolute();
    let value = if TANH_SPLIT.is_greater(size) {
        let square = x.multiply(x);
        size.multiply(square).multiply_add(polynomial(square, &TANH_COEFFICIENTS), size)
    } else {
        let rest = Float::TWO.divide(exp(size.add(size)).add(Float::ONE));
        Float::ONE.subtract(rest)
    };
    value.with_sign_of(x)
}

/// The error function of `x`; odd to the bit.
pub fn erf(x: Float) -> Float {
    let size = x.absolute();
    let value = if ERF_SPLIT.is_greater(size) {
        let square = x.multiply(x);
        size.multiply_add(polynomial(square, &ERF_SMALL_COEFFICIENTS), size)
    } else {
        let within = clamp(size, Float::ZERO, ERF_HIGHEST);
        let power = within.negate().multiply(polynomial(within, &ERF_LARGE_COEFFICIENTS));
        Float::ONE.subtract(exp(power))
    };
    value.with_sign_of(x)
}
