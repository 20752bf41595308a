//! The largest of windows of 2 x 2, and the way back, on a device.

use aipot_shaders::canonical;

use super::{OperatorError, Operators, Tensor, WORKGROUP, kernel, volume};
use crate::device::{ComputeDevice, Kernel};

/// Rows and columns of a window.
const SIDE: u32 = 2;

const MAX_POOL: Kernel = kernel("canonical_max_pool", canonical::MAX_POOL);
const MAX_POOL_GRADIENT: Kernel =
    kernel("canonical_max_pool_gradient", canonical::MAX_POOL_GRADIENT);

/// Planes to be pooled: the channels of all images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// How many planes.
    pub planes: u32,
    /// Rows of a plane, an even number.
    pub height: u32,
    /// Columns of a plane, an even number.
    pub width: u32,
}

/// Which of the four values of each window was the largest, on a device.
#[derive(Debug)]
pub struct Positions<D: ComputeDevice> {
    words: D::Words,
    shape: PoolShape,
}

impl PoolShape {
    /// Values of the input and of the output.
    ///
    /// # Errors
    /// [`OperatorError::Indivisible`] when a side is odd, [`OperatorError::TooLarge`] beyond 2^32 values.
    pub fn lengths(&self) -> Result<(u32, u32), OperatorError> {
        let Self { planes, height, width } = *self;
        let operator = MAX_POOL.name;
        if let Some(size) = [height, width].into_iter().find(|size| !size.is_multiple_of(SIDE)) {
            return Err(OperatorError::Indivisible { operator, size, part: SIDE });
        }
        let input = volume(operator, &[planes, height, width])?;
        Ok((input, input / (SIDE * SIDE)))
    }

    fn sizes(&self) -> [u32; 3] {
        [self.planes, self.height, self.width]
    }
}

impl<D: ComputeDevice> Operators<'_, D> {
    /// Room for the positions of a pooling.
    ///
    /// # Errors
    /// As [`PoolShape::lengths`]; [`OperatorError::Device`] when there is no room.
    pub fn positions(&self, shape: PoolShape) -> Result<Positions<D>, OperatorError> {
        let (_, windows) = shape.lengths()?;
        let failed = |source| OperatorError::Device { operator: MAX_POOL.name, source };
        let words = self.device.allocate("positions", u64::from(windows)).map_err(failed)?;
        Ok(Positions { words, shape })
    }

    /// The largest of each window; its position is kept.
    ///
    /// # Shapes
    /// `images`: `[planes, height, width]`, `output`: `[planes, height / 2, width / 2]`.
    ///
    /// # Errors
    /// [`OperatorError::WrongLength`] when a tensor has another shape than the positions are for.
    pub fn max_pool(
        &self,
        images: &Tensor<D>,
        positions: &Positions<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let (input_count, output_count) = positions.shape.lengths()?;
        images.check(MAX_POOL.name, "images", input_count)?;
        output.check(MAX_POOL.name, "output", output_count)?;
        let operands = [&images.words, &output.words, &positions.words];
        let workgroup_count = output_count.div_ceil(WORKGROUP);
        self.run_over(&MAX_POOL, &positions.shape.sizes(), &operands, workgroup_count)
    }

    /// The gradient before [`Self::max_pool`], from the one behind it.
    ///
    /// # Errors
    /// As [`Self::max_pool`].
    pub fn max_pool_gradient(
        &self,
        gradient: &Tensor<D>,
        positions: &Positions<D>,
        output: &Tensor<D>,
    ) -> Result<(), OperatorError> {
        let (input_count, output_count) = positions.shape.lengths()?;
        gradient.check(MAX_POOL_GRADIENT.name, "gradient", output_count)?;
        output.check(MAX_POOL_GRADIENT.name, "output", input_count)?;
        let operands = [&gradient.words, &positions.words, &output.words];
        let workgroup_count = input_count.div_ceil(WORKGROUP);
        self.run_over(&MAX_POOL_GRADIENT, &positions.shape.sizes(), &operands, workgroup_count)
    }
}

#[cfg(any(feature = "cuda", feature = "cuda-emulation"))]
#[cfg(test)]
mod tests;
