//! exp, log, tanh, erf, 1/sqrt and cosine with the operations of profile P0, one after the other.
//!
//! Constants are bits; the errors against the exact functions are those of the same functions in
//! `kernels`, which a test compares with these.

mod exponential;
mod logarithm;
mod sigmoid;
mod wave;

pub use exponential::exp;
pub use logarithm::log;
pub use sigmoid::{erf, tanh};
pub use wave::cosine_of_turn;

use super::Float;

/// 1 / sqrt(x): a rounded square root, then a rounded division.
///
/// Plus and minus infinity for plus and minus zero, zero for infinity, NaN below zero.
pub fn reciprocal_square_root(x: Float) -> Float {
    Float::ONE.divide(x.square_root())
}

/// Evaluates a polynomial by Horner's rule with fused multiply-adds, lowest coefficient first.
fn polynomial(x: Float, coefficients: &[Float]) -> Float {
    let mut descending = coefficients.iter().rev().copied();
    let highest = descending.next().unwrap_or(Float::ZERO);
    descending.fold(highest, |value, coefficient| value.multiply_add(x, coefficient))
}

/// The number kept between two bounds; a NaN passes.
fn clamp(x: Float, lowest: Float, highest: Float) -> Float {
    if lowest.is_greater(x) {
        lowest
    } else if x.is_greater(highest) {
        highest
    } else {
        x
    }
}
