//! One pass over the values of a tensor with vectors and threads, whatever is done to each.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::CHUNK_VALUES;
use crate::length::{self, LengthError};

/// Changes every target by its source.
///
/// # Errors
/// [`LengthError`] unless both have the same length.
pub(super) fn each_pair(
    targets: &mut [f32],
    (name, sources): (&'static str, &[f32]),
    apply: impl Fn(f32, f32) -> f32 + Copy + Send + Sync,
) -> Result<(), LengthError> {
    length::check(name, sources.len(), targets.len())?;
    let chunks = targets.par_chunks_mut(CHUNK_VALUES).zip(sources.par_chunks(CHUNK_VALUES));
    chunks.for_each(|(targets, sources)| {
        Arch::new().dispatch(Pairs { targets, sources, apply });
    });
    Ok(())
}

/// Changes every weight and its memory by the gradient.
///
/// # Errors
/// [`LengthError`] unless all three have the same length.
pub(super) fn each_remembered(
    weights: &mut [f32],
    gradient: &[f32],
    memory: &mut [f32],
    apply: impl Fn(f32, f32, f32) -> (f32, f32) + Copy + Send + Sync,
) -> Result<(), LengthError> {
    length::check("the gradient", gradient.len(), weights.len())?;
    length::check("the moment", memory.len(), weights.len())?;
    let memories = memory.par_chunks_mut(CHUNK_VALUES);
    let chunks = weights.par_chunks_mut(CHUNK_VALUES).zip(gradient.par_chunks(CHUNK_VALUES));
    chunks.zip(memories).for_each(|((weights, gradient), memory)| {
        Arch::new().dispatch(Remembered { weights, gradient, memory, apply });
    });
    Ok(())
}

/// Some pairs, compiled once for each instruction set.
struct Pairs<'values, Apply> {
    targets: &'values mut [f32],
    sources: &'values [f32],
    apply: Apply,
}

impl<Apply: Fn(f32, f32) -> f32> WithSimd for Pairs<'_, Apply> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (target, source) in self.targets.iter_mut().zip(self.sources) {
            *target = (self.apply)(*target, *source);
        }
    }
}

/// Some weights with what is remembered of them, compiled once for each instruction set.
struct Remembered<'values, Apply> {
    weights: &'values mut [f32],
    gradient: &'values [f32],
    memory: &'values mut [f32],
    apply: Apply,
}

impl<Apply: Fn(f32, f32, f32) -> (f32, f32)> WithSimd for Remembered<'_, Apply> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let values = self.weights.iter_mut().zip(self.gradient).zip(self.memory);
        for ((weight, gradient), memory) in values {
            (*weight, *memory) = (self.apply)(*weight, *gradient, *memory);
        }
    }
}
