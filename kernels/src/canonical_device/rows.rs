//! Sums, softmax and cross-entropy of rows on a device; see [`crate::reduction`] and [`crate::softmax`].

use aipot_shaders::canonical;

use super::{Labels, OperatorError, Operators, Tensor, kernel, volume};
use crate::device::{ComputeDevice, Kernel};

/// Rows of one workgroup, one for each warp.
pub(super) const ROWS_PER_WORKGROUP: u32 = 8;

/// Columns of one workgroup of [`SUM_COLUMNS`].
const COLUMNS_PER_WORKGROUP: u32 = 32;

const REDUCE_ROWS: Kernel = kernel("canonical_reduce_rows", canonical::REDUCE_ROWS);
const SUM_COLUMNS: Kernel = kernel("canonical_sum_columns", canonical::SUM_COLUMNS);
const SOFTMAX: Kernel = kernel("canonical_softmax", canonical::SOFTMAX);
const CROSS_ENTROPY: Kernel = kernel("canonical_cross_entropy", canonical::CROSS_ENTROPY);

/// Dense rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowShape {
    /// How many rows.
    pub rows: u32,
    /// Values of a row.
    pub length: u32,
}

/// What becomes of a row, by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Reduction {
    /// [`crate::reduction::sum`].
    Sum = 0,
    /// [`crate::reduction::mean`].
    Mean = 1,
    /// [`crate::reduction::max`].
    Max = 2,
}

/// Columns to be summed: groups of rows, blocks of which end at the end of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// Groups; one, mostly.
    pub groups: u32,
    /// Rows of a group.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
    /// Whether a column of a group lies side by side, instead of a row.
    pub is_transposed: bool,
}

impl RowShape {
    /// Values of all rows.
    pub(super) fn volume(self, operator: &'static str) -> Result<u32, OperatorError> {
        volume(operator, &[self.rows, self.length])
    }

    /// Workgroups that have a warp for each row.
    pub(super) fn workgroup_count(self) -> u32 {
        self.rows.div_ceil(ROWS_PER_WORKGROUP)
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// One value for each row.
    ///
    /// # Shapes
    /// `values`: `[rows, length]`, `output`: `[rows]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn reduce_rows(
        &self,
        reduction: Reduction,
        shape: RowShape,
        values: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        values.check(REDUCE_ROWS.name, "values", shape.volume(REDUCE_ROWS.name)?)?;
        output.check(REDUCE_ROWS.name, "output", shape.rows)?;
        let sizes = [shape.rows, shape.length, reduction as u32];
        let operands = [&values.words, &output.words];
        self.run_over(&REDUCE_ROWS, &sizes, &operands, shape.workgroup_count())
    }

    /// The product of ones and a matrix: the sum of each column.
    ///
    /// # Shapes
    /// `values`: `[groups, rows, columns]`, or `[groups, columns, rows]` when transposed; `output`:
    /// `[columns]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn sum_columns(
        &self,
        shape: Columns,
        values: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let Columns { groups, rows, columns, is_transposed } = shape;
        values.check(
            SUM_COLUMNS.name,
            "values",
            volume(SUM_COLUMNS.name, &[groups, rows, columns])?,
        )?;
        output.check(SUM_COLUMNS.name, "output", columns)?;
        let (row_stride, column_stride) = if is_transposed { (1, rows) } else { (columns, 1) };
        let group_stride = rows.saturating_mul(columns);
        let sizes = [columns, rows, groups, row_stride, column_stride, group_stride];
        let workgroups = [columns.div_ceil(COLUMNS_PER_WORKGROUP), 1, 1];
        self.run(&SUM_COLUMNS, &sizes, &[&values.words, &output.words], workgroups)
    }

    /// Softmax of each row; the output may be the input.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn softmax(
        &self,
        shape: RowShape,
        logits: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        self.softmax_rows((shape, 0), logits, output)
    }

    /// The logarithm of softmax of each row; the output may be the input.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn log_softmax(
        &self,
        shape: RowShape,
        logits: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        self.softmax_rows((shape, 1), logits, output)
    }

    fn softmax_rows(
        &self,
        (shape, is_logarithm): (RowShape, u32),
        logits: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let count = shape.volume(SOFTMAX.name)?;
        logits.check(SOFTMAX.name, "logits", count)?;
        output.check(SOFTMAX.name, "output", count)?;
        let sizes = [shape.rows, shape.length, is_logarithm];
        let operands = [&logits.words, &output.words];
        self.run_over(&SOFTMAX, &sizes, &operands, shape.workgroup_count())
    }

    /// The loss of each row, and the gradient of their mean.
    ///
    /// # Shapes
    /// `logits`, `gradient`: `[rows, classes]`, `losses`: `[rows]`, in nats.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor or the labels have another shape.
    pub fn cross_entropy(
        &self,
        logits: &Tensor<D>,
        labels: &Labels<D>,
        losses: &Tensor<D>,
        gradient: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let shape = RowShape { rows: labels.count(), length: labels.classes() };
        let count = shape.volume(CROSS_ENTROPY.name)?;
        logits.check(CROSS_ENTROPY.name, "logits", count)?;
        losses.check(CROSS_ENTROPY.name, "losses", shape.rows)?;
        gradient.check(CROSS_ENTROPY.name, "gradient", count)?;
        let operands = [&logits.words, &labels.words, &losses.words, &gradient.words];
        let sizes = [shape.rows, shape.length];
        self.run_over(&CROSS_ENTROPY, &sizes, &operands, shape.workgroup_count())
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
