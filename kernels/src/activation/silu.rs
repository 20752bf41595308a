//! The sigmoid linear unit: x times the sigmoid of x, and its gradient.

use super::change_beside;
use crate::canonical::canonical;
use crate::elementary::exp;
use crate::length::LengthError;

/// x / (1 + exp(-x)). The definition.
///
/// NaN for minus infinity, where this form is infinity over infinity.
///
/// # Source
/// Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2017, equation 1.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn silu_portable(x: f32) -> f32 {
    canonical(x / (1.0 + exp(-x)))
}

/// The gradient before [`silu_portable`], from what went into it and the gradient behind it.
///
/// With s = 1 / (1 + exp(-x)): gradient (s fma(x, 1 - s, 1)). The definition.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn silu_gradient_portable(x: f32, gradient: f32) -> f32 {
    let sigmoid = 1.0 / (1.0 + exp(-x));
    canonical(gradient * (sigmoid * x.mul_add(1.0 - sigmoid, 1.0)))
}

/// [`silu_portable`] of each input.
///
/// # Errors
/// [`LengthError`] unless there is room for exactly the outputs.
pub fn silu(input: &[f32], output: &mut [f32]) -> Result<(), LengthError> {
    change_beside(input, output, |x, _| silu_portable(x))
}

/// [`silu_gradient_portable`] of each gradient, in place.
///
/// # Errors
/// [`LengthError`] unless there is one gradient for each input.
pub fn silu_gradient(input: &[f32], gradient: &mut [f32]) -> Result<(), LengthError> {
    change_beside(input, gradient, silu_gradient_portable)
}

#[cfg(test)]
mod tests;
