//! The elementary functions over slices, compiled for the widest vectors the processor has.

use pulp::{Arch, Simd, WithSimd};

use super::{erf, exp, log, rsqrt, tanh};

/// A scalar function over a slice, to be compiled once for each instruction set.
struct Each<'values, Function>(&'values mut [f32], Function);

impl<Function: Fn(f32) -> f32> WithSimd for Each<'_, Function> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self(values, function) = self;
        for value in values {
            *value = function(*value);
        }
    }
}

/// Replaces each value by [`exp`] of it.
pub fn exp_slice(values: &mut [f32]) {
    Arch::new().dispatch(Each(values, exp));
}

/// Replaces each value by [`log`] of it.
pub fn log_slice(values: &mut [f32]) {
    Arch::new().dispatch(Each(values, log));
}

/// Replaces each value by [`tanh`] of it.
pub fn tanh_slice(values: &mut [f32]) {
    Arch::new().dispatch(Each(values, tanh));
}

/// Replaces each value by [`erf`] of it.
pub fn erf_slice(values: &mut [f32]) {
    Arch::new().dispatch(Each(values, erf));
}

/// Replaces each value by [`rsqrt`] of it.
pub fn rsqrt_slice(values: &mut [f32]) {
    Arch::new().dispatch(Each(values, rsqrt));
}
