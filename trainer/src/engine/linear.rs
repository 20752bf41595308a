//! A linear layer: the output is the product with the weight, plus the bias.

use aipot_kernels::matmul::{matmul_into, matmul_rows};
use aipot_kernels::matrix::Matrix;
use aipot_kernels::reduction::sum_columns_rows;
use aipot_kernels::row_span::{RowSpan, RunningSums};

use super::EngineError;

/// Sides of a linear layer. How many rows there are, the buffers say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Linear {
    /// # Shapes
    /// `bias`: `[output]`, `weight`: `[output, input]`, `input`: `[row, input]`, `output`:
    /// `[row, output]`.
    pub(crate) fn forward(
        self,
        [bias, weight]: [&[f32]; 2],
        input: &[f32],
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let weight = matrix(weight, self.inputs)?;
        matmul_into(matrix(input, self.inputs)?, weight.transposed(), Some(bias), output)
            .map_err(EngineError::kernel)
    }

    /// As [`Self::forward`], without a bias.
    pub(crate) fn unbiased(
        self,
        weight: &[f32],
        input: &[f32],
        output: &mut [f32],
    ) -> Result<(), EngineError> {
        let weight = matrix(weight, self.inputs)?;
        matmul_into(matrix(input, self.inputs)?, weight.transposed(), None, output)
            .map_err(EngineError::kernel)
    }

    /// Goes on with the gradients of bias and weight.
    ///
    /// # Shapes
    /// `input`: `[row, input]`, `gradient`: `[row, output]`, the rows being those of the span.
    pub(super) fn parameter_gradient(
        self,
        (input, gradient): (&[f32], &[f32]),
        span: RowSpan,
        [of_bias, of_weight]: [&mut RunningSums<'_>; 2],
    ) -> Result<(), EngineError> {
        bias_gradient(gradient, span, of_bias)?;
        self.weight_gradient((input, gradient), span, of_weight)
    }

    /// Goes on with the gradient of the weight.
    pub(crate) fn weight_gradient(
        self,
        (input, gradient): (&[f32], &[f32]),
        span: RowSpan,
        of_weight: &mut RunningSums<'_>,
    ) -> Result<(), EngineError> {
        let gradient = matrix(gradient, self.outputs)?;
        let input = matrix(input, self.inputs)?;
        matmul_rows(gradient.transposed(), input, span, of_weight.reborrow())
            .map_err(EngineError::kernel)
    }

    /// Writes the gradient of the input.
    ///
    /// # Shapes
    /// As [`Self::parameter_gradient`].
    pub(crate) fn input_gradient(
        self,
        weight: &[f32],
        gradient: &[f32],
        of_input: &mut [f32],
    ) -> Result<(), EngineError> {
        let (gradient, weight) = (matrix(gradient, self.outputs)?, matrix(weight, self.inputs)?);
        matmul_into(gradient, weight, None, of_input).map_err(EngineError::kernel)
    }
}

/// Goes on with the gradient of a bias.
pub(crate) fn bias_gradient(
    gradient: &[f32],
    span: RowSpan,
    of_bias: &mut RunningSums<'_>,
) -> Result<(), EngineError> {
    sum_columns_rows(gradient, span, of_bias.reborrow()).map_err(EngineError::kernel)
}

/// Sees values as rows.
fn matrix(values: &[f32], columns: usize) -> Result<Matrix<'_>, EngineError> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    Matrix::new(values, rows, columns).map_err(EngineError::kernel)
}
