//! The rectified linear unit and its gradient.

use crate::canonical::CANONICAL_NAN_BITS;

/// Keeps positive values, turns the rest into +0 and any NaN into the canonical one, in place.
pub fn relu(values: &mut [f32]) {
    for value in values {
        *value = if *value > 0.0 {
            *value
        } else if value.is_nan() {
            f32::from_bits(CANONICAL_NAN_BITS)
        } else {
            0.0
        };
    }
}

/// Sets a gradient to +0 wherever the value that went into [`relu`] was not above zero.
///
/// The value that came out serves as well: it is above zero at the same places.
pub fn relu_gradient(gradient: &mut [f32], values: &[f32]) {
    for (gradient, &value) in gradient.iter_mut().zip(values) {
        if value.is_nan() {
            *gradient = f32::from_bits(CANONICAL_NAN_BITS);
        } else if value <= 0.0 {
            *gradient = 0.0;
        }
    }
}
