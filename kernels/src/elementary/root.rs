//! Square root and its reciprocal.

use crate::canonical::canonical;

/// The square root of `x`, correctly rounded; NaN below zero, -0 for -0.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn sqrt(x: f32) -> f32 {
    canonical(x.sqrt())
}

/// 1 / sqrt(x): a rounded square root, then a rounded division, together below 1.5 ULP.
///
/// Plus and minus infinity for plus and minus zero, zero for infinity, NaN below zero.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn rsqrt(x: f32) -> f32 {
    canonical(1.0 / x.sqrt())
}
