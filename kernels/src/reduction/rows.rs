//! Sums down the columns of a matrix, as the gradient of a bias needs them.
//!
//! They are the product of a row of ones with the matrix: rows in blocks of [`K_BLOCK`], a block's
//! sum from +0 with its rows ascending, block sums added in ascending order.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::canonical::{canonical, canonicalize};
use crate::length::{self, LengthError};
use crate::matmul::K_BLOCK;
use crate::matrix::{Matrix, MatrixError};
use crate::row_span::{RowSpan, RunningSums, Start, go_on};

/// Columns that are summed at a time: eight registers of AVX2, 256 bytes of each row.
const TILE_COLUMNS: usize = 64;

/// Fewer values than this are not worth a second thread: about 10 microseconds of work.
const PARALLEL_VALUES_MIN: usize = 1 << 16;

/// The sum of every column, as written at the top of this page. The definition.
///
/// # Shapes
/// `[columns]`.
pub fn sum_columns_portable(matrix: Matrix<'_>) -> Vec<f32> {
    (0..matrix.columns()).map(|column| canonical(sum_column(matrix, column))).collect()
}

/// The sum of one column.
fn sum_column(matrix: Matrix<'_>, column: usize) -> f32 {
    let rows = matrix.rows();
    let block_sums = (0..rows).step_by(K_BLOCK).map(|first| {
        let block = first..rows.min(first + K_BLOCK);
        block.fold(0.0_f32, |sum, row| sum + matrix.at(row, column))
    });
    block_sums.reduce(|total, sum| total + sum).unwrap_or(0.0)
}

/// The same bits as [`sum_columns_portable`] for dense row-major values.
///
/// # Shapes
/// `values`: `[rows, columns]`; the result: `[columns]`.
///
/// # Errors
/// [`MatrixError::ValueCount`] when the values are not whole rows.
pub fn sum_columns(values: &[f32], columns: usize) -> Result<Vec<f32>, MatrixError> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    Matrix::new(values, rows, columns)?;
    let mut sums = vec![0.0; columns];
    add_columns(values, None, (Start::Nothing, &mut sums));
    Ok(sums)
}

/// [`sum_columns`] into memory that is there already; what it held is overwritten.
///
/// # Shapes
/// `values`: `[rows, columns]`, `sums`: `[columns]`.
///
/// # Errors
/// [`LengthError`] when the values are not whole rows.
pub fn sum_columns_into(values: &[f32], sums: &mut [f32]) -> Result<(), LengthError> {
    let rows = values.len().checked_div(sums.len()).unwrap_or(0);
    sum_columns_rows(values, RowSpan::whole(rows), RunningSums::new(sums))
}

/// [`sum_columns`] over the rows of a batch that comes in pieces.
///
/// # Shapes
/// `values`: `[span.count, columns]`, `sums`: `[columns]`.
///
/// # Errors
/// [`LengthError`] when the values are not these rows or the room for an open block is missing.
pub fn sum_columns_rows(
    values: &[f32],
    span: RowSpan,
    sums: RunningSums<'_>,
) -> Result<(), LengthError> {
    let columns = sums.totals.len();
    length::check("the matrix to sum", values.len(), length::product(&[span.count, columns]))?;
    go_on(span, sums, |rows, start, sums| {
        let values = &values[rows.start * columns..rows.end * columns];
        add_columns(values, None, (start, sums));
    })
}

/// Sums the columns of the rounded products of two matrices, element by element.
///
/// # Shapes
/// `left`, `right`: `[rows, columns]`, `sums`: `[columns]`.
///
/// # Errors
/// [`LengthError`] when the values are not whole rows, or not as many on both sides.
pub fn sum_columns_of_products(
    left: &[f32],
    right: &[f32],
    sums: &mut [f32],
) -> Result<(), LengthError> {
    let rows = left.len().checked_div(sums.len()).unwrap_or(0);
    sum_columns_of_products_rows((left, right), RowSpan::whole(rows), RunningSums::new(sums))
}

/// [`sum_columns_of_products`] over the rows of a batch that comes in pieces.
///
/// # Shapes
/// `left`, `right`: `[span.count, columns]`, `sums`: `[columns]`.
///
/// # Errors
/// [`LengthError`] when the values are not these rows or the room for an open block is missing.
pub fn sum_columns_of_products_rows(
    (left, right): (&[f32], &[f32]),
    span: RowSpan,
    sums: RunningSums<'_>,
) -> Result<(), LengthError> {
    let columns = sums.totals.len();
    length::check("the matrix to sum", left.len(), length::product(&[span.count, columns]))?;
    length::check("the matrix of factors", right.len(), left.len())?;
    go_on(span, sums, |rows, start, sums| {
        let rows = rows.start * columns..rows.end * columns;
        add_columns(&left[rows.clone()], Some(&right[rows]), (start, sums));
    })
}

/// Sums tile after tile of the columns, with threads when that pays.
fn add_columns(values: &[f32], factors: Option<&[f32]>, (start, sums): (Start, &mut [f32])) {
    let columns = sums.len();
    let rows = values.len().checked_div(columns).unwrap_or(0);
    let tiles_min = PARALLEL_VALUES_MIN.div_ceil(TILE_COLUMNS * rows.max(1));
    let tiles = sums.par_chunks_mut(TILE_COLUMNS).enumerate().with_min_len(tiles_min);
    tiles.for_each(|(tile, sums)| {
        let first_column = tile * TILE_COLUMNS;
        Arch::new().dispatch(SumTile { values, factors, columns, first_column, start, sums });
    });
}

/// The sums of some neighboring columns.
struct SumTile<'values> {
    values: &'values [f32],
    /// What each value is multiplied with before it is added.
    factors: Option<&'values [f32]>,
    columns: usize,
    first_column: usize,
    start: Start,
    sums: &'values mut [f32],
}

impl WithSimd for SumTile<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { values, factors, columns, first_column, start, sums } = self;
        let tile = first_column..first_column + sums.len();
        let block_values = K_BLOCK * columns;
        for (block_index, block) in values.chunks(block_values).enumerate() {
            let factors = factors.map(|factors| &factors[block_index * block_values..]);
            let start = if block_index == 0 { start } else { Start::Total };
            let mut block_sums = [0.0; TILE_COLUMNS];
            if start == Start::Chain {
                block_sums[..sums.len()].copy_from_slice(sums);
            }
            sum_block((block, factors), columns, tile.clone(), &mut block_sums);
            if start == Start::Total {
                add_row(sums, &block_sums);
            } else {
                sums.copy_from_slice(&block_sums[..sums.len()]);
            }
        }
        if values.is_empty() && start == Start::Nothing {
            sums.fill(0.0);
        }
        canonicalize(sums);
    }
}

/// Adds the rows of one block to the sums of a tile of columns.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn sum_block(
    (block, factors): (&[f32], Option<&[f32]>),
    columns: usize,
    tile: Range<usize>,
    sums: &mut [f32; TILE_COLUMNS],
) {
    let rows = block.chunks_exact(columns);
    if let Some(factors) = factors {
        for (row, factors) in rows.zip(factors.chunks_exact(columns)) {
            add_products(sums, &row[tile.clone()], &factors[tile.clone()]);
        }
    } else {
        for row in rows {
            add_row(sums, &row[tile.clone()]);
        }
    }
}

/// Adds rounded products to sums.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add_products(sums: &mut [f32], row: &[f32], factors: &[f32]) {
    for ((sum, value), factor) in sums.iter_mut().zip(row).zip(factors) {
        *sum += value * factor;
    }
}

/// Adds a row to sums.
#[expect(clippy::inline_always, reason = "must be compiled with the caller's processor features")]
#[inline(always)]
fn add_row(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}
