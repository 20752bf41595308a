//! Does this machine compute as profile P0 demands? A few exact cases tell.
//!
//! Everything else here relies on IEEE arithmetic. A processor without fused multiply-add falls back
//! to the system's `fmaf`, and a library may have told the processor to flush subnormal numbers to
//! zero; both would change bits silently.

use std::hint::black_box;

use thiserror::Error;

/// A case that this machine gets wrong. Its scores must not be published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} gives bits {actual:08x} instead of {expected:08x}: this machine cannot do P0")]
pub struct ArithmeticError {
    /// What was computed.
    pub operation: &'static str,
    /// Bits that IEEE 754 demands.
    pub expected: u32,
    /// Bits that came out.
    pub actual: u32,
}

/// Names, operands a, b, c, and the bits of a * b + c rounded once.
const FUSED: &[(&str, [u32; 3], u32)] = &[
    // (1 + 2^-12)^2 - (1 + 2^-11) = 2^-24: nothing is left of it after an unfused product.
    ("a fused multiply-add", [0x3f80_0800, 0x3f80_0800, 0xbf80_1000], 0x3380_0000),
    // 2^-24 (1 - 2^-30) + 1 + 2^-23 lies just below a tie, on it when computed in f64 and rounded.
    ("a fused multiply-add near a tie", [0x3980_0100, 0x397f_fe00, 0x3f80_0001], 0x3f80_0001),
    // 2^-100 * 2^-40 + 2^-149 is subnormal.
    ("a subnormal fused multiply-add", [0x0d80_0000, 0x2b80_0000, 0x0000_0001], 0x0000_0201),
];

/// Computes the cases and compares bits.
///
/// # Errors
/// [`ArithmeticError`] with the first case that comes out wrong.
pub fn self_check() -> Result<(), ArithmeticError> {
    for &(operation, operands, expected) in FUSED {
        let [a, b, c] = operands.map(|bits| black_box(f32::from_bits(bits)));
        compare(operation, a.mul_add(b, c), expected)?;
    }
    let number = |bits: u32| black_box(f32::from_bits(bits));
    // The smallest normal number halved; the smallest subnormal one doubled, added, divided.
    compare("a subnormal product", number(0x0080_0000) * number(0x3f00_0000), 0x0040_0000)?;
    compare("a product of a subnormal", number(1) * number(0x4000_0000), 2)?;
    compare("a sum of subnormals", number(1) + number(1), 2)?;
    compare("a quotient of a subnormal", number(3) / number(0x4000_0000), 2)?;
    // 1 / 3 and the square root of 2, correctly rounded.
    compare("a quotient", number(0x3f80_0000) / number(0x4040_0000), 0x3eaa_aaab)?;
    compare("a square root", number(0x4000_0000).sqrt(), 0x3fb5_04f3)
}

/// Compares a result with what it must be.
fn compare(operation: &'static str, result: f32, expected: u32) -> Result<(), ArithmeticError> {
    let actual = result.to_bits();
    if actual == expected { Ok(()) } else { Err(ArithmeticError { operation, expected, actual }) }
}

#[cfg(test)]
mod tests;
