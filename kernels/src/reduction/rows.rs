//! Sums down the columns of a matrix, as a bias gradient needs them.

use pulp::{Arch, Simd, WithSimd};

use crate::canonical::canonicalize;
use crate::matrix::{Matrix, MatrixError};

/// The sum of every column: from +0, rows added in ascending order. The definition.
///
/// # Shapes
/// `[columns]`.
pub fn sum_columns_portable(matrix: Matrix<'_>) -> Vec<f32> {
    let mut sums: Vec<f32> = (0..matrix.columns())
        .map(|column| (0..matrix.rows()).fold(0.0, |sum, row| sum + matrix.at(row, column)))
        .collect();
    canonicalize(&mut sums);
    sums
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
    if columns > 0 {
        Arch::new().dispatch(AddRows { values, sums: &mut sums });
    }
    canonicalize(&mut sums);
    Ok(sums)
}

/// Adds row after row to the sums.
struct AddRows<'values> {
    values: &'values [f32],
    sums: &'values mut [f32],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "pulp compiles it inside its dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for row in self.values.chunks_exact(self.sums.len()) {
            for (sum, value) in self.sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}
