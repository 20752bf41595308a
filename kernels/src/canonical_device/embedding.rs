//! Rows of a table for tokens, and the gradient of the table, on a device.

use aipot_shaders::canonical;

use super::{Labels, OperatorError, Operators, Tensor, WORKGROUP, kernel, volume};
use crate::device::{ComputeDevice, Kernel};

/// Columns and rows of the table in one workgroup of [`EMBEDDING_GRADIENT`].
const TILE: (u32, u32) = (32, 64);

const EMBEDDING: Kernel = kernel("canonical_embedding", canonical::EMBEDDING);
const EMBEDDING_GRADIENT: Kernel =
    kernel("canonical_embedding_gradient", canonical::EMBEDDING_GRADIENT);

impl<D: ComputeDevice> Operators<'_, D> {
    /// The row of the table for each token.
    ///
    /// # Shapes
    /// `table`: `[classes, width]`, `output`: `[tokens, width]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape.
    pub fn embedding(
        &self,
        tokens: &Labels<D>,
        width: u32,
        table: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let count = volume(EMBEDDING.name, &[tokens.count(), width])?;
        table.check(
            EMBEDDING.name,
            "table",
            volume(EMBEDDING.name, &[tokens.classes(), width])?,
        )?;
        output.check(EMBEDDING.name, "output", count)?;
        let operands = [&tokens.words, &table.words, &output.words];
        let sizes = [tokens.count(), width];
        self.run_over(&EMBEDDING, &sizes, &operands, count.div_ceil(WORKGROUP))
    }

    /// The gradient of the table, from the one behind it.
    ///
    /// # Shapes
    /// `gradient`: `[tokens, width]`, `output`: `[classes, width]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape, [`OperatorError::TooLarge`] for a
    /// table of more than 4,194,240 rows.
    pub fn embedding_gradient(
        &self,
        tokens: &Labels<D>,
        width: u32,
        gradient: &Tensor<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let name = EMBEDDING_GRADIENT.name;
        let (rows, positions) = (tokens.classes(), tokens.count());
        gradient.check(name, "gradient", volume(name, &[positions, width])?)?;
        output.check(name, "output", volume(name, &[rows, width])?)?;
        let operands = [&tokens.words, &gradient.words, &output.words];
        let workgroups = [width.div_ceil(TILE.0), rows.div_ceil(TILE.1), 1];
        self.run(&EMBEDDING_GRADIENT, &[rows, width, positions], &operands, workgroups)
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
