//! The canonical product of profile P0: each output element in one order of operations.
//!
//! K is cut into blocks of [`K_BLOCK`] (the last may be shorter). A block's sum starts at +0 and
//! takes `fma(left, right, sum)` for each k of the block in ascending order. The total is the first
//! block's sum, then total + the next block's sum, in ascending order, then total + bias if there is
//! one; +0 for no blocks. A NaN is stored as the canonical one. Nothing else decides the bits:
//! not threads, not tiles, not vectors.

mod tile;

use rayon::prelude::*;
use thiserror::Error;

use crate::canonical::canonical;
use crate::length::LengthError;
use crate::matrix::Matrix;
use crate::row_span::{RowSpan, RunningSums, Start, go_on};

/// Elements of K in one chain of fused multiply-adds. Part of profile P0.
///
/// # Source
/// `specs/training.md`, bit-exact arithmetic.
pub const K_BLOCK: usize = 512;

/// Why two matrices cannot be multiplied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MatmulError {
    /// The left matrix is not as wide as the right one is high.
    #[error("left has {left_columns} columns, right has {right_rows} rows")]
    InnerDimension {
        /// Columns of the left matrix.
        left_columns: usize,
        /// Rows of the right matrix.
        right_rows: usize,
    },
    /// The bias is not one value per output column.
    #[error("the bias has {bias} values for {columns} columns")]
    BiasLength {
        /// Values of the bias.
        bias: usize,
        /// Columns of the product.
        columns: usize,
    },
    /// The room for the product has another size than the product.
    #[error("the product has {rows} x {columns} values, the output has room for {output}")]
    OutputLength {
        /// Rows of the product.
        rows: usize,
        /// Columns of the product.
        columns: usize,
        /// Values the output can hold.
        output: usize,
    },
    /// A batch has not as many left as right matrices, or they differ in shape.
    #[error("matrix {index} of the batch has no partner of the batch's shape")]
    UnevenBatch {
        /// Position in the batch.
        index: usize,
    },
    /// There is no room for the chains of an open block.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// What is multiplied, and what becomes of the sums.
#[derive(Debug, Clone, Copy)]
struct Factors<'values> {
    left: Matrix<'values>,
    right: Matrix<'values>,
    bias: Option<&'values [f32]>,
    /// What the output holds already.
    start: Start,
}

/// The product, plus a bias for each column, as written at the top of this page. The definition.
///
/// # Shapes
/// `left`: `[m, k]`, `right`: `[k, n]`, `bias`: `[n]`; the result: `[m, n]`, row-major.
///
/// # Errors
/// [`MatmulError::InnerDimension`], [`MatmulError::BiasLength`] or [`MatmulError::OutputLength`]
/// when the shapes do not fit each other.
pub fn matmul_portable(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Result<Vec<f32>, MatmulError> {
    let output_length = check_shapes(left, right, bias)?;
    let mut output = Vec::with_capacity(output_length);
    for row in 0..left.rows() {
        for column in 0..right.columns() {
            let total = element(left, right, row, column);
            let total = bias.map_or(total, |bias| total + bias[column]);
            output.push(canonical(total));
        }
    }
    Ok(output)
}

/// [`matmul_portable`] that goes on with totals which are there already. The definition.
///
/// Every block's sum is added to the total, the first one too: a long inner dimension may come in
/// pieces, image by image for example, each with blocks of its own.
///
/// # Shapes
/// `left`: `[m, k]`, `right`: `[k, n]`, `totals`: `[m, n]`, row-major.
///
/// # Errors
/// [`MatmulError::InnerDimension`] or [`MatmulError::OutputLength`] when the shapes do not fit.
pub fn matmul_accumulate_portable(
    left: Matrix<'_>,
    right: Matrix<'_>,
    totals: &mut [f32],
) -> Result<(), MatmulError> {
    check_output(left, right, None, totals)?;
    for (index, total) in totals.iter_mut().enumerate() {
        let (row, column) = (index / right.columns(), index % right.columns());
        let sums = block_sums(left, right, row, column);
        *total = canonical(sums.fold(*total, |total, sum| total + sum));
    }
    Ok(())
}

/// One output element before its bias.
fn element(left: Matrix<'_>, right: Matrix<'_>, row: usize, column: usize) -> f32 {
    let sums = block_sums(left, right, row, column);
    sums.reduce(|total, sum| total + sum).unwrap_or(0.0)
}

/// The sums of all blocks of one output element, in ascending order.
fn block_sums(
    left: Matrix<'_>,
    right: Matrix<'_>,
    row: usize,
    column: usize,
) -> impl Iterator<Item = f32> {
    let depth = left.columns();
    (0..depth).step_by(K_BLOCK).map(move |first| {
        let block = first..depth.min(first + K_BLOCK);
        block.fold(0.0_f32, |sum, k| left.at(row, k).mul_add(right.at(k, column), sum))
    })
}

/// The same bits as [`matmul_portable`], with vectors and with the threads of the current pool.
///
/// # Shapes
/// `left`: `[m, k]`, `right`: `[k, n]`, `bias`: `[n]`; the result: `[m, n]`, row-major.
///
/// # Errors
/// [`MatmulError::InnerDimension`], [`MatmulError::BiasLength`] or [`MatmulError::OutputLength`]
/// when the shapes do not fit each other.
pub fn matmul(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Result<Vec<f32>, MatmulError> {
    let mut output = vec![0.0; check_shapes(left, right, bias)?];
    tile::multiply(Factors { left, right, bias, start: Start::Nothing }, &mut output);
    Ok(output)
}

/// [`matmul`] into memory that is there already; what it held is overwritten.
///
/// # Errors
/// As [`matmul`], and [`MatmulError::OutputLength`] unless `output` holds exactly the product.
pub fn matmul_into(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    output: &mut [f32],
) -> Result<(), MatmulError> {
    check_output(left, right, bias, output)?;
    tile::multiply(Factors { left, right, bias, start: Start::Nothing }, output);
    Ok(())
}

/// The same bits as [`matmul_accumulate_portable`], with vectors and with the threads of the current
/// pool.
///
/// # Shapes
/// `left`: `[m, k]`, `right`: `[k, n]`, `totals`: `[m, n]`, row-major.
///
/// # Errors
/// [`MatmulError::InnerDimension`] or [`MatmulError::OutputLength`] when the shapes do not fit.
pub fn matmul_accumulate(
    left: Matrix<'_>,
    right: Matrix<'_>,
    totals: &mut [f32],
) -> Result<(), MatmulError> {
    check_output(left, right, None, totals)?;
    tile::multiply(Factors { left, right, bias: None, start: Start::Total }, totals);
    Ok(())
}

/// The product over the rows of a batch that comes in pieces: the gradient of a weight.
///
/// With the last piece the totals have the bits of [`matmul`] over all rows, however they were cut.
///
/// # Shapes
/// `left`: `[m, span.count]`, `right`: `[span.count, n]`, `sums`: `[m, n]`, row-major.
///
/// # Errors
/// [`MatmulError::InnerDimension`] or [`MatmulError::OutputLength`] when the shapes do not fit;
/// [`MatmulError::Length`] when the room for an open block is missing.
pub fn matmul_rows(
    left: Matrix<'_>,
    right: Matrix<'_>,
    span: RowSpan,
    sums: RunningSums<'_>,
) -> Result<(), MatmulError> {
    check_output(left, right, None, sums.totals)?;
    if right.rows() != span.count {
        return Err(MatmulError::InnerDimension {
            left_columns: span.count,
            right_rows: right.rows(),
        });
    }
    go_on(span, sums, |rows, start, output| {
        let left = left.transposed().some_rows(rows.clone()).transposed();
        let right = right.some_rows(rows);
        tile::multiply(Factors { left, right, bias: None, start }, output);
    })?;
    Ok(())
}

/// Products of pairs of equally shaped matrices, one after the other in the result.
///
/// Parallel over the batch, one thread for each product: for attention heads and images.
///
/// # Shapes
/// `lefts`: batch of `[m, k]`, `rights`: batch of `[k, n]`; the result: `[batch, m, n]`.
///
/// # Errors
/// [`MatmulError::UnevenBatch`] when the pairs differ in shape or one has no partner, else as
/// [`matmul`].
pub fn matmul_batch(lefts: &[Matrix<'_>], rights: &[Matrix<'_>]) -> Result<Vec<f32>, MatmulError> {
    if lefts.len() != rights.len() {
        return Err(MatmulError::UnevenBatch { index: lefts.len().min(rights.len()) });
    }
    let (Some(&left), Some(&right)) = (lefts.first(), rights.first()) else {
        return Ok(Vec::new());
    };
    let length = check_shapes(left, right, None)?;
    if let Some(index) = first_uneven(lefts).or_else(|| first_uneven(rights)) {
        return Err(MatmulError::UnevenBatch { index });
    }
    let mut output = vec![0.0; length * lefts.len()];
    if length > 0 {
        output.par_chunks_mut(length).zip(lefts).zip(rights).for_each(
            |((product, left), right)| {
                let (left, right) = (*left, *right);
                let factors = Factors { left, right, bias: None, start: Start::Nothing };
                tile::multiply_alone(factors, product);
            },
        );
    }
    Ok(output)
}

/// The first matrix whose shape is not that of the first.
fn first_uneven(matrices: &[Matrix<'_>]) -> Option<usize> {
    let shape = |matrix: &Matrix<'_>| (matrix.rows(), matrix.columns());
    matrices.iter().position(|matrix| shape(matrix) != shape(&matrices[0]))
}

/// Checks that the output holds exactly the product.
fn check_output(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    output: &[f32],
) -> Result<(), MatmulError> {
    if check_shapes(left, right, bias)? != output.len() {
        let (rows, columns) = (left.rows(), right.columns());
        return Err(MatmulError::OutputLength { rows, columns, output: output.len() });
    }
    Ok(())
}

/// Gives the number of output elements, or says what does not fit.
fn check_shapes(
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
) -> Result<usize, MatmulError> {
    if left.columns() != right.rows() {
        return Err(MatmulError::InnerDimension {
            left_columns: left.columns(),
            right_rows: right.rows(),
        });
    }
    let (rows, columns) = (left.rows(), right.columns());
    if let Some(bias) = bias.map(<[f32]>::len).filter(|&bias| bias != columns) {
        return Err(MatmulError::BiasLength { bias, columns });
    }
    rows.checked_mul(columns).ok_or(MatmulError::OutputLength { rows, columns, output: usize::MAX })
}

#[cfg(test)]
mod tests;
