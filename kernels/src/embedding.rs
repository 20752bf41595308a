//! Rows of a table, one for each token, and the gradient of the table.
//!
//! The gradient of an entry is the canonical product, over the positions in the text, of "this row
//! stands there" (1 or +0) with the gradient behind: blocks of [`K_BLOCK`] positions, each a chain
//! from +0, block sums added in order. Where the gradients are finite that is the sum of those that
//! belong to the row; an infinity or NaN reaches, as zero times infinity, all other rows too.

use std::ops::Range;

use rayon::prelude::*;
use thiserror::Error;

use crate::canonical::{CANONICAL_NAN_BITS, canonical, canonicalize};
use crate::length::{self, LengthError};
use crate::matmul::K_BLOCK;
use crate::row_span::{RowSpan, RunningSums, Start, go_on};

/// Rows of the table that one task sums; each task looks at all tokens.
const TASK_ROWS: usize = 16;

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 16;

/// Why tokens have no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EmbeddingError {
    /// A token names no row.
    #[error("the token at position {position} is {token}, but the table has {rows} rows")]
    TokenOutOfRange {
        /// The position.
        position: usize,
        /// Its token.
        token: u32,
        /// Rows of the table.
        rows: usize,
    },
    /// A buffer has another length than the sizes say.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// The row of each token.
///
/// # Shapes
/// `table`: `[rows, width]`, `tokens`: `[positions]`, `output`: `[positions, width]`.
///
/// # Errors
/// [`EmbeddingError`] when a token names no row or a buffer has another size.
pub fn embed(
    table: &[f32],
    width: usize,
    tokens: &[u32],
    output: &mut [f32],
) -> Result<(), EmbeddingError> {
    let indices = check(table.len(), width, tokens)?;
    length::check("the output", output.len(), length::product(&[tokens.len(), width]))?;
    for (row, index) in output.chunks_mut(width.max(1)).zip(indices) {
        row.copy_from_slice(&table[index * width..][..width]);
        canonicalize(row);
    }
    Ok(())
}

/// The gradient of the table, as written at the top of this page. The definition.
///
/// # Shapes
/// `tokens`: `[positions]`, `gradient`: `[positions, width]`; the result: `[rows, width]`.
///
/// # Errors
/// [`EmbeddingError`] when a token names no row or a buffer has another size.
pub fn embed_gradient_portable(
    tokens: &[u32],
    gradient: &[f32],
    (rows, width): (usize, usize),
) -> Result<Vec<f32>, EmbeddingError> {
    let indices = check(length::product(&[rows, width]), width, tokens)?;
    length::check("the gradient", gradient.len(), length::product(&[tokens.len(), width]))?;
    let is_there = |position: usize, row| if indices[position] == row { 1.0_f32 } else { 0.0 };
    let element = |row: usize, column: usize| {
        let block_sums = (0..indices.len()).step_by(K_BLOCK).map(|first| {
            let block = first..indices.len().min(first + K_BLOCK);
            block.fold(0.0_f32, |sum, position| {
                is_there(position, row).mul_add(gradient[position * width + column], sum)
            })
        });
        canonical(block_sums.reduce(|total, sum| total + sum).unwrap_or(0.0))
    };
    let elements = (0..rows).flat_map(|row| (0..width).map(move |column| (row, column)));
    Ok(elements.map(|(row, column)| element(row, column)).collect())
}

/// The same bits as [`embed_gradient_portable`], without the zeros and with threads.
///
/// # Shapes
/// `tokens`: `[positions]`, `gradient`: `[positions, width]`, `of_table`: `[rows, width]`.
///
/// # Errors
/// [`EmbeddingError`] when a token names no row or a buffer has another size.
pub fn embed_gradient(
    tokens: &[u32],
    gradient: &[f32],
    width: usize,
    of_table: &mut [f32],
) -> Result<(), EmbeddingError> {
    let span = RowSpan::whole(tokens.len());
    embed_gradient_rows((tokens, gradient), width, span, RunningSums::new(of_table))
}

/// [`embed_gradient`] over the positions of a batch that comes in pieces.
///
/// # Shapes
/// `tokens`: `[span.count]`, `gradient`: `[span.count, width]`, `sums`: `[rows, width]`.
///
/// # Errors
/// [`EmbeddingError`] when a token names no row or a buffer has another size.
pub fn embed_gradient_rows(
    (tokens, gradient): (&[u32], &[f32]),
    width: usize,
    span: RowSpan,
    mut sums: RunningSums<'_>,
) -> Result<(), EmbeddingError> {
    let indices = check(sums.totals.len(), width, tokens)?;
    length::check("the tokens", tokens.len(), span.count)?;
    length::check("the gradient", gradient.len(), length::product(&[tokens.len(), width]))?;
    if width == 0 {
        return Ok(());
    }
    let tasks_min = if gradient.len() < PARALLEL_VALUES_MIN { usize::MAX } else { 1 };
    go_on(span, sums.reborrow(), |rows, start, sums| {
        let (indices, gradient) =
            (&indices[rows.clone()], &gradient[rows.start * width..rows.end * width]);
        let tasks = sums.par_chunks_mut(TASK_ROWS * width).enumerate().with_min_len(tasks_min);
        tasks.for_each(|(task, sums)| {
            sum_rows(indices, gradient, (task * TASK_ROWS, width), (start, sums));
        });
    })?;
    // What is no number stays so in the total, whichever block it belongs to.
    poison(&indices, gradient, width, sums.totals);
    Ok(())
}

/// Sums the gradients of some rows, from `first_row` on, block by block.
///
/// No sum is ever -0, since it begins at +0; so neither a zero nor a block of zeros changes one.
fn sum_rows(
    indices: &[usize],
    gradient: &[f32],
    (first_row, width): (usize, usize),
    (start, totals): (Start, &mut [f32]),
) {
    let rows = first_row..first_row + totals.len() / width;
    let blocks = indices.chunks(K_BLOCK).zip(gradient.chunks(K_BLOCK * width));
    if start == Start::Nothing {
        totals.fill(0.0);
    }
    if start == Start::Chain || (start == Start::Nothing && indices.len() <= K_BLOCK) {
        for (indices, gradient) in blocks {
            add_rows(indices, gradient, &rows, totals);
        }
        return canonicalize(totals);
    }
    let mut sums = vec![0.0; totals.len()];
    for (indices, gradient) in blocks {
        add_rows(indices, gradient, &rows, &mut sums);
        for index in indices.iter().filter(|index| rows.contains(index)) {
            let row = (index - first_row) * width..(index - first_row + 1) * width;
            for (total, sum) in totals[row.clone()].iter_mut().zip(&mut sums[row]) {
                // A row that stands at several positions has given its sum at the first.
                *total += std::mem::take(sum);
            }
        }
    }
    canonicalize(totals);
}

/// Adds the gradients of the positions in one block to the sums of some rows.
fn add_rows(indices: &[usize], gradient: &[f32], rows: &Range<usize>, sums: &mut [f32]) {
    let width = sums.len() / rows.len().max(1);
    let positions = indices.iter().zip(gradient.chunks_exact(width));
    for (index, gradient) in positions.filter(|(index, _)| rows.contains(index)) {
        let sums = &mut sums[(index - rows.start) * width..][..width];
        for (sum, value) in sums.iter_mut().zip(gradient) {
            *sum += value;
        }
    }
}

/// Lets what is not finite at some positions reach all rows that do not stand there.
fn poison(indices: &[usize], gradient: &[f32], width: usize, of_table: &mut [f32]) {
    let positions = indices.iter().zip(gradient.chunks_exact(width));
    for (&index, gradient) in positions {
        let columns = gradient.iter().enumerate().filter(|(_, value)| !value.is_finite());
        for (column, _) in columns {
            let entries = of_table[column..].iter_mut().step_by(width).enumerate();
            for (_, entry) in entries.filter(|(row, _)| *row != index) {
                *entry = f32::from_bits(CANONICAL_NAN_BITS);
            }
        }
    }
}

/// Gives the row of each token.
fn check(table: usize, width: usize, tokens: &[u32]) -> Result<Vec<usize>, EmbeddingError> {
    let rows = table.checked_div(width).unwrap_or(0);
    length::check("the table", table, rows * width)?;
    let indices = tokens.iter().enumerate().map(|(position, &token)| {
        let index = usize::try_from(token).ok().filter(|&index| index < rows);
        index.ok_or(EmbeddingError::TokenOutOfRange { position, token, rows })
    });
    indices.collect()
}

#[cfg(test)]
mod tests;
