//! A view of f32 values as a matrix: shape and strides, checked once.

use std::ops::Range;

use thiserror::Error;

/// Why values cannot be seen as the wanted matrix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A dense matrix needs exactly `rows * columns` values.
    #[error("{rows} rows of {columns} columns need exactly that many values, got {value_count}")]
    ValueCount {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
        /// Values given.
        value_count: usize,
    },
    /// The last element of a strided view lies beyond the values.
    #[error(
        "the last of {rows} x {columns} elements with strides {row_stride}, {column_stride} lies \
         beyond {value_count} values"
    )]
    OutOfBounds {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
        /// Distance between rows, in values.
        row_stride: usize,
        /// Distance between columns, in values.
        column_stride: usize,
        /// Values given.
        value_count: usize,
    },
}

/// A borrowed matrix; element `(row, column)` is `values[row * row_stride + column * column_stride]`.
///
/// Transposing and cutting heads out of packed projections are free: only the strides change.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'values> {
    values: &'values [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'values> Matrix<'values> {
    /// Sees dense values as a row-major matrix.
    ///
    /// # Shapes
    /// `values`: `[rows, columns]`.
    ///
    /// # Errors
    /// [`MatrixError::ValueCount`] unless there are exactly `rows * columns` values.
    pub fn new(values: &'values [f32], rows: usize, columns: usize) -> Result<Self, MatrixError> {
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(MatrixError::ValueCount { rows, columns, value_count: values.len() });
        }
        Ok(Self { values, rows, columns, row_stride: columns, column_stride: 1 })
    }

    /// Sees some of the values as a matrix with any strides, zero included.
    ///
    /// # Units
    /// Strides count values.
    ///
    /// # Errors
    /// [`MatrixError::OutOfBounds`] when the last element is not among the values.
    pub fn strided(
        values: &'values [f32],
        (rows, columns): (usize, usize),
        (row_stride, column_stride): (usize, usize),
    ) -> Result<Self, MatrixError> {
        let needed = needed_values((rows, columns), (row_stride, column_stride));
        if needed.is_none_or(|needed| needed > values.len()) {
            let value_count = values.len();
            return Err(MatrixError::OutOfBounds {
                rows,
                columns,
                row_stride,
                column_stride,
                value_count,
            });
        }
        Ok(Self { values, rows, columns, row_stride, column_stride })
    }

    /// The same elements with rows and columns swapped.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// When there are not as many.
    #[must_use]
    pub(crate) fn some_rows(self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows of the matrix");
        let first = if rows.is_empty() { 0 } else { rows.start * self.row_stride };
        // A matrix without columns may have fewer values than its strides reach over.
        Self { values: self.values.get(first..).unwrap_or(&[]), rows: rows.len(), ..self }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The element at `(row, column)`.
    ///
    /// # Panics
    /// When the position may lie outside the values.
    #[inline]
    pub fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.row_stride + column * self.column_stride]
    }

    /// Whether the values of each row lie side by side.
    pub(crate) fn has_dense_rows(&self) -> bool {
        self.column_stride == 1
    }

    /// `count` values of a row from a column on, where rows are dense.
    ///
    /// # Panics
    /// When they may lie outside the values.
    #[inline]
    pub(crate) fn dense_row(&self, row: usize, column: usize, count: usize) -> &'values [f32] {
        &self.values[row * self.row_stride + column..][..count]
    }

    /// Lays `width` rows side by side, column by column: `destination[column * width + row]` is
    /// element `(first_row + row, first_column + column)`.
    ///
    /// Fills as many columns as the destination has room for; what stands for rows beyond the last
    /// is left alone.
    pub(crate) fn interleave(
        &self,
        first_row: usize,
        first_column: usize,
        destination: &mut [f32],
        width: usize,
    ) {
        let row_count = width.min(self.rows - first_row);
        if self.row_stride == 1 && row_count == width {
            let first = &self.values[first_row + first_column * self.column_stride..];
            // Copies of a length known to the compiler are a few moves, others a call each.
            return match width {
                32 => copy_groups::<32>(first, self.column_stride, destination),
                16 => copy_groups::<16>(first, self.column_stride, destination),
                8 => copy_groups::<8>(first, self.column_stride, destination),
                6 => copy_groups::<6>(first, self.column_stride, destination),
                _ => self.copy_rows(first_row, first_column, destination, (width, row_count)),
            };
        }
        let groups = destination.chunks_exact_mut(width).enumerate();
        if self.row_stride == 1 {
            self.copy_rows(first_row, first_column, destination, (width, row_count));
        } else if self.column_stride == 1 {
            for row in 0..row_count {
                let first = (first_row + row) * self.row_stride + first_column;
                let groups = destination.chunks_exact_mut(width);
                groups.zip(&self.values[first..]).for_each(|(group, value)| group[row] = *value);
            }
        } else {
            for (column, group) in groups {
                let rows = (first_row..).zip(&mut group[..row_count]);
                rows.for_each(|(row, value)| *value = self.at(row, first_column + column));
            }
        }
    }

    /// [`Self::interleave`] where `count` of `width` neighbours in a row of values are taken.
    fn copy_rows(
        &self,
        first_row: usize,
        first_column: usize,
        destination: &mut [f32],
        (width, count): (usize, usize),
    ) {
        for (column, group) in destination.chunks_exact_mut(width).enumerate() {
            let first = first_row + (first_column + column) * self.column_stride;
            group[..count].copy_from_slice(&self.values[first..first + count]);
        }
    }
}

/// Copies the first `WIDTH` of every `stride` values.
fn copy_groups<const WIDTH: usize>(values: &[f32], stride: usize, destination: &mut [f32]) {
    for (index, group) in destination.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
        group.copy_from_slice(&values[index * stride..index * stride + WIDTH]);
    }
}

/// How many values a view reaches over; `None` when that overflows.
fn needed_values(
    (rows, columns): (usize, usize),
    (row_stride, column_stride): (usize, usize),
) -> Option<usize> {
    if rows == 0 || columns == 0 {
        return Some(0);
    }
    let down = (rows - 1).checked_mul(row_stride)?;
    let right = (columns - 1).checked_mul(column_stride)?;
    down.checked_add(right)?.checked_add(1)
}

#[cfg(test)]
mod tests;
