//! exp, log, tanh, erf, 1/sqrt and friends for f32, with the same bits everywhere.
//!
//! Each is a polynomial with one written order of operations, made of IEEE additions,
//! multiplications, fused multiply-adds, divisions and square roots, all correctly rounded; no
//! mathematical library takes part. Every NaN that comes out is the canonical one. The scalar
//! functions are the definition; the `_slice` functions give the same bits faster.
//! The coefficients come from `fitting/fit_polynomials.py`; errors are measured in `tests.rs`.

mod circle;
mod exponential;
mod logarithm;
mod root;
mod sigmoid;
mod slices;

pub use circle::cosine_of_turn;
pub use exponential::exp;
pub use logarithm::log;
pub use root::{rsqrt, sqrt};
pub use sigmoid::{erf, tanh};
pub use slices::{erf_slice, exp_slice, log_slice, rsqrt_slice, tanh_slice};

/// Evaluates a polynomial by Horner's rule with fused multiply-adds, lowest coefficient first.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn polynomial<const COUNT: usize>(x: f32, coefficients: &[f32; COUNT]) -> f32 {
    let mut value = coefficients[COUNT - 1];
    for &coefficient in coefficients[..COUNT - 1].iter().rev() {
        value = value.mul_add(x, coefficient);
    }
    value
}

#[cfg(test)]
mod tests;
