//! The one NaN of profile P0.
//!
//! Processors disagree about the sign and payload of a NaN that arithmetic makes, so every kernel
//! replaces any NaN it is about to hand out by this one. Within a kernel a NaN may look as it likes.

/// Bit pattern of the canonical NaN: quiet, positive, empty payload.
///
/// # Source
/// IEEE 754-2019, 6.2.1 (the quiet bit is the top bit of the fraction); also what CUDA returns
/// without its payload bits and what RISC-V returns always.
pub const CANONICAL_NAN_BITS: u32 = 0x7fc0_0000;

/// Bit pattern of infinity: without the sign bit, everything above it is a NaN.
pub(crate) const INFINITY_BITS: u32 = 0x7f80_0000;

/// All bits but the sign.
pub(crate) const MAGNITUDE_MASK: u32 = 0x7fff_ffff;

/// Gives `value` back, or the canonical NaN when it is any NaN.
///
/// Written with integers on purpose: the compiler takes `if value.is_nan() { NAN } else { value }`
/// for `value` when it comes from arithmetic, because it holds one NaN to be as good as another.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
pub fn canonical(value: f32) -> f32 {
    let bits = value.to_bits();
    let is_nan = bits & MAGNITUDE_MASK > INFINITY_BITS;
    f32::from_bits(if is_nan { CANONICAL_NAN_BITS } else { bits })
}

/// Replaces every NaN of a slice by the canonical one.
pub fn canonicalize(values: &mut [f32]) {
    for value in values {
        *value = canonical(*value);
    }
}

#[cfg(test)]
mod tests;
