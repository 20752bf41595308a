//! Layer normalization of rows on a device.

use aipot_shaders::canonical;

use super::{Columns, OperatorError, Operators, RowShape, Tensor, kernel};
use crate::device::{ComputeDevice, Kernel};

const LAYER_NORM: Kernel = kernel("canonical_layer_norm", canonical::LAYER_NORM);
const LAYER_NORM_GRADIENT: Kernel =
    kernel("canonical_layer_norm_gradient", canonical::LAYER_NORM_GRADIENT);

/// What layer normalization multiplies and adds.
///
/// # Shapes
/// `[width]` each.
#[derive(Debug)]
pub struct NormParameters<'tensor, D: ComputeDevice> {
    /// Factor of each column.
    pub gamma: &'tensor Tensor<D>,
    /// Addend of each column.
    pub beta: &'tensor Tensor<D>,
    /// Added to the variance of each row.
    pub epsilon: f32,
}

/// What layer normalization gives.
#[derive(Debug)]
pub struct NormResults<'tensor, D: ComputeDevice> {
    /// `[rows, width]`: the output.
    pub output: &'tensor Tensor<D>,
    /// `[rows, width]`: the rows before gamma and beta, for the gradient.
    pub normalized: &'tensor Tensor<D>,
    /// `[rows]`: 1 / sqrt(variance + epsilon), for the gradient.
    pub scales: &'tensor Tensor<D>,
}

/// What the gradient needs of the way forward.
#[derive(Debug)]
pub struct NormPast<'tensor, D: ComputeDevice> {
    /// As in [`NormParameters`].
    pub gamma: &'tensor Tensor<D>,
    /// As in [`NormResults`].
    pub normalized: &'tensor Tensor<D>,
    /// As in [`NormResults`].
    pub scales: &'tensor Tensor<D>,
}

/// The gradients of layer normalization.
#[derive(Debug)]
pub struct NormGradients<'tensor, D: ComputeDevice> {
    /// `[rows, width]`: of its input.
    pub input: &'tensor Tensor<D>,
    /// `[width]`: of gamma.
    pub gamma: &'tensor Tensor<D>,
    /// `[width]`: of beta.
    pub beta: &'tensor Tensor<D>,
    /// `[rows, width]`: room for the products that are summed to the gradient of gamma.
    pub products: &'tensor Tensor<D>,
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// Normalizes each row.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn layer_norm(
        &self,
        shape: RowShape,
        input: &Tensor<D>,
        parameters: &NormParameters<'_, D>,
        results: &NormResults<'_, D>,
    ) -> Result<(), OperatorError> {
        let name = LAYER_NORM.name;
        let NormParameters { gamma, beta, epsilon } = parameters;
        let NormResults { output, normalized, scales } = results;
        let count = shape.volume(name)?;
        for (operand, tensor) in [("input", input), ("output", output), ("normalized", normalized)]
        {
            tensor.check(name, operand, count)?;
        }
        for (operand, tensor) in [("gamma", gamma), ("beta", beta)] {
            tensor.check(name, operand, shape.length)?;
        }
        scales.check(name, "scales", shape.rows)?;
        let sizes = [shape.rows, shape.length, epsilon.to_bits()];
        let operands = [input, gamma, beta, output, normalized, scales].map(|tensor| &tensor.words);
        self.run_over(&LAYER_NORM, &sizes, &operands, shape.workgroup_count())
    }

    /// The gradients of [`Self::layer_norm`], from the one behind it.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn layer_norm_gradient(
        &self,
        shape: RowShape,
        gradient: &Tensor<D>,
        past: &NormPast<'_, D>,
        results: &NormGradients<'_, D>,
    ) -> Result<(), OperatorError> {
        let name = LAYER_NORM_GRADIENT.name;
        let NormPast { gamma, normalized, scales } = past;
        let NormGradients { input, gamma: of_gamma, beta: of_beta, products } = results;
        let count = shape.volume(name)?;
        let whole = [
            ("gradient", gradient),
            ("normalized", normalized),
            ("input gradient", input),
            ("products", products),
        ];
        for (operand, tensor) in whole {
            tensor.check(name, operand, count)?;
        }
        gamma.check(name, "gamma", shape.length)?;
        scales.check(name, "scales", shape.rows)?;
        let operands =
            [gradient, gamma, normalized, scales, input, products].map(|tensor| &tensor.words);
        let sizes = [shape.rows, shape.length];
        self.run_over(&LAYER_NORM_GRADIENT, &sizes, &operands, shape.workgroup_count())?;
        let columns =
            Columns { groups: 1, rows: shape.rows, columns: shape.length, is_transposed: false };
        self.sum_columns(columns, products, of_gamma)?;
        self.sum_columns(columns, gradient, of_beta)
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
