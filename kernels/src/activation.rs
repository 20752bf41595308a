//! What stands between layers: the rectified linear unit, GELU in the form with erf, `SiLU`, gradients.
//!
//! The `_portable` functions of one number are the definitions; the others give the same bits over
//! slices, with vectors and threads. A NaN passes through all of them.

mod silu;

pub use silu::{silu, silu_gradient, silu_gradient_portable, silu_portable};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::canonical;
use crate::elementary::{erf, exp};
use crate::length::{self, LengthError};

/// 1 / sqrt(2), rounded to f32.
const FRAC_1_SQRT_2: f32 = f32::from_bits(0x3f35_04f3);

/// 1 / sqrt(2 pi), rounded to f32.
const FRAC_1_SQRT_2PI: f32 = f32::from_bits(0x3ecc_422a);

/// Values that one thread takes at a time: some 10 microseconds of work.
const CHUNK_VALUES: usize = 1 << 14;

/// Keeps what is above zero and turns the rest into +0; a NaN stays. The definition.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn relu_portable(x: f32) -> f32 {
    // Only a NaN compares with nothing.
    canonical(if x <= 0.0 { 0.0 } else { x })
}

/// The gradient before [`relu_portable`], from what came out of it and the gradient behind it.
///
/// The gradient where the output is above zero, +0 where it is zero, NaN where it is NaN. The
/// definition.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn relu_gradient_portable(output: f32, gradient: f32) -> f32 {
    let kept = if output <= 0.0 { 0.0 } else { gradient };
    canonical(if output.is_nan() { output } else { kept })
}

/// x times the share of normal numbers below x: (0.5 x) (1 + erf(x / sqrt(2))). The definition.
///
/// NaN for minus infinity, where this form is infinity times zero.
///
/// # Source
/// Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn gelu_portable(x: f32) -> f32 {
    let error_function = erf(x * FRAC_1_SQRT_2);
    canonical((0.5 * x) * (1.0 + error_function))
}

/// The gradient before [`gelu_portable`], from what went into it and the gradient behind it.
///
/// gradient (fma(x / sqrt(2 pi), exp((x x) (-0.5)), 0.5 (1 + erf(x / sqrt(2))))). The definition.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn gelu_gradient_portable(x: f32, gradient: f32) -> f32 {
    let share_below = 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2));
    let density = exp((x * x) * -0.5);
    let slope = (x * FRAC_1_SQRT_2PI).mul_add(density, share_below);
    canonical(gradient * slope)
}

/// [`relu_portable`] of each value, in place.
pub fn relu(values: &mut [f32]) {
    change(values, relu_portable);
}

/// [`relu_gradient_portable`] of each gradient, in place.
///
/// What went into [`relu`] serves as well as what came out: it is above zero at the same places.
///
/// # Errors
/// [`LengthError`] unless there is one gradient for each output.
pub fn relu_gradient(output: &[f32], gradient: &mut [f32]) -> Result<(), LengthError> {
    change_beside(output, gradient, relu_gradient_portable)
}

/// [`gelu_portable`] of each input.
///
/// # Errors
/// [`LengthError`] unless there is room for exactly the outputs.
pub fn gelu(input: &[f32], output: &mut [f32]) -> Result<(), LengthError> {
    change_beside(input, output, |x, _| gelu_portable(x))
}

/// [`gelu_gradient_portable`] of each gradient, in place.
///
/// # Errors
/// [`LengthError`] unless there is one gradient for each input.
pub fn gelu_gradient(input: &[f32], gradient: &mut [f32]) -> Result<(), LengthError> {
    change_beside(input, gradient, gelu_gradient_portable)
}

/// Changes each value to a function of itself.
pub(crate) fn change(values: &mut [f32], function: impl Fn(f32) -> f32 + Copy + Sync + Send) {
    values.par_chunks_mut(CHUNK_VALUES).for_each(|values| {
        Arch::new().dispatch(Change { values, function });
    });
}

/// Changes each value to a function of what stands beside it and of itself.
pub(crate) fn change_beside(
    beside: &[f32],
    values: &mut [f32],
    function: impl Fn(f32, f32) -> f32 + Copy + Sync + Send,
) -> Result<(), LengthError> {
    length::check("the buffer to write", values.len(), beside.len())?;
    let chunks = values.par_chunks_mut(CHUNK_VALUES).zip(beside.par_chunks(CHUNK_VALUES));
    chunks.for_each(|(values, beside)| {
        Arch::new().dispatch(ChangeBeside { beside, values, function });
    });
    Ok(())
}

/// A function of each value, compiled once for each instruction set.
struct Change<'values, Function> {
    values: &'values mut [f32],
    function: Function,
}

impl<Function: Fn(f32) -> f32> WithSimd for Change<'_, Function> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for value in self.values {
            *value = (self.function)(*value);
        }
    }
}

/// A function of each value and its neighbor, compiled once for each instruction set.
struct ChangeBeside<'values, Function> {
    beside: &'values [f32],
    values: &'values mut [f32],
    function: Function,
}

impl<Function: Fn(f32, f32) -> f32> WithSimd for ChangeBeside<'_, Function> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (value, beside) in self.values.iter_mut().zip(self.beside) {
            *value = (self.function)(*beside, *value);
        }
    }
}

#[cfg(test)]
mod tests;
