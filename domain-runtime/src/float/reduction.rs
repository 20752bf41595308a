//! Sums, means and maxima in the order of profile P0, which depends on nothing but the length.
//!
//! A sum of at most 4096 values: element `i` is added to lane `i % 32`, each lane starting at +0; then lane
//! `i` += lane `i + 16` for i < 16, then with 8, 4, 2, 1. The sums of longer runs' chunks are summed alike.

use alloc::vec::Vec;

use super::Float;

/// Lanes of a sum.
pub const LANES: usize = 32;

/// Values that one set of lanes adds before chunk sums are summed.
pub const CHUNK: usize = 4096;

/// The sum in the order written at the top of this page; +0 for no values.
pub fn sum(values: &[Float]) -> Float {
    let mut sums: Vec<Float> = values.chunks(CHUNK).map(chunk_sum).collect();
    while sums.len() > 1 {
        sums = sums.chunks(CHUNK).map(chunk_sum).collect();
    }
    sums.first().copied().unwrap_or(Float::ZERO)
}

/// The sum divided by the count, which is rounded first; NaN for no values.
pub fn mean(values: &[Float]) -> Float {
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
    sum(values).divide(Float::from_u64(count))
}

/// The largest value; minus infinity for no values, NaN when there is one, +0 above -0.
pub fn max(values: &[Float]) -> Float {
    if values.iter().any(|value| value.is_nan()) {
        return Float::NAN;
    }
    let largest = values.iter().map(|value| value.place()).max();
    largest.map_or(Float::NEGATIVE_INFINITY, Float::at_place)
}

/// The sum of one chunk.
fn chunk_sum(chunk: &[Float]) -> Float {
    let mut lanes = [Float::ZERO; LANES];
    for group in chunk.chunks(LANES) {
        add_each(&mut lanes, group);
    }
    let mut half = LANES / 2;
    while let Some((lower, upper)) = lanes.split_at_mut_checked(half)
        && half > 0
    {
        add_each(lower, upper);
        half >>= 1;
    }
    lanes.first().copied().unwrap_or(Float::ZERO)
}

/// Adds to each lane the value beside it, as far as there are both.
fn add_each(lanes: &mut [Float], values: &[Float]) {
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane = lane.add(*value);
    }
}
