//! Sums, means and maxima whose order of operations depends on nothing but the length.
//!
//! A sum of at most [`CHUNK`] values: element `i` is added to lane `i % 32`, each lane starting at
//! +0 and taking its elements in ascending order; then the lanes are folded, lane `i` += lane
//! `i + 16` for i < 16, then with 8, 4, 2, 1. A longer sum is cut into chunks of [`CHUNK`], and the
//! chunk sums, in order, are summed by the same rule. So hardware lanes and threads change nothing.

mod pieces;
mod rows;

pub use pieces::{
    PIECE, mean_in_pieces, mean_in_pieces_portable, sum_in_pieces, sum_in_pieces_portable,
};
pub use rows::{
    sum_columns, sum_columns_into, sum_columns_of_products, sum_columns_of_products_rows,
    sum_columns_portable, sum_columns_rows,
};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::{CANONICAL_NAN_BITS, canonical};

/// Virtual lanes of a sum: a CUDA warp, four AVX registers. Part of profile P0.
pub const LANES: usize = 32;

/// Values that one set of lanes adds before chunk sums are summed. Part of profile P0.
pub const CHUNK: usize = 4096;

/// Fewer values than this are not worth a second thread: about 20 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 17;

const _: () = assert!(CHUNK.is_multiple_of(LANES) && LANES.is_power_of_two());

/// The sum in the order written at the top of this page; +0 for no values. The definition.
pub fn sum_portable(values: &[f32]) -> f32 {
    canonical(raw_sum(values, |values| values.chunks(CHUNK).map(chunk_sum_portable).collect()))
}

/// The same bits as [`sum_portable`], with vectors and threads.
pub fn sum(values: &[f32]) -> f32 {
    let arch = Arch::new();
    if values.len() <= CHUNK {
        return canonical(arch.dispatch(ChunkSum(values)));
    }
    canonical(raw_sum(values, |values| {
        if values.len() < PARALLEL_VALUES_MIN {
            values.chunks(CHUNK).map(|chunk| arch.dispatch(ChunkSum(chunk))).collect()
        } else {
            values.par_chunks(CHUNK).map(|chunk| arch.dispatch(ChunkSum(chunk))).collect()
        }
    }))
}

/// The sum divided by the count, rounded once more; NaN for no values.
///
/// The count is rounded to f32 first, which changes nothing up to 2^24.
pub fn mean(values: &[f32]) -> f32 {
    canonical(sum(values) / count_as_f32(values.len()))
}

/// [`mean`] made of [`sum_portable`]. The definition.
pub fn mean_portable(values: &[f32]) -> f32 {
    canonical(sum_portable(values) / count_as_f32(values.len()))
}

/// The largest value; minus infinity for no values, NaN when there is one, +0 above -0.
pub fn max(values: &[f32]) -> f32 {
    let (largest, has_nan) = Arch::new().dispatch(Largest(values));
    if has_nan { f32::from_bits(CANONICAL_NAN_BITS) } else { from_order(largest) }
}

/// Sums chunk sums until one is left.
fn raw_sum(values: &[f32], chunk_sums: impl Fn(&[f32]) -> Vec<f32>) -> f32 {
    let mut sums = chunk_sums(values);
    while sums.len() > 1 {
        sums = chunk_sums(&sums);
    }
    sums.first().copied().unwrap_or(0.0)
}

/// The sum of one chunk, as written at the top of this page.
fn chunk_sum_portable(chunk: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (index, &value) in chunk.iter().enumerate() {
        lanes[index % LANES] += value;
    }
    fold(&mut lanes)
}

/// Folds the upper half of the lanes onto the lower one until one lane is left.
fn fold(lanes: &mut [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of one chunk with vector registers as lanes.
struct ChunkSum<'values>(&'values [f32]);

impl WithSimd for ChunkSum<'_> {
    type Output = f32;

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (groups, rest) = self.0.as_chunks::<LANES>();
        for group in groups {
            for (lane, value) in lanes.iter_mut().zip(group) {
                *lane += value;
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *lane += value;
        }
        fold(&mut lanes)
    }
}

/// The largest value by its place in order, and whether a NaN was seen.
struct Largest<'values>(&'values [f32]);

impl WithSimd for Largest<'_> {
    type Output = (i32, bool);

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> (i32, bool) {
        let mut largest = [order(f32::NEG_INFINITY); LANES];
        let mut nan_count = [0_u32; LANES];
        for group in self.0.chunks(LANES) {
            for ((largest, nan_count), value) in largest.iter_mut().zip(&mut nan_count).zip(group) {
                *largest = order(*value).max(*largest);
                *nan_count |= u32::from(value.is_nan());
            }
        }
        let has_nan = nan_count.iter().any(|count| *count > 0);
        (largest.into_iter().fold(i32::MIN, i32::max), has_nan)
    }
}

/// An integer that orders numbers as they are, -0 below +0.
///
/// # Source
/// IEEE 754-2019, 5.10: the bits of positive numbers are in order, those of negative ones reversed.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn order(value: f32) -> i32 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 31) & i32::MAX)
}

/// The number at a place in order; the inverse of [`order`].
fn from_order(place: i32) -> f32 {
    f32::from_bits((place ^ ((place >> 31) & i32::MAX)).cast_unsigned())
}

/// The f32 nearest to a count.
#[expect(clippy::cast_precision_loss, reason = "documented: counts above 2^24 are rounded")]
pub(crate) fn count_as_f32(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests;
