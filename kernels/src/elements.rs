//! Products of tensors, element by element, rounded once each; a NaN is the canonical one.

use crate::activation::{change, change_beside};
use crate::canonical::canonical;
use crate::length::LengthError;

/// Multiplies each value with its neighbor, in place.
///
/// # Errors
/// [`LengthError`] unless there is one factor for each value.
pub fn multiply(factors: &[f32], values: &mut [f32]) -> Result<(), LengthError> {
    change_beside(factors, values, |factor, value| canonical(value * factor))
}

/// Multiplies each value with the same factor, in place.
pub fn scale(factor: f32, values: &mut [f32]) {
    change(values, move |value| canonical(value * factor));
}

#[cfg(test)]
mod tests;
