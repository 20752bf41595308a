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
        for (k, row) in depths.zip(columns.chunks_exact_mut(geometry.pixels())) {
            gather_row(geometry, image, k, row);
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
        image.fill(0.0);
        for (k, row) in columns.chunks_exact(geometry.pixels()).enumerate() {
            fold_row(geometry, row, k, image);
        }
        canonicalize(image);
    }
}

/// Writes the value `k` of every column of an image.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn gather_row(geometry: Geometry, image: &[f32], k: usize, row: &mut [f32]) {
    let (channel, ky, kx) = geometry.place(k);
    let down = geometry.inside(geometry.height, ky);
    let across = geometry.inside(geometry.width, kx);
    for (oy, segment) in row.chunks_exact_mut(geometry.output_width()).enumerate() {
        if !down.contains(&oy) || across.is_empty() {
            segment.fill(0.0);
            continue;
        }
        segment[..across.start].fill(0.0);
        segment[across.end..].fill(0.0);
        let source = (channel * geometry.height + geometry.under(oy, ky)) * geometry.width;
        let source = &image[source + geometry.under(across.start, kx)..];
        let segment = &mut segment[across.clone()];
        match (geometry.stride, geometry.padding) {
            (1, 0) => copy(&source[..segment.len()], segment),
            (1, _) => each(source.iter(), segment, |value, target| *target = value + 0.0),
            (stride, 0) => {
                each(source.iter().step_by(stride), segment, |value, target| *target = value);
            }
            (stride, _) => {
                each(source.iter().step_by(stride), segment, |value, target| *target = value + 0.0);
            }
        }
    }
}

/// Adds the value `k` of every column onto what it was made of.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn fold_row(geometry: Geometry, row: &[f32], k: usize, image: &mut [f32]) {
    let (channel, ky, kx) = geometry.place(k);
    let down = geometry.inside(geometry.height, ky);
    let across = geometry.inside(geometry.width, kx);
    if across.is_empty() {
        return;
    }
    for oy in down {
        let segment = &row[oy * geometry.output_width()..][across.clone()];
        let target = (channel * geometry.height + geometry.under(oy, ky)) * geometry.width;
        let target = &mut image[target + geometry.under(across.start, kx)..];
        if geometry.stride == 1 {
            add(segment, target);
        } else {
            let targets = target.iter_mut().step_by(geometry.stride);
            targets.zip(segment).for_each(|(target, value)| *target += value);
        }
    }
}

/// Does something to each value of a row, from the value beside it.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn each<'values>(
    source: impl Iterator<Item = &'values f32>,
    target: &mut [f32],
    change: impl Fn(f32, &mut f32),
) {
    for (target, value) in target.iter_mut().zip(source) {
        change(*value, target);
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
