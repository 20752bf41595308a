//! Sums of rows that are longer than what one operator of a program may sum.

use super::{count_as_f32, sum, sum_portable};
use crate::canonical::canonical;

/// Values of a piece: the most that one element of a program's operator sums. Part of profile P0.
pub const PIECE: usize = 1024;

/// The sum of pieces of [`PIECE`] values, whose sums, in order, are summed by the same rule.
///
/// Up to one piece it is [`super::sum`]. The definition.
pub fn sum_in_pieces_portable(values: &[f32]) -> f32 {
    by_pieces(values, sum_portable)
}

/// The same bits as [`sum_in_pieces_portable`], with vectors.
pub fn sum_in_pieces(values: &[f32]) -> f32 {
    by_pieces(values, sum)
}

/// [`sum_in_pieces`] divided by the count, rounded once more; NaN for no values. The definition.
pub fn mean_in_pieces_portable(values: &[f32]) -> f32 {
    canonical(sum_in_pieces_portable(values) / count_as_f32(values.len()))
}

/// The same bits as [`mean_in_pieces_portable`], with vectors.
pub fn mean_in_pieces(values: &[f32]) -> f32 {
    canonical(sum_in_pieces(values) / count_as_f32(values.len()))
}

/// Sums pieces until one is left.
fn by_pieces(values: &[f32], sum: impl Fn(&[f32]) -> f32) -> f32 {
    if values.len() <= PIECE {
        return sum(values);
    }
    let mut sums: Vec<f32> = values.chunks(PIECE).map(&sum).collect();
    while sums.len() > PIECE {
        sums = sums.chunks(PIECE).map(&sum).collect();
    }
    sum(&sums)
}
