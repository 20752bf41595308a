//! Columns of one image and back, row by row: `[depth, pixels]`, so that rows are copied whole.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Geometry;
use crate::canonical::canonicalize;

/// Values that are copied at a time: a register of AVX2.
const GROUP: usize = 8;

/// Writes some of the rows of the columns of an image.
pub(super) struct Gather<'values> {
    pub(super) geometry: Geometry,
    pub(super) image: &'values [f32],
    /// Which values of a column.
    pub(super) depths: Range<usize>,
    /// `[depths, pixels]`.
    pub(super) columns: &'values mut [f32],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { geometry, image, depths, columns } = self;
        let width = geometry.output_width();
        for (k, row) in depths.zip(columns.chunks_exact_mut(geometry.pixels())) {
            let sources = image[geometry.source(0, k)..].chunks(geometry.width);
            for (segment, source) in row.chunks_exact_mut(width).zip(sources) {
                copy(&source[..width], segment);
            }
        }
    }
}

/// Adds columns onto an image of zeros.
pub(super) struct Fold<'values> {
    pub(super) geometry: Geometry,
    /// `[depth, pixels]`.
    pub(super) columns: &'values [f32],
    pub(super) image: &'values mut [f32],
}

impl WithSimd for Fold<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { geometry, columns, image } = self;
        let width = geometry.output_width();
        image.fill(0.0);
        for (k, row) in columns.chunks_exact(geometry.pixels()).enumerate() {
            let targets = image[geometry.source(0, k)..].chunks_mut(geometry.width);
            for (segment, target) in row.chunks_exact(width).zip(targets) {
                add(segment, target);
            }
        }
        canonicalize(image);
    }
}

/// Copies a short row: calls of `memcpy` would cost more than what they copy.
#[inline]
fn copy(source: &[f32], target: &mut [f32]) {
    let (sources, source_rest) = source.as_chunks::<GROUP>();
    let (targets, target_rest) = target.as_chunks_mut::<GROUP>();
    for (target, source) in targets.iter_mut().zip(sources) {
        *target = *source;
    }
    for (target, source) in target_rest.iter_mut().zip(source_rest) {
        *target = *source;
    }
}

/// Adds a row onto the beginning of another.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add(source: &[f32], target: &mut [f32]) {
    for (target, value) in target.iter_mut().zip(source) {
        *target += value;
    }
}
