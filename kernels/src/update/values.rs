//! What is done to all gradients or weights of a model beside an optimizer's step: adding, scaling,
//! measuring, averaging.

use rayon::prelude::*;

use super::each::each_pair;
use crate::canonical::canonical;
use crate::length::LengthError;
use crate::reduction;

/// Values whose squares are summed at once.
const PIECE_VALUES: usize = 1024;

/// Adds the values to the totals.
///
/// # Errors
/// [`LengthError`] unless both have the same length.
pub fn add(totals: &mut [f32], values: &[f32]) -> Result<(), LengthError> {
    each_pair(totals, ("the addend", values), |total, value| canonical(total + value))
}

/// Multiplies every value by a factor.
pub fn scale(values: &mut [f32], factor: f32) {
    values.par_chunks_mut(super::CHUNK_VALUES).for_each(|values| {
        for value in values {
            *value = canonical(*value * factor);
        }
    });
}

/// Moves every average towards its value: a = kept a + (1 - kept) v.
///
/// # Errors
/// [`LengthError`] unless both have the same length.
pub fn average(averages: &mut [f32], values: &[f32], kept: f32) -> Result<(), LengthError> {
    let new = canonical(1.0 - kept);
    each_pair(averages, ("the average", values), move |average, value| {
        canonical(kept * average + new * value)
    })
}

/// The sum of the squares of the values: pieces of 1,024 summed each, then the sums.
///
/// `sums` is memory for the sums of the pieces; what it held is overwritten.
pub fn square_sum(values: &[f32], sums: &mut Vec<f32>) -> f32 {
    values.par_chunks(PIECE_VALUES).map(piece_sum).collect_into_vec(sums);
    reduction::sum(sums)
}

/// [`square_sum`] value by value. The definition.
pub fn square_sum_portable(values: &[f32]) -> f32 {
    let sums = values.chunks(PIECE_VALUES).map(|piece| {
        let squares: Vec<f32> = piece.iter().map(|value| value * value).collect();
        reduction::sum_portable(&squares)
    });
    reduction::sum_portable(&sums.collect::<Vec<f32>>())
}

fn piece_sum(piece: &[f32]) -> f32 {
    let mut squares = [0.0; PIECE_VALUES];
    for (square, value) in squares.iter_mut().zip(piece) {
        *square = value * value;
    }
    reduction::sum(&squares[..piece.len()])
}

#[cfg(test)]
mod tests;
